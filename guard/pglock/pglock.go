// Package pglock keeps the locks of several guards in PostgreSQL.
//
// Each lock is an advisory lock of a transaction that does nothing else, so it lives exactly as long as its
// connection does: nothing has to be renewed, no clock plays a part, and poolers that give out
// connections by transaction are fine. When the connection breaks, the database gives the lock to the next
// in line, and the guard that has lost it is told so when it asks.
package pglock

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fourtwelve/fourtwelve/guard"
)

// DefaultConnections bounds the connections of one process, and so its writes under way, unless the URL
// has pool_max_conns. More wait.
const DefaultConnections = 32

// patience is how long giving back a lock may take before its connection is closed instead.
const patience = 5 * time.Second

// Locks is a [guard.FencedLocker].
type Locks struct{ pool *pgxpool.Pool }

var _ guard.FencedLocker = (*Locks)(nil)

// Open connects to the database at a URL, as in postgres://USER@HOST/DATABASE. Whoever shares locks names the same database.
func Open(ctx context.Context, url string) (*Locks, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("locks: the URL of PostgreSQL cannot be read: %w", err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = DefaultConnections
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // which poolers of transactions can carry
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("locks: PostgreSQL cannot be reached: %w", err)
	}
	return &Locks{pool}, nil
}

// Close closes all connections, once no lock is held any more.
func (l *Locks) Close() { l.pool.Close() }

// Lock implements [guard.Locker].
func (l *Locks) Lock(ctx context.Context, key string, shared bool) (unlock func(), err error) {
	unlock, _, err = l.LockFenced(ctx, key, shared)
	return unlock, err
}

// LockFenced implements [guard.FencedLocker].
func (l *Locks) LockFenced(
	ctx context.Context, key string, shared bool,
) (unlock func(), held func(context.Context) error, err error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return nil, nil, failure(ctx, err)
	}
	free := func() { release(conn) }
	if _, err = conn.Exec(ctx, "BEGIN"); err == nil {
		_, err = conn.Exec(ctx, statement(shared), number(key))
	}
	if err != nil {
		free()
		return nil, nil, failure(ctx, err)
	}
	held = func(ctx context.Context) error {
		_, err := conn.Exec(ctx, "SELECT 1") // the lock lives as long as the session that answers this
		return err
	}
	return free, held, nil
}

func statement(shared bool) string {
	if shared {
		return "SELECT pg_advisory_xact_lock_shared($1::bigint)"
	}
	return "SELECT pg_advisory_xact_lock($1::bigint)"
}

// number is the advisory lock of a key. Two keys with one number would only wait for each other.
func number(key string) int64 {
	sum := sha256.Sum256([]byte("fourtwelve guard\x00" + key))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// release ends the transaction. If that fails, the pool closes the connection, which has the same effect.
func release(conn *pgxpool.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
		conn.Conn().Close(ctx)
	}
	conn.Release()
}

// failure is why a lock cannot be had.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("locks in PostgreSQL: %w", err)
}
