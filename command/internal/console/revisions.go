package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/content/patch"
	"github.com/fourtwelve/fourtwelve/store"
)

const (
	// maxRevisions bounds how many revisions a page shows, and maxDiffLines the lines of each difference.
	maxRevisions = 20
	maxDiffLines = 200
	// maxProblem bounds what is read of a refusal.
	maxProblem = 64 << 10
)

type resourceView struct {
	Name, Current       string
	ReadOnly, More      bool
	Problem, Hint, Done string
	Revisions           []revisionView
}

type revisionView struct {
	Number     store.Revision
	When, Size string
	IsCurrent  bool
	Lines      []diffLine
	// Note is said where there are no lines.
	Note string
}

type diffLine struct{ Class, Text string }

// resource shows the revisions of a resource.
func (c *Console) resource(w http.ResponseWriter, r *http.Request) {
	v, status := c.resourceView(r, strings.TrimPrefix(r.URL.Query().Get("name"), "/"))
	if done := r.URL.Query().Get("restored"); done != "" && v.Problem == "" {
		v.Done = "It has the content of revision " + done + " again."
	}
	show(w, status, "resource.html", v)
}

func (c *Console) resourceView(r *http.Request, name string) (*resourceView, int) {
	v := &resourceView{Name: name, ReadOnly: c.options.Site.ReadOnly}
	if err := store.CheckName(name); err != nil || name == "" {
		v.Problem = "that is not the name of a resource"
		return v, http.StatusBadRequest
	}
	history, ok := c.options.Site.Store.(store.History)
	if !ok {
		v.Problem = "this store keeps no revisions"
		return v, http.StatusOK
	}
	v.Current = c.currentTag(r, name)
	var infos []store.Info
	for info, err := range history.Revisions(r.Context(), name) {
		if err != nil {
			v.Problem = err.Error()
			break
		}
		if len(infos) == maxRevisions+1 {
			v.More = true
			break
		}
		infos = append(infos, info)
	}
	if len(infos) == 0 {
		return v, http.StatusNotFound
	}
	v.Revisions = c.compared(r, infos, v.Current != "")
	return v, http.StatusOK
}

// compared shows each revision with what it changed of the one before. Of the last of too many nothing is shown.
func (c *Console) compared(r *http.Request, infos []store.Info, exists bool) (list []revisionView) {
	var next []byte
	var nextErr error
	for i, info := range infos {
		content, err := next, nextErr
		if i == 0 {
			content, err = c.content(r, info)
		}
		if i == maxRevisions {
			break
		}
		v := revisionView{
			Number: info.Revision, When: info.Modified.UTC().Format("2006-01-02 15:04:05"), Size: size(info.Size), IsCurrent: i == 0 && exists,
		}
		next, nextErr = nil, nil
		if i+1 < len(infos) {
			next, nextErr = c.content(r, infos[i+1])
		}
		switch {
		case err != nil || nextErr != nil:
			v.Note = "It is too long to be compared, or not kept any more."
		case i+1 == len(infos):
			v.Note = "The oldest that is kept."
		case bytes.Equal(content, next):
			v.Note = "The content is that of the revision before it."
		default:
			v.Lines, v.Note = linesOf(next, content)
		}
		list = append(list, v)
	}
	return list
}

var errTooLong = errors.New("too long to be compared")

// content reads a revision that is short enough to be compared.
func (c *Console) content(r *http.Request, info store.Info) ([]byte, error) {
	if info.Size > patch.MaxCompared {
		return nil, errTooLong
	}
	content, err := c.options.Site.Store.Open(r.Context(), info.Name, info.Revision)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.NewSectionReader(content, 0, info.Size))
}

// linesOf is what changed, line by line, or why it is not shown.
func linesOf(before, after []byte) (lines []diffLine, note string) {
	change, ok := patch.Changes("text/plain", before, after)
	if !ok || change.Text == "" {
		return nil, "It is no text, so what changed is not shown."
	}
	for line := range strings.SplitSeq(strings.TrimRight(change.Text, "\n"), "\n") {
		if len(lines) == maxDiffLines {
			return append(lines, diffLine{"at", "… and more"}), ""
		}
		class := "same"
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			continue
		case strings.HasPrefix(line, "+"):
			class = "plus"
		case strings.HasPrefix(line, "-"):
			class = "minus"
		case strings.HasPrefix(line, "@@"):
			class = "at"
		}
		lines = append(lines, diffLine{class, line})
	}
	return lines, ""
}

// restore writes an earlier revision again, on the condition that the current one is still the one that was shown. It is a PUT as
// any other: the site's own handler judges it.
func (c *Console) restore(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxProblem)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "that was not sent by the form of this page", http.StatusBadRequest)
		return
	}
	name, current := r.PostForm.Get("name"), r.PostForm.Get("current")
	rev, err := strconv.ParseUint(r.PostForm.Get("revision"), 10, 64)
	if err != nil || rev == 0 || store.CheckName(name) != nil || name == "" {
		http.Error(w, "that was not sent by the form of this page", http.StatusBadRequest)
		return
	}
	status, problem := c.put(r, name, store.Revision(rev), current)
	if status < http.StatusMultipleChoices {
		http.Redirect(w, r, fmt.Sprintf("/console/resource?name=%s&restored=%d", url.QueryEscape(name), rev), http.StatusSeeOther)
		return
	}
	v, _ := c.resourceView(r, name)
	v.Problem, v.Hint = "Nothing was restored: "+problem.Detail, problem.Hint
	show(w, status, "resource.html", v)
}

// problem is what is read of problem details.
type problem struct{ Detail, Hint string }

// put writes the content of a revision, current being the tag that the resource must have, or "" if there must be none.
func (c *Console) put(r *http.Request, name string, rev store.Revision, current string) (int, problem) {
	content, err := c.options.Site.Store.Open(r.Context(), name, rev)
	if err != nil {
		return http.StatusGone, problem{Detail: "that revision is not kept any more"}
	}
	defer content.Close()
	put := c.request(r, http.MethodPut, name, io.NewSectionReader(content, 0, content.Info().Size))
	put.ContentLength = content.Info().Size
	if put.Header.Set("If-Match", current); current == "" {
		put.Header.Del("If-Match")
		put.Header.Set("If-None-Match", "*")
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		put.Header.Set("Content-Type", t)
	}
	answer := c.ask(put)
	var p problem
	if json.Unmarshal(answer.content.Bytes(), &p) != nil || p.Detail == "" {
		p.Detail = http.StatusText(answer.status)
	}
	return answer.status, p
}

// currentTag is the entity tag of what has the name now, or "".
func (c *Console) currentTag(r *http.Request, name string) string {
	answer := c.ask(c.request(r, http.MethodHead, name, http.NoBody))
	if answer.status != http.StatusOK {
		return ""
	}
	return answer.header.Get("ETag")
}

// request is one to the site, of the one who asks the console.
func (c *Console) request(r *http.Request, method, name string, content io.Reader) *http.Request {
	u := url.URL{Path: "/" + name}
	req := &http.Request{
		Method: method, URL: &u, RequestURI: u.EscapedPath(), Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Host: r.Host, RemoteAddr: r.RemoteAddr, TLS: r.TLS, Body: io.NopCloser(content),
		Header: http.Header{"User-Agent": {"fourtwelve-console"}, "Accept-Encoding": {"identity"}},
	}
	return req.WithContext(r.Context())
}

// answer is that of the site to a request of the console.
type answer struct {
	status  int
	header  http.Header
	content bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

// Write keeps no more than a problem can have.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if room := maxProblem - a.content.Len(); room > 0 {
		a.content.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

func (c *Console) ask(r *http.Request) *answer {
	a := &answer{header: make(http.Header)}
	c.options.Site.Handler.ServeHTTP(a, r)
	return a
}
