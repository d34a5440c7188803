package condhttp_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// noteTable keeps notes in a database, without transactions.
type noteTable struct{ db *sql.DB }

// put replaces a note, if it is still the version that the client means.
func (t noteTable) put(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the note is too long", http.StatusRequestEntityTooLarge)
		return
	}
	tag, err := t.update(r, r.PathValue("id"), text)
	if err != nil {
		condhttp.WriteError(w, r, err)
		return
	}
	w.Header().Set("ETag", tag.String())
	w.WriteHeader(http.StatusNoContent)
}

// update writes only over the very version that was evaluated: the statement
// carries the condition. If another client was faster, it changes no row, and the
// preconditions are evaluated again, against what that client has written.
// (MySQL counts rows found, and not only rows changed, if clientFoundRows is set.)
func (t noteTable) update(r *http.Request, id string, text []byte) (etag.Tag, error) {
	tag := etag.Of(text)
	for {
		current, err := t.current(r.Context(), id)
		if err != nil {
			return etag.Tag{}, err
		}
		if err := condhttp.Verify(r, current); err != nil {
			return etag.Tag{}, err
		}
		result, err := t.db.ExecContext(r.Context(),
			"UPDATE notes SET text = ?, etag = ? WHERE id = ? AND etag = ?", text, tag.String(), id, current.Tag.String())
		if err != nil {
			return etag.Tag{}, err
		}
		if changed, err := result.RowsAffected(); err != nil || changed == 1 {
			return tag, err
		}
	}
}

func (t noteTable) current(ctx context.Context, id string) (precondition.Current, error) {
	var stored string
	err := t.db.QueryRowContext(ctx, "SELECT etag FROM notes WHERE id = ?", id).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return precondition.Current{}, condhttp.NewProblem(http.StatusNotFound, "no-such-note", "there is no such note", "")
	}
	if err != nil {
		return precondition.Current{}, err
	}
	tag, err := etag.Parse(stored)
	return precondition.Current{Exists: true, Tag: tag}, err
}

// An update by a single statement that carries its condition, for stores
// without transactions or without locks.
func ExampleVerify_conditionalUpdate() {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /notes/{id}", noteTable{openNotes("7", "buy milk", `"v1"`)}.put)

	send(mux, "PUT /notes/7 buy milk and tea", `If-Match: "v1"`)
	send(mux, "PUT /notes/7 buy oat milk", `If-Match: "v1"`)
	send(mux, "PUT /notes/7 buy oat milk", `If-Match: v1`)
	// Output:
	// PUT /notes/7, If-Match: "v1"
	// → 204 "dqgPKMNk7JAIu7_CMuP4Rg"
	// PUT /notes/7, If-Match: "v1"
	// → 412 "dqgPKMNk7JAIu7_CMuP4Rg" fetch the resource again, merge your change, and send it with If-Match: "dqgPKMNk7JAIu7_CMuP4Rg"
	// PUT /notes/7, If-Match: v1
	// → 400 entity tags need quotes: "v1"
}
