package sqlnotes

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"
)

func TestPostgreSQL(t *testing.T) {
	source := startPostgreSQL(t)
	for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelRepeatableRead, sql.LevelSerializable} {
		t.Run(level.String(), func(t *testing.T) {
			db := open(t, "pgx", source)
			race(t, &Notes{
				DB: db, Isolation: level,
				Select: "SELECT etag FROM notes WHERE id = $1 FOR UPDATE",
				Again:  isSerializationFailure,
			})
		})
	}
}

// isSerializationFailure reports whether others were in the way, or a deadlock was.
func isSerializationFailure(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

// startPostgreSQL starts a server of its own, in a temporary directory and with a socket there, as
// a user without privileges, and returns how it is reached.
func startPostgreSQL(t *testing.T) string {
	initdb := program(t, "initdb")
	dir, err := os.MkdirTemp("", "pg") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // which PostgreSQL refuses to run as
		as.Credential = credential(t, dir)
	}
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.SysProcAttr = dir, as
		log, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
		// Into a file, since the server would keep a pipe open.
		if err := cmd.Run(); err != nil {
			data, _ := os.ReadFile(log.Name())
			t.Fatalf("%s: %v\n%s", name, err, data)
		}
	}
	data := filepath.Join(dir, "data")
	run(initdb, "-D", data, "-U", "test", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	ctl := filepath.Join(filepath.Dir(initdb), "pg_ctl")
	run(ctl, "-D", data, "-w", "-t", "120", "-l", filepath.Join(dir, "log"), "-o", "-c listen_addresses='' -c fsync=off -k "+dir, "start")
	t.Cleanup(func() { run(ctl, "-D", data, "-m", "immediate", "stop") })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	source := "host=" + dir + " user=test dbname=postgres sslmode=disable"
	if err := open(t, "pgx", source).PingContext(ctx); err != nil {
		t.Fatal(err)
	}
	return source
}

// program returns the path of a program that Debian keeps out of the PATH.
func program(t *testing.T, name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1]
	}
	if os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
		t.Fatal("PostgreSQL is not installed, and FOURTWELVE_REQUIRE_PEERS is set")
	}
	t.Skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
	return ""
}

// credential is that of nobody, to whom dir is given.
func credential(t *testing.T, dir string) *syscall.Credential {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
