// Package sqlnotes is the pattern of ExampleVerify_transaction in package condhttp, for PostgreSQL
// and for SQLite: a write whose precondition is evaluated in the transaction that writes. Its tests
// run it against both. It is a module of its own, so that the drivers are nobody else's concern.
package sqlnotes

import (
	"database/sql"
	"errors"
	"io"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Notes keeps notes in a table: CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT, etag TEXT).
type Notes struct {
	DB *sql.DB
	// Select reads the tag of a note and keeps it from changing until the end of the transaction.
	//
	// PostgreSQL: SELECT etag FROM notes WHERE id = $1 FOR UPDATE. That locks a row, and nothing where
	// there is none.
	//
	// SQLite: SELECT etag FROM notes WHERE id = $1, in a database that is opened with
	// _txlock=immediate, so that a transaction that is going to write keeps out the others from its
	// beginning. One that has read first would be refused with SQLITE_BUSY, without waiting.
	Select string
	// Isolation is that of the transactions.
	Isolation sql.IsolationLevel
	// Again reports whether an error only says that others were in the way, so that the transaction
	// is to be tried again: SQLSTATE 40001 and 40P01 of PostgreSQL, SQLITE_BUSY of SQLite.
	Again func(error) bool
}

// attempts bounds how often a transaction is tried.
const attempts = 100

// errAgain says that somebody else has created the note.
var errAgain = errors.New("the note was created meanwhile")

// ServeHTTP creates or replaces the note that the path names, if the preconditions of the request hold.
func (n *Notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the note is too long", http.StatusRequestEntityTooLarge)
		return
	}
	var tag etag.Tag
	var created bool
	for range attempts {
		tag, created, err = n.put(r, r.URL.Path, text)
		if err == nil || !errors.Is(err, errAgain) && !n.Again(err) {
			break
		}
	}
	if err != nil {
		condhttp.WriteError(w, r, err) // 412 with its explanation, or 500
		return
	}
	w.Header().Set("ETag", tag.String())
	w.WriteHeader(map[bool]int{true: http.StatusCreated, false: http.StatusNoContent}[created])
}

func (n *Notes) put(r *http.Request, id string, text []byte) (tag etag.Tag, created bool, err error) {
	tx, err := n.DB.BeginTx(r.Context(), &sql.TxOptions{Isolation: n.Isolation})
	if err != nil {
		return etag.Tag{}, false, err
	}
	defer tx.Rollback() // does nothing after Commit
	current, err := n.current(r, tx, id)
	if err != nil {
		return etag.Tag{}, false, err
	}
	if err := condhttp.Verify(r, current); err != nil {
		return etag.Tag{}, false, err
	}
	tag = etag.Of(text)
	write := "UPDATE notes SET text = $1, etag = $2 WHERE id = $3"
	if !current.Exists {
		// There was no row to lock, so another client may have created one: then nothing is
		// inserted, and what there is now decides.
		write = "INSERT INTO notes (text, etag, id) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING"
	}
	result, err := tx.ExecContext(r.Context(), write, string(text), tag.String(), id)
	if err != nil {
		return etag.Tag{}, false, err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		return etag.Tag{}, false, errors.Join(err, errAgain)
	}
	return tag, !current.Exists, tx.Commit()
}

// current is the state of the note in the transaction.
func (n *Notes) current(r *http.Request, tx *sql.Tx, id string) (precondition.Current, error) {
	var stored string
	err := tx.QueryRowContext(r.Context(), n.Select, id).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return precondition.Current{}, nil
	}
	if err != nil {
		return precondition.Current{}, err
	}
	tag, err := etag.Parse(stored)
	return precondition.Current{Exists: true, Tag: tag}, err
}
