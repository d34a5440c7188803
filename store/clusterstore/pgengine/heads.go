package pgengine

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// heads implements clusterstore.Heads, with rows whose version is the Token.
type heads Engine

// Close implements clusterstore.Closer.
func (h *heads) Close() error { return (*Engine)(h).Close() }

func token(version int64) clusterstore.Token {
	return clusterstore.Token(strconv.FormatInt(version, 10))
}

// version returns what a Token says, and 0, which no row has, for one that is none of ours.
func version(t clusterstore.Token) int64 {
	v, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil {
		return 0
	}
	return v
}

// Get implements clusterstore.Heads. The record of a state that is known is not sent.
func (h *heads) Get(ctx context.Context, name string, known clusterstore.Token) ([]byte, clusterstore.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var now int64
	var record []byte
	err := h.pool.QueryRow(ctx,
		"SELECT version, CASE WHEN version = $2 THEN NULL ELSE record END FROM fourtwelve_heads WHERE name = $1",
		name, version(known)).Scan(&now, &record)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, "", nil
	case err != nil:
		return nil, "", failed(err)
	}
	return record, token(now), nil
}

// The statements of Swap, without and with a word to those who listen.
const (
	insertHead = "INSERT INTO fourtwelve_heads (name, folder, version, record) VALUES ($1, $2, 1, $3) ON CONFLICT (name) DO NOTHING"
	updateHead = "UPDATE fourtwelve_heads SET version = version + 1, record = $3 WHERE name = $1 AND version = $2"
	tellOthers = "WITH done AS (%s RETURNING name) SELECT pg_notify('fourtwelve_heads', name) FROM done"
)

// Swap implements clusterstore.Heads.
func (h *heads) Swap(ctx context.Context, name string, old clusterstore.Token, record []byte) (clusterstore.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := h.pool.Acquire(ctx)
	if err != nil {
		return "", failed(err)
	}
	defer conn.Release()
	statement, second := updateHead, any(version(old))
	if old == "" {
		statement, second = insertHead, folder(name)
	}
	if h.notify {
		statement = strings.Replace(tellOthers, "%s", statement, 1)
	}
	tag, err := conn.Exec(ctx, statement, name, second, record)
	switch {
	case err != nil:
		return "", unknown(err)
	case tag.RowsAffected() == 0:
		return "", clusterstore.ErrSwapped
	}
	return token(version(old) + 1), nil
}

// folder returns the part of a name up to its last slash: what a level is listed by.
func folder(name string) string { return name[:strings.LastIndexByte(name, '/')+1] }

// List implements clusterstore.Heads. A page is of one moment.
func (h *heads) List(ctx context.Context, prefix, after string, n int) ([]clusterstore.Listed, string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := h.pool.Query(ctx, `SELECT name, version, record FROM fourtwelve_heads
		WHERE folder = $1 AND name >= $2 AND name > $3 AND left(name, length($2)) = $2 ORDER BY name LIMIT $4`,
		folder(prefix), prefix, after, n+1)
	if err != nil {
		return nil, "", failed(err)
	}
	page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l clusterstore.Listed, err error) {
		var v int64
		err = row.Scan(&l.Name, &v, &l.Record)
		l.Token = token(v)
		return l, err
	})
	if err != nil {
		return nil, "", failed(err)
	}
	if len(page) > n {
		return page[:n], page[n-1].Name, nil
	}
	return page, "", nil
}

// Notify implements clusterstore.Notifier, if the Options say so.
func (h *heads) Notify(ctx context.Context, changed func(name string)) {
	for h.notify && ctx.Err() == nil {
		h.listen(ctx, changed)
		changed("")
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	<-ctx.Done()
}

// listen tells of changes until the connection breaks or ctx is done.
func (h *heads) listen(ctx context.Context, changed func(name string)) {
	conn, err := h.pool.Acquire(ctx)
	if err != nil {
		return
	}
	own := conn.Hijack()
	defer own.Close(context.WithoutCancel(ctx))
	if _, err := own.Exec(ctx, "LISTEN fourtwelve_heads"); err != nil {
		return
	}
	changed("")
	for {
		n, err := own.WaitForNotification(ctx)
		if err != nil {
			return
		}
		changed(n.Payload)
	}
}
