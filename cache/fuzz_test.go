package cache

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// FuzzDirectives holds that whatever stands in Cache-Control, what restricts can be added to it and what permits cannot hide in
// an argument.
func FuzzDirectives(f *testing.F) {
	for _, line := range []string{
		"max-age=60", `no-cache="a, b"`, `private="x`, "max-age =1", `foo="max-age=60", public`, "no-store;max-age=1", "s-maxage=99999999999",
		`"no-store"`, "max-age=1, max-age=x", `a="\"no-store\""`, ",,=,=\"", "public x",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d := ParseResponse([]string{line})
		for _, delta := range []Delta{d.MaxAge, d.SharedMaxAge, d.StaleIfError, d.StaleWhileRevalidate} {
			if delta.Duration < 0 || delta.Duration > Forever || delta.Invalid && delta.Duration != 0 || !delta.Set && delta != (Delta{}) {
				t.Errorf("%q: %+v", line, delta)
			}
		}
		more := ParseResponse([]string{line, "no-store, no-cache, private, must-revalidate, max-age=5"})
		if !more.NoStore || !more.NoCache || !more.Private || !more.MustRevalidate || more.MaxAge.Duration > 5*time.Second {
			t.Errorf("%q hides what stands in another line: %+v", line, more)
		}
		if !strings.Contains(strings.ToLower(line), "public") && d.Public {
			t.Errorf("%q is public", line)
		}
		quoted := ParseResponse([]string{`x="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(line) + `"`})
		if quoted.Public || quoted.MaxAge.Set || quoted.NoStore {
			t.Errorf("an argument %q is read as directives: %+v", line, quoted)
		}
	})
}

// FuzzTargeted holds that a targeted field is read as a whole or not at all.
func FuzzTargeted(f *testing.F) {
	for _, line := range []string{"max-age=60", "max-age=60, no-store", `private="a"`, "max-age=1.5", "a=(1 2)", "none",
		"max-age=60;x=1", ""} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d, ok := parseTargeted([]string{line})
		if !ok && (d.MaxAge.Set || d.NoStore || d.Public) {
			t.Errorf("%q cannot be read, and says %+v", line, d)
		}
		if d.MaxAge.Duration < 0 || d.MaxAge.Duration > Forever {
			t.Errorf("%q: %+v", line, d.MaxAge)
		}
	})
}

// FuzzTags holds that a tag is never empty or padded, that there are not too many, and that a selection by each of them means the
// response, whatever else it names.
func FuzzTags(f *testing.F) {
	for _, line := range []string{"a b  c", "a, the whole site,,b", `"a", "b c"`, "\t \t", ", ,", `"a`, "ä,é"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		header := map[string][]string{"Surrogate-Key": {line}, "Cache-Tag": {line}, "Cache-Groups": {line}}
		tags := Tags(header)
		if len(tags) > maxTags {
			t.Fatalf("%d tags", len(tags))
		}
		for _, tag := range tags[len(Groups(header)):] {
			if tag == "" || tag != strings.Trim(tag, " \t") {
				t.Errorf("%q has the tag %q", line, tag)
			}
		}
		for _, tag := range tags {
			if which := (Selection{Tags: []string{"other", tag}}); !which.Has("http://example.org/", header) {
				t.Errorf("%q does not have its tag %q", line, tag)
			}
		}
	})
}

// FuzzDates holds that a cache reads what everyone reads, and the same in any case.
func FuzzDates(f *testing.F) {
	for _, s := range []string{
		"Tue, 24 Nov 2026 12:00:00 GMT", "Tuesday, 24-Nov-26 12:00:00 GMT", "Tue Nov 24 12:00:00 2026", "Tue Dec  1 12:00:00 2026", "0",
		"GMT", "a-b c",
	} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		strict, isDate := date.Parse(s, now)
		if !isDate {
			_, _ = parseDate(s, now)
			return
		}
		for _, form := range []string{s, strings.ToUpper(s), strings.ToLower(s)} {
			if got, ok := parseDate(form, now); !ok || !got.Equal(strict) {
				t.Errorf("%q: got %v, %v; want %v", form, got, ok, strict)
			}
		}
	})
}

// FuzzVary holds that a request matches itself, and that two that match are the same but for blanks, case and order.
func FuzzVary(f *testing.F) {
	f.Add("Accept-Language", "de, en;q=0.5", "en;q=0.5,de")
	f.Add("Foo", "a, b", "b, a")
	f.Add("Accept-Encoding", "gzip;q=x", "")
	f.Fuzz(func(t *testing.T, name, a, b string) {
		one, other := normal(name, []string{a}), normal(name, []string{b})
		if one != normal(name, []string{a}) || one == normal(name, nil) {
			t.Errorf("%q does not match itself, or matches nothing", a)
		}
		if one == other && len(flat(a)) != len(flat(b)) {
			t.Errorf("%s: %q matches %q", name, a, b)
		}
	})
}

// flat is s without blanks.
func flat(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), "") }
