package etag_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// readFacts reads facts as the testdata has them: "Last-Modified: …; size: …".
func readFacts(t *testing.T, text string) etag.Facts {
	t.Helper()
	var f etag.Facts
	for pair := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), ": ")
		var err error
		switch name {
		case "":
		case "Last-Modified":
			f.LastModified, err = http.ParseTime(value)
		case "Date":
			f.Date, err = http.ParseTime(value)
		case "size":
			f.Size, err = strconv.ParseInt(value, 10, 64)
		case "content":
			f.Content = []byte(value)
		case "zeros":
			var n int
			n, err = strconv.Atoi(value)
			f.Content, f.Size = make([]byte, n), int64(n)
		case "coding":
			f.Coding = value
		case "Server":
			f.Server = value
		default:
			err = fmt.Errorf("no such fact")
		}
		if err != nil {
			t.Fatalf("testdata: fact %q: %v", pair, err)
		}
	}
	return f
}

// showReading writes a reading as the testdata has it.
func showReading(r etag.Reading) string {
	words := []string{r.Dialect.ID, r.Fit.String()}
	if !r.Time.IsZero() {
		at := r.Time.Format("2006-01-02 15:04:05.9999999")
		if r.Resolution > time.Second {
			at = "about " + at
		}
		words = append(words, at)
	}
	if r.Size >= 0 {
		words = append(words, fmt.Sprintf("%d bytes", r.Size))
	}
	if r.Revision >= 0 {
		words = append(words, fmt.Sprintf("revision %d", r.Revision))
	}
	if r.Digest != nil {
		words = append(words, fmt.Sprintf("%s %x", r.Algorithm, r.Digest))
	}
	for _, name := range slices.Sorted(mapKeys(r.Parts)) {
		words = append(words, name+" "+r.Parts[name])
	}
	if r.Coding != "" {
		words = append(words, "in "+r.Coding)
	}
	return strings.Join(words, ", ")
}

func mapKeys(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestRecognise(t *testing.T) {
	for _, row := range rows(t, "dialects.txt") {
		tag, facts, want := row[0], readFacts(t, row[1]), row[2]
		readings := etag.Recognise(tag, facts)
		got := "nothing"
		if len(readings) > 0 {
			got = showReading(readings[0])
		}
		if got != want {
			t.Errorf("%s | %s\n got %s\nwant %s", tag, row[1], got, want)
		}
	}
}

// showRelation writes a relation as the testdata has it.
func showRelation(r etag.Relation) string {
	words := []string{r.Kind.String()}
	for _, d := range r.Differences {
		words = append(words, d.String())
	}
	if r.Sent.Dialect != nil && r.Current.Dialect != nil {
		who := r.Sent.Dialect.ID
		if r.Current.Dialect != r.Sent.Dialect {
			who += " and " + r.Current.Dialect.ID
		}
		words = append(words, who)
	}
	if r.Elapsed != 0 {
		words = append(words, r.Elapsed.String())
	}
	if r.Revisions != 0 {
		words = append(words, fmt.Sprintf("%+d revisions", r.Revisions))
	}
	for _, h := range r.Hints {
		words = append(words, h.String())
	}
	return strings.Join(words, ", ")
}

func TestRelate(t *testing.T) {
	for _, row := range rows(t, "relations.txt") {
		sent, current, want := row[0], row[1], row[2]
		var a, b etag.Facts
		if len(row) > 3 {
			a, b = readFacts(t, row[3]), readFacts(t, row[4])
		}
		if got := showRelation(etag.Relate(sent, current, a, b)); got != want {
			t.Errorf("%s | %s\n got %s\nwant %s", sent, current, got, want)
		}
	}
}
