package condhttp_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"maps"
	"sync"
)

// A database in memory, with one table, for the examples that need one: notes
// (id, text, etag). It knows the statements in statements and no others. A
// transaction locks all of it, which is what SELECT … FOR UPDATE does to a row
// elsewhere.

// openNotes returns a database with one note.
func openNotes(id, text, tag string) *sql.DB {
	return sql.OpenDB(&fakeDB{notes: map[string]fakeNote{id: {text, tag}}})
}

type fakeNote struct{ text, etag string }

type fakeDB struct {
	mu    sync.Mutex
	notes map[string]fakeNote
}

// statements by their text: each gets its arguments, and returns a row or the number
// of rows that it has changed.
var statements = map[string]func(notes map[string]fakeNote, args []string) (row []driver.Value, changed int64){
	"SELECT etag FROM notes WHERE id = ?":                                             selectTag,
	"SELECT etag FROM notes WHERE id = ? FOR UPDATE":                                  selectTag,
	"INSERT INTO notes (text, etag, id) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING": insert,
	"UPDATE notes SET text = ?, etag = ? WHERE id = ?": func(notes map[string]fakeNote, args []string) ([]driver.Value, int64) {
		if _, ok := notes[args[2]]; !ok {
			return nil, 0
		}
		notes[args[2]] = fakeNote{args[0], args[1]}
		return nil, 1
	},
	"UPDATE notes SET text = ?, etag = ? WHERE id = ? AND etag = ?": func(notes map[string]fakeNote, args []string) ([]driver.Value, int64) {
		if n, ok := notes[args[2]]; !ok || n.etag != args[3] {
			return nil, 0
		}
		notes[args[2]] = fakeNote{args[0], args[1]}
		return nil, 1
	},
}

func insert(notes map[string]fakeNote, args []string) ([]driver.Value, int64) {
	if _, ok := notes[args[2]]; ok {
		return nil, 0
	}
	notes[args[2]] = fakeNote{args[0], args[1]}
	return nil, 1
}

func selectTag(notes map[string]fakeNote, args []string) ([]driver.Value, int64) {
	n, ok := notes[args[0]]
	if !ok {
		return nil, 0
	}
	return []driver.Value{n.etag}, 0
}

func (db *fakeDB) Connect(context.Context) (driver.Conn, error) { return &fakeConn{db: db}, nil }
func (db *fakeDB) Driver() driver.Driver                        { return nil }

// fakeConn holds the lock of its database during a transaction.
type fakeConn struct {
	db     *fakeDB
	before map[string]fakeNote // to roll back to; nil outside of a transaction
}

func (c *fakeConn) Begin() (driver.Tx, error) {
	c.db.mu.Lock()
	c.before = maps.Clone(c.db.notes)
	return c, nil
}

func (c *fakeConn) Commit() error {
	c.before = nil
	c.db.mu.Unlock()
	return nil
}

func (c *fakeConn) Rollback() error {
	c.db.notes = c.before
	return c.Commit()
}

func (c *fakeConn) run(query string, args []driver.NamedValue) ([]driver.Value, int64, error) {
	statement, ok := statements[query]
	if !ok {
		return nil, 0, fmt.Errorf("unknown statement %q", query)
	}
	if c.before == nil {
		c.db.mu.Lock()
		defer c.db.mu.Unlock()
	}
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = fmt.Sprint(arg.Value)
	}
	row, changed := statement(c.db.notes, texts)
	return row, changed, nil
}

func (c *fakeConn) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	row, _, err := c.run(query, args)
	return &fakeRows{row}, err
}

func (c *fakeConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	_, changed, err := c.run(query, args)
	return driver.RowsAffected(changed), err
}

func (c *fakeConn) Prepare(query string) (driver.Stmt, error) {
	return nil, fmt.Errorf("statement %q cannot be prepared here", query)
}

func (c *fakeConn) Close() error { return nil }

// fakeRows is one row, or none.
type fakeRows struct{ row []driver.Value }

func (*fakeRows) Columns() []string { return []string{"column"} }
func (*fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	if r.row == nil {
		return io.EOF
	}
	copy(dest, r.row)
	r.row = nil
	return nil
}
