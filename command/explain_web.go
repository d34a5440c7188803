package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
)

// webAddress is where explain --web listens unless told otherwise: on this machine alone, on a port that is free.
const webAddress = "127.0.0.1:0"

// maxPasted is how long a capture may be that is pasted or uploaded.
const maxPasted = 64 << 20

// serveWeb serves the page until ctx is done.
func (o *explainOptions) serveWeb(ctx context.Context, env *Env) error {
	host, _, err := net.SplitHostPort(o.web)
	if err != nil {
		return fmt.Errorf("--web: %q is no HOST:PORT, such as %s", o.web, webAddress)
	}
	if !isLoopback(host) {
		return fmt.Errorf("--web: %q is not this machine alone: captures hold credentials, so the page is only for who sits here; "+
			"use 127.0.0.1, ::1 or localhost", host)
	}
	l, err := net.Listen("tcp", o.web)
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler:           o.webHandler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       5 * time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	fmt.Fprintf(env.Stderr, "open http://%s/ in a browser of this machine; Ctrl-C ends it\n", l.Addr())
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// webHandler answers the form, and what is sent with it. One capture is read at a time, which bounds the memory.
func (o *explainOptions) webHandler() http.Handler {
	turn := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { form(w, http.StatusOK, "") })
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			o.explainPasted(w, r)
		case <-r.Context().Done():
		}
	})
	return onlyHere(http.NewCrossOriginProtection().Handler(mux))
}

// onlyHere lets nobody in who was led here by a name of another site, and sets a policy that allows the pages nothing but their
// own styles and form.
func onlyHere(next http.Handler) http.Handler {
	policy := "default-src 'none'; style-src " + report.StyleSource() + "; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(strings.Trim(host, "[]")) {
			http.Error(w, "this page is for http://localhost alone", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func form(w http.ResponseWriter, status int, problem string) {
	var page bytes.Buffer
	if err := report.ExplainForm(&page, problem); err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	writeHTML(w, status, page.Bytes())
}

func writeHTML(w http.ResponseWriter, status int, page []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page) // the browser has gone
}

// explainPasted answers with the report on what was pasted or uploaded.
func (o *explainOptions) explainPasted(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPasted+64<<10)
	parts, err := r.MultipartReader()
	if err != nil {
		form(w, http.StatusBadRequest, "that was not sent by the form of this page")
		return
	}
	xs, err := o.readParts(parts)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		form(w, http.StatusRequestEntityTooLarge,
			fmt.Sprintf("that is more than %d MiB; cut it down to the requests in question, or use fourtwelve explain FILE", maxPasted>>20))
		return
	}
	if len(xs) == 0 {
		problem := "nothing was pasted, and no file chosen"
		if err != nil {
			problem = err.Error()
		}
		form(w, http.StatusUnprocessableEntity, problem)
		return
	}
	var page bytes.Buffer
	if err := report.ExplainHTML(&page, o.explanation(xs)); err != nil {
		http.Error(w, "the report cannot be made", http.StatusInternalServerError)
		return
	}
	writeHTML(w, http.StatusOK, page.Bytes())
}

// readParts reads what the form sent: a text, a file, or both, which are then taken together.
func (o *explainOptions) readParts(parts *multipart.Reader) (xs []*capture.Exchange, err error) {
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return xs, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		name := "what was pasted"
		switch part.FormName() {
		case "capture": // forms send all line ends as CRLF, whatever they were
			data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		case "file":
			name = part.FileName()
		default:
			continue
		}
		if len(bytes.TrimSpace(data)) == 0 {
			continue
		}
		some, err := capture.Read(bytes.NewReader(data), name, capture.Options{Format: o.format})
		if err != nil && len(some) == 0 {
			return nil, err
		}
		xs = append(xs, some...)
	}
}
