package condhttp

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"unicode/utf8"
)

// TestAsksForXML: clients that speak WebDAV get XML, and browsers, scripts and everybody else JSON.
func TestAsksForXML(t *testing.T) {
	for _, c := range []struct {
		client, name, value string
		want                bool
	}{
		{"curl", "Accept", "*/*", false},
		{"nothing at all", "User-Agent", "x", false},
		{"Firefox", "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
		{"an API's", "Accept", "application/json, application/xml", false},
		{"an API's that likes XML", "Accept", "application/json;q=0.5, Application/XML;charset=utf-8;q=0.6", true},
		{"npm webdav", "Accept", "text/plain,application/xml", true},
		{"old", "Accept", "text/xml", true},
		{"refuses XML", "Accept", "text/xml;q=0", false},
		{"a lock's holder", "If", "(<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2>)", true},
		{"UNLOCK", "Lock-Token", "<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2>", true},
		{"PROPFIND", "Depth", "0", true},
		{"MOVE", "Destination", "/b", true},
		{"gvfs", "Overwrite", "T", true},
		{"Windows", "Translate", "f", true},
		{"a condition of RFC 9110", "If-Match", `"a"`, false},
	} {
		h := http.Header{}
		h.Set(c.name, c.value)
		if got := AsksForXML(h); got != c.want {
			t.Errorf("%s (%s: %s): got %t, want %t", c.client, c.name, c.value, got, c.want)
		}
	}
}

func TestProblemWriteXML(t *testing.T) {
	p := NewProblem(423, "locked", `"R&D" is locked`, "")
	p.Current = &State{Exists: true, ETag: `"new"`}
	p.Condition = &Condition{Name: "lock-token-submitted", Hrefs: []string{"/r%26d", "/a&b"}}
	p.More = map[string]any{"limit": 12, "no element's name": 1, "owners": []string{"ann\x01", "<bob>"}, "none": nil}
	want := xml.Header + `<D:error xmlns:D="DAV:">` +
		`<D:lock-token-submitted><D:href>/r%26d</D:href><D:href>/a&amp;b</D:href></D:lock-token-submitted>` +
		`<problem xmlns="urn:ietf:rfc:7807"><type>https://www.rfc-editor.org/rfc/rfc4918#section-11.3</type>` +
		`<title>Locked</title><status>423</status>` +
		`<detail>&#34;R&amp;D&#34; is locked</detail><rule>locked</rule><current><exists>true</exists><etag>&#34;new&#34;</etag></current>` +
		`<reason>locked</reason><limit>12</limit><none></none>` +
		`<owners><i>ann` + "\uFFFD" + `</i><i>&lt;bob&gt;</i></owners></problem></D:error>` + "\n"
	w := httptest.NewRecorder()
	w.Header().Set("Content-Encoding", "gzip") // of another answer
	p.WriteXML(w, httptest.NewRequest("PUT", "/", nil))
	if got := w.Body.String(); w.Code != 423 || got != want {
		t.Errorf("got %d\n%s\nwant 423\n%s", w.Code, got, want)
	}
	h := w.Header()
	if h.Get("Content-Type") != XMLType || h.Get("Cache-Control") != "no-store" || h.Get("Content-Encoding") != "" {
		t.Errorf("got fields %v", h)
	}
	checkXML(t, w.Body.Bytes())

	w = httptest.NewRecorder()
	p.WriteXML(w, httptest.NewRequest("HEAD", "/", nil))
	if w.Body.Len() > 0 {
		t.Errorf("the answer to HEAD has content: %q", w.Body)
	}
}

// TestProblemXMLWithoutCondition: most refusals are none of RFC 4918's.
func TestProblemXMLWithoutCondition(t *testing.T) {
	got := string((&Problem{Status: 404}).encodeXML())
	want := xml.Header + `<D:error xmlns:D="DAV:"><problem xmlns="urn:ietf:rfc:7807"><status>404</status></problem></D:error>` + "\n"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// checkXML fails the test unless body is one well-formed element.
func checkXML(t *testing.T, body []byte) {
	t.Helper()
	if !utf8.Valid(body) {
		t.Errorf("not UTF-8: %q", body)
	}
	for dec := xml.NewDecoder(bytes.NewReader(body)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("not XML: %v\n%s", err, body)
			return
		}
	}
}
