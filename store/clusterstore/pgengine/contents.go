package pgengine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// chunk is the length of all chunks of a content but the last, in bytes.
const chunk = 1 << 20

// contents implements clusterstore.Contents.
type contents Engine

// Put implements clusterstore.Contents. What is not longer than a chunk is one statement; of anything else
// each chunk is one, and no transaction waits for whoever sends it.
func (c *contents) Put(ctx context.Context, id clusterstore.ContentID, size int64, r io.Reader) error {
	if size >= 0 {
		r = io.LimitReader(r, size+1) // one more shows that there is
	}
	buffer := make([]byte, chunk)
	length, last, err := fillChunk(r, buffer)
	if err != nil {
		return err
	}
	if last {
		if size >= 0 && int64(length) != size {
			return wrongLength(size)
		}
		return c.exec(ctx, `WITH content AS (INSERT INTO fourtwelve_contents (head, id, size, complete) VALUES ($1, $2, $3, true))
			INSERT INTO fourtwelve_chunks (head, id, n, data) VALUES ($1, $2, 0, $4)`, id.Head, id.ID, length, buffer[:length])
	}
	if err := c.exec(ctx, "INSERT INTO fourtwelve_contents (head, id, size, complete) VALUES ($1, $2, 0, false)", id.Head, id.ID); err != nil {
		return err
	}
	total := int64(0)
	for n := 0; ; n++ {
		err := c.exec(ctx, "INSERT INTO fourtwelve_chunks (head, id, n, data) VALUES ($1, $2, $3, $4)", id.Head, id.ID, n, buffer[:length])
		if err != nil {
			return err
		}
		if total += int64(length); last {
			break
		}
		if length, last, err = fillChunk(r, buffer); err != nil {
			return err
		}
	}
	if size >= 0 && total != size {
		return wrongLength(size)
	}
	return c.exec(ctx, "UPDATE fourtwelve_contents SET complete = true, size = $3 WHERE head = $1 AND id = $2", id.Head, id.ID, total)
}

func wrongLength(size int64) error {
	return fmt.Errorf("content was announced with %d bytes, and has another length", size)
}

// fillChunk reads until buffer is full or r ends. An upload that was cut, which is io.ErrUnexpectedEOF as
// well, is no end.
func fillChunk(r io.Reader, buffer []byte) (n int, last bool, err error) {
	for n < len(buffer) {
		m, err := r.Read(buffer[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// exec runs a statement that changes one row, or more by consequence.
func (c *contents) exec(ctx context.Context, statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tag, err := c.pool.Exec(ctx, statement, args...)
	switch {
	case err != nil:
		return failed(err)
	case tag.RowsAffected() == 0:
		return errors.New("PostgreSQL: the content was removed while it was put")
	}
	return nil
}

// Open implements clusterstore.Contents. Each chunk is a statement of its own when it is read.
func (c *contents) Open(ctx context.Context, id clusterstore.ContentID, off, n int64) (io.ReadCloser, error) {
	r := &reader{ctx: ctx, contents: c, id: id, off: off}
	first := n
	if n < 0 {
		first = chunk
	}
	size, err := r.fetch(first)
	if err != nil {
		return nil, err
	}
	if n < 0 {
		n = max(size-off, 0)
	}
	if off > size-n {
		return nil, fmt.Errorf("content %s: %d bytes from offset %d are not within its %d bytes", id.ID, n, off, size)
	}
	if int64(len(r.have)) > n {
		r.have = r.have[:n]
	}
	r.left = n
	return r, nil
}

// reader reads a part of a content.
type reader struct {
	*contents
	ctx  context.Context
	id   clusterstore.ContentID
	off  int64  // of what follows have
	left int64  // from have on
	have []byte // read from the database and not from here
}

// fetch reads what is from off on in its chunk, at most n bytes, and returns the size of the content.
func (r *reader) fetch(n int64) (size int64, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	err = r.pool.QueryRow(ctx, `SELECT c.size, substring(k.data FROM $4 FOR $5)
		FROM fourtwelve_contents c LEFT JOIN fourtwelve_chunks k ON k.head = c.head AND k.id = c.id AND k.n = $3
		WHERE c.head = $1 AND c.id = $2 AND c.complete`,
		r.id.Head, r.id.ID, r.off/chunk, r.off%chunk+1, min(n, chunk)).Scan(&size, &r.have)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("content %s: %w", r.id.ID, store.ErrGone)
	}
	if err != nil {
		return 0, failed(err)
	}
	r.off += int64(len(r.have))
	return size, nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if len(r.have) == 0 {
		if _, err := r.fetch(r.left); err != nil {
			return 0, err
		}
		if len(r.have) == 0 {
			return 0, fmt.Errorf("content %s is damaged: a chunk is missing", r.id.ID)
		}
	}
	n := copy(p, r.have[:min(int64(len(r.have)), r.left)])
	r.have, r.left = r.have[n:], r.left-int64(n)
	return n, nil
}

// Close implements io.Closer.
func (r *reader) Close() error { return nil }

// Remove implements clusterstore.Contents.
func (c *contents) Remove(ctx context.Context, id clusterstore.ContentID) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := c.pool.Exec(ctx, "DELETE FROM fourtwelve_contents WHERE head = $1 AND id = $2", id.Head, id.ID); err != nil {
		return failed(err)
	}
	return nil
}

// List implements clusterstore.Contents.
func (c *contents) List(ctx context.Context, head, cursor string, n int) ([]clusterstore.Stored, string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	afterHead, afterID, _ := strings.Cut(cursor, "\x00")
	where := "(head, id) > ($1, $2)"
	args := []any{afterHead, afterID, n + 1}
	if head != "" {
		where += " AND head = $4"
		args = append(args, head)
	}
	rows, err := c.pool.Query(ctx, "SELECT head, id, size FROM fourtwelve_contents WHERE "+where+" ORDER BY head, id LIMIT $3", args...)
	if err != nil {
		return nil, "", failed(err)
	}
	page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s clusterstore.Stored, err error) {
		err = row.Scan(&s.Head, &s.ID, &s.Size)
		return s, err
	})
	if err != nil {
		return nil, "", failed(err)
	}
	if len(page) > n {
		last := page[n-1]
		return page[:n], last.Head + "\x00" + last.ID, nil
	}
	return page, "", nil
}

// Copy implements clusterstore.Copier.
func (c *contents) Copy(ctx context.Context, from, to clusterstore.ContentID) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tag, err := c.pool.Exec(ctx, `WITH content AS (
			INSERT INTO fourtwelve_contents (head, id, size, complete)
			SELECT $3, $4, size, true FROM fourtwelve_contents WHERE head = $1 AND id = $2 AND complete RETURNING size
		), chunks AS (
			INSERT INTO fourtwelve_chunks (head, id, n, data)
			SELECT $3, $4, n, data FROM fourtwelve_chunks, content WHERE head = $1 AND id = $2
		) SELECT size FROM content`, from.Head, from.ID, to.Head, to.ID)
	switch {
	case err != nil:
		return failed(err)
	case tag.RowsAffected() == 0:
		return fmt.Errorf("content %s: %w", from.ID, store.ErrGone)
	}
	return nil
}
