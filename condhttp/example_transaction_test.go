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

// put replaces a note, if it is still the version that the client means.
func (s noteStore) put(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the note is too long", http.StatusRequestEntityTooLarge)
		return
	}
	tag, err := s.update(r, r.PathValue("id"), text)
	if err != nil {
		condhttp.WriteError(w, r, err) // 412 with its explanation, or 500
		return
	}
	w.Header().Set("ETag", tag.String()) // so that the client can go on from here
	w.WriteHeader(http.StatusNoContent)
}

// update evaluates the preconditions in the transaction that writes. The row is
// locked, so that between the two nobody else can write.
//
// That is enough to replace a note. What is not there cannot be locked: to create one,
// INSERT … ON CONFLICT DO NOTHING, and if that inserts nothing, or the database reports a
// serialization failure (SQLSTATE 40001), roll back and begin again. SQLite has no FOR UPDATE; open it
// with _txlock=immediate. The directory test/sql has all of that, tested against both.
func (s noteStore) update(r *http.Request, id string, text []byte) (etag.Tag, error) {
	tx, err := s.db.BeginTx(r.Context(), nil)
	if err != nil {
		return etag.Tag{}, err
	}
	defer tx.Rollback() // does nothing after Commit

	current := precondition.Current{Exists: true}
	var stored string
	err = tx.QueryRowContext(r.Context(), "SELECT etag FROM notes WHERE id = ? FOR UPDATE", id).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return etag.Tag{}, condhttp.NewProblem(http.StatusNotFound, "no-such-note", "there is no such note", "")
	}
	if err == nil {
		current.Tag, err = etag.Parse(stored)
	}
	if err != nil {
		return etag.Tag{}, err
	}
	if err := condhttp.Verify(r, current); err != nil {
		return etag.Tag{}, err
	}

	tag := etag.Of(text)
	if _, err := tx.ExecContext(r.Context(), "UPDATE notes SET text = ?, etag = ? WHERE id = ?", text, tag.String(), id); err != nil {
		return etag.Tag{}, err
	}
	return tag, tx.Commit()
}

// An update inside a database transaction: check and write see the same state,
// so there is no window in which another client's update could be lost.
func ExampleVerify_transaction() {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /notes/{id}", noteStore{openNotes("7", "buy milk", `"v1"`)}.put)

	// Ann and Bob have both read version "v1". Ann is first.
	send(mux, "PUT /notes/7 buy milk and tea", `If-Match: "v1"`)
	send(mux, "PUT /notes/7 buy oat milk", `If-Match: "v1"`)
	send(mux, "PUT /notes/8 buy bread", `If-Match: "v1"`)
	// Output:
	// PUT /notes/7, If-Match: "v1"
	// → 204 "dqgPKMNk7JAIu7_CMuP4Rg"
	// PUT /notes/7, If-Match: "v1"
	// → 412 "dqgPKMNk7JAIu7_CMuP4Rg" fetch the resource again, merge your change, and send it with If-Match: "dqgPKMNk7JAIu7_CMuP4Rg"
	// PUT /notes/8, If-Match: "v1"
	// → 404 there is no such note
}
