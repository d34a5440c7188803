package probe_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// TestCauses has servers of which one may think that something else is wrong. A check names the
// cause only if nothing in the run speaks against it.
func TestCauses(t *testing.T) {
	// asText lets a condition hold only for the very text of Last-Modified.
	asText := func(name string, otherwise func(*http.Request)) layer {
		return byDate(name, func(r *http.Request, compared int) {
			if compared != 0 {
				otherwise(r)
			}
		})
	}
	moved := func(hours int) layer { // what the server takes the dates of requests for
		return asking(func(r *http.Request) {
			for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
				if date, err := http.ParseTime(r.Header.Get(name)); err == nil {
					r.Header.Set(name, date.Add(hoursOf(hours)).Format(http.TimeFormat))
				}
			}
		})
	}
	never := whenValue("If-Unmodified-Since", isDate, refuse)
	for _, c := range []struct {
		server string
		layer
		check, rule string
		not         string // a rule of the check that is refuted
	}{
		{"parts compressed after they were cut", fakeOf("parts compressed after they were cut, as by Jetty, Tomcat and Express"),
			"coding-range", "", "content-range-offset-mismatch"},
		{"parts of something else", fakeOf("parts of something else"), "range-single", "", ""},
		{"If-Unmodified-Since compared as text", asText("If-Unmodified-Since", refuse), "ius-equal", "", "server-parses-date-as-local"},
		{"If-Unmodified-Since never true", never, "ius-equal", "", "subsecond-mtime-vs-httpdate"},
		{"If-Unmodified-Since read in a zone to the east", moved(-2), "ius-equal", "server-parses-date-as-local", ""},
		{"If-Unmodified-Since read in a zone to the west", moved(2), "ius-earlier", "server-parses-date-as-local", ""},
		{"fractions of a second", fakeOf("time of modification with parts of a second"), "ius-equal", "subsecond-mtime-vs-httpdate", ""},
		{"If-Modified-Since never evaluated", without("If-Modified-Since"), "ims-equal", "precondition-ignored", "subsecond-mtime-vs-httpdate"},
		{"If-Modified-Since read in a zone to the east", moved(-2), "ims-equal", "server-parses-date-as-local", ""},
		{"fractions of a second, If-Modified-Since", fakeOf("time of modification with parts of a second"), "ims-equal",
			"subsecond-mtime-vs-httpdate", ""},
		{"304 to any If-Modified-Since", fakeOf("304 to any If-Modified-Since"), "ims-earlier", "", "server-parses-date-as-local"},
		{"If-Unmodified-Since instead of If-Match", fakeOf("If-Unmodified-Since instead of If-Match"), "im-over-same-date", "",
			"precondition-ignored"},
		{"If-Match ignored", without("If-Match"), "im-nonsense", "precondition-ignored", ""},
		{"weak tags compared as whole strings", layers(
			whenValue("If-None-Match", func(v string) bool { return !strings.Contains(v, "W/") }, drop("If-None-Match")),
			retagged(func(_ *http.Request, _ *response, tag string) string { return "W/" + tag })), "inm-weak-form", "", "inm-compared-strongly"},
		{"strong tags compared as whole strings", fakeOf("If-None-Match compared strongly"), "inm-weak-form", "inm-compared-strongly", ""},
		{"two Dates", fakeOf("two Dates"), "last-modified-form", "", "http-date-not-gmt"},
		{"another form of dates", fakeOf("dates in local time"), "last-modified-form", "http-date-not-gmt", ""},
	} {
		t.Run(c.server, func(t *testing.T) {
			t.Parallel()
			report, _ := askReads(t, c.layer(rightServer(t)), probe.Options{})
			wantCause(t, report, c.check, c.rule, c.not)
		})
	}
}

// TestCausesOfWrites is TestCauses for what writes.
func TestCausesOfWrites(t *testing.T) {
	for _, c := range []struct{ fault, check, rule, not string }{
		{"dates-as-text", "put-ius-later", "", "server-parses-date-as-local"},
		{"fractions-compared", "put-ius-equal", "subsecond-mtime-vs-httpdate", ""},
		{"if-unmodified-since-ignored", "put-ius-earlier", "precondition-ignored", ""},
		{"unquoted-ignored", "put-if-match-unquoted", "", "precondition-ignored"},
		{"none-match-tag-ignored", "put-inm-tag", "", "precondition-ignored"},
		{"if-match-ignored", "put-if-match-stale", "precondition-ignored", ""},
		{"if-match-ignored", "put-if-match-star-missing", "precondition-ignored", ""},
		{"if-match-of-missing-ignored", "put-if-match-missing", "if-match-ignored-for-404", ""},
		{"if-match-of-put-ignored", "put-if-match-stale", "precondition-ignored", ""},
	} {
		t.Run(c.fault+" "+c.check, func(t *testing.T) {
			t.Parallel()
			wantCause(t, askNotes(t, newNotes(c.fault)), c.check, c.rule, c.not)
		})
	}
}

// wantCause sees to it that a check failed, for a reason and not for another one.
func wantCause(t *testing.T, report *probe.Report, check, rule, not string) {
	t.Helper()
	for _, r := range report.Results {
		if r.Check.ID != check {
			continue
		}
		if r.Outcome != probe.Failed || r.Rule != rule {
			t.Errorf("%s: got %v, %q, want failed, %q: %s", check, r.Outcome, r.Rule, rule, r.Says)
		}
		if not != "" && !slices.Contains(r.Refuted, not) || slices.Contains(r.Refuted, r.Rule) {
			t.Errorf("%s: got refuted %q, want %q", check, r.Refuted, not)
		}
	}
}
