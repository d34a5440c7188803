package byterange_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
)

const story = "It was a dark and stormy night."

// serveStory answers GET and HEAD, in whole or in part. It has no validators, and
// so no preconditions to evaluate first.
func serveStory(w http.ResponseWriter, r *http.Request) {
	const contentType = "text/plain; charset=utf-8"
	var plan byterange.Plan // the whole
	if byterange.Applies(r.Method) {
		plan = byterange.Resolve(r.Header["Range"], int64(len(story)))
	}

	header := w.Header()
	header.Set("Accept-Ranges", byterange.Unit)
	if value := plan.ContentRange(); value != "" {
		header.Set("Content-Range", value)
	}
	switch plan.Kind {
	case byterange.Whole:
		header.Set("Content-Type", contentType)
		header.Set("Content-Length", strconv.Itoa(len(story)))
		io.WriteString(w, story)
	case byterange.Single:
		header.Set("Content-Type", contentType)
		header.Set("Content-Length", strconv.FormatInt(plan.Range.Length, 10))
		w.WriteHeader(http.StatusPartialContent)
		sendPart(w, plan.Range)
	case byterange.Multi:
		m, err := byterange.NewMultipart(plan.Parts, plan.Size, contentType, "")
		if err != nil {
			http.Error(w, "cannot send several ranges", http.StatusInternalServerError)
			return
		}
		header.Set("Content-Type", m.ContentType())
		header.Set("Content-Length", strconv.FormatInt(m.Length(), 10))
		w.WriteHeader(http.StatusPartialContent)
		if _, err := m.Send(w, sendPart); err != nil {
			panic(http.ErrAbortHandler) // the announced length cannot come true
		}
	case byterange.Unsatisfiable:
		http.Error(w, "there are only "+strconv.Itoa(len(story))+" bytes", http.StatusRequestedRangeNotSatisfiable)
	}
}

func sendPart(w io.Writer, r byterange.Range) (int64, error) {
	return io.Copy(w, io.NewSectionReader(strings.NewReader(story), r.Start, r.Length))
}

// A handler that answers Range.
func Example_handler() {
	for _, field := range []string{"bytes=9-12", "bytes=0-1,-6", "bytes=31-"} {
		r := httptest.NewRequest("GET", "/story", nil)
		r.Header.Set("Range", field)
		w := httptest.NewRecorder()
		serveStory(w, r)

		fmt.Println(field, "->", w.Code)
		if value := w.Header().Get("Content-Range"); value != "" {
			fmt.Printf("  %s: %q\n", value, w.Body)
			continue
		}
		parts, err := readParts(w.Header().Get("Content-Type"), w.Body)
		if err != nil {
			fmt.Println(err)
		}
		for _, part := range parts {
			fmt.Printf("  part %v: %q\n", part.contentRange, part.content)
		}
	}
	// Output:
	// bytes=9-12 -> 206
	//   bytes 9-12/31: "dark"
	// bytes=0-1,-6 -> 206
	//   part bytes 0-1/31: "It"
	//   part bytes 25-30/31: "night."
	// bytes=31- -> 416
	//   bytes */31: "there are only 31 bytes\n"
}
