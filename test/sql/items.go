package sqlnotes

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Items keeps JSON documents that have a version: CREATE TABLE items (id TEXT PRIMARY KEY, version
// BIGINT, doc TEXT). The version is the tag. No version is used twice for an id, as no item is
// deleted.
type Items struct {
	DB *sql.DB
	// Select reads the version of an item, as Notes.Select does the tag of a note.
	Select    string
	Isolation sql.IsolationLevel
	Again     func(error) bool
}

// Item is what clients send and get.
type Item struct {
	N int `json:"n"`
}

// Get answers with an item, or 304.
func (s *Items) Get(w http.ResponseWriter, r *http.Request, id string) {
	var version int64
	var doc []byte
	err := s.DB.QueryRowContext(r.Context(), "SELECT version, doc FROM items WHERE id = $1", id).Scan(&version, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		http.Error(w, "there is no such item", http.StatusNotFound)
		return
	}
	if err != nil {
		condhttp.WriteError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if condhttp.Check(w, r, precondition.Current{Exists: true, Tag: etag.OfVersion(version)}) {
		w.Write(doc)
	}
}

// Put creates or replaces an item: JSON in, JSON out, and the tag of what was written, so that the
// client can go on from here.
func (s *Items) Put(w http.ResponseWriter, r *http.Request, id string) {
	var item Item
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&item); err != nil {
		http.Error(w, "the content is no item: "+err.Error(), http.StatusBadRequest)
		return
	}
	version, err := s.save(r, id, item)
	if err != nil {
		condhttp.WriteError(w, r, err) // 412 with its explanation, or 500
		return
	}
	w.Header().Set("ETag", etag.OfVersion(version).String())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(map[bool]int{true: http.StatusCreated, false: http.StatusOK}[version == 1])
	json.NewEncoder(w).Encode(item)
}

// save writes an item if the preconditions of r hold, and returns its new version. It tries again
// while others are in the way.
func (s *Items) save(r *http.Request, id string, item Item) (version int64, err error) {
	for range attempts {
		version, err = s.trySave(r, id, item)
		if err == nil || !errors.Is(err, errAgain) && !s.Again(err) {
			break
		}
	}
	return version, err
}

func (s *Items) trySave(r *http.Request, id string, item Item) (version int64, err error) {
	tx, err := s.DB.BeginTx(r.Context(), &sql.TxOptions{Isolation: s.Isolation})
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // does nothing after Commit
	current := precondition.Current{Exists: true}
	err = tx.QueryRowContext(r.Context(), s.Select, id).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		current.Exists, err = false, nil
	}
	if err != nil {
		return 0, err
	}
	if current.Exists {
		current.Tag = etag.OfVersion(version)
	}
	if err := condhttp.Verify(r, current); err != nil {
		return 0, err
	}
	if err := s.write(r.Context(), tx, id, version, item); err != nil {
		return 0, err
	}
	return version + 1, tx.Commit()
}

// write replaces version, or creates the item if that is 0: then somebody else may have created it
// since there was no row to lock, and nothing is inserted.
func (s *Items) write(ctx context.Context, tx *sql.Tx, id string, version int64, item Item) error {
	doc, err := json.Marshal(item)
	if err != nil {
		return err
	}
	write := "UPDATE items SET version = version + 1, doc = $1 WHERE id = $2"
	if version == 0 {
		write = "INSERT INTO items (doc, id, version) VALUES ($1, $2, 1) ON CONFLICT (id) DO NOTHING"
	}
	result, err := tx.ExecContext(ctx, write, string(doc), id)
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		return errors.Join(err, errAgain)
	}
	return nil
}
