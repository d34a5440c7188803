package guard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// methodFields are the fields by which some backends take a request for one with another method.
var methodFields = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// methodParameter is the name by which forms and queries do the same. ASP.NET MVC takes the first of methodFields there, too.
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
		if name, err := url.QueryUnescape(name); err == nil && isMethodParameter(name) {
			return true
		}
	}
	return false
}

// isMethodParameter reports whether some framework takes a parameter for the one that names a method. PHP ends
// names at a NUL, and has underscores where they have dots and blanks.
func isMethodParameter(name string) bool {
	name, _, _ = strings.Cut(strings.TrimSpace(name), "\x00")
	return strings.NewReplacer(".", "_", " ", "_").Replace(name) == methodParameter || strings.EqualFold(name, methodFields[0])
}

// contentNamesMethod reports whether the content of a POST may name another method, as forms do. What
// cannot be looked at as a whole may.
func (x *exchange) contentNamesMethod(up *upload) bool {
	if up == nil || x.r.Method != http.MethodPost {
		return false
	}
	isForm, isJSON := false, false
	var texts []string
	for _, mediaType := range x.mediaTypes() {
		switch {
		case mediaType == "application/x-www-form-urlencoded":
			isForm = true
		case strings.HasPrefix(mediaType, "multipart/"):
			texts = append(texts, partNames...)
		case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"):
			isJSON = true
			texts = append(texts, `"`+methodParameter+`"`)
		}
	}
	switch {
	case !isForm && texts == nil:
		return false
	case !up.content.whole || x.isCoded():
		return true
	case isForm && formNames(up.content.reader()):
		return true
	case texts != nil && hasText(up.content.reader(), texts...):
		return true
	}
	return isJSON && hasText(up.content.reader(), `\u00`) && jsonNames(up.content.reader())
}

// partNames are the ways in which a part of a form is named as the parameter is.
var partNames = []string{
	`"` + methodParameter + `"`, "'" + methodParameter + "'", "=" + methodParameter, "= " + methodParameter,
	`".method"`, "=.method", `"\` + methodParameter, " name*", ";name*", "X-HTTP-Method-Override",
}

// mediaTypes are those that some server takes the content for: it may read any line of Content-Type, and PHP ends a type
// at a comma or blank, too.
func (x *exchange) mediaTypes() (types []string) {
	for _, line := range x.r.Header["Content-Type"] {
		line = strings.TrimSpace(line)
		if end := strings.IndexAny(line, ";, \t"); end >= 0 {
			line = line[:end]
		}
		types = append(types, strings.ToLower(line))
	}
	return types
}

// isCoded reports whether the content has a coding, so that only a server that decodes it can read it.
func (x *exchange) isCoded() bool {
	return slices.ContainsFunc(x.r.Header["Content-Encoding"], func(line string) bool {
		return !strings.EqualFold(strings.TrimSpace(line), "identity")
	})
}

// jsonNames reports whether a text of JSON has the parameter for a string, however that is escaped. What comes after
// a mistake counts as having it.
func jsonNames(r io.Reader) bool {
	for d := json.NewDecoder(r); ; {
		switch token, err := d.Token(); {
		case err != nil:
			return err != io.EOF
		case token == methodParameter:
			return true
		}
	}
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
	const longest = 32
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
