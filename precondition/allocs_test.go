package precondition_test

import (
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// The requests a busy server sees most, with the state they meet.
var common = []struct {
	name   string
	method string
	header map[string][]string
}{
	{"IfNoneMatch/one", "GET", map[string][]string{"If-None-Match": {`"4KcT3jBvC0yPHiRqZ9mUeA"`}}},
	{"IfMatch/three", "PUT", map[string][]string{"If-Match": {`"a", "b"`, `"4KcT3jBvC0yPHiRqZ9mUeA-gzip"`}}},
	{"dates/both", "GET", map[string][]string{
		"If-Modified-Since":   {"Sun, 06 Nov 1994 08:49:37 GMT"},
		"If-Unmodified-Since": {"Sun, 06 Nov 2044 08:49:37 GMT"},
	}},
	{"none", "GET", nil},
}

var busy = precondition.Current{
	Exists:       true,
	Tag:          etag.MustParse(`"4KcT3jBvC0yPHiRqZ9mUeA"`),
	Others:       []etag.Tag{etag.MustParse(`"4KcT3jBvC0yPHiRqZ9mUeA-gzip"`)},
	LastModified: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC),
	Now:          time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
}

func TestEvaluateDoesNotAllocate(t *testing.T) {
	for _, c := range common {
		n := testing.AllocsPerRun(100, func() {
			precondition.Evaluate(precondition.Origin, c.method, precondition.FieldsOf(c.header), busy)
		})
		if n != 0 {
			t.Errorf("%s: got %v allocations, want 0", c.name, n)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, c := range common {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				precondition.Evaluate(precondition.Origin, c.method, precondition.FieldsOf(c.header), busy)
			}
		})
	}
}
