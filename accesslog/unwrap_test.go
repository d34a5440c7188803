package accesslog

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// bareLines are a log with nothing around its lines.
const bareLines = `203.0.113.7 - ana [03/Nov/2026:09:15:20 +0000] "PUT /plan HTTP/1.1" 204 0 "-" "sync/1.0"
2001:db8::7 - - [03/Nov/2026:09:15:23 +0000] "PUT /plan HTTP/1.1" 412 312 "-" "say \"hi\" \\ \x41"
203.0.113.9 - bob [03/Nov/2026:09:15:29 +0000] "GET /a?b=c HTTP/2.0" 200 5 "https://h/" "ua: x | y"
`

// wrappers put something around a line, as programs do that were seen to.
var wrappers = map[string]func(line string, i int) string{
	"bare":                 func(line string, _ int) string { return line },
	"CRI":                  func(line string, _ int) string { return "2026-11-03T09:15:20.120456789Z stdout F " + line },
	"CRI, local time":      func(line string, _ int) string { return "2026-11-03T10:15:20.120456789+01:00 stderr F " + line },
	"docker logs -t":       func(line string, _ int) string { return "2026-11-03T09:15:20.120456789Z " + line },
	"journalctl":           func(line string, _ int) string { return "Nov 03 09:15:20 web1 nginx[123]: " + line },
	"journalctl short-iso": func(line string, _ int) string { return "2026-11-03T09:15:20+0000 web1 nginx[123]: " + line },
	"journalctl full":      func(line string, _ int) string { return "Tue 2026-11-03 09:15:20 UTC web1 nginx[123]: " + line },
	"journalctl json": func(line string, _ int) string {
		return fmt.Sprintf(`{"_HOSTNAME":"web1","PRIORITY":"6","MESSAGE":%s,"_PID":"1"}`, inJSON(line))
	},
	"syslog on the wire": func(line string, _ int) string { return "<190>Nov  3 09:15:20 web1 nginx: " + line },
	"syslog, no host":    func(line string, _ int) string { return "<190>Nov  3 09:15:20 nginx: " + line },
	"RFC 5424":           func(line string, _ int) string { return "<190>1 2026-11-03T09:15:20.003Z web1 nginx 12 - - " + line },
	"RFC 5424 with data": func(line string, _ int) string {
		return `<190>1 2026-11-03T09:15:20.003Z web1 nginx 12 ID47 [a@1 b="x \"] y"][c@2 d="e"] ` + "\ufeff" + line
	},
	"rsyslog file":        func(line string, _ int) string { return "2026-11-03T09:15:20.000000+00:00 web1 nginx: " + line },
	"Heroku":              func(line string, _ int) string { return "2026-11-03T09:15:20.000000+00:00 app[web.1]: " + line },
	"compose":             func(line string, i int) string { return fmt.Sprintf("web-%-3d | ", i) + line },
	"compose, colored":    func(line string, _ int) string { return "\x1b[36mweb-1  |\x1b[0m " + line },
	"compose and times":   func(line string, _ int) string { return "web-1  | 2026-11-03T09:15:20.120456789Z " + line },
	"docker service logs": func(line string, _ int) string { return "web.1.x7k@node-2    | " + line },
	"kubectl --prefix":    func(line string, _ int) string { return "[pod/web-1/nginx] " + line },
	"docker json-file": func(line string, _ int) string {
		return fmt.Sprintf(`{"log":%s,"stream":"stdout","time":"2026-11-03T09:15:20.1Z"}`, inJSON(line+"\n"))
	},
	"Google Cloud":   func(line string, _ int) string { return fmt.Sprintf(`{"insertId":"x","textPayload":%s}`, inJSON(line)) },
	"grep":           func(line string, i int) string { return "/var/log/nginx/access.log:" + line },
	"grep -n":        func(line string, i int) string { return fmt.Sprintf("access.log.1:%d:%s", 18+i, line) },
	"cat -n":         func(line string, i int) string { return fmt.Sprintf("%6d\t%s", 18+i, line) },
	"indented":       func(line string, _ int) string { return "    " + line },
	"quoted":         func(line string, _ int) string { return "> " + line },
	"quoted twice":   func(line string, _ int) string { return ">> " + line },
	"stern":          func(line string, _ int) string { return "web-7c5ddbdf54-x2x8l nginx " + line },
	"stern, colored": func(line string, _ int) string { return "\x1b[38;5;2mweb-7c5d\x1b[0m \x1b[38;5;3mnginx\x1b[0m " + line },
	"stern, all":     func(line string, _ int) string { return "shop web-7c5ddbdf54-x2x8l nginx " + line },
	"octets":         func(line string, _ int) string { return "251 <190>1 2026-11-03T09:15:20Z web1 nginx 12 - - " + line },
	"RFC 5424, file": func(line string, _ int) string { return "1 2026-11-03T09:15:20Z web1 nginx 12 - - " + line },
	"mixed": func(line string, i int) string {
		return []string{"", "2026-11-03T09:15:20.1Z stdout F ", "<190>Nov  3 09:15:20 web1 nginx: "}[i%3] + line
	},
}

// TestBrokenLines: what a container runtime has broken into parts is joined, also if the parts are
// in two chunks.
func TestBrokenLines(t *testing.T) {
	want := entriesOf(t, bareLines)
	const mark, other = "2026-11-03T09:15:20.120456789Z stdout ", "2026-11-03T09:15:20.2Z stderr F something else\n"
	var log strings.Builder
	for i, line := range strings.Split(strings.TrimSuffix(bareLines, "\n"), "\n") {
		log.WriteString(mark + "P " + line[:20+i] + "\n" + mark + "P " + line[20+i:40] + "\n" + mark + "F " + line[40:] + "\n")
	}
	got := regexp.MustCompile(`(?m)^\d+`).ReplaceAllStringFunc(entriesOf(t, log.String()), func(number string) string {
		return map[string]string{"1": "1", "4": "2", "7": "3"}[number] // the first of three
	})
	if got != want {
		t.Errorf("got\n%swant\n%sof\n%s", got, want, log.String())
	}
	lost := log.String() + mark + "P begins and does not end\n" + other + mark + "P ends with the file"
	if got := entriesOf(t, lost); !strings.Contains(got, "3 lines were not read") {
		t.Errorf("got %s", got)
	}
}

func inJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestUnwrap: whatever stands around its lines, a log says the same.
func TestUnwrap(t *testing.T) {
	want := entriesOf(t, bareLines)
	if strings.Count(want, "\n") != 3 || !strings.Contains(want, "ana") {
		t.Fatalf("the bare log is not read:\n%s", want)
	}
	for name, wrap := range wrappers {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			for i, line := range strings.Split(strings.TrimSuffix(bareLines, "\n"), "\n") {
				log.WriteString(wrap(line, i) + "\n")
			}
			if got := entriesOf(t, log.String()); got != want {
				t.Errorf("got\n%swant\n%sof\n%s", got, want, log.String())
			}
		})
	}
}

// entriesOf lists what a log says.
func entriesOf(t *testing.T, log string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open([]string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for e := range r.Entries(context.Background()) {
		fmt.Fprintf(&b, "%d %s %s %s %s %s %d %s %s\n", e.Line(), e.Time().Format(time.RFC3339), e.Text(Client), e.Text(User),
			e.Text(Method), e.Text(Target), e.Status(), e.Text(UserAgent), e.Text(Referer))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if bad := r.Stats().Bad; bad > 0 {
		fmt.Fprintf(&b, "%d lines were not read\n", bad)
	}
	return b.String()
}

// TestWrappedFormats: with a format that was given, and with one that is no text.
func TestWrappedFormats(t *testing.T) {
	const caddy = `{"level":"info","ts":1793697320.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"203.0.113.7","method":"PUT","host":"h","uri":"/plan","headers":{"If-Match":["\"a\""]}},"bytes_read":0,"user_id":"","duration":0.1,"size":0,"status":412,"resp_headers":{}}`
	for name, wrap := range wrappers {
		got := entriesOf(t, wrap(caddy, 0)+"\n"+wrap(caddy, 1)+"\n")
		if strings.Count(got, "203.0.113.7") != 2 || strings.Contains(got, "not read") {
			t.Errorf("%s: got %q of\n%s", name, got, wrap(caddy, 0))
		}
	}
	f, err := ParseFormat("nginx:$status $remote_addr $request")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte("web-1  | 412 203.0.113.7 PUT / HTTP/1.1\n412 203.0.113.8 PUT / HTTP/1.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open([]string{path}, Options{Format: f})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range r.Entries(context.Background()) {
		n++
	}
	if n != 2 {
		t.Errorf("%d of 2 lines were read", n)
	}
}

// TestGrepOfIIS: what grep and findstr print of several logs of IIS is read with its default fields.
func TestGrepOfIIS(t *testing.T) {
	const line = `2026-11-03 09:15:20 10.0.0.5 PUT /plan - 443 ana 203.0.113.7 sync/1.0 - 412 0 0 12` + "\n"
	want := entriesOf(t, line+line)
	if !strings.Contains(want, "203.0.113.7 ana PUT /plan 412") {
		t.Fatal(want)
	}
	for _, file := range []string{"u_ex261103.log:", `C:\inetpub\logs\LogFiles\W3SVC1\u_ex261103.log:`, "12:"} {
		if got := entriesOf(t, file+line+file+line); got != want {
			t.Errorf("%s: got %s", file, got)
		}
	}
}

// TestJournal: of what journalctl exports the messages are lines, and the other fields are none.
func TestJournal(t *testing.T) {
	want := regexp.MustCompile(`(?m)^\d+ `).ReplaceAllString(entriesOf(t, bareLines), "")
	for name, entry := range map[string]string{
		"export":  "__CURSOR=s=e1;i=0;b=f\n__REALTIME_TIMESTAMP=1793697320000000\n_HOSTNAME=web1\nPRIORITY=6\nMESSAGE=%s\n_PID=7\n\n",
		"verbose": "Tue 2026-11-03 09:15:20.231456 UTC [s=e1;i=0;b=f;m=1;t=2;x=3]\n    PRIORITY=6\n    _HOSTNAME=web1\n    MESSAGE=%s\n",
	} {
		log := ""
		for line := range strings.Lines(bareLines) {
			log += fmt.Sprintf(entry, strings.TrimSuffix(line, "\n"))
		}
		got := regexp.MustCompile(`(?m)^\d+ `).ReplaceAllString(entriesOf(t, log), "")
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// TestMisplacedColumns: a line whose client cannot be one is not read, and counted.
func TestMisplacedColumns(t *testing.T) {
	rest := ` - ana [03/Nov/2026:09:15:20 +0000] "PUT /plan HTTP/1.1" 204 0 "-" "sync/1.0"` + "\n"
	good := strings.Repeat("203.0.113.7"+rest, 4)
	for _, client := range []string{"2026-11-03T09:15:20Z", "web|", "[ubuntu]", "<x>y", `{"a"`, "a=b"} {
		if got := entriesOf(t, good+client+rest); !strings.Contains(got, "1 lines were not read") {
			t.Errorf("the client %s is read: %s", client, got)
		}
	}
	if got := entriesOf(t, good+"web-1 nginx 203.0.113.7"+rest); strings.Count(got, "Z 203.0.113.7 ana") != 5 {
		t.Errorf("a line behind two names is not read: %s", got)
	}
	for _, client := range []string{"unix:", "::1", "[::1]", "fe80::1%eth0", "host.example.org", "203.0.113.7:4711", "-"} {
		if got := entriesOf(t, good+client+rest); strings.Contains(got, "not read") {
			t.Errorf("the client %s is not read", client)
		}
	}
}

// TestHostColumns: a column for the host that was asked is none for the client.
func TestHostColumns(t *testing.T) {
	for name, line := range map[string]string{
		"host first":      `cloud.example.org 203.0.113.7 - ana [03/Nov/2026:09:15:20 +0000] "PUT /plan HTTP/1.1" 204 0 "-" "sync/1.0"`,
		"lighttpd":        `203.0.113.7 wiki.example.org ana [03/Nov/2026:09:15:20 +0000] "PUT /plan HTTP/1.1" 204 0 "-" "ua"`,
		"lancache":        `[steam] 203.0.113.7 / - - - [03/Nov/2026:09:15:20 +0000] "GET /plan HTTP/1.1" 206 5 "-" "ua" "MISS" "cloud.example.org" "bytes=0-4"`,
		"host and a port": `cloud.example.org:443 203.0.113.7 - ana [03/Nov/2026:09:15:20 +0000] "PUT /plan HTTP/1.1" 204 0 "-" "sync/1.0"`,
	} {
		path := filepath.Join(t.TempDir(), "a.log")
		if err := os.WriteFile(path, []byte(line+"\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open([]string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for e := range r.Entries(context.Background()) {
			n++
			if host := e.Text(Host); e.Text(Client) != "203.0.113.7" || !strings.HasSuffix(host, ".example.org") &&
				!strings.HasPrefix(host, "cloud.example.org") {
				t.Errorf("%s: the client is %q, the host %q", name, e.Text(Client), host)
			}
		}
		if n != 2 {
			t.Errorf("%s: %d of 2 lines were read", name, n)
		}
	}
}

// TestForwardedFirst: a log may have X-Forwarded-For in the place of the client, with blanks inside.
func TestForwardedFirst(t *testing.T) {
	const rest = ` - ana [03/Nov/2026:09:15:20 +0000] "PUT /plan HTTP/1.1" 204 0 "-" "sync/1.0"` + "\n"
	path := writeLog(t, "a.log", []byte("198.51.100.4, 10.0.0.2"+rest+"198.51.100.5"+rest+"-"+rest+"198.51.100.4, 10.1.0.1, 10.0.0.2"+rest))
	r, err := Open([]string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range r.Entries(context.Background()) {
		got = append(got, strings.Clone(e.Text(ForwardedFor))+" "+strings.Clone(e.Text(User)))
	}
	if want := "[198.51.100.4, 10.0.0.2 ana 198.51.100.5 ana  ana 198.51.100.4, 10.1.0.1, 10.0.0.2 ana]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// FuzzWrapped reads wrapped and broken logs.
func FuzzWrapped(f *testing.F) {
	for _, wrap := range wrappers {
		var log strings.Builder
		for i, line := range strings.Split(strings.TrimSuffix(bareLines, "\n"), "\n") {
			log.WriteString(wrap(line, i) + "\n")
		}
		f.Add([]byte(log.String()), uint8(7))
	}
	const mark = "2026-11-03T09:15:20.120456789Z stdout "
	f.Add([]byte(strings.ReplaceAll(mark+"F "+bareLines, "\n", "\n"+mark+"P 203.0.113.7 - \n"+mark+"F ")), uint8(50))
	f.Fuzz(func(t *testing.T, log []byte, chunk uint8) { fuzzLog(t, log, Format{}, int(chunk)) })
}

// FuzzUnwrap: what is inside is a part of the line or of its JSON, never longer, and the line that
// was put in.
func FuzzUnwrap(f *testing.F) {
	for _, wrap := range wrappers {
		f.Add(wrap("203.0.113.7 - - x", 1))
	}
	f.Fuzz(func(t *testing.T, line string) {
		b := []byte(line)
		got := unwrap(b)
		if len(got) > len(line) || cap(got) > cap(b) {
			t.Errorf("unwrap(%q) = %q is longer", line, got)
		}
		if !strings.ContainsAny(line, "{\x1b") && !strings.HasSuffix(line, string(got)) {
			t.Errorf("unwrap(%q) = %q is not its end", line, got)
		}
	})
}
