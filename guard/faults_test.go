package guard_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
)

// eachFault runs a test in front of every bad backend.
func eachFault(t *testing.T, test func(t *testing.T, b *backend, g *guarded)) {
	for _, f := range faults {
		t.Run(string(f), func(t *testing.T) {
			b := newBackend(f)
			test(t, b, protect(t, b))
		})
	}
}

// text is content that is worth compressing, and the same for the same name.
func text(name string) string {
	return strings.Repeat(name+" says: a line of a text that repeats itself\n", 40)
}

// TestPreconditions goes through the life of a resource: what is asked for by its
// current tag is done, and what is asked for by another is not.
func TestPreconditions(t *testing.T) { eachFault(t, lifeOfAResource) }

func lifeOfAResource(t *testing.T, b *backend, g *guarded) {
	g.want(g.do("PUT", "/a", text("first"), "If-Match: *"), 412)
	created := g.want(g.do("PUT", "/a", text("first"), "If-None-Match: *"), 200, 201)
	g.want(g.do("PUT", "/a", text("other"), "If-None-Match: *"), 412)

	read := g.want(g.do("GET", "/a", ""), 200)
	first := read.tag()
	if !strings.HasPrefix(first, `"`) {
		t.Fatalf("ETag %q is not strong", first)
	}
	if b.fault != gzipsUnasked && created.tag() != first {
		t.Errorf("the answer to PUT has ETag %q, that to GET %q", created.tag(), first)
	}
	if again := g.do("GET", "/a", "").tag(); again != first {
		t.Errorf("the ETag was %s and is now %s", first, again)
	}
	if head := g.want(g.do("HEAD", "/a", ""), 200); head.tag() != first || head.Get("Content-Length") != read.Get("Content-Length") {
		t.Errorf("HEAD has ETag %s and Content-Length %s, want %s and %s", head.tag(), head.Get("Content-Length"), first,
			read.Get("Content-Length"))
	}
	g.want(g.do("GET", "/a", "", "If-None-Match: "+first), 304)
	g.want(g.do("GET", "/a", "", "If-None-Match: W/"+first), 304)
	g.want(g.do("GET", "/a", "", `If-None-Match: "other"`), 200)
	g.want(g.do("GET", "/a", "", `If-Match: "other"`), 412)
	g.want(g.do("GET", "/a", "", "If-Match: "+first), 200)
	g.want(g.do("HEAD", "/a", "", "If-None-Match: "+first), 304)

	g.want(g.do("PUT", "/a", text("bad"), "If-Match: "+strings.Trim(first, `"`)), 400)
	g.want(g.do("PUT", "/a", text("bad"), "If-Match: W/"+first), 412)
	g.want(g.do("PUT", "/a", text("bad"), `If-Match: "other"`), 412)
	if got := b.content("/a"); got != text("first") {
		t.Fatalf("a refused write changed the content to %.20q", got)
	}
	g.want(g.do("PUT", "/a", text("second"), "If-Match: "+first), 200, 204)
	if got := b.content("/a"); got != text("second") {
		t.Fatalf("the content is %.20q", got)
	}
	late := g.want(g.do("PUT", "/a", text("third"), "If-Match: "+first), 412)
	second := g.want(g.do("GET", "/a", "", "If-None-Match: "+first), 200).tag()
	if late.tag() != second {
		t.Errorf("the 412 has ETag %s, the resource %s", late.tag(), second)
	}
	g.want(g.do("DELETE", "/a", "", "If-Match: "+first), 412)
	g.want(g.do("DELETE", "/a", "", "If-Match: "+second), 200, 204)
	g.want(g.do("DELETE", "/a", "", "If-Match: "+second), 404)
	g.want(g.do("PUT", "/a", text("third"), "If-Match: "+second), 412)
	g.want(g.do("GET", "/a", "", `If-None-Match: "x"`), 404)
}

// TestRefusalsExplain: a 412 says which field decided, what is current, and whether
// the content is stored already.
func TestRefusalsExplain(t *testing.T) {
	b := newBackend(noTag)
	g := protect(t, b)
	b.store("/a", []byte(text("stored")))
	tag := g.do("GET", "/a", "").tag()
	for _, c := range []struct {
		content, reason string
	}{
		{text("other"), "none-matched"},
		{text("stored"), "already-applied"},
	} {
		r := g.want(g.do("PUT", "/a", c.content, `If-Match: "stale"`), 412)
		var p struct {
			Rule, Precondition, Sent, Reason, Hint string
			Current                                struct{ ETag string }
		}
		if err := json.Unmarshal([]byte(r.body), &p); err != nil {
			t.Fatalf("%v in %s", err, r.body)
		}
		if p.Rule != "if-match-none-matched" || p.Precondition != "If-Match" || p.Sent != `"stale"` || p.Current.ETag != tag ||
			p.Reason != c.reason || p.Hint == "" {
			t.Errorf("got %+v, want the reason %s and the ETag %s", p, c.reason, tag)
		}
	}
}

// TestResume: a part is only ever continued by a part of the same version and
// coding.
func TestResume(t *testing.T) { eachFault(t, resumes) }

func resumes(t *testing.T, b *backend, g *guarded) {
	b.store("/a", []byte(text("first")))
	whole := g.do("GET", "/a", "")
	part := g.want(g.do("GET", "/a", "", "Range: bytes=20-", "If-Range: "+whole.tag()), 206)
	if got := whole.body[:20] + part.body; got != whole.body {
		t.Error("the parts are not the whole")
	}
	for _, name := range []string{"Etag", "Last-Modified", "Content-Type", "Vary"} {
		if got, want := part.Get(name), whole.Get(name); got != want {
			t.Errorf("the part has %s: %s, the whole %s", name, got, want)
		}
	}
	if digest := part.Get("Content-Digest"); digest != "" {
		t.Errorf("the part has the digest %s", digest)
	}
	g.want(g.do("GET", "/a", "", "Range: bytes=20-", "If-Range: W/"+whole.tag()), 200)
	g.want(g.do("GET", "/a", "", "Range: bytes=100000-"), 416)
	if r := g.want(g.do("GET", "/a", "", "Range: bytes=0-9,20-29"), 206); !strings.HasPrefix(r.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("Content-Type %s", r.Get("Content-Type"))
	}
	b.store("/a", []byte(text("fir5t")))
	changed := g.want(g.do("GET", "/a", "", "Range: bytes=20-", "If-Range: "+whole.tag()), 200)
	if changed.tag() == whole.tag() {
		t.Error("other content has the same ETag")
	}
	if b.fault != gzipsUnasked && changed.body != text("fir5t") {
		t.Errorf("got %.100q", changed.body)
	}
}

// TestGzipEditorSaves: who loads under gzip gets a tag of its own, and can save by it.
// A download begun under gzip is resumed as identity from its start, and never spliced.
func TestGzipEditorSaves(t *testing.T) { eachFault(t, gzipEditorSaves) }

func gzipEditorSaves(t *testing.T, b *backend, g *guarded) {
	b.store("/a", []byte(text("first")))
	identity := g.do("GET", "/a", "", "Accept-Encoding: identity")
	loaded := g.want(g.do("GET", "/a", "", "Accept-Encoding: gzip"), 200)
	if loaded.Get("Content-Encoding") != "gzip" {
		t.Fatalf("Content-Encoding %q", loaded.Get("Content-Encoding"))
	}
	if b.fault != gzipsUnasked && loaded.tag() == identity.tag() {
		t.Error("the codings have one ETag")
	}
	if !strings.Contains(strings.Join(loaded.Values("Vary"), ","), "Accept-Encoding") {
		t.Errorf("Vary %q", loaded.Values("Vary"))
	}
	if head := g.want(g.do("HEAD", "/a", "", "Accept-Encoding: gzip"), 200); head.tag() != loaded.tag() ||
		head.Get("Content-Encoding") != "gzip" || head.Get("Content-Length") != loaded.Get("Content-Length") {
		t.Errorf("HEAD has %v", head.Header)
	}
	known := [][]string{{"Accept-Encoding: gzip", "If-None-Match: " + loaded.tag()}, {"If-None-Match: " + identity.tag()}}
	if date := identity.Get("Last-Modified"); date != "" {
		known = append(known, []string{"If-Modified-Since: " + date})
	}
	for _, fields := range known {
		r := g.want(g.do("GET", "/a", "", fields...), 304)
		if got, want := strings.Join(r.Values("Vary"), ", "), strings.Join(identity.Values("Vary"), ", "); got != want {
			t.Errorf("a 304 to %q has Vary: %s, the 200 %s", fields, got, want)
		}
	}
	resumed := g.do("GET", "/a", "", "Accept-Encoding: gzip", "Range: bytes=10-", "If-Range: "+loaded.tag())
	if g.want(resumed, 206); loaded.body[:10]+resumed.body != loaded.body {
		t.Error("the parts of the gzip are not the whole")
	}
	if b.fault != gzipsUnasked {
		r := g.want(g.do("GET", "/a", "", "Accept-Encoding: identity", "Range: bytes=10-", "If-Range: "+loaded.tag()), 200)
		if r.body != text("first") {
			t.Error("a gzip was continued as identity")
		}
	}
	g.want(g.do("PUT", "/a", text("saved"), "If-Match: "+loaded.tag()), 200, 204)
	g.want(g.do("PUT", "/a", text("again"), "If-Match: "+loaded.tag()), 412)
}

// TestDates: what is only known by date is still found, and what cannot be a date is
// not passed on.
func TestDates(t *testing.T) { eachFault(t, dates) }

func dates(t *testing.T, b *backend, g *guarded) {
	b.store("/a", []byte(text("first")))
	modified := g.do("GET", "/a", "").Get("Last-Modified")
	if b.fault == futureModified {
		if modified != "" {
			t.Errorf("Last-Modified %s is in the future", modified)
		}
		return
	}
	g.want(g.do("GET", "/a", "", "If-Modified-Since: "+modified), 304)
	g.want(g.do("GET", "/a", "", `If-None-Match: "other"`, "If-Modified-Since: "+modified), 200)
	g.want(g.do("PUT", "/a", text("second"), "If-Unmodified-Since: "+modified), 200, 204)
	g.want(g.do("PUT", "/a", text("third"), "If-Unmodified-Since: "+modified), 412)
}

// TestReported: what is wrong with the backend's validators is in the record.
func TestReported(t *testing.T) {
	wanted := map[fault]string{
		unquoted: "unquoted", emptyTag: "empty", duplicate: "several", futureModified: "date-in-future", goodTags: "", noTag: "",
	}
	for f, want := range wanted {
		t.Run(string(f), func(t *testing.T) {
			b := newBackend(f)
			b.store("/a", []byte("x"))
			records := make(chan observe.Record, 1)
			g := protect(t, b, observed(records))
			g.do("GET", "/a", "")
			rec := <-records
			if rec.Backend.Fault != want || rec.Validator != observe.FromContent || rec.Current.IsZero() {
				t.Errorf("fault %q, validator %v, tag %v; want %q and a content tag", rec.Backend.Fault, rec.Validator, rec.Current, want)
			}
		})
	}
}

// TestLogHasNoSecrets: what lets a reader in is not in the lines about what went wrong.
func TestLogHasNoSecrets(t *testing.T) {
	s := answering(t, "no HTTP at all")
	t.Cleanup(s.Close)
	var log bytes.Buffer
	g := protectServer(t, s, func(o *guard.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	g.want(g.do("GET", "/list;jsessionid=A1B2C3D4E5F6?token=hidden", ""), 502)
	if text := log.String(); !strings.Contains(text, "/list") || strings.Contains(text, "A1B2C3") || strings.Contains(text, "hidden") {
		t.Errorf("the log has %s", text)
	}
}
