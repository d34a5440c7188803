package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lacking are the transcripts that do not show all of the exchange, with what they show.
var lacking = map[string]string{
	"nginx-debug-http2.txt": `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 ETag `,
	"fetch.txt":             `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 0 ETag , without response line, response header`,
	"fetch-firefox.txt":     `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 0 ETag , without response line, response header`,
	"invoke-webrequest.txt": `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 0 ETag , without response line, response header`,
	"curl-command-cmd.txt":  `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 0 ETag , without response line, response header`,
	"packet-list.txt":       `PUT /docs/plan.txt?v=1 If-Match  412 ETag , without request header, response header`,
	"spring.txt":            `PUT files.example.org/docs/plan.txt?v=1 If-Match  412 ETag , without request header, response header`,
	"undici.txt":            `PUT files.example.org/docs/plan.txt?v=1 If-Match  412 ETag , without request header, response header`,
	"aspnet.txt":            `PUT files.example.org/docs/plan.txt?v=1 If-Match [Redacted] 412 ETag [Redacted]`,
	"curl-command.txt":      `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 0 ETag , without response line, response header`,
	"httpcore.txt":          `PUT files.example.org/docs/plan.txt?v=1 If-Match  412 ETag "5f0c", without request header`,
	"urllib3.txt":           `PUT files.example.org:443/docs/plan.txt?v=1 If-Match  412 ETag , without request header, response header`,
	"powershell.txt":        `  If-Match  412 ETag "5f0c", without request line, request header`,
	"davx5.txt":             `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 ETag , without response header`,
	"nginx-debug.txt":       `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 ETag `,
	"boto3.txt":             `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 ETag "5f0c", without request header`,
	"azure-net.txt":         `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 ETag "5f0c", without request header`,
	"azure-python.txt":      `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 ETag "5f0c", without request header`,
}

const whole = `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 ETag "5f0c"`

// TestTranscripts: one exchange, told by all programs. What one of them does not show is missing,
// and the rest is the same.
func TestTranscripts(t *testing.T) {
	for name, text := range transcripts(t) {
		want := whole
		if less, ok := lacking[name]; ok {
			want = less
		}
		if got := essence(text); got != want {
			t.Errorf("%s: got\n%s, want\n%s", name, got, want)
		}
	}
}

// transcripts returns those in testdata, by name.
func transcripts(t testing.TB) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, path := range captures(t, "transcript") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(path)] = string(data)
	}
	return texts
}

// essence is what an input must be read as, in short.
func essence(text string) string {
	xs, err := Read(strings.NewReader(text), "x", Options{})
	if err != nil || len(xs) != 1 {
		return describe(xs, err)
	}
	x := xs[0]
	s := fmt.Sprintf("%s %s%s If-Match %s %d ETag %s", x.Request.Method, x.Request.Host, x.Request.Target,
		x.Request.Header.Get("If-Match"), x.Response.Status, x.Response.Header.Get("ETag"))
	missing := ""
	for p := RequestLine; p <= ServerTrace; p++ {
		if x.Missing(p) && p != RequestContent && p != ResponseContent {
			missing += ", " + p.String()
		}
	}
	if missing != "" {
		s += ", without " + missing[2:]
	}
	return s
}

// disguises are what happens to a text before somebody gives it to this program.
var disguises = map[string]func(line string) string{
	"line ends of Windows": func(line string) string { return line + "\r" },
	"indented":             func(line string) string { return strings.TrimRight("    "+line, " ") },
	"a tab":                func(line string) string { return "\t" + line },
	"quoted":               func(line string) string { return "> " + line },
	"Compose":              func(line string) string { return "client_1  | " + line },
	"kubectl":              func(line string) string { return "[pod/client-1/app] " + line },
	"CRI":                  func(line string) string { return "2026-11-03T09:15:20.120456789Z stdout F " + line },
	"docker logs -t":       func(line string) string { return "2026-11-03T09:15:20.120456789Z " + line },
	"Compose and time":     func(line string) string { return "client_1  | 2026-11-03T09:15:20.120456789Z " + line },
	"journal":              func(line string) string { return "Nov 03 10:15:40 host client[4242]: " + line },
	"syslog":               func(line string) string { return "2026-11-03T10:15:40.123456+01:00 host client[4242]: " + line },
	"colours":              func(line string) string { return "\x1b[36m" + line + "\x1b[0m" },
}

// TestDisguises: whatever stands around its lines, an exchange is the same.
func TestDisguises(t *testing.T) {
	texts := transcripts(t)
	texts["curl"] = printedByCurl
	texts["wire"] = "PUT /docs/plan.txt?v=1 HTTP/1.1\nHost: files.example.org\nIf-Match: \"5f0c-gzip\"\nContent-Length: 3\n\nabc\n\n" +
		"HTTP/1.1 412 Precondition Failed\nServer: Apache/2.4.62\nETag: \"5f0c\"\nContent-Length: 0\n\n"
	for name, text := range texts {
		want := essence(text)
		for how, disguise := range disguises {
			var b strings.Builder
			for line := range strings.Lines(text) {
				b.WriteString(disguise(strings.TrimRight(line, "\n")) + "\n")
			}
			if got := essence(b.String()); got != want {
				t.Errorf("%s, %s: got\n%s, want\n%s", name, how, got, want)
			}
		}
	}
}

const printedByCurl = `*   Trying 192.0.2.1:80...
* Connected to files.example.org (192.0.2.1) port 80 (#0)
> PUT /docs/plan.txt?v=1 HTTP/1.1
> Host: files.example.org
> If-Match: "5f0c-gzip"
> Content-Length: 3
>
< HTTP/1.1 412 Precondition Failed
< Server: Apache/2.4.62
< ETag: "5f0c"
< Content-Length: 0
<
`

// FuzzTranscript: nothing that a program prints, cut or changed, makes a request of what is no
// method and target, or an exchange that says less than what is missing of it.
func FuzzTranscript(f *testing.F) { fuzz(f, Transcript, "transcript") }

// TestSeveralPastes: what was copied for one exchange after the other is that many exchanges.
func TestSeveralPastes(t *testing.T) {
	for name, text := range transcripts(t) {
		if !strings.HasPrefix(name, "devtools-") {
			continue
		}
		xs, err := Read(strings.NewReader(text+"\n\n"+text), "x", Options{})
		if err != nil || len(xs) != 2 || xs[0].Response.Status != 412 || xs[1].Response.Status != 412 ||
			xs[0].Request.Header.Get("If-Match") != xs[1].Request.Header.Get("If-Match") {
			t.Errorf("%s, twice:\n%s", name, describe(xs, err))
		}
	}
}
