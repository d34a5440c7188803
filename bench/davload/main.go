// Davload asks a WebDAV server what file managers and editors ask, one request after the other, and prints how long that took:
//
//	davload URL SECONDS
//
// The server has the collections "1000" and "10000" with as many members, as bench/dav makes them. Each line is a name, a
// number and a unit; where rates are printed, more is better, else less.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: davload URL SECONDS")
		os.Exit(2)
	}
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	l := &load{base: strings.TrimSuffix(os.Args[1], "/"), span: time.Duration(seconds * float64(time.Second))}
	for _, step := range []func() error{l.listings, l.saves, l.moves} {
		if err := step(); err != nil {
			fmt.Fprintln(os.Stderr, "davload:", err)
			os.Exit(1)
		}
	}
}

type load struct {
	base string
	span time.Duration
}

// answer is what came back, with the time to its first byte and its last.
type answer struct {
	status      int
	header      http.Header
	bytes       int64
	first, last time.Duration
}

func (l *load) do(method, path, content string, fields ...string) (answer, error) {
	r, err := http.NewRequest(method, l.base+path, strings.NewReader(content))
	if err != nil {
		return answer{}, err
	}
	if strings.HasPrefix(content, "<?xml") {
		r.Header.Set("Content-Type", "application/xml")
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	begin := time.Now()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	n, _ := io.ReadFull(res.Body, make([]byte, 1))
	a.first = time.Since(begin)
	rest, err := io.Copy(io.Discard, res.Body)
	a.bytes, a.last = int64(n)+rest, time.Since(begin)
	return a, err
}

// must is do for a request that has to succeed.
func (l *load) must(method, path, content string, fields ...string) (answer, error) {
	a, err := l.do(method, path, content, fields...)
	if err == nil && a.status/100 != 2 {
		err = fmt.Errorf("%s %s: status %d", method, path, a.status)
	}
	return a, err
}

// repeat calls f until the time is over, at least three times, and returns how often in a second.
func (l *load) repeat(f func() error) (float64, error) {
	begin, n := time.Now(), 0
	for n < 3 || time.Since(begin) < l.span {
		if err := f(); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}

// properties are what GNOME's files ask of each member.
const properties = `<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:creationdate/><D:displayname/><D:getcontentlength/>` +
	`<D:getcontenttype/><D:getetag/><D:getlastmodified/><D:resourcetype/></D:prop></D:propfind>`

func (l *load) listings() error {
	for _, size := range []string{"1000", "10000"} {
		if _, err := l.must("PROPFIND", "/"+size+"/", properties, "Depth", "1"); err != nil { // it may have to read the files once
			return err
		}
		var firsts []time.Duration
		rate, err := l.repeat(func() error {
			a, err := l.must("PROPFIND", "/"+size+"/", properties, "Depth", "1")
			firsts = append(firsts, a.first)
			return err
		})
		if err != nil {
			return err
		}
		slices.Sort(firsts)
		fmt.Printf("propfind-%s %.2f /s\n", size, rate)
		fmt.Printf("first-byte-%s %.2f ms\n", size, firsts[len(firsts)/2].Seconds()*1000)
	}
	return nil
}

const lockinfo = `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

// saves are those of an editor: LOCK, PUT of 4 KiB, UNLOCK.
func (l *load) saves() error {
	content := strings.Repeat("x", 4096)
	if _, err := l.must("PUT", "/saved.txt", content); err != nil {
		return err
	}
	n := 0
	rate, err := l.repeat(func() error {
		a, err := l.must("LOCK", "/saved.txt", lockinfo, "Depth", "0", "Timeout", "Second-60")
		if err != nil {
			return err
		}
		token := a.header.Get("Lock-Token")
		n++
		if _, err := l.must("PUT", "/saved.txt", strconv.Itoa(n)+content, "If", "("+token+")"); err != nil {
			return err
		}
		_, err = l.must("UNLOCK", "/saved.txt", "", "Lock-Token", token)
		return err
	})
	if err == nil {
		fmt.Printf("locked-put %.2f /s\n", rate)
	}
	return err
}

// moves are those of a tree with 10,000 members, there and back.
func (l *load) moves() error {
	at, to := "/10000/", "/moved/"
	rate, err := l.repeat(func() error {
		_, err := l.must("MOVE", at, "", "Destination", l.base+to, "Overwrite", "F")
		at, to = to, at
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("move-10000 %.2f ms\n", 1000/rate)
	if at == "/moved/" { // the next round looks for it where it was
		_, err = l.must("MOVE", at, "", "Destination", l.base+to, "Overwrite", "F")
	}
	return err
}
