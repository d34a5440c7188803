package sqlnotes

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/mattn/go-sqlite3"
)

func TestSQLite(t *testing.T) {
	for _, mode := range []string{"DELETE", "WAL"} {
		t.Run(mode, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "notes.db")
			race(t, &Notes{
				DB:     open(t, "sqlite3", "file:"+file+"?_txlock=immediate&_busy_timeout=10000&_journal_mode="+mode),
				Select: "SELECT etag FROM notes WHERE id = $1",
				Again:  isBusy,
			})
		})
	}
}

func isBusy(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && e.Code == sqlite3.ErrBusy
}
