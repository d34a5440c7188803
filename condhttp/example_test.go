package condhttp_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// send sends a request, given as "METHOD /path" or "METHOD /path content" and
// the lines of its header, to a handler, and prints what comes back: the
// status, the ETag, the content, and of problem details the hint, or else the
// detail.
func send(h http.Handler, request string, header ...string) {
	method, rest, _ := strings.Cut(request, " ")
	path, content, _ := strings.Cut(rest, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(content))
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(strings.Join(append([]string{method + " " + path}, header...), ", "))
	fmt.Println(strings.Join(strings.Fields(fmt.Sprint("→ ", w.Code, " ", w.Header().Get("ETag"), " ", shown(w))), " "))
}

func shown(w *httptest.ResponseRecorder) string {
	if w.Header().Get("Content-Type") != condhttp.ProblemType {
		return strings.TrimSpace(w.Body.String())
	}
	var p condhttp.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		return err.Error()
	}
	return cmp.Or(p.Hint, p.Detail)
}
