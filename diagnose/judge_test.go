package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/capture"
)

// parse reads exchanges from raw HTTP text.
func parse(t testing.TB, text string) []*capture.Exchange {
	t.Helper()
	xs, err := capture.Read(strings.NewReader(text), "test", capture.Options{Format: capture.Raw})
	if err != nil {
		t.Fatal(err)
	}
	return xs
}

// exchangeOf is the text of one exchange with a resource: the method, the fields of the request, the status
// and the fields of the response, separated by "|".
func exchangeOf(t testing.TB, line string) string {
	t.Helper()
	parts := strings.Split(line, "|")
	if len(parts) != 4 {
		t.Fatalf("%q has %d parts, want 4", line, len(parts))
	}
	fields := func(s string) string {
		var b strings.Builder
		for f := range strings.SplitSeq(s, ";") {
			if f = strings.TrimSpace(f); f != "" {
				b.WriteString(f + "\n")
			}
		}
		return b.String()
	}
	return fmt.Sprintf("%s /a HTTP/1.1\nHost: example.com\n%s\nHTTP/1.1 %s X\n%sContent-Length: 0\n\n",
		strings.TrimSpace(parts[0]), fields(parts[1]), strings.TrimSpace(parts[2]), fields(parts[3]))
}

const (
	earlierDate = "Tue, 03 Nov 2026 09:00:00 GMT"
	laterDate   = "Tue, 03 Nov 2026 10:00:00 GMT"
)

// TestJudgement judges single exchanges: method | request | status | response.
func TestJudgement(t *testing.T) {
	for _, c := range []struct {
		line     string
		want     Judgement
		expected string
	}{
		// The state is in the response.
		{`PUT | If-Match: "a" | 412 | ETag: "b"`, Right, "412"},
		{`PUT | If-Match: "a", "b" | 412 | ETag: "b"`, Wrong, "200, 201 or 204"},
		{`PUT | If-Match: "b" | 412 | ETag: W/"b"`, Right, "412"},
		{`PUT | If-None-Match: "b" | 412 | ETag: "b"`, Right, "412"},
		{`GET | If-None-Match: "b" | 304 | ETag: "b"`, Right, "304"},
		{`GET | If-None-Match: W/"b" | 304 | ETag: "b"`, Right, "304"},
		{`GET | If-None-Match: "a" | 304 | ETag: "b"`, Wrong, "200"},
		{`GET | If-None-Match: "b" | 200 | ETag: "b"`, Wrong, "304"},
		{`GET | If-None-Match: "a" | 200 | ETag: "b"`, Right, "200"},
		{`QUERY | If-None-Match: "b" | 304 | ETag: "b"`, Right, "304"},
		{`QUERY | If-None-Match: "b" | 412 | ETag: "b"`, Wrong, "304"},
		{`QUERY | If-None-Match: "a" | 200 | ETag: "b"`, Right, "200"},
		{`QUERY | If-Modified-Since: ` + laterDate + ` | 304 | Last-Modified: ` + earlierDate, Right, "304 or 200"},
		{`QUERY | If-Modified-Since: ` + laterDate + ` | 412 | Last-Modified: ` + earlierDate, Wrong, "304 or 200"},
		{`QUERY | Range: bytes=1-; If-Range: "b" | 206 | ETag: "b"`, Right, "206 or 200"},
		{`QUERY | Range: bytes=1-; If-Range: "a" | 206 | ETag: "b"`, Wrong, "200"},
		{`GET | If-Match: "a" | 200 | ETag: "b"`, Wrong, "412"},
		{`GET | If-Match: "a" | 200 | ETag: "b"; Age: 7`, Unknown, ""}, // a cache need not look at If-Match
		{`GET | If-Modified-Since: ` + laterDate + ` | 200 | Last-Modified: ` + earlierDate, Right, "304 or 200"},
		{`GET | If-Modified-Since: ` + laterDate + ` | 304 | Last-Modified: ` + earlierDate, Right, "304 or 200"},
		{`GET | If-Modified-Since: ` + earlierDate + ` | 304 | Last-Modified: ` + laterDate, Wrong, "200"},
		{`GET | If-None-Match: "a"; If-Modified-Since: ` + laterDate + ` | 304 | ETag: "b"; Last-Modified: ` + earlierDate, Wrong, "200"},
		{`PUT | If-Unmodified-Since: ` + earlierDate + ` | 412 | Last-Modified: ` + laterDate, Right, "412"},
		{`PUT | If-Unmodified-Since: ` + earlierDate + ` | 412 | Last-Modified: ` + earlierDate, Wrong, "200, 201 or 204"},
		{`GET | Range: bytes=1-; If-Range: "a" | 206 | ETag: "b"`, Wrong, "200"},
		{`GET | Range: bytes=1-; If-Range: "b" | 206 | ETag: "b"`, Right, "206 or 200"},
		{`GET | Range: bytes=1-; If-Range: "b" | 200 | ETag: "b"`, Right, "206 or 200"}, // Range may always be ignored
		{`GET | Range: bytes=1-; If-Range: W/"b" | 206 | ETag: W/"b"`, Wrong, "200"},
		{`PUT | If-None-Match: * | 201 | ETag: "b"`, Right, "200, 201 or 204"},
		{`PUT | If-None-Match: * | 412 | ETag: "b"`, Right, "412"},

		// Whatever the state is.
		{`PUT | If-Match: W/"a" | 412 |`, Right, "412"},
		{`PUT | If-Match: W/"a" | 204 |`, Unknown, ""}, // OData, or done already
		{`PUT | If-Match: a | 400 |`, Right, "400 or 412"},
		{`PUT | If-Match: a | 204 |`, Unknown, ""},
		{`GET | If-None-Match: "a" | 412 |`, Wrong, "200 or 304"},
		{`GET | If-Modified-Since: ` + earlierDate + ` | 412 |`, Wrong, "200, 304"},
		{`GET | Range: bytes=1-; If-Range: "a" | 412 |`, Wrong, "200 or 206"},
		{`PUT | If-None-Match: "a" | 304 |`, Wrong, "200, 201, 204 or 412"},
		{`PUT | If-Modified-Since: ` + laterDate + ` | 412 |`, Wrong, "200, 201 or 204"}, // ignored with PUT
		{`PUT | If-Unmodified-Since: yesterday | 412 |`, Wrong, "200, 201 or 204"},       // no date, so ignored
		{`PUT | If-None-Match: dummy | 204 |`, Right, "200, 201 or 204"},
		{`OPTIONS | If-Match: "a" | 412 |`, Wrong, "200 or 204"},

		// The state is not known.
		{`PUT | If-Match: "a" | 412 |`, Unknown, ""},
		{`PUT | If-Match: * | 412 |`, Unknown, ""},
		{`PUT | If-None-Match: * | 412 |`, Unknown, ""},
		{`PUT | If-Match: "a" | 204 | ETag: "b"`, Unknown, ""}, // that tag is from after the write
		{`GET | If-None-Match: "a" | 200 |`, Unknown, ""},

		// Another form of the current tag.
		{`PUT | If-Match: "a-gzip" | 412 | ETag: "a"`, Right, "412"},
		{`GET | If-None-Match: "a-gzip" | 304 | ETag: "a"`, Unknown, ""},

		// Other statuses, other preconditions, none.
		{`PUT | If-Match: "a" | 401 |`, Unknown, ""},
		{`PUT | If-Match: "a" | 503 |`, Unknown, ""},
		{`MOVE | Overwrite: F | 412 |`, Unknown, ""},
		{`PUT | If: (<urn:x>); If-Match: "b" | 412 | ETag: "b"`, Unknown, ""}, // If may be what failed
		{`PUT | | 412 |`, Unconditional, ""},
		{`MOVE | Overwrite: T | 412 |`, Unconditional, ""},
		{`GET | | 304 |`, Wrong, "200"},
		{`GET | | 200 | ETag: "b"`, Unconditional, ""},
	} {
		v := Exchanges(parse(t, exchangeOf(t, c.line))).Verdicts[0]
		expected := slices.Clone(v.Expected)
		if v.Judgement != c.want || !sameCodes(expected, c.expected) {
			t.Errorf("%s\ngot %s, expecting %q: %s\nwant %s, expecting %q", c.line, v.Judgement, codeList(expected), v.Why, c.want, c.expected)
		}
		if v.Why == "" {
			t.Errorf("%s: does not say why", c.line)
		}
	}
}

// sameCodes compares without regard to order.
func sameCodes(got []int, want string) bool {
	words := strings.FieldsFunc(strings.ReplaceAll(want, " or ", ","), func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) != len(got) {
		return false
	}
	for _, c := range got {
		if !slices.Contains(words, fmt.Sprint(c)) {
			return false
		}
	}
	return true
}

// TestJudgementByHistory judges the last of several exchanges with one resource.
func TestJudgementByHistory(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		want        Judgement
		source      string
	}{
		{"the read before shows that the tag is old", `
			GET | | 200 | ETag: "b"
			PUT | If-Match: "a" | 412 |`, Right, "response 1"},
		{"the read before says otherwise, but that was then", `
			GET | | 200 | ETag: "a"
			PUT | If-Match: "a" | 412 |`, Unknown, "response 1"},
		{"a write makes a new state", `
			GET | | 200 | ETag: "a"
			PUT | If-Match: "a" | 204 | ETag: "b"
			PUT | If-Match: "a" | 412 |`, Right, "response 2"},
		{"after a write without tag nothing is known", `
			GET | | 200 | ETag: "a"
			PUT | | 204 |
			PUT | If-Match: "a" | 412 |`, Unknown, "response 2"},
		{"after POST nothing is known", `
			GET | | 200 | ETag: "b"
			POST | | 200 |
			PUT | If-Match: "a" | 412 |`, Unknown, ""},
		{"after DELETE there is nothing", `
			GET | | 200 | ETag: "a"
			DELETE | | 204 |
			PUT | If-Match: "a" | 412 |`, Right, "response 2"},
		{"a refused write tells the state", `
			PUT | If-Match: "a" | 412 | ETag: "b"
			PUT | If-Match: "b" | 204 | ETag: "c"`, Right, "response 1"},
		{"this response tells more than the one before", `
			GET | | 200 | ETag: "a"
			PUT | If-Match: "a" | 412 | ETag: "b"`, Right, "response 2"},
		{"a 304 without a tag", `
			GET | | 200 | ETag: "a"
			GET | If-None-Match: "a" | 304 |`, Right, "response 1"},
		{"a tag in another form may be known to the server", `
			GET | Accept-Encoding: gzip | 200 | ETag: "a-gzip"; Content-Encoding: gzip
			PUT | If-Match: "a" | 412 |`, Unknown, "response 1"},
		{"a failed write changes nothing", `
			GET | | 200 | ETag: "a"
			PUT | If-Match: "x" | 412 |
			PUT | If-Match: "a" | 204 | ETag: "b"`, Right, "response 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var text strings.Builder
			for line := range strings.SplitSeq(strings.TrimSpace(c.lines), "\n") {
				text.WriteString(exchangeOf(t, line))
			}
			r := Exchanges(parse(t, text.String()))
			v := r.Verdicts[len(r.Verdicts)-1]
			if v.Judgement != c.want || v.State.Source != c.source {
				t.Errorf("got %s by %q: %s; want %s by %q", v.Judgement, v.State.Source, v.Why, c.want, c.source)
			}
		})
	}
}
