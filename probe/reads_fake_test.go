package probe_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

const (
	planPath = "/docs/plan.txt"
	planAge  = 90 * time.Minute
)

// plan is content that is worth compressing, and of which no two parts are the same.
func plan() string {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "%d. on day %d we shall do what %d days before we did not\n", i, i*7, i*i)
	}
	return b.String()
}

// rightServer is our own origin server with a plan that is ninety minutes old, which scripts of all
// origins may read and write.
func rightServer(t *testing.T) http.Handler {
	t.Helper()
	s := memstore.New(memstore.Options{Now: func() time.Time { return time.Now().Add(-planAge) }})
	draft, err := s.Stage(t.Context(), strings.TrimPrefix(planPath, "/"), strings.NewReader(plan()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := draft.Commit(t.Context(), store.Any); err != nil {
		t.Fatal(err)
	}
	h, err := origin.New(origin.Options{Store: s, CacheControl: func(string) string { return "max-age=60" }})
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "ETag")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, PUT")
			w.Header().Set("Access-Control-Allow-Headers", "If-Match, If-None-Match")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// A layer stands in front of a server and does something wrong, or leaves out what a server may
// leave out.
type layer func(next http.Handler) http.Handler

// layers puts one on another, the first in front.
func layers(all ...layer) layer {
	return func(next http.Handler) http.Handler {
		for _, l := range slices.Backward(all) {
			next = l(next)
		}
		return next
	}
}

// asking changes requests.
func asking(change func(r *http.Request)) layer {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			change(r)
			next.ServeHTTP(w, r)
		})
	}
}

// answering changes responses. What it is given of the request is as it came.
func answering(change func(r *http.Request, w *response)) layer {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen := r.Clone(r.Context())
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			resp := &response{status: rec.Code, header: rec.Header(), content: rec.Body.Bytes()}
			change(seen, resp)
			for name, values := range resp.header {
				w.Header()[name] = values
			}
			if len(resp.header["Date"]) == 0 {
				w.Header()["Date"] = nil
			}
			w.WriteHeader(resp.status)
			w.Write(resp.content)
		})
	}
}

type response struct {
	status  int
	header  http.Header
	content []byte
}

// tag returns the tag of a response, unless it is that of an error page.
func (w *response) tag() (string, bool) {
	tag := w.header.Get("ETag")
	return tag, tag != "" && (w.status < 400 || w.status == http.StatusPreconditionFailed)
}

// without removes fields of requests.
func without(names ...string) layer {
	return asking(func(r *http.Request) {
		for _, name := range names {
			r.Header.Del(name)
		}
	})
}

// when changes requests that have all the fields.
func when(change func(r *http.Request), names ...string) layer {
	return asking(func(r *http.Request) {
		for _, name := range names {
			if r.Header.Values(name) == nil {
				return
			}
		}
		change(r)
	})
}

// drop removes fields.
func drop(names ...string) func(r *http.Request) {
	return func(r *http.Request) {
		for _, name := range names {
			r.Header.Del(name)
		}
	}
}

// refuse makes requests that fail a precondition.
func refuse(r *http.Request) { r.Header.Set("If-Match", `"refused"`) }

// whenValue changes requests in which the combined value of a field is of a kind.
func whenValue(name string, is func(value string) bool, change func(r *http.Request)) layer {
	return when(func(r *http.Request) {
		if is(strings.Join(r.Header.Values(name), ", ")) {
			change(r)
		}
	}, name)
}

func contains(part string) func(string) bool {
	return func(value string) bool { return strings.Contains(value, part) }
}

func isDate(value string) bool {
	_, err := time.Parse(http.TimeFormat, value)
	return err == nil
}

// gone removes fields from responses of the status, or from all with 0.
func gone(status int, names ...string) layer {
	return answering(func(_ *http.Request, w *response) {
		if status == 0 || w.status == status {
			for _, name := range names {
				w.header.Del(name)
			}
		}
	})
}

// also adds a field to responses of the status.
func also(status int, name, value string) layer {
	return answering(func(_ *http.Request, w *response) {
		if w.status == status {
			w.header.Set(name, value)
		}
	})
}

// instead answers requests that a function picks.
func instead(picks func(r *http.Request) bool, status int) layer {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if picks(r) {
				w.WriteHeader(status)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// retagged changes the tag of all responses.
func retagged(change func(r *http.Request, w *response, tag string) string) layer {
	return answering(func(r *http.Request, w *response) {
		if tag, ok := w.tag(); ok {
			w.header.Set("ETag", change(r, w, tag))
		}
	})
}

// shifted is a server whose files are later by d than they are.
func shifted(d time.Duration) layer {
	shift := func(h http.Header, name string, d time.Duration) {
		if date, err := http.ParseTime(h.Get(name)); err == nil {
			h.Set(name, date.Add(d).UTC().Format(http.TimeFormat))
		}
	}
	return layers(
		answering(func(_ *http.Request, w *response) { shift(w.header, "Last-Modified", d) }),
		asking(func(r *http.Request) {
			for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
				shift(r.Header, name, -d)
			}
		}),
	)
}

// What a server may leave out, or do otherwise, without being wrong.
var (
	noTags    = gone(0, "ETag")
	noDates   = gone(0, "Last-Modified")
	noRanges  = layers(gone(0, "Accept-Ranges"), without("Range", "If-Range"))
	noCodings = layers(gone(0, "Vary"), asking(func(r *http.Request) { r.Header.Set("Accept-Encoding", "identity") }))
)

// listed reports whether a value is not just one tag.
func listed(value string) bool { return strings.ContainsAny(value, ",*") }

func firstLine(name string) layer {
	return when(func(r *http.Request) { r.Header.Set(name, r.Header.Values(name)[0]) }, name)
}

func lastModified(h http.Handler, r *http.Request) time.Time {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(r.Context(), http.MethodGet, planPath, nil))
	date, _ := http.ParseTime(rec.Header().Get("Last-Modified"))
	return date
}

// byDate changes requests by how a date in them compares with that of the plan.
func byDate(name string, change func(r *http.Request, compared int)) layer {
	return func(next http.Handler) http.Handler {
		return when(func(r *http.Request) {
			if date, err := http.ParseTime(r.Header.Get(name)); err == nil {
				change(r, date.Compare(lastModified(next, r)))
			}
		}, name)(next)
	}
}

// A fault is a server with one thing wrong.
type fault struct {
	name string
	layer
}

func isGet(r *http.Request) bool { return r.Method == http.MethodGet }

// counting numbers the responses that a layer sees.
func counting(change func(n int64, w *response)) layer {
	var n atomic.Int64
	return answering(func(r *http.Request, w *response) {
		if w.status == http.StatusOK && isGet(r) && r.URL.Path == planPath {
			change(n.Add(1), w)
		}
	})
}

// coding returns the content coding that a tag of the plan has the mark of.
func coding(tag string) string {
	for _, c := range []string{"gzip", "br", "zstd"} {
		if strings.HasSuffix(tag, "-"+c+`"`) {
			return c
		}
	}
	return ""
}

// unmark takes the mark of a coding off a tag.
func unmark(tag string) string {
	if c := coding(tag); c != "" {
		return strings.TrimSuffix(tag, "-"+c+`"`) + `"`
	}
	return tag
}

func readFaults() []fault {
	tags := []fault{
		{"no validators", layers(noTags, noDates)},
		{"tags without quotes", retagged(func(_ *http.Request, _ *response, tag string) string { return strings.Trim(tag, `"`) })},
		{"tags quoted twice", retagged(func(_ *http.Request, _ *response, tag string) string { return `"` + tag + `"` })},
		{"two tags", answering(func(_ *http.Request, w *response) {
			if tag, ok := w.tag(); ok {
				w.header["Etag"] = []string{tag, `"mine"`}
			}
		})},
		{"tag 0 for everything", layers(noCodings,
			retagged(func(*http.Request, *response, string) string { return `"0"` }),
			asking(func(r *http.Request) {
				for _, name := range []string{"If-Match", "If-None-Match", "If-Range"} {
					for i, value := range r.Header.Values(name) {
						r.Header[name][i] = strings.ReplaceAll(value, `"0"`, planTag)
					}
				}
			}))},
		{"weak tags", retagged(func(_ *http.Request, _ *response, tag string) string { return "W/" + tag })},
		{"another tag each time", counting(func(n int64, w *response) { w.header.Set("ETag", fmt.Sprintf(`"%d"`, n)) })},
		{"content that the tag does not cover", layers(noCodings, counting(func(n int64, w *response) {
			w.content = bytes.ReplaceAll(w.content, []byte("day 7"), []byte(fmt.Sprintf("day %d", n%10)))
		}))},
	}
	dates := []fault{
		{"dates in local time", answering(func(_ *http.Request, w *response) {
			if date := w.header.Get("Last-Modified"); date != "" {
				w.header.Set("Last-Modified", strings.TrimSuffix(date, "GMT")+"+0000")
			}
		})},
		{"modified in the future", shifted(planAge + 2*time.Hour)},
		{"modified just now, each time", counting(func(n int64, w *response) {
			w.header.Set("Last-Modified", time.Now().Add(time.Duration(n-1000)*time.Second).UTC().Format(http.TimeFormat))
		})},
		{"no Date", gone(0, "Date")},
		{"two Dates", answering(func(_ *http.Request, w *response) {
			now := time.Now().UTC().Format(http.TimeFormat)
			w.header["Date"] = []string{now, now}
		})},
		{"clock an hour behind", answering(func(_ *http.Request, w *response) {
			w.header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		})},
	}
	head := []fault{
		{"no HEAD", instead(func(r *http.Request) bool { return r.Method == http.MethodHead }, http.StatusMethodNotAllowed)},
		{"HEAD with another tag", retagged(func(r *http.Request, _ *response, tag string) string {
			if r.Method == http.MethodHead {
				return `"head"`
			}
			return tag
		})},
		{"HEAD without tag", answering(func(r *http.Request, w *response) {
			if r.Method == http.MethodHead {
				w.header.Del("ETag")
			}
		})},
		{"HEAD with length 0", answering(func(r *http.Request, w *response) {
			if r.Method == http.MethodHead && w.status == http.StatusOK {
				w.header.Set("Content-Length", "0")
			}
		})},
	}
	servers := []fault{{"Go's http.FileServer", func(http.Handler) http.Handler {
		return http.FileServerFS(fstest.MapFS{strings.TrimPrefix(planPath, "/"): {Data: []byte(plan()), ModTime: time.Now().Add(-planAge)}})
	}}}
	return slices.Concat(servers, tags, dates, head, cacheFaults(), matchFaults(), orderFaults(), rangeFaults(), codingFaults(), fieldFaults())
}

// planTag is the tag of the plan without a coding.
var planTag = func() string {
	rec := httptest.NewRecorder()
	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{})})
	if err != nil {
		panic(err)
	}
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodPut, planPath, strings.NewReader(plan())))
	return rec.Header().Get("ETag")
}()

func cacheFaults() []fault {
	matches := func(value string) bool { return strings.Contains(value, strings.Trim(planTag, `"`)) }
	return []fault{
		{"If-None-Match ignored", without("If-None-Match")},
		{"412 to If-None-Match", answering(func(r *http.Request, w *response) {
			if r.Header.Get("If-None-Match") != "" && w.status == http.StatusNotModified {
				w.status = http.StatusPreconditionFailed
			}
		})},
		{"If-None-Match ignored with HEAD", asking(func(r *http.Request) {
			if r.Method == http.MethodHead {
				r.Header.Del("If-None-Match")
			}
		})},
		{"If-None-Match compared strongly", whenValue("If-None-Match", contains("W/"), drop("If-None-Match"))},
		{"If-None-Match compared as a whole", whenValue("If-None-Match", listed, drop("If-None-Match"))},
		{"first line of If-None-Match only", firstLine("If-None-Match")},
		{"If-None-Match: * ignored", whenValue("If-None-Match", contains("*"), drop("If-None-Match"))},
		{"304 to any If-None-Match", when(func(r *http.Request) { r.Header.Set("If-None-Match", "*") }, "If-None-Match")},
		{"304 to any tag with --gzip", whenValue("If-None-Match", contains("--gzip"),
			func(r *http.Request) { r.Header.Set("If-None-Match", "*") })},
		{"304 to a tag without quotes", whenValue("If-None-Match", func(v string) bool { return !strings.ContainsAny(v, `"*`) },
			func(r *http.Request) { r.Header.Set("If-None-Match", "*") })},
		{"both If-None-Match and If-Modified-Since must match", byDate("If-Modified-Since", func(r *http.Request, compared int) {
			if compared < 0 {
				r.Header.Del("If-None-Match")
			}
		})},
		{"either If-None-Match or If-Modified-Since must match", when(func(r *http.Request) {
			if !matches(r.Header.Get("If-None-Match")) {
				r.Header.Del("If-None-Match")
			}
		}, "If-None-Match", "If-Modified-Since")},
		{"If-Modified-Since ignored", without("If-Modified-Since")},
		{"time of modification with parts of a second", asking(func(r *http.Request) {
			for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
				if date, err := http.ParseTime(r.Header.Get(name)); err == nil {
					r.Header.Set(name, date.Add(-time.Second).Format(http.TimeFormat))
				}
			}
		})},
		{"If-Modified-Since compared as text", byDate("If-Modified-Since", func(r *http.Request, compared int) {
			if compared > 0 {
				r.Header.Del("If-Modified-Since")
			}
		})},
		{"304 to any If-Modified-Since",
			when(func(r *http.Request) { r.Header.Set("If-Modified-Since", time.Now().UTC().Format(http.TimeFormat)) },
				"If-Modified-Since")},
		{"dates read as local time", asking(func(r *http.Request) {
			for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
				if date, err := http.ParseTime(r.Header.Get(name)); err == nil {
					r.Header.Set(name, date.Add(time.Hour).Format(http.TimeFormat))
				}
			}
		})},
		{"one form of dates", asking(func(r *http.Request) {
			for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
				if !isDate(r.Header.Get(name)) {
					r.Header.Del(name)
				}
			}
		})},
		{"304 to what is no date", whenValue("If-Modified-Since", func(v string) bool { return v == "yesterday" },
			func(r *http.Request) { r.Header.Set("If-None-Match", "*") })},
		{"time zones passed over", when(func(r *http.Request) {
			if date, zone := r.Header.Get("If-Modified-Since"), " +0200"; strings.HasSuffix(date, zone) {
				r.Header.Set("If-Modified-Since", strings.TrimSuffix(date, zone)+" GMT")
			}
		}, "If-Modified-Since")},
	}
}

func matchFaults() []fault {
	return []fault{
		{"If-Match ignored", without("If-Match")},
		{"500 instead of 412", answering(func(_ *http.Request, w *response) {
			if w.status == http.StatusPreconditionFailed {
				w.status = http.StatusInternalServerError
			}
		})},
		{"If-Match compared with another tag", whenValue("If-Match", func(v string) bool { return v != "*" }, refuse)},
		{"If-Match compared weakly", when(func(r *http.Request) {
			for i, value := range r.Header.Values("If-Match") {
				r.Header["If-Match"][i] = strings.ReplaceAll(value, "W/", "")
			}
		}, "If-Match")},
		{"If-Match: * refused", whenValue("If-Match", contains("*"), refuse)},
		{"If-Match compared as a whole", whenValue("If-Match", listed, refuse)},
		{"first line of If-Match only", firstLine("If-Match")},
		{"If-Unmodified-Since ignored", without("If-Unmodified-Since")},
		{"412 to what is no date", whenValue("If-Unmodified-Since", func(v string) bool { return v == "yesterday" }, refuse)},
	}
}

func orderFaults() []fault {
	return []fault{
		{"both If-Match and If-Unmodified-Since must hold", byDate("If-Unmodified-Since", func(r *http.Request, compared int) {
			if compared < 0 {
				r.Header.Del("If-Match")
			}
		})},
		{"If-Unmodified-Since instead of If-Match", when(drop("If-Match"), "If-Match", "If-Unmodified-Since")},
		{"If-None-Match before If-Match", when(drop("If-Match"), "If-Match", "If-None-Match")},
		{"If-Modified-Since before If-Match", when(drop("If-Match"), "If-Match", "If-Modified-Since")},
		{"If-None-Match before If-Unmodified-Since", when(drop("If-Unmodified-Since"), "If-Unmodified-Since", "If-None-Match")},
		{"If-Modified-Since before If-Unmodified-Since", when(drop("If-Unmodified-Since"), "If-Unmodified-Since", "If-Modified-Since")},
		{"everything if If-Unmodified-Since holds", byDate("If-Unmodified-Since", func(r *http.Request, compared int) {
			if compared >= 0 {
				drop("If-None-Match", "If-Modified-Since")(r)
			}
		})},
		{"Range before If-Match", when(drop("If-Match", "If-Unmodified-Since"), "Range")},
		{"Range before If-None-Match", when(drop("If-None-Match", "If-Modified-Since"), "Range")},
	}
}

func rangeFaults() []fault {
	partial := func(change func(r *http.Request, w *response)) layer {
		return answering(func(r *http.Request, w *response) {
			if w.status == http.StatusPartialContent {
				change(r, w)
			}
		})
	}
	several := func(w *response) bool { return strings.HasPrefix(w.header.Get("Content-Type"), "multipart/") }
	return []fault{
		{"no ranges, but said to be there", without("Range")},
		{"only ranges with both ends", whenValue("Range", func(v string) bool { return strings.Contains(v, "=-") || strings.HasSuffix(v, "-") },
			drop("Range"))},
		{"206 without Content-Range", partial(func(_ *http.Request, w *response) { w.header.Del("Content-Range") })},
		{"everything as 206", answering(func(r *http.Request, w *response) {
			if w.status == http.StatusPartialContent && !several(w) && r.Header.Get("Range") != "bytes=0-0" &&
				w.header.Get("Content-Encoding") == "" {
				w.content = []byte(plan())
				w.header.Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(w.content)-1, len(w.content)))
				w.header.Set("Content-Length", fmt.Sprint(len(w.content)))
			}
		})},
		{"parts of something else", partial(func(_ *http.Request, w *response) {
			if !several(w) {
				w.content = bytes.ToUpper(w.content)
			}
		})},
		{"a multipart for a single range", partial(func(_ *http.Request, w *response) {
			w.header.Set("Content-Type", "multipart/byteranges; boundary=x")
		})},
		{"the last bytes are the first", whenValue("Range", contains("=-"), func(r *http.Request) {
			r.Header.Set("Range", strings.Replace(r.Header.Get("Range"), "=-", "=0-", 1))
		})},
		{"416 to a range past the end", instead(func(r *http.Request) bool {
			var first, last int64
			n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last)
			return n == 2 && last >= int64(len(plan()))
		}, http.StatusRequestedRangeNotSatisfiable)},
		{"positions that overflow", instead(func(r *http.Request) bool { return strings.Contains(r.Header.Get("Range"), "9999999999999999999") },
			http.StatusBadRequest)},
		{"parts without their place", partial(func(_ *http.Request, w *response) {
			if several(w) {
				w.content = bytes.ReplaceAll(w.content, []byte("Content-Range"), []byte("X-Was-Range--"))
			}
		})},
		{"a multipart with a place of its own", partial(func(_ *http.Request, w *response) {
			if several(w) {
				w.header.Set("Content-Range", "bytes 0-1/5")
			}
		})},
		{"a multipart that is broken off", partial(func(_ *http.Request, w *response) {
			if several(w) {
				w.content = w.content[:len(w.content)/2]
				w.header.Del("Content-Length")
			}
		})},
		{"Range with HEAD", answering(func(r *http.Request, w *response) {
			if r.Method == http.MethodHead && r.Header.Get("Range") != "" && w.status == http.StatusOK {
				w.status = http.StatusPartialContent
			}
		})},
		{"206 to a range behind the end", answering(func(r *http.Request, w *response) {
			if w.status == http.StatusRequestedRangeNotSatisfiable && r.Header.Get("Range") == fmt.Sprintf("bytes=%d-", len(plan())) {
				w.status, w.content = http.StatusPartialContent, nil
				w.header.Del("Content-Length")
			}
		})},
		{"416 without the length", gone(416, "Content-Range")},
		{"ranges that nobody is told of", gone(0, "Accept-Ranges")},
		{"If-Range ignored", without("If-Range")},
		{"Squid 5.7, whose 200 to a stale If-Range goes on from the offset", answering(func(r *http.Request, w *response) {
			var first int
			if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first); n == 1 && r.Header.Get("If-Range") != "" &&
				w.status == http.StatusOK {
				w.content = append(w.content[first:], w.content[:first]...)
			}
		})},
		{"Community Solid Server 7, which knows no first byte and no If-Range", layers(
			instead(func(r *http.Request) bool { return r.Header.Get("Range") == "bytes=0-0" }, http.StatusRequestedRangeNotSatisfiable),
			without("If-Range"))},
		{"If-Range for dates only", whenValue("If-Range", contains(`"`), drop("Range"))},
		{"If-Range for tags only, which there are none of", layers(noTags, whenValue("If-Range", isDate, drop("Range")))},
		{"If-Range compared weakly",
			when(func(r *http.Request) { r.Header.Set("If-Range", strings.TrimPrefix(r.Header.Get("If-Range"), "W/")) }, "If-Range")},
		{"If-Range with any later date", byDate("If-Range", func(r *http.Request, compared int) {
			if compared >= 0 {
				r.Header.Del("If-Range")
			}
		})},
	}
}

func codingFaults() []fault {
	marked := func(value string) bool { return coding(value) != "" }
	return []fault{
		{"one strong tag for all codings", retagged(func(_ *http.Request, _ *response, tag string) string { return unmark(tag) })},
		{"no Vary", gone(0, "Vary")},
		{"no tag when compressed", answering(func(_ *http.Request, w *response) {
			if w.header.Get("Content-Encoding") != "" {
				w.header.Del("ETag")
			}
		})},
		{"weak tags when compressed", retagged(func(_ *http.Request, _ *response, tag string) string {
			if marked(tag) {
				return "W/" + unmark(tag)
			}
			return tag
		})},
		{"weak tags when compressed, but not in a 304", retagged(func(_ *http.Request, w *response, tag string) string {
			if marked(tag) && w.status != http.StatusNotModified {
				return "W/" + tag
			}
			return tag
		})},
		{"marks of codings unknown to If-None-Match", whenValue("If-None-Match", marked, drop("If-None-Match"))},
		{"marks of codings unknown to If-Match", whenValue("If-Match", marked, refuse)},
		{"marks of codings passed over", answering(func(r *http.Request, w *response) {
			if w.status == http.StatusNotModified && r.Header.Get("Accept-Encoding") == "identity" {
				w.header.Set("ETag", unmark(w.header.Get("ETag")))
			}
		})},
		{"parts compressed one by one", answering(func(r *http.Request, w *response) {
			if w.status == http.StatusPartialContent && r.Header.Get("Accept-Encoding") == "gzip" {
				w.content = compress([]byte(plan())[10:20])
				w.header.Set("Content-Encoding", "gzip")
				w.header.Set("Content-Length", fmt.Sprint(len(w.content)))
			}
		})},
		{"parts compressed after they were cut, as by Jetty, Tomcat and Express", layers(
			answering(func(r *http.Request, w *response) {
				if w.status == http.StatusPartialContent && len(w.content) >= 1024 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
					w.content = compress(w.content)
					w.header.Set("Content-Encoding", "gzip")
					w.header.Del("Content-Length")
				}
			}),
			when(func(r *http.Request) { r.Header.Set("Accept-Encoding", "identity") }, "Range"))},
		{"If-Range with the tag of any coding", when(func(r *http.Request) {
			if strings.HasPrefix(r.Header.Get("If-Range"), strings.TrimSuffix(planTag, `"`)) {
				r.Header.Del("If-Range")
			}
		}, "If-Range")},
	}
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(content)
	w.Close()
	return b.Bytes()
}

func fieldFaults() []fault {
	elsewhere := func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "no-such") && r.Header.Get("If-Match") != ""
	}
	return []fault{
		{"how long it is fresh is left to guess", gone(0, "Cache-Control")},
		{"Cache-Control that says all but how long", also(200, "Cache-Control", "public, must-revalidate, s-maxage=60")},
		{"304 without Cache-Control", gone(304, "Cache-Control")},
		{"304 with another tag", also(304, "ETag", `"another"`)},
		{"304 without the mark of the coding", retagged(func(_ *http.Request, w *response, tag string) string {
			if w.status == http.StatusNotModified {
				return unmark(tag)
			}
			return tag
		})},
		{"304 with length 0", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				if rec.Code == http.StatusNotModified {
					raw304(w, rec.Header())
					return
				}
				for name, values := range rec.Header() {
					w.Header()[name] = values
				}
				w.WriteHeader(rec.Code)
				w.Write(rec.Body.Bytes())
			})
		}},
		{"304 with Content-Language", also(304, "Content-Language", "en")},
		{"206 without tag", gone(206, "ETag")},
		{"206 with a tag of its own", also(206, "ETag", `"part"`)},
		{"412 with another tag", also(412, "ETag", `"error-page"`)},
		{"412 to be kept", also(412, "Cache-Control", "public, max-age=600")},
		{"416 to be kept", layers(gone(416, "Cache-Control"), also(416, "Expires", "Fri, 31 Dec 2100 23:59:59 GMT"))},
		{"412 about what does not exist", instead(elsewhere, http.StatusPreconditionFailed)},
		{"304 instead of a redirect", instead(func(r *http.Request) bool { return r.URL.Path == "/docs" && r.Header.Get("If-None-Match") == "*" },
			http.StatusNotModified)},
		{"tags not exposed to scripts", gone(0, "Access-Control-Expose-Headers")},
		{"304 not for scripts", gone(304, "Access-Control-Allow-Origin")},
		{"If-Match not allowed to scripts", gone(204, "Access-Control-Allow-Headers")},
	}
}

// raw304 sends a 304 with Content-Length: 0, which net/http would not.
func raw304(w http.ResponseWriter, header http.Header) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	header = header.Clone()
	header.Set("Content-Length", "0")
	header.Set("Connection", "close")
	io.WriteString(buffered, "HTTP/1.1 304 Not Modified\r\n")
	header.Write(buffered)
	io.WriteString(buffered, "\r\n")
	buffered.Flush()
}

// fakeOf is the fault with a name.
func fakeOf(name string) layer {
	for _, f := range readFaults() {
		if f.name == name {
			return f.layer
		}
	}
	panic("no fault is named " + name)
}

func hoursOf(n int) time.Duration { return time.Duration(n) * time.Hour }
