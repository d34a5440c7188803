package pgengine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// DefaultConnections is how many connections are open at most, unless the URL says pool_max_conns.
const DefaultConnections = 16

// patience bounds one statement, and one attempt to connect unless the URL says connect_timeout.
const patience = 30 * time.Second

// Options are the choices for an Engine. The zero Options is ready for use.
type Options struct {
	// Notify makes each swap tell all others who listen, so that they forget what they have in memory.
	// This costs PostgreSQL a lock at each commit, so leave it out where nobody reads from memory.
	Notify bool
	// ReadOnly opens a database to which nothing can be written, such as a standby. What it says may be
	// late then, and Get is not linearizable.
	ReadOnly bool
}

// Engine is a database. Its methods may be called from any number of goroutines.
type Engine struct {
	pool   *pgxpool.Pool
	notify bool
}

// Open connects to the database that url names ("postgres://USER@HOST/DATABASE", or what else libpq
// takes, with its environment), and makes the tables if there are none. Errors are one line without a
// password: what does not fit, and what to do.
func Open(ctx context.Context, url string, o Options) (*Engine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL of the database cannot be read: write postgres://USER@HOST:PORT/DATABASE")
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = DefaultConnections
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "read committed"
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "fourtwelve"
	}
	if !o.ReadOnly && config.ConnConfig.ValidateConnect == nil {
		// Of several hosts the primary, and after a failover the new one.
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	e := &Engine{pool: pool, notify: o.Notify}
	if err := e.prepare(ctx, o.ReadOnly); err != nil {
		pool.Close()
		return nil, explain(config.ConnConfig, err)
	}
	return e, nil
}

// Heads returns the heads that are kept in the database. Closing them closes the Engine.
func (e *Engine) Heads() clusterstore.Heads { return (*heads)(e) }

// Contents returns the contents that are kept in the database.
func (e *Engine) Contents() clusterstore.Contents { return (*contents)(e) }

// Close closes all connections. It waits for statements under way.
func (e *Engine) Close() error {
	e.pool.Close()
	return nil
}

// schemaVersion is that of the tables below.
const schemaVersion = 1

// schema makes the tables. Chunks are not compressed, so that a part of one can be read.
const schema = `
CREATE TABLE IF NOT EXISTS fourtwelve_heads (
	name    text COLLATE "C" NOT NULL PRIMARY KEY,
	folder  text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	record  bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS fourtwelve_heads_folder ON fourtwelve_heads (folder, name);
CREATE TABLE IF NOT EXISTS fourtwelve_contents (
	head     text COLLATE "C" NOT NULL,
	id       text COLLATE "C" NOT NULL,
	size     bigint NOT NULL,
	complete boolean NOT NULL,
	PRIMARY KEY (head, id)
);
CREATE TABLE IF NOT EXISTS fourtwelve_chunks (
	head text COLLATE "C" NOT NULL,
	id   text COLLATE "C" NOT NULL,
	n    integer NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (head, id, n),
	FOREIGN KEY (head, id) REFERENCES fourtwelve_contents (head, id) ON DELETE CASCADE
);
ALTER TABLE fourtwelve_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS fourtwelve_schema (version integer NOT NULL PRIMARY KEY);
INSERT INTO fourtwelve_schema (version) VALUES (1) ON CONFLICT DO NOTHING;
`

// prepare checks what the promises stand on, and makes the tables.
func (e *Engine) prepare(ctx context.Context, readOnly bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var encoding, durable string
	if err := e.pool.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database keeps text as %s, and names need UTF8: create it with ENCODING 'UTF8'", encoding)
	}
	if err := e.pool.QueryRow(ctx, "SHOW synchronous_commit").Scan(&durable); err != nil {
		return err
	}
	if durable == "off" && !readOnly {
		return errors.New("synchronous_commit is off, so a write that was answered could be lost: " +
			"set it on for this database (ALTER DATABASE … SET synchronous_commit = on)")
	}
	for try := 0; ; try++ {
		var version int
		err := e.pool.QueryRow(ctx, "SELECT max(version) FROM fourtwelve_schema").Scan(&version)
		switch {
		case err == nil && version > schemaVersion:
			return fmt.Errorf("the tables are those of a later version (%d): use that", version)
		case err == nil:
			return nil
		case code(err) != undefinedTable:
			return err
		case readOnly:
			return errors.New("there is no store in this database, and --read-only makes none")
		}
		// Of several who make the tables at once, one succeeds.
		if _, err := e.pool.Exec(ctx, schema, pgx.QueryExecModeSimpleProtocol); err != nil && (try > 10 || !isRace(err)) {
			return err
		}
	}
}

// isRace reports whether somebody else made the same at the same time.
func isRace(err error) bool {
	switch code(err) {
	case "23505", "42P07", "42710", "40001", "40P01", "XX000":
		return true
	}
	return false
}

const undefinedTable = "42P01"

// code returns the SQLSTATE of an error of the server, or "".
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// failed says what an error means of a statement of which nothing was done, or that only reads.
func failed(err error) error {
	switch c := code(err); {
	case c == "53100":
		return fmt.Errorf("PostgreSQL: %w: %w", err, store.ErrNoSpace)
	case c == "25006":
		return fmt.Errorf("PostgreSQL: %w: %w", err, store.ErrReadOnly)
	case c == "42501":
		const advice = "grant the user SELECT, INSERT, UPDATE and DELETE on the tables fourtwelve_*"
		return fmt.Errorf("PostgreSQL: %w: %s: %w", err, advice, store.ErrReadOnly)
	case c == "" && errors.Is(err, context.Canceled):
		return err
	case c == "" || c[:2] == "08" || c[:2] == "40" || c[:2] == "53" || c[:2] == "57" || c[:2] == "55":
		return fmt.Errorf("PostgreSQL: %w: %w", err, store.ErrUnavailable)
	}
	return fmt.Errorf("PostgreSQL: %w", err)
}

// unknown says what an error means of a statement that may have been done: an answer of the server decides,
// except that it was told to stop, and so does an error before anything was sent.
func unknown(err error) error {
	c := code(err)
	if c != "" && c[:3] != "57P" && c[:2] != "08" || pgconn.SafeToRetry(err) {
		return failed(err)
	}
	return fmt.Errorf("PostgreSQL: %w: %w", err, store.ErrUnknown)
}

// explain says in one line why the database cannot be used.
func explain(config *pgx.ConnConfig, err error) error {
	at := fmt.Sprintf("PostgreSQL at %s", config.Host)
	if config.Port != 0 && config.Host != "" && config.Host[0] != '/' {
		at = fmt.Sprintf("%s:%d", at, config.Port)
	}
	advice := map[string]string{
		"28P01":        ": check the password, in the URL, in PGPASSWORD or in ~/.pgpass",
		"28000":        ": check the user, and pg_hba.conf on the server",
		"3D000":        fmt.Sprintf(": create it first (createdb %s)", config.Database),
		"42501":        ": the first start makes tables, so the user needs CREATE on the schema",
		"25006":        ": this is a standby; name the primary, or serve it with --read-only",
		"53300":        ": raise max_connections, or lower pool_max_conns in the URL",
		undefinedTable: "",
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("%s: %s (SQLSTATE %s)%s", at, e.Message, e.Code, advice[e.Code])
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fmt.Errorf("cannot reach %s: %s: check host and port, and that it is running", at, innermost(err))
	}
	return fmt.Errorf("%s: %w", at, err)
}

// innermost returns the last cause of err, in one line.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) > 0 {
			next = many.Unwrap()[len(many.Unwrap())-1]
		}
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
