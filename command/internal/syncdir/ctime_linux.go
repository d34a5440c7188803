package syncdir

import (
	"io/fs"
	"syscall"
)

// changeTime is when the file or its metadata last changed, which no program can set back.
func changeTime(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ctim.Nano()
	}
	return 0
}
