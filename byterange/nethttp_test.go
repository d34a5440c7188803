package byterange_test

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"pgregory.net/rapid"
)

// Every disagreement with net/http is in the table, with the sentence that
// decides it, and each one in the table is real.
func TestNetHTTPTable(t *testing.T) {
	for _, row := range readTable(t, "net-http.txt", 6) {
		method, lines := row.cells[0], fieldLines(row.cells[2])
		size := parseSize(t, row.where, row.cells[1])
		if got, want := ourAnswer(method, lines, size), row.cells[3]; got != want {
			t.Errorf("%s: ours: got %s, want %s", row.where, got, want)
		}
		if got, want := serveContent(t, method, lines, pattern(size)).answer, row.cells[4]; got != want {
			t.Errorf("%s: net/http: got %s, want %s", row.where, got, want)
		}
		if row.cells[3] == row.cells[4] {
			t.Errorf("%s: no disagreement", row.where)
		}
		if len(lines) == 1 && method == "GET" {
			if got, want := disagreement(lines[0], size), row.cells[5]; got != want && want != "coalesced" {
				t.Errorf("%s: got class %q, want %q", row.where, got, want)
			}
		}
	}
}

// Beside the classes of the table there is agreement, byte for byte.
func TestNetHTTPAgrees(t *testing.T) {
	agreed, total := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		value := rangeValue().Draw(t, "Range")
		size := rapid.Int64Range(0, 60).Draw(t, "size")
		total++
		if checkNetHTTP(t, value, size) {
			agreed++
		}
	})
	t.Logf("%d of %d values outside the classes of disagreement", agreed, total)
	if agreed == 0 {
		t.Error("nothing was compared")
	}
}

func FuzzNetHTTP(f *testing.F) {
	addRangeTables(f, func(value string, size int64) {
		if 0 <= size && size <= 100 {
			f.Add(value, uint8(size))
		}
	})
	f.Fuzz(func(t *testing.T, value string, size uint8) { checkNetHTTP(t, value, int64(size)) })
}

// rangeValue generates Range field values, most of them valid.
func rangeValue() *rapid.Generator[string] {
	number := rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 65), strconv.Itoa),
		rapid.SampledFrom([]string{"0", "007", "9223372036854775807", "9223372036854775808", "99999999999999999999"}))
	member := rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 11).Draw(t, "form") {
		case 0, 1:
			return number.Draw(t, "first") + "-"
		case 2, 3:
			return "-" + number.Draw(t, "length")
		case 4:
			return number.Draw(t, "first") + "-" + number.Draw(t, "last")
		case 5:
			return rapid.SampledFrom([]string{"", " ", "\t", "-", "x", "1", "+1-2", "0 - 9", "1-2-3"}).Draw(t, "odd")
		}
		first := rapid.IntRange(0, 62).Draw(t, "first")
		return fmt.Sprintf("%d-%d", first, first+rapid.IntRange(0, 9).Draw(t, "more"))
	})
	return rapid.Custom(func(t *rapid.T) string {
		unit := "bytes"
		if rapid.IntRange(0, 19).Draw(t, "other") == 0 {
			unit = rapid.SampledFrom([]string{"Bytes", "items", "", "byte s"}).Draw(t, "unit")
		}
		members := rapid.SliceOfN(member, 0, 18).Draw(t, "members")
		if rapid.Bool().Draw(t, "few") && len(members) > 3 {
			members = members[:3]
		}
		return unit + "=" + strings.Join(members, rapid.SampledFrom([]string{",", ", ", " ,\t"}).Draw(t, "comma"))
	})
}

// reporter is what rapid.T and testing.T share and checkNetHTTP needs.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// checkNetHTTP compares our answer with net/http's, and reports whether the two
// have to agree.
func checkNetHTTP(t reporter, value string, size int64) bool {
	t.Helper()
	if disagreement(value, size) != "" {
		return false
	}
	content := pattern(size)
	plan := byterange.Resolve([]string{value}, size)
	theirs := serveContent(t, "GET", []string{strings.Trim(value, " \t")}, content)
	if theirs.status != plan.Kind.Status() {
		t.Fatalf("%q of %d bytes: got %d, net/http %d", value, size, plan.Kind.Status(), theirs.status)
	}
	if plan.Kind == byterange.Unsatisfiable && theirs.answer != "416 */"+strconv.FormatInt(size, 10) {
		t.Errorf("%q of %d bytes: net/http says %s", value, size, theirs.answer)
	}
	var ranges []byterange.Range
	for _, p := range theirs.parts {
		r := p.contentRange.Range
		if p.content != content[r.Start:r.End()] || p.contentRange.Size != size {
			t.Errorf("%q of %d bytes: net/http sent %+v", value, size, p)
		}
		ranges = append(ranges, r)
	}
	if want := runs(ranges, size); !slices.Equal(planned(plan), want) {
		t.Errorf("%q of %d bytes: got %v, net/http %v, which is %v coalesced", value, size, planned(plan), ranges, want)
	}
	return true
}

// runs coalesces ranges by a bitmap.
func runs(ranges []byterange.Range, size int64) (runs []byterange.Range) {
	marked := make([]bool, size)
	for _, r := range ranges {
		for i := r.Start; i < r.End(); i++ {
			marked[i] = true
		}
	}
	for _, r := range ranges {
		if run := naiveRun(marked, r.Start); !slices.Contains(runs, run) {
			runs = append(runs, run)
		}
	}
	return runs
}

// disagreement returns the class of testdata/net-http.txt that value belongs to,
// or "" if only coalescing may tell the answers apart.
func disagreement(value string, size int64) string {
	specs, err := naiveParse(value)
	switch {
	case errors.Is(err, byterange.ErrSyntax):
		return "malformed"
	case errors.Is(err, byterange.ErrUnit):
		return "unknown unit"
	case errors.Is(err, byterange.ErrTooMany):
		return "many ranges"
	case !strings.HasPrefix(strings.Trim(value, " \t"), "bytes="):
		return "case of the unit"
	}
	for _, s := range specs {
		for _, n := range []*big.Int{s.first, s.last} {
			if n != nil && !n.IsInt64() {
				return "large number"
			}
		}
		if s.first == nil && (s.last.Sign() == 0 || size == 0) {
			return "suffix of nothing"
		}
	}
	return ""
}

// pattern returns size bytes that tell where they are.
func pattern(size int64) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte('!' + i%90)
	}
	return string(b)
}

// ourAnswer is the answer to a request as the table writes it.
func ourAnswer(method string, lines []string, size int64) string {
	var plan byterange.Plan
	if byterange.Applies(method) {
		plan = byterange.Resolve(lines, size)
	}
	var ranges []string
	for _, r := range planned(plan) {
		ranges = append(ranges, answerRange(r))
	}
	if plan.Kind == byterange.Unsatisfiable {
		ranges = []string{strings.TrimPrefix(plan.ContentRange(), "bytes ")}
	}
	return strings.TrimSpace(strconv.Itoa(plan.Kind.Status()) + " " + strings.Join(ranges, ", "))
}

// served is what net/http answered.
type served struct {
	status int
	answer string // as the table writes it
	parts  []part // of a 206 whose Content-Range fields are valid
}

func serveContent(t reporter, method string, lines []string, content string) served {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.Header["Range"] = lines
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))

	s := served{status: w.Code}
	var ranges []string
	if value := w.Header().Get("Content-Range"); value != "" {
		ranges = []string{value}
		if c, err := byterange.ParseContentRange(value); err == nil && w.Code == 206 {
			s.parts = []part{{"text/plain", c, w.Body.String()}}
		}
	} else if w.Code == 206 {
		ranges, s.parts = multipartRanges(w.Header().Get("Content-Type"), w.Body)
	}
	for i, value := range ranges {
		value = strings.TrimPrefix(value, "bytes ")
		if w.Code == 206 {
			value, _, _ = strings.Cut(value, "/")
		}
		ranges[i] = value
	}
	s.answer = strings.TrimSpace(strconv.Itoa(w.Code) + " " + strings.Join(ranges, ", "))
	return s
}

// multipartRanges returns the Content-Range fields of a multipart/byteranges, and
// its parts if all of those fields are valid.
func multipartRanges(contentType string, body io.Reader) (ranges []string, parts []part) {
	text, _ := io.ReadAll(body) // of memory
	for line := range strings.SplitSeq(string(text), "\r\n") {
		if value, ok := strings.CutPrefix(line, "Content-Range: "); ok {
			ranges = append(ranges, value)
		}
	}
	parts, err := readParts(contentType, strings.NewReader(string(text)))
	if err != nil {
		return ranges, nil
	}
	return ranges, parts
}

// With a boundary as long as net/http's, a multipart is as long as net/http's and the line end
// before the first boundary.
func TestNetHTTPMultipartLength(t *testing.T) {
	content := pattern(100)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Range", "bytes=0-9,50-59,-1")
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))

	_, boundary, _ := strings.Cut(w.Header().Get("Content-Type"), "boundary=")
	plan := byterange.Resolve(r.Header["Range"], 100)
	m, err := byterange.NewMultipart(plan.Parts, plan.Size, "text/plain", boundary)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strconv.FormatInt(m.Length()-int64(len("\r\n")), 10), w.Header().Get("Content-Length"); got != want {
		t.Errorf("got length %s, net/http %s", got, want)
	}
	if got, want := m.ContentType(), w.Header().Get("Content-Type"); got != want {
		t.Errorf("got Content-Type %s, net/http %s", got, want)
	}
}
