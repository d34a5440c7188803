// Cluster measures a store on PostgreSQL next to PostgreSQL itself, in one run, so that the ratios mean
// something on a machine that does other things as well.
//
//	go run ./bench/cluster -postgres postgres://USER@HOST/DATABASE
//
// It makes tables in that database, and leaves them.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

var length = flag.Duration("time", 3*time.Second, "how long each measurement takes")

func main() {
	log.SetFlags(0)
	at := flag.String("postgres", "", "URL of a database")
	flag.Parse()
	if *at == "" {
		log.Fatal("say which database: -postgres postgres://USER@HOST/DATABASE")
	}
	ctx := context.Background()
	writes(ctx, *at)
	reads(ctx, *at)
	processes(ctx, *at)
}

// rate runs clients of step for a while and returns how many steps there were in a second. step gets the
// number of its client.
func rate(clients int, step func(client int) error) float64 {
	var n atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(*length)
	for c := range clients {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := step(c); err != nil {
					log.Fatal(err)
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(n.Load()) / length.Seconds()
}

func open(ctx context.Context, at string, o clusterstore.Options) *clusterstore.Store {
	e, err := pgengine.Open(ctx, at, pgengine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	s, err := clusterstore.New(e.Heads(), e.Contents(), o)
	if err != nil {
		log.Fatal(err)
	}
	return s
}

var run = fmt.Sprint(time.Now().UnixNano())

// overwrite returns a step that replaces its client's own resource, on the revision that it made last.
func overwrite(ctx context.Context, name string, size int, stores ...*clusterstore.Store) func(int) error {
	var mu sync.Mutex
	last := make(map[int]store.Revision)
	content := make([]byte, size)
	rand.Read(content)
	return func(c int) error {
		mu.Lock()
		seen := last[c]
		mu.Unlock()
		d, err := stores[c%len(stores)].Stage(ctx, fmt.Sprintf("%s%s-%d", name, run, c), strings.NewReader(string(content)))
		if err != nil {
			return err
		}
		info, err := d.Commit(ctx, store.At(seen))
		mu.Lock()
		last[c] = info.Revision
		mu.Unlock()
		return err
	}
}

// writes compares a conditional write of 1 KiB with an UPDATE under the same condition.
func writes(ctx context.Context, at string) {
	config, err := pgxpool.ParseConfig(at)
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = pgengine.DefaultConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	const table = "CREATE TABLE IF NOT EXISTS bench_rows (name text PRIMARY KEY, version bigint NOT NULL, record bytea NOT NULL)"
	if _, err := pool.Exec(ctx, table); err != nil {
		log.Fatal(err)
	}
	record := make([]byte, 1<<10)
	rand.Read(record)
	plain, inline := open(ctx, at, clusterstore.Options{Keep: -1}), open(ctx, at, clusterstore.Options{})
	apart := open(ctx, at, clusterstore.Options{Inline: -1})
	for _, clients := range []int{1, 8, 64} {
		versions := make([]int64, clients)
		for c := range clients {
			pool.Exec(ctx, "INSERT INTO bench_rows VALUES ($1, 0, $2)", fmt.Sprintf("%s-%d-%d", run, clients, c), record)
		}
		own := rate(clients, func(c int) error {
			tag, err := pool.Exec(ctx, "UPDATE bench_rows SET version = version + 1, record = $3 WHERE name = $1 AND version = $2",
				fmt.Sprintf("%s-%d-%d", run, clients, c), versions[c], record)
			if err == nil && tag.RowsAffected() != 1 {
				err = errors.New("somebody else is here")
			}
			versions[c]++
			return err
		})
		fmt.Printf("conditional write of 1 KiB, %2d clients: UPDATE %6.0f/s", clients, own)
		for i, m := range []struct {
			what string
			s    *clusterstore.Store
		}{{"in the head, no history", plain}, {"in the head, 8 revisions kept", inline}, {"apart", apart}} {
			r := rate(clients, overwrite(ctx, fmt.Sprintf("w%d-%d-", i, clients), 1<<10, m.s))
			fmt.Printf("; %s %6.0f/s (%.2f)", m.what, r, r/own)
		}
		fmt.Println()
	}
}

// reads compares looking up and reading an unchanged 4 KiB, warm, with the same in a directory.
func reads(ctx context.Context, at string) {
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files, err := dirstore.Open(dir, dirstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	asks, remembers := open(ctx, at, clusterstore.Options{}), open(ctx, at, clusterstore.Options{ReadStaleness: time.Minute})
	var own float64
	for _, m := range []struct {
		what string
		s    store.Store
	}{{"directory", files}, {"PostgreSQL, asked each time", asks}, {"PostgreSQL, --read-staleness 1m", remembers}} {
		d, err := m.s.Stage(ctx, "read"+run, strings.NewReader(strings.Repeat("x", 4<<10)))
		if err != nil {
			log.Fatal(err)
		}
		if _, err := d.Commit(ctx, store.Any); err != nil {
			log.Fatal(err)
		}
		r := rate(8, func(int) error {
			info, err := m.s.Stat(ctx, "read"+run)
			if err != nil {
				return err
			}
			c, err := m.s.Open(ctx, info.Name, info.Revision)
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.WriteRange(io.Discard, 0, info.Size)
			return err
		})
		if own == 0 {
			own = r
		}
		fmt.Printf("read of an unchanged 4 KiB, 8 clients: %s %.0f/s (%.2f)\n", m.what, r, r/own)
	}
}

// processes compares one store with three, behind a proxy that takes 5 ms, so that the engine is not the
// limit. Each has 8 connections, as if in a process of its own.
func processes(ctx context.Context, at string) {
	u, err := url.Parse(at)
	if err != nil {
		log.Fatal(err)
	}
	u.Host = delay(u.Host, 5*time.Millisecond)
	through := u.String() + "&pool_max_conns=8"
	if u.RawQuery == "" {
		through = u.String() + "?pool_max_conns=8"
	}
	var stores []*clusterstore.Store
	for range 3 {
		stores = append(stores, open(ctx, through, clusterstore.Options{}))
	}
	one := rate(96, overwrite(ctx, "one", 1<<10, stores[0]))
	three := rate(96, overwrite(ctx, "three", 1<<10, stores...))
	fmt.Printf("conditional write of 1 KiB behind 5 ms, 96 clients: one store %.0f/s, three %.0f/s (%.2f)\n", one, three, three/one)
}

// delay starts a proxy in front of host whose answers take d more, and returns where it is.
func delay(host string, d time.Duration) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", host)
			if err != nil {
				log.Fatal(err)
			}
			go io.Copy(server, client)
			go func() {
				defer client.Close()
				for buffer := make([]byte, 64<<10); ; {
					n, err := server.Read(buffer)
					time.Sleep(d)
					if _, werr := client.Write(buffer[:n]); err != nil || werr != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}
