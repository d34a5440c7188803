package syncdir

import (
	"encoding/base64"
	"hash"
	"io"
	"os"

	"github.com/fourtwelve/fourtwelve/command/internal/folder"
)

// steady reads a file that must have the digest that it had. It does not give its last byte otherwise, so that no server
// takes what was read for a whole.
type steady struct {
	f    *os.File
	left int64
	want folder.Sum
	got  hash.Hash
}

func (r *steady) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(int64(len(p)), r.left)])
	r.got.Write(p[:n])
	r.left -= int64(n)
	switch {
	case r.left == 0 && folder.Sum(r.got.Sum(nil)) != r.want:
		return 0, errMoved
	case err == io.EOF && r.left > 0:
		return 0, errMoved
	case err == io.EOF:
		err = nil
	}
	return n, err
}

func (r *steady) Close() error { return r.f.Close() }

func decodeSum(text string) (sum folder.Sum, ok bool) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) != len(sum) {
		return sum, false
	}
	return folder.Sum(data), true
}
