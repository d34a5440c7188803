package precondition_test

import (
	"fmt"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// A save that names the version it was made from is refused when that is no
// longer the current one.
func ExampleEvaluate() {
	fields := precondition.FieldsOf(map[string][]string{"If-Match": {`"v1"`}})
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"v2"`)}

	d := precondition.Evaluate(precondition.Origin, "PUT", fields, current)
	fmt.Println(d.Outcome.Status(), d.Field, d.Reason, d.Section())
	// Output: 412 If-Match none-matched 13.1.1
}

// A read whose copy is still good is answered 304, with the tag it matched. The
// date is not even looked at.
func ExampleEvaluate_notModified() {
	fields := precondition.FieldsOf(map[string][]string{
		"If-None-Match":     {`W/"v1", "v2"`},
		"If-Modified-Since": {"Sun, 06 Nov 1994 08:49:37 GMT"},
	})
	current := precondition.Current{
		Exists:       true,
		Tag:          etag.MustParse(`"v2"`),
		LastModified: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC),
	}

	d := precondition.Evaluate(precondition.Origin, "GET", fields, current)
	fmt.Println(d.Outcome.Status(), d.Matched)
	// Output: 304 "v2"
}

// To create without overwriting, a client sends If-None-Match: *.
func ExampleEvaluate_createOnly() {
	fields := precondition.FieldsOf(map[string][]string{"If-None-Match": {"*"}})
	for _, exists := range []bool{false, true} {
		d := precondition.Evaluate(precondition.Origin, "PUT", fields, precondition.Current{Exists: exists})
		fmt.Println("exists:", exists, "→", d.Outcome)
	}
	// Output:
	// exists: false → perform
	// exists: true → precondition failed
}

// If-Range does not stop a request. It says whether the range asked for still
// belongs to the version the client has the beginning of.
func ExampleEvaluate_resume() {
	fields := precondition.FieldsOf(map[string][]string{
		"Range":    {"bytes=1048576-"},
		"If-Range": {`"v1"`},
	})
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"v2"`)}

	d := precondition.Evaluate(precondition.Origin, "GET", fields, current)
	fmt.Println(d.Outcome, "with Range ignored:", d.Range == precondition.RangeIgnored)
	// Output: perform with Range ignored: true
}

// A cache leaves If-Match to the origin server.
func ExampleEvaluate_cache() {
	fields := precondition.FieldsOf(map[string][]string{
		"If-Match":      {`"v1"`},
		"If-None-Match": {`"v2"`},
	})
	stored := precondition.Current{Exists: true, Tag: etag.MustParse(`"v2"`)}

	d := precondition.Evaluate(precondition.Cache, "GET", fields, stored)
	fmt.Println(d.Outcome)
	// Output: not modified
}

// Preconditions have no part in a request that would fail without them.
func ExampleApplies() {
	for _, status := range []int{200, 404, 412} {
		fmt.Println(status, precondition.Applies(status))
	}
	// Output:
	// 200 true
	// 404 false
	// 412 true
}

// Explain says what became of each field, for people.
func ExampleExplain() {
	fields := precondition.FieldsOf(map[string][]string{
		"If-Match":            {`W/"v2"`},
		"If-Unmodified-Since": {"Sun, 06 Nov 1994 08:49:37 GMT"},
		"If-Modified-Since":   {"yesterday"},
	})
	current := precondition.Current{
		Exists:       true,
		Tag:          etag.MustParse(`"v2"`),
		LastModified: time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC),
	}
	for _, role := range []precondition.Role{precondition.Origin, precondition.Cache} {
		d, steps := precondition.Explain(role, "GET", fields, current)
		fmt.Printf("%s: %s\n", role, d.Outcome)
		for _, s := range steps {
			fmt.Println(" ", s.Text)
		}
	}
	// Output:
	// origin: precondition failed
	//   If-Match is false: W/"v2" is a current entity tag only by the weak comparison, and If-Match takes the strong one
	// cache: perform
	//   If-Match is ignored: only the origin server evaluates it
	//   If-Unmodified-Since is ignored: only the origin server evaluates it
	//   If-Modified-Since is ignored: its value is not an HTTP-date such as Sun, 06 Nov 1994 08:49:37 GMT
}

// A server may take tags without their quotes for what they were meant to be.
func ExamplePolicy() {
	fields := precondition.FieldsOf(map[string][]string{"If-Match": {"v1"}})
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"v1"`)}
	for _, policy := range []precondition.Policy{{}, {LenientTags: true}} {
		d := policy.Evaluate(precondition.Origin, "PUT", fields, current)
		fmt.Println(d.Outcome, "because of", d.Reason)
	}
	// Output:
	// bad request because of malformed
	// perform because of matched
}
