package peers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// axeSource is where axe-core is, the rules by which pages are found accessible: FOURTWELVE_AXE
// names its axe.min.js.
func axeSource(t *testing.T) []byte {
	t.Helper()
	file := os.Getenv("FOURTWELVE_AXE")
	if file == "" {
		missing(t, "FOURTWELVE_AXE does not name an axe.min.js (npm pack axe-core)")
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// A violation is a rule of axe that a page breaks.
type violation struct {
	ID, Help string
	Nodes    []string
}

// runAxe is what a page is given at its end: everything is unfolded, and axe runs.
const runAxe = `<script src="/axe.js"></script><script>
for (const d of document.querySelectorAll('details')) d.open = true;
axe.run(document, { resultTypes: ['violations'] }).then(r => fetch('/told', { method: 'POST', body: JSON.stringify(
	r.violations.map(v => ({ ID: v.id, Help: v.help, Nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + (n.any[0] || n.all[0] || n.none[0] || {}).message) }))) }));
</script></body>`

// TestPagesAreAccessible: axe finds nothing to complain of in the pages that the commands write, in
// light and in dark colours.
func TestPagesAreAccessible(t *testing.T) {
	browser, axe := browserPath(t), axeSource(t)
	for name, html := range reportPages(t) {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(name+", "+scheme, func(t *testing.T) {
				page := bytes.ReplaceAll(html, []byte("(prefers-color-scheme: dark)"),
					[]byte(map[string]string{"light": "not all", "dark": "all"}[scheme]))
				page = bytes.Replace(page, []byte(`<meta http-equiv="Content-Security-Policy"`), []byte(`<meta name="policy"`), 1)
				page = bytes.Replace(page, []byte("</body>"), []byte(runAxe), 1)
				mux := http.NewServeMux()
				mux.HandleFunc("/axe.js", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(axe) })
				mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
				var found []violation
				data := visit(t, browser, mux, "/")
				if err := json.Unmarshal(data, &found); err != nil {
					t.Fatalf("%q: %v", data, err)
				}
				for _, v := range found {
					t.Errorf("%s: %s\n%s", v.ID, v.Help, strings.Join(v.Nodes, "\n"))
				}
			})
		}
	}
}

// reportPages are the pages of the commands, as the program writes them.
func reportPages(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "fourtwelve")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+path.Base(r.URL.Path)+`"`)
		_, _ = io.WriteString(w, strings.Repeat("content ", 100))
	}))
	defer site.Close()
	pages := map[string][]byte{}
	for name, args := range map[string][]string{
		"explain, one":     {"explain", "../../diagnose/testdata/compression-suffix-not-stripped/bad-certain-nextcloud.txt"},
		"explain, several": {"explain", "../../diagnose/testdata/retried-without-condition/bad-certain.txt"},
		"logs":             {"logs", "../../diagnose/logs/testdata/client-loops-on-stale-etag/bad-likely-iis.log"},
		"check":            {"check", site.URL + "/"},
		"check, two":       {"check", "--compare", site.URL + "/a", site.URL + "/b"},
	} {
		file := filepath.Join(dir, "page.html")
		out, err := exec.CommandContext(t.Context(), program, append(args, "--html", file)...).CombinedOutput()
		if data, readErr := os.ReadFile(file); readErr == nil {
			pages[name] = data
		} else {
			t.Fatalf("%s: %v, %v: %s", name, err, readErr, out)
		}
		os.Remove(file)
	}
	pages["explain --web"] = formPage(t, program)
	return pages
}

// formPage is the page that explain --web serves.
func formPage(t *testing.T, program string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "explain", "--web")
	says, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	line, err := bufio.NewReader(says).ReadString('\n')
	_, rest, ok := strings.Cut(line, "http://")
	if err != nil || !ok {
		t.Fatalf("it says %q, %v", line, err)
	}
	address, _, _ := strings.Cut(rest, " ")
	resp, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
