package peers

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the observed answers to the pages in docs that show them")

const (
	requestsFile      = "testdata/requests.txt"
	disagreementsFile = "../../docs/disagreements.md"
)

// TestDifferential sends the requests of testdata/requests.txt to all servers
// and compares their answers. The requests on which one of them disagrees with
// ours are listed in docs/disagreements.md, each with the sentence of the RFC
// that decides it; a disagreement that is not listed there, or that is no longer
// seen, fails.
func TestDifferential(t *testing.T) {
	dir := publicDir(t)
	writeFile(t, filepath.Join(dir, "file.txt"), "0123456789")
	modified := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "file.txt"), modified, modified); err != nil {
		t.Fatal(err)
	}
	// Our store takes the date of a file that it meets for the first time.
	servers := []server{startServe(t, dir), startNetHTTP(t, dir), startNginx(t, dir), startApache(t, dir)}
	documented := readTable(t, disagreementsFile)
	seen := map[string]bool{}
	var table []row
	for _, req := range readRequests(t, requestsFile) {
		r := row{request: req.title}
		for _, s := range servers {
			r.answers = append(r.answers, ask(t, s, req))
		}
		if len(slices.Compact(slices.Sorted(slices.Values(r.answers)))) == 1 {
			continue
		}
		seen[r.request] = true
		old, listed := documented[r.request]
		r.decided = old.decided
		table = append(table, r)
		if *update {
			continue
		}
		switch {
		case !listed:
			t.Errorf("undocumented disagreement: %s\n%s", r.request, describe(servers, r.answers))
		case !slices.Equal(old.answers, r.answers):
			t.Errorf("%s: documented %q, got\n%s", r.request, old.answers, describe(servers, r.answers))
		case old.decided == "":
			t.Errorf("%s: no sentence decides it in %s", r.request, disagreementsFile)
		}
	}
	if *update {
		writeTable(t, disagreementsFile, table)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if !seen[name] {
			t.Errorf("%s is listed in %s, but all servers agree on it", name, disagreementsFile)
		}
	}
}

func describe(servers []server, answers []string) string {
	var b strings.Builder
	for i, s := range servers {
		fmt.Fprintf(&b, "\t%-10s %s\n", s.name, answers[i])
	}
	return b.String()
}

// request is a method and field lines. {etag}, {weak} and {opaque} in them stand
// for the server's own tag, that tag with W/, and without its quotes; {date} for
// its Last-Modified.
type request struct {
	title  string
	method string
	lines  []string
}

// readRequests reads lines of the form "GET | If-None-Match: {etag} | Range: bytes=0-1".
func readRequests(t *testing.T, path string) []request {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var requests []request
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, " | ")
		requests = append(requests, request{title: line, method: parts[0], lines: parts[1:]})
	}
	return requests
}

// ask sends req on a connection of its own, so that nothing between the test and
// the server edits it, and sums the answer up: status, Content-Range, content.
func ask(t *testing.T, s server, req request) string {
	t.Helper()
	head, err := http.Head(s.base + "/file.txt")
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	head.Body.Close()
	tag := head.Header.Get("Etag")
	if tag == "" {
		t.Fatalf("%s sends no entity tag", s.name)
	}
	own := strings.NewReplacer("{etag}", tag, "{weak}", "W/"+tag, "{opaque}", strings.Trim(tag, `"`),
		"{date}", head.Header.Get("Last-Modified"))
	var wire strings.Builder
	fmt.Fprintf(&wire, "%s /file.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", req.method)
	for _, line := range req.lines {
		fmt.Fprintf(&wire, "%s\r\n", own.Replace(line))
	}
	wire.WriteString("\r\n")

	u, err := url.Parse(s.base)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, wire.String()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: req.method})
	if err != nil {
		t.Fatalf("%s: %s: %v", s.name, req.title, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %s: %v", s.name, req.title, err)
	}
	return summary(resp, content)
}

func summary(resp *http.Response, content []byte) string {
	parts := []string{fmt.Sprint(resp.StatusCode)}
	if cr := resp.Header.Get("Content-Range"); cr != "" {
		parts = append(parts, cr)
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	switch {
	case kind == "multipart/byteranges":
		parts = append(parts, "multipart", fmt.Sprint(strings.Count(string(content), "Content-Range: ")+
			strings.Count(string(content), "Content-range: ")), "parts")
	case resp.StatusCode == 200 && len(content) > 0 && string(content) != "0123456789",
		resp.StatusCode == 304 && len(content) > 0:
		parts = append(parts, fmt.Sprintf("content %q", content))
	}
	return strings.Join(parts, " ")
}

// row is one request in the table of disagreements.
type row struct {
	request string
	answers []string
	decided string
}

const tableHead = "| request | fourtwelve | ServeContent | nginx | Apache | what decides |\n| --- | --- | --- | --- | --- | --- |\n"

// readTable reads the rows after the table's head, by request.
func readTable(t *testing.T, path string) map[string]row {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(data), tableHead)
	if !found {
		t.Fatalf("%s has no table that begins with\n%s", path, tableHead)
	}
	rows := map[string]row{}
	for line := range strings.Lines(body) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 6 {
			break
		}
		r := row{request: unquoteCell(cells[0]), decided: strings.TrimSpace(cells[5])}
		for _, a := range cells[1:5] {
			r.answers = append(r.answers, strings.TrimSpace(a))
		}
		rows[r.request] = r
	}
	return rows
}

// writeTable replaces the table's rows and keeps the text around them.
func writeTable(t *testing.T, path string, rows []row) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, body, _ := strings.Cut(string(data), tableHead)
	after := ""
	if i := strings.Index(body, "\n\n"); i >= 0 {
		after = body[i+1:]
	}
	var b strings.Builder
	b.WriteString(before + tableHead)
	for _, r := range rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(r.request, " | ", " ¦ "), strings.Join(r.answers, " | "), r.decided)
	}
	writeFile(t, path, b.String()+after)
}

func unquoteCell(s string) string {
	return strings.ReplaceAll(strings.Trim(strings.TrimSpace(s), "`"), " ¦ ", " | ")
}
