package peers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// consoleDriver uses the console as a person does, under the policy of the page, and tells what came of it. It goes on over
// the pages that it is led to.
const consoleDriver = `
const told = JSON.parse(sessionStorage.getItem('told') ?? '{"Policy":[]}');
addEventListener('securitypolicyviolation', (e) => told.Policy.push(e.violatedDirective + ' ' + e.blockedURI));
const until = async (what, ready) => {
	for (let i = 0; !ready(); i++) {
		if (i === 1200) throw new Error('in vain: ' + what);
		await new Promise((r) => setTimeout(r, 50));
	}
};
const judge = async () => {
	for (const d of document.querySelectorAll('details')) d.open = true;
	const found = await axe.run(document, { resultTypes: ['violations'] });
	told.Axe = [...(told.Axe ?? []), ...found.violations.map((v) => v.id + ' ' + v.help + ' ' + v.nodes[0].html.slice(0, 200))];
	if (document.documentElement.scrollWidth > innerWidth) told.Wide = location.pathname;
};
const $$ = (selector) => document.querySelector(selector);
const page = async () => {
	if (location.pathname === '/console/') {
		await until('live', () => $$('#live').textContent === 'live');
		const before = $$('#refused path:not(.grid)')?.getAttribute('d');
		await until('a refusal that comes', () => $$('#refusals li.new'));
		await until('a chart that moves', () => $$('#refused path:not(.grid)')?.getAttribute('d') !== before);
		told.Marks = document.querySelectorAll('#refusals mark').length;
		told.Focusable = document.querySelectorAll('[tabindex]:not([tabindex="0"])').length === 0;
		$$('#refusals a').focus(); // what is in use stays
		const used = document.activeElement;
		const first = $$('#refusals li').id;
		await until('another refusal', () => $$('#refusals li').id !== first);
		told.Kept = document.activeElement === used;
		$$('#pause').click();
		await until('paused', () => $$('#live').textContent === 'paused');
		await judge();
		return '/console/resource?name=note.txt';
	}
	if (!location.search.includes('restored=')) {
		await judge();
		told.Restored = false;
		[...document.querySelectorAll('button')].at(-1).click(); // the oldest
		return;
	}
	told.Restored = $$('[role=status]') !== null;
};
(async () => {
	let next;
	try {
		next = await page();
	} catch (e) { told.Error = String(e); }
	sessionStorage.setItem('told', JSON.stringify(told));
	if (next) location = next;
	else if (told.Restored || told.Error) await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
})();
`

type consoleTold struct {
	Policy, Axe     []string
	Marks           int
	Focusable, Kept bool
	Restored        bool
	Wide, Error     string
}

// TestConsoleInABrowser: the page moves while writers are refused, leaves alone what is in use, pauses, leads to revisions, and
// restores one; its policy is never broken, axe finds nothing, and nothing is wider than the window. On a desk and on a phone, in
// light and dark.
func TestConsoleInABrowser(t *testing.T) {
	browser, axe := browserPath(t), axeSource(t)
	for name, flags := range map[string][]string{
		"desk, light": {"--window-size=1280,900"},
		"phone, dark": {"--window-size=500,900", "--blink-settings=preferredColorScheme=0"},
	} {
		t.Run(name, func(t *testing.T) {
			site, console := watched(t)
			note := site + "/note.txt"
			first := writeAs(t, http.MethodPut, note, "first\n", "If-None-Match", "*")
			if second := writeAs(t, http.MethodPut, note, "second\n", "If-Match", first); second == "" {
				t.Fatal("the second write was refused")
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for ctx.Err() == nil {
					r, _ := http.NewRequestWithContext(ctx, http.MethodPut, note, strings.NewReader("late\n"))
					r.Header.Set("If-Match", `"of-before"`)
					if resp, err := http.DefaultClient.Do(r); err == nil {
						resp.Body.Close()
					}
					select {
					case <-time.After(700 * time.Millisecond):
					case <-ctx.Done():
					}
				}
			}()
			data := visit(t, browser, driven(t, console, axe), "/console/", flags...)
			stop()
			<-ended
			var got consoleTold
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			complaints := len(got.Policy) + len(got.Axe) + len(got.Wide) + len(got.Error)
			if complaints > 0 || got.Marks == 0 || !got.Focusable || !got.Kept || !got.Restored {
				t.Errorf("got %+v", got)
			}
			resp, err := http.Get(note)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if content, err := io.ReadAll(resp.Body); err != nil || string(content) != "first\n" {
				t.Errorf("the note is %q, %v", content, err)
			}
		})
	}
}

// watched starts the program on a new directory, and returns the addresses of the site and of the console.
func watched(t *testing.T) (site, console string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "fourtwelve")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files := filepath.Join(dir, "site")
	if err := os.Mkdir(files, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", "--listen=127.0.0.1:0", "--metrics=127.0.0.1:0", "--access-log=off", files)
	says, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(says); console == ""; {
		if !lines.Scan() {
			t.Fatal("it ended")
		}
		_, rest, ok := strings.Cut(lines.Text(), "http://")
		address, _, _ := strings.Cut(rest, "/")
		switch {
		case ok && strings.HasPrefix(lines.Text(), "Serving"):
			site = "http://" + address
		case ok && strings.HasPrefix(lines.Text(), "Metrics"):
			console = "http://" + address
		}
	}
	go io.Copy(io.Discard, says)
	return site, console
}

// writeAs sends a write and returns the entity tag of the answer.
func writeAs(t *testing.T, method, u, content, field, value string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, u, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(field, value)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.Header.Get("ETag")
}

// driven is the console with the driver in its pages, under the same policy: the driver is a script of the same origin.
func driven(t *testing.T, console string, axe []byte) http.Handler {
	u, err := url.Parse(console)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host },
		ModifyResponse: func(resp *http.Response) error {
			if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
				return nil
			}
			page, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			resp.Body.Close()
			page = bytes.Replace(page, []byte("</body>"), []byte(`<script src="/axe.js"></script><script src="/driver.js"></script></body>`), 1)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(page)), int64(len(page))
			resp.Header.Del("Content-Length")
			return nil
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	script := func(source []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			_, _ = w.Write(source)
		}
	}
	mux.HandleFunc("/axe.js", script(axe))
	mux.HandleFunc("/driver.js", script([]byte(consoleDriver)))
	return mux
}
