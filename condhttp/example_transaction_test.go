package condhttp_test

import (
	"database/sql"
	"errors"
	"io"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// noteStore keeps notes in a database.
type noteStore struct{ db *sql.DB }

// put creates or replaces a note, if what is there is what the client means.
func (s noteStore) put(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the note is too long", http.StatusRequestEntityTooLarge)
		return
	}
	tag, created, err := s.save(r, r.PathValue("id"), text)
	for errors.Is(err, errAgain) {
		tag, created, err = s.save(r, r.PathValue("id"), text)
	}
	if err != nil {
		condhttp.WriteError(w, r, err) // 412 with its explanation, or 500
		return
	}
	w.Header().Set("ETag", tag.String()) // so that the client can go on from here
	w.WriteHeader(map[bool]int{true: http.StatusCreated, false: http.StatusNoContent}[created])
}

// errAgain says that somebody else has created the note since it was looked for.
var errAgain = errors.New("the note was created meanwhile")

// save evaluates the preconditions in the transaction that writes. The row is
// locked, so that between the two nobody else can write.
//
// What is not there cannot be locked. So a note is created by a statement that inserts nothing if
// there is one by now; then all is rolled back and begins again. Begin again, too, when the database reports
// that others are in the way: SQLSTATE 40001 and 40P01 of PostgreSQL, SQLITE_BUSY of SQLite. SQLite has no
// FOR UPDATE; open it with _txlock=immediate. The directory test/sql has all of that, tested against both.
func (s noteStore) save(r *http.Request, id string, text []byte) (tag etag.Tag, created bool, err error) {
	tx, err := s.db.BeginTx(r.Context(), nil)
	if err != nil {
		return etag.Tag{}, false, err
	}
	defer tx.Rollback() // does nothing after Commit

	var current precondition.Current
	var stored string
	err = tx.QueryRowContext(r.Context(), "SELECT etag FROM notes WHERE id = ? FOR UPDATE", id).Scan(&stored)
	if err == nil {
		current.Exists = true
		current.Tag, err = etag.Parse(stored)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return etag.Tag{}, false, err
	}
	if err := condhttp.Verify(r, current); err != nil {
		return etag.Tag{}, false, err
	}

	tag = etag.Of(text)
	write := "UPDATE notes SET text = ?, etag = ? WHERE id = ?"
	if !current.Exists {
		write = "INSERT INTO notes (text, etag, id) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"
	}
	result, err := tx.ExecContext(r.Context(), write, text, tag.String(), id)
	if err != nil {
		return etag.Tag{}, false, err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		return etag.Tag{}, false, errors.Join(err, errAgain)
	}
	return tag, !current.Exists, tx.Commit()
}

// A write inside a database transaction: check and write see the same state,
// so there is no window in which another client's update could be lost.
func ExampleVerify_transaction() {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /notes/{id}", noteStore{openNotes("7", "buy milk", `"v1"`)}.put)

	// Ann and Bob have both read version "v1". Ann is first.
	send(mux, "PUT /notes/7 buy milk and tea", `If-Match: "v1"`)
	send(mux, "PUT /notes/7 buy oat milk", `If-Match: "v1"`)
	// Both want to create the same note. Ann is first again.
	send(mux, "PUT /notes/8 buy bread", "If-None-Match: *")
	send(mux, "PUT /notes/8 buy cake", "If-None-Match: *")
	// Output:
	// PUT /notes/7, If-Match: "v1"
	// → 204 "dqgPKMNk7JAIu7_CMuP4Rg"
	// PUT /notes/7, If-Match: "v1"
	// → 412 "dqgPKMNk7JAIu7_CMuP4Rg" fetch the resource again, merge your change, and send it with If-Match: "dqgPKMNk7JAIu7_CMuP4Rg"
	// PUT /notes/8, If-None-Match: *
	// → 201 "ET1DFEpORaPGMQQaSU20_w"
	// PUT /notes/8, If-None-Match: *
	// → 412 "ET1DFEpORaPGMQQaSU20_w" choose another name, or fetch the resource, merge your change, and send it with If-Match: "ET1DFEpORaPGMQQaSU20_w"
}
