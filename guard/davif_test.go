package guard

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

// TestTranslatedIf: the backend decides of the field that it is sent, by the tag that it has, what the guard would decide of the one that
// came, by all tags that name the state; and a 412 of the guard's own is given only if no locks could make the field true.
func TestTranslatedIf(t *testing.T) {
	content := etag.Of([]byte("bread"))
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		seen := &held{exists: true, content: content, Seen: trust.Seen{Validators: trust.Validators{Date: now, Modified: now.Add(-time.Hour)}}}
		var own []etag.Tag
		switch rapid.SampledFrom([]string{"strong", "weak", "none", "unmapped"}).Draw(t, "backend") {
		case "strong":
			seen.Tag = etag.MustParse(`"v1"`)
			own = append(own, seen.Tag)
		case "weak":
			seen.Tag = etag.MustParse(`W/"v1"`)
			own = append(own, seen.Tag)
		case "unmapped":
			seen = &held{Seen: trust.Seen{Validators: trust.Validators{Date: now}}}
		}
		header := ifheader.Header{Lists: rapid.SliceOfN(rapid.Custom(anyList), 1, 4).Draw(t, "lists")}
		locks := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"urn:a", "urn:b"}), func(s string) string { return s }).Draw(t, "locks")

		x := proxied("client.test")
		x.route.learned = new(trust.Backend)
		x.r.Method, x.r.Header["If"] = "PUT", []string{header.String()}
		x.readIf()
		c := x.stateOf(seen)
		decide := func(h ifheader.Header, tags []etag.Tag, locks []string) bool {
			return ifheader.Evaluate(h, "/", func(string) ifheader.State {
				return ifheader.State{Exists: seen.exists, Tags: tags, Locks: locks}
			}).Holds
		}
		asCame := decide(header, append(x.others(c.Tag, seen), c.Tag), locks)
		if refused := x.verifyIf(nil, seen); refused != nil {
			if asCame {
				t.Errorf("%s was refused, though it holds", header)
			}
			return
		}
		if !x.tagsInIf() {
			return // it passes as it came
		}
		sent, err := ifheader.Parse([]string{x.ifSent})
		if err != nil {
			t.Fatalf("%s became %s: %v", header, x.ifSent, err)
		}
		if atBackend := decide(sent, own, locks); atBackend != asCame {
			t.Errorf("%s holds: %v; it became %s, which holds: %v", header, asCame, sent, atBackend)
		}
		for _, token := range header.Tokens() {
			if !slices.Contains(sent.Tokens(), token) {
				t.Errorf("%s became %s, which does not submit %s", header, sent, token)
			}
		}
	})
}

func anyList(t *rapid.T) ifheader.List {
	return ifheader.List{Conditions: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ifheader.Condition {
		c := ifheader.Condition{Not: rapid.Bool().Draw(t, "not")}
		if rapid.Bool().Draw(t, "token") {
			c.Token = rapid.SampledFrom([]string{"urn:a", "urn:b", "DAV:no-lock"}).Draw(t, "which")
			return c
		}
		c.Tag = rapid.SampledFrom([]etag.Tag{
			etag.Of([]byte("bread")), etag.Of([]byte("bread")).WithCoding("-gzip"),
			etag.MustParse(`"v1"`), etag.MustParse(`"v2"`), etag.MustParse(`W/"v1"`),
		}).Draw(t, "tag")
		return c
	}), 1, 4).Draw(t, "conditions")}
}
