package resource_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

func put(t *testing.T, s store.Store, name, content string) store.Info {
	t.Helper()
	d, err := s.Stage(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	info, err := d.Commit(t.Context(), store.Any)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

var style = strings.Repeat("a { color: red }\n", 100)

// TestFields: what every answer about a revision says of it, whoever answers.
func TestFields(t *testing.T) {
	s := memstore.New(memstore.Options{})
	c := resource.New(resource.Options{Store: s, CacheControl: func(name string) string {
		return map[string]string{"a b.css": "max-age=60"}[name]
	}})
	small, large := put(t, s, "r&d/note.txt", "one"), put(t, s, "a b.css", style)
	for _, w := range []struct {
		info                           store.Info
		path, mediaType, length, cache string
		negotiable                     bool
	}{
		{small, "/r&d/note.txt", "text/plain; charset=utf-8", "3", "", false},
		{large, "/a%20b.css", "text/css; charset=utf-8", "1700", "max-age=60", true},
	} {
		res := c.Of(w.info)
		if res != c.Of(w.info) {
			t.Errorf("%s is worked out twice", w.info.Name)
		}
		cache := strings.Join(res.CacheControl, "")
		got := [...]string{res.Path[0], res.MediaType[0], res.Length[0], cache}
		if want := [...]string{w.path, w.mediaType, w.length, w.cache}; got != want || res.IsNegotiable() != w.negotiable {
			t.Errorf("got %q, negotiable %t, want %+v", got, res.IsNegotiable(), w)
		}
		h := http.Header{}
		res.Identity.Validators.Set(h, w.info.Modified.Add(time.Minute))
		if h.Get("Etag") != etag.FromDigest(w.info.Digest).String() || h.Get("Last-Modified") != w.info.Modified.Format(http.TimeFormat) {
			t.Errorf("%s: got validators %v", w.info.Name, h)
		}
	}
}

// TestSelection: each coding is a representation with a tag of its own, decodes to the content, and
// names the same revision.
func TestSelection(t *testing.T) {
	s := memstore.New(memstore.Options{})
	c := resource.New(resource.Options{Store: s})
	res := c.Of(put(t, s, "a.css", style))
	now := time.Now()
	seen := map[etag.Tag]bool{}
	for _, name := range []string{coding.Identity, coding.Gzip, coding.Brotli, coding.Zstd} {
		rep := c.SelectWhole(t.Context(), res, resource.Wishes{AcceptEncoding: []string{name + ", *;q=0"}, Now: now})
		content, size, err := c.Open(t.Context(), res, rep)
		if err != nil {
			t.Fatal(err)
		}
		var encoded bytes.Buffer
		if n, err := content.WriteRange(&encoded, 0, size); n != size || err != nil {
			t.Fatalf("%s: %d bytes, %v", name, n, err)
		}
		if err := coding.Verify(name, &encoded, res.Info.Digest, res.Info.Size); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if seen[rep.Tag] || !res.HasTag(rep.Tag) {
			t.Errorf("%s: the tag %s is another representation's, or not of this revision", name, rep.Tag)
		}
		seen[rep.Tag] = true
		current := res.Current(&res.Identity, precondition.Fields{}, now)
		d := precondition.Evaluate(precondition.Origin, "PUT", precondition.Fields{IfMatch: []string{rep.Tag.String()}}, current)
		if d.Outcome != precondition.Perform || !d.Guarded {
			t.Errorf("%s: a write with its tag: %+v, want it performed", name, d)
		}
	}
}

// TestRevisionTags: going back to earlier content is a change, if that is wanted.
func TestRevisionTags(t *testing.T) {
	s := memstore.New(memstore.Options{})
	first := put(t, s, "a.txt", "one")
	put(t, s, "a.txt", "two")
	again := put(t, s, "a.txt", "one")
	for _, revisions := range []bool{false, true} {
		c := resource.New(resource.Options{Store: s, RevisionTags: revisions})
		if same := c.Of(first).Identity.Tag == c.Of(again).Identity.Tag; same == revisions {
			t.Errorf("RevisionTags %t: the tags of equal content are equal: %t", revisions, same)
		}
	}
}

// TestMoved: content that was looked up and is gone is no error of the store.
func TestMoved(t *testing.T) {
	s := memstore.New(memstore.Options{})
	c := resource.New(resource.Options{Store: s})
	info := put(t, s, "a.txt", "one")
	if _, err := s.Delete(t.Context(), "a.txt", store.Any); err != nil {
		t.Fatal(err)
	}
	if purged, err := s.Purge(t.Context(), "a.txt", 0); err != nil || purged == 0 {
		t.Fatal(purged, err)
	}
	if _, err := c.ReadRevision(t.Context(), info); err != resource.ErrMoved {
		t.Errorf("got %v, want %v", err, resource.ErrMoved)
	}
}

// TestPathsAndNames: the path of a name, parsed, is that name again.
func TestPathsAndNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[^/\\\x00-\x1f\x7f]{1,12}(/[^/\\\x00-\x1f\x7f]{1,12}){0,3}`).Draw(t, "name")
		if store.CheckName(name) != nil {
			t.Skip("no name")
		}
		for _, c := range []struct {
			path string
			want resource.Target
		}{
			{resource.PathOf(name), resource.Target{Name: name}},
			{resource.CollectionPathOf(name), resource.Target{Name: name, Slash: true}},
			{resource.RevisionPathOf(name, 7), resource.Target{Name: name, Versioned: true, Revision: 7}},
		} {
			u, err := url.ParseRequestURI(c.path)
			if err != nil {
				t.Fatalf("%q: %v", c.path, err)
			}
			if got, err := resource.ParseTarget(u); err != nil || got != c.want {
				t.Fatalf("%q is %+v (%v), want %+v", c.path, got, err, c.want)
			}
		}
	})
}
