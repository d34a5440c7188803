package console

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// policy lets a page use the style and the script of the console, and be sent events by it, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// reportPolicy is for the pages of package report, which have their style in them.
var reportPolicy = "default-src 'none'; style-src " + report.StyleSource() + "; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// Handler answers below /console/. Who may ask, and from which pages, is decided before.
//
//	GET  /console/                  the page
//	GET  /console/events            what changes of it, as server-sent events
//	GET  /console/refusals/NUMBER   what explain says of a refusal
//	GET  /console/rules/ID          a rule
//	GET  /console/resource?name=    the revisions of a resource, with what changed
//	POST /console/restore           restores one
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /console/{$}", func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusOK, "console.html", c.view(c.options.Now()))
	})
	mux.HandleFunc("GET /console/events", c.events)
	mux.HandleFunc("GET /console/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		style(w)
	})
	mux.HandleFunc("GET /console/script.js", func(w http.ResponseWriter, _ *http.Request) {
		script, _ := files.ReadFile("console.js") // it is embedded
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(script)
	})
	mux.HandleFunc("GET /console/refusals/{number}", c.explain)
	mux.HandleFunc("GET /console/rules/{id}", func(w http.ResponseWriter, r *http.Request) {
		rule, ok := diagnose.RuleByID(r.PathValue("id"))
		if !ok {
			http.Error(w, "there is no such rule", http.StatusNotFound)
			return
		}
		showReport(w, func(b *bytes.Buffer) error { return report.RuleHTML(b, rule) })
	})
	if c.options.Site != nil {
		mux.HandleFunc("GET /console/resource", c.resource)
		mux.HandleFunc("POST /console/restore", c.restore)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// Closed answers in place of Handler where nobody is known who may look: option says how somebody becomes known.
func Closed(option string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "The console can be reached from other machines here, and nobody is known who may look at it.\n"+
			"Start the server with "+option+", or with its metrics on 127.0.0.1.", http.StatusForbidden)
	})
}

func show(w http.ResponseWriter, status int, name string, data any) {
	page := execute(name, data)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page)) // the browser may have gone
}

func showReport(w http.ResponseWriter, write func(*bytes.Buffer) error) {
	var page bytes.Buffer
	if err := write(&page); err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes())
}

// explain shows a refusal with what came before it, as fourtwelve explain does.
func (c *Console) explain(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(r.PathValue("number"))
	var xs []*capture.Exchange
	c.mu.Lock()
	for _, one := range c.refusals {
		if err == nil && one.number == number {
			xs = one.exchanges("the console")
		}
	}
	c.mu.Unlock()
	if xs == nil {
		http.Error(w, "this refusal is not among the latest any more", http.StatusNotFound)
		return
	}
	showReport(w, func(b *bytes.Buffer) error {
		return report.ExplainHTML(b, report.Explanation{Report: diagnose.Exchanges(xs)})
	})
}
