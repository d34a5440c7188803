package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/accesslog/accesslogtest"
)

// TestDetection reads each log as every format there is, and writes which part of its
// lines each can read into testdata/detection.txt. What is recognised must read the
// most, and formats of other servers nothing.
func TestDetection(t *testing.T) {
	names := FormatNames()
	var b strings.Builder
	fmt.Fprintf(&b, "Which part of the lines (%%) can be read as which format; * is the one recognised.\n\n%-26s", "")
	for _, name := range names {
		fmt.Fprintf(&b, "%15s", name)
	}
	b.WriteString("\n")
	for _, log := range logs(t) {
		if givenFormat(t, log) != (Format{}) {
			continue
		}
		content := readFile(t, log)
		d, err := detect(content, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		recognised := d.format.name
		fmt.Fprintf(&b, "%-26s", strings.TrimPrefix(log, "testdata/"))
		most := readable(t, content, d.format)
		for _, name := range names {
			percent := readable(t, content, Format{name: name})
			mark := " "
			if name == recognised {
				mark = "*"
				percent = most
			}
			if percent > most && family(name) != "json" { // which takes errors for requests
				t.Errorf("%s is recognised as %s, but %s reads more of it", log, recognised, name)
			}
			if percent > 0 && family(name) != family(recognised) {
				t.Errorf("%s is recognised as %s, but %s reads it too", log, recognised, name)
			}
			fmt.Fprintf(&b, "%14d%s", percent, mark)
		}
		b.WriteString("\n")
	}
	const file = "testdata/detection.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want := readFile(t, file); b.String() != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

// family is the name that formats share which read each other's lines: combined is that
// of nginx and of Apache, combined_more leaves the rest of any line, and json can read
// other JSON in part.
func family(name string) string {
	switch name {
	case "nginx", "apache", "combined", "combined_more", "common", "common_more", "vhost_combined", "vhost_common":
		return "common log format"
	case "json", "caddy", "fourtwelve":
		return "json"
	case "iis", "httperr", "cloudfront":
		return "w3c" // with the directives in the log either reads it
	case "uvicorn", "uvicorn-timed":
		return "uvicorn"
	}
	if slices.ContainsFunc(jsonShapes, func(s jsonShape) bool { return s.name == name }) {
		return "json"
	}
	return name
}

// readable returns which part of the lines of a log f can read, in percent.
func readable(t *testing.T, content []byte, f Format) int {
	t.Helper()
	r, err := Open([]string{"-"}, Options{Format: f, Stdin: bytes.NewReader(content)})
	if errors.Is(err, ErrNotALog) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for range r.Entries(t.Context()) {
	}
	s := r.Stats()
	return int(100 * s.Entries / max(1, s.Entries+s.Bad))
}

func TestDetectGenerated(t *testing.T) {
	want := map[string]string{"nginx": "combined of nginx", "apache": "combined of Apache", "iis-custom": "iis",
		"haproxy": "haproxy with captures"}
	for _, format := range accesslogtest.Formats() {
		d, err := detect(generated(t, accesslogtest.Options{Format: format, Size: sampleSize})[:sampleSize], false, nil)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		name := format
		if want[format] != "" {
			name = want[format]
		}
		if got := d.format.String(); got != name {
			t.Errorf("%s: got %s", format, got)
		}
	}
}

// TestNotALog: what is refused, and what it is said to be.
func TestNotALog(t *testing.T) {
	tests := []struct{ content, looks string }{
		{"\xfd7zXZ\x00\x00\x04", "xz: unpack it"},
		{"PK\x03\x04\x14\x00\x00\x00", "a zip archive"},
		{"ElfFile\x00\x00\x00", "a Windows event log"},
		{"\x7fELF\x02\x01\x01\x00", "a program"},
		{"SQLite format 3\x00\x10\x00", "an SQLite database"},
		{"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"},
		{strings.Repeat("\x01\x02\x03\x04\xf0\xf1\n", 100), "binary data"},
		{string(compressed(t, "gz", []byte(good))), "gzip inside of gzip"}, // see below
		{"2026/11/03 09:15:40 [error] 1412#1412: *7 open() \"/srv/x\" failed (2: No such file or directory)\n", "an error log of nginx"},
		{"[Tue Nov 03 09:15:40.123456 2026] [core:error] [pid 7:tid 8] AH00126: Invalid URI\n", "an error log of Apache"},
		{"<?xml version=\"1.0\"?>\n<failedRequest url=\"http://x/\" />", "a failed request trace"},
		{"<?xml version=\"1.0\"?>\n<a/>", "an XML document"},
		{"<!DOCTYPE html>\n<html>", "an HTML page"},
		{"{\n  \"log\": {\n    \"version\": \"1.2\"", "an HTTP archive (HAR)"},
		{"{\"log\":{\"version\":\"1.2\",\"entries\":[]}}", "an HTTP archive (HAR)"},
		{"* Connected to example.org\n> GET / HTTP/1.1\n", "the output of curl -v"},
		{"HTTP/1.1 412 Precondition Failed\nETag: \"x\"\n", "an HTTP response"},
		{"PUT /a HTTP/1.1\nHost: example.org\n", "an HTTP request"},
		{"{\"a\":1}\n{\"a\":2}\n", "JSON, but not one object a line with a status"},
		{"{\"took\":3,\"hits\":{\"total\":1,\"hits\":[{\"_source\":{}}]}}", "Elasticsearch to a search: jq -c '.hits.hits[]._source'"},
		{"{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":[]}}", "the answer of Loki"},
		{"{\"preview\":false,\"result\":{\"_raw\":\"x\"}}", "an export of Splunk: jq -r .result._raw"},
		{"{\"time\":\"x\",\"properties\":\"{\\\"CsMethod\\\":1}\"}", "Azure with JSON in a string"},
		{"{\"timestamp\":1,\"webaclId\":\"arn\"}", "a log of AWS WAF"},
		{"*   << Request  >> 32770\n", "the log of varnishlog: varnishncsa"},
		{"--c7036611-A--\n[03/Nov/2026", "an audit log of ModSecurity"},
		{"{\"time\":1,\"reqId\":\"req-1\",\"req\":{\"method\":\"PUT\"}}\n{\"time\":1,\"reqId\":\"req-1\",\"res\":{\"statusCode\":412}}\n", "a log of Fastify"},
		{"Started GET \"/plan\" for 203.0.113.7 at 2026-11-03 09:15:20 +0000\nCompleted 412\n", "a log of Rails"},
		{"info: Microsoft.AspNetCore.Hosting.Diagnostics[2]\n      Request finished\n", "the log of ASP.NET Core"},
		{"#Fields: date time c-ip\n", "a W3C log without sc-status"},
		{"Dear all,\nhere is the plan.\n", "no known format fits its first lines, such as \"Dear all,\""},
		{strings.Repeat("x", sampleSize+1), "no known format fits"},
	}
	for _, test := range tests {
		content := []byte(test.content)
		if strings.HasPrefix(test.looks, "gzip inside") {
			content = compressed(t, "zst", content)
		}
		_, err := Open([]string{writeLog(t, "f", content)}, Options{})
		if !errors.Is(err, ErrNotALog) || !strings.Contains(err.Error(), test.looks) {
			t.Errorf("%.20q: got %v, want %q", test.content, err, test.looks)
		}
	}
}

// TestGivenFormatIsNotForced: a format that is given does not make a log of an image.
func TestGivenFormatIsNotForced(t *testing.T) {
	f, err := ParseFormat("nginx")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open([]string{writeLog(t, "f.log", []byte("\x89PNG\r\n\x1a\n\x00\x00"))}, Options{Format: f})
	if !errors.Is(err, ErrNotALog) {
		t.Errorf("got %v", err)
	}
}

// TestEmptyLogs have no entries and are not refused: a log was rotated, or a server has
// just reserved its room.
func TestEmptyLogs(t *testing.T) {
	for _, content := range []string{"", "\n", "\r\n\r\n", "\x00\x00\x00", string(utf8BOM)} {
		r, err := Open([]string{writeLog(t, "f.log", []byte(content))}, Options{})
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		if n := len(lines(t, r)); n > 0 {
			t.Errorf("%q: %d entries", content, n)
		}
	}
}

// TestSomeBadLines: a log is recognised though most of its lines are not of it.
func TestSomeBadLines(t *testing.T) {
	other := "something else\n"
	path := filepath.Join(t.TempDir(), "a.log")
	for _, test := range []struct {
		content string
		ok      bool
	}{
		{good + other, true},
		{other + good + other, true},
		{strings.Repeat(other, 3) + strings.Repeat(good, 2), true},
		{strings.Repeat(other, 9) + good, false},
	} {
		if err := os.WriteFile(path, []byte(test.content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open([]string{path}, Options{}); err == nil != test.ok {
			t.Errorf("%q: %v", test.content, err)
		}
	}
}
