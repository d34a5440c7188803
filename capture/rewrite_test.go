package capture

import (
	"fmt"
	"strings"
	"testing"
)

const printedByCurl = `> PUT /docs/plan.txt?v=1 HTTP/1.1
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

// prefixed puts something before each line.
func prefixed(before string) string {
	var b strings.Builder
	for line := range strings.Lines(printedByCurl) {
		b.WriteString(before + line)
	}
	return b.String()
}

// printed is one exchange as programs print it that are no curl.
var printed = map[string]string{
	"compose":          prefixed("client_1  | "),
	"kubectl":          prefixed("[pod/client-1/app] "),
	"CRI":              prefixed("2026-11-03T09:15:20.120456789Z stdout F "),
	"compose and time": prefixed("client_1  | 2026-11-03T09:15:20.120456789Z "),
	"indented":         "    ### To reproduce\n    \n" + prefixed("    "),
	"a tab":            prefixed("\t"),
	"HttpClient": strings.NewReplacer("> ", "[DEBUG] http-outgoing-0 >> ", "< ", "[DEBUG] http-outgoing-0 << ", ">\n", "", "<\n", "").Replace(printedByCurl) +
		"[DEBUG] http-outgoing-0 << \"HTTP/1.1 412 Precondition Failed[\\r][\\n]\"\n",
	"http.client": `send: b'PUT /docs/plan.txt?v=1 HTTP/1.1\r\nHost: files.example.org\r\nIf-Match: "5f0c-gzip"\r\nContent-Length: 3\r\n\r\n'
send: b'abc'
reply: 'HTTP/1.1 412 Precondition Failed\r\n'
header: Server: Apache/2.4.62
header: ETag: "5f0c"
header: Content-Length: 0
`,
	"OkHttp": `--> PUT https://files.example.org/docs/plan.txt?v=1
Content-Length: 3
If-Match: "5f0c-gzip"

a: b
--> END PUT (3-byte body)
<-- 412 Precondition Failed https://files.example.org/docs/plan.txt?v=1 (89ms)
Server: Apache/2.4.62
ETag: "5f0c"
Content-Length: 0
<-- END HTTP
`,
	"OkHttp in logcat": `11-03 10:15:40.101  4242  4301 I okhttp.OkHttpClient: D --> PUT https://files.example.org/docs/plan.txt?v=1
11-03 10:15:40.101  4242  4301 com.example.notes D If-Match: "5f0c-gzip"
11-03 10:15:40.101  4242  4301 com.example.notes D --> END PUT
11-03 10:15:40.190  4242  4301 com.example.notes D <-- 412 Precondition Failed https://files.example.org/docs/plan.txt?v=1 (89ms)
11-03 10:15:40.190  4242  4301 com.example.notes D ETag: "5f0c"
11-03 10:15:40.190  4242  4301 com.example.notes D <-- END HTTP
`,
}

// TestRewritten: whoever prints it, an exchange is the same.
func TestRewritten(t *testing.T) {
	want := essence(t, printedByCurl)
	if want != `PUT files.example.org/docs/plan.txt?v=1 If-Match "5f0c-gzip" 412 Precondition Failed ETag "5f0c"` {
		t.Fatalf("what curl prints is read as %s", want)
	}
	for name, text := range printed {
		if got := essence(t, text); got != want {
			t.Errorf("%s: got %s, want %s, of\n%s", name, got, want, text)
		}
	}
}

func essence(t *testing.T, text string) string {
	t.Helper()
	xs, err := Read(strings.NewReader(text), "x", Options{})
	if err != nil || len(xs) != 1 {
		return fmt.Sprintf("%d exchanges, %v", len(xs), err)
	}
	x := xs[0]
	return fmt.Sprintf("%s %s%s If-Match %s %d %s ETag %s", x.Request.Method, x.Request.Host, x.Request.Target,
		x.Request.Header.Get("If-Match"), x.Response.Status, x.Response.Reason, x.Response.Header.Get("ETag"))
}

// FuzzRewritten: nothing that other programs print, cut or changed, makes a request of what is no method and target.
func FuzzRewritten(f *testing.F) {
	for _, text := range printed {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		xs, _ := Read(strings.NewReader(text), "x", Options{})
		for _, x := range xs {
			if strings.ContainsAny(x.Request.Method, " :\"") {
				t.Errorf("the method is %q", x.Request.Method)
			}
		}
	})
}
