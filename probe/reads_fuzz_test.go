package probe

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// FuzzParts reads answers to a request for two ranges. Whatever a server says, it is read to its
// end; and if it passes, the bytes that it says are parts of the whole are that.
func FuzzParts(f *testing.F) {
	whole := &answer{status: http.StatusOK, content: []byte("0123456789abcdefghij"), header: http.Header{}}
	f.Add("multipart/byteranges; boundary=x", "", "--x\r\nContent-Range: bytes 0-1/20\r\n\r\n01\r\n--x\r\nContent-Range: bytes 10-11/20\r\n\r\nab\r\n--x--\r\n")
	f.Add("multipart/byteranges; boundary=x", "", "--x\r\nContent-Range: bytes 0-1/20\r\n\r\n0")
	f.Add("multipart/byteranges", "", "----\r\n")
	f.Add("text/plain", "bytes 0-11/20", "0123456789ab")
	f.Add("text/plain", "bytes 10-11/*", "ab")
	f.Add("text/plain", "bytes 9223372036854775806-9223372036854775807/9223372036854775807", "ab")
	f.Add("text/plain", "bytes */20", "")
	f.Fuzz(func(t *testing.T, media, contentRange, content string) {
		a := &answer{status: http.StatusPartialContent, content: []byte(content), header: http.Header{"Content-Type": {media}}}
		if contentRange != "" {
			a.header.Set("Content-Range", contentRange)
		}
		trial := &trial{session: &session{base: whole}, base: whole}
		v := trial.judgeParts(a, 11)
		if v.outcome != Passed || contentRange == "" {
			return
		}
		cr, err := byterange.ParseContentRange(contentRange)
		if err != nil || cr.Range.Start < 0 || cr.Range.End() > 12 || string(whole.content[cr.Range.Start:cr.Range.End()]) != content {
			t.Errorf("Content-Range: %s with %q passed", contentRange, content)
		}
	})
}

// TestPartsAsWritten reads what package byterange writes, and finds each byte that is not the right one.
func TestPartsAsWritten(t *testing.T) {
	whole := &answer{status: http.StatusOK, content: []byte("0123456789abcdefghij"), header: http.Header{}}
	m, err := byterange.NewMultipart([]byterange.Range{{Start: 0, Length: 2}, {Start: 10, Length: 2}}, 20, "text/plain", "x")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	send := func(w io.Writer, r byterange.Range) (int64, error) {
		n, err := w.Write(whole.content[r.Start:r.End()])
		return int64(n), err
	}
	if _, err := m.Send(&b, send); err != nil {
		t.Fatal(err)
	}
	judge := func(content []byte) verdict {
		a := &answer{status: http.StatusPartialContent, content: content,
			header: http.Header{"Content-Type": {"multipart/byteranges; boundary=x"}}}
		return (&trial{session: &session{base: whole}, base: whole}).judgeParts(a, 11)
	}
	if v := judge(b.Bytes()); v.outcome != Passed || v.says != "206 with 2 parts" {
		t.Errorf("got %+v", v)
	}
	for _, part := range []string{"01", "ab"} {
		i := bytes.Index(b.Bytes(), []byte("\r\n\r\n"+part+"\r\n"))
		wrong := bytes.Clone(b.Bytes())
		wrong[i+len("\r\n\r\n")]++
		if v := judge(wrong); v.outcome != Failed {
			t.Errorf("%s: got %+v", part, v)
		}
	}
}

// FuzzLists reads fields that are lists of names, as caches do.
func FuzzLists(f *testing.F) {
	for _, value := range []string{"", "*", "Accept-Encoding", "accept-encoding , Origin", "max-age=60, no-store", ",,", "ETag,*"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"Vary", "Cache-Control", "Access-Control-Expose-Headers"} {
			one := &answer{header: http.Header{name: {value}}}
			two := &answer{header: http.Header{name: {value, "ETag"}}}
			if one.varies("ETag") && !two.varies("ETag") || name == "Vary" && !two.varies("etag") {
				t.Errorf("varies loses a member of %q", value)
			}
			if one.directive("no-store") && !two.directive("no-store") || name == "Cache-Control" && !two.directive("etag") {
				t.Errorf("directive loses a member of %q", value)
			}
			if name == "Access-Control-Expose-Headers" && !two.lists(name, "etag") {
				t.Errorf("lists loses a member of %q", value)
			}
		}
	})
}

// TestAnswerString holds the sentences about answers against what they are about.
func TestAnswerString(t *testing.T) {
	for _, c := range []struct {
		a    answer
		want string
	}{
		{answer{}, "no answer"},
		{answer{status: 304}, "304"},
		{answer{status: 206, header: http.Header{"Etag": {`"a"`, `"b"`}}}, `206 with ETag "a", "b"`},
	} {
		if got := fmt.Sprint(&c.a); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
