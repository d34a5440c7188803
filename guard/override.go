package guard

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// methodFields are the fields by which some backends take a request for one with another method.
var methodFields = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// methodParameter is the name by which forms and queries do the same.
const methodParameter = "_method"

// namesMethod reports whether the fields or the query of a request name another method.
func namesMethod(r *http.Request) bool {
	for _, name := range methodFields {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return hasParameter(r.URL.RawQuery)
}

// hasParameter reports whether a query or the content of a form has the parameter, however it is
// encoded.
func hasParameter(query string) bool {
	if !strings.Contains(query, "=") || !strings.Contains(query, "ethod") && !strings.Contains(query, "%") {
		return false
	}
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && strings.TrimSpace(name) == methodParameter {
			return true
		}
	}
	return false
}

// contentNamesMethod reports whether the content of a POST may name another method, as forms do. What
// cannot be looked at as a whole may.
func (x *exchange) contentNamesMethod(up *upload) bool {
	if up == nil || x.r.Method != http.MethodPost {
		return false
	}
	var texts []string
	mediaType, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	switch {
	case mediaType == "application/x-www-form-urlencoded":
	case strings.HasPrefix(mediaType, "multipart/"):
		texts = []string{`"` + methodParameter + `"`, "'" + methodParameter + "'", "=" + methodParameter}
	case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"):
		texts = []string{`"` + methodParameter + `"`}
	default:
		return false
	}
	switch {
	case !up.held.whole:
		return true
	case texts == nil:
		return formNames(up.held.reader())
	}
	return hasText(up.held.reader(), texts...)
}

// formNames is hasParameter for content of any length.
func formNames(r io.Reader) bool {
	pairs := bufio.NewReaderSize(r, 4<<10)
	for {
		// A pair that is longer than the buffer comes in pieces, and only the first has its name.
		pair, err := pairs.ReadSlice('&')
		if hasParameter(string(pair)) {
			return true
		}
		for err == bufio.ErrBufferFull {
			_, err = pairs.ReadSlice('&')
		}
		if err != nil {
			return false
		}
	}
}

// hasText reports whether one of some short texts occurs in content.
func hasText(r io.Reader, texts ...string) bool {
	const longest = 16
	buffer := copyBuffers{}.Get()
	defer copyBuffers{}.Put(buffer)
	kept := 0
	for {
		n, err := r.Read(buffer[kept:])
		seen := buffer[:kept+n]
		for _, text := range texts {
			if bytes.Contains(seen, []byte(text)) {
				return true
			}
		}
		if err != nil {
			return false
		}
		kept = copy(buffer, seen[max(0, len(seen)-longest):])
	}
}
