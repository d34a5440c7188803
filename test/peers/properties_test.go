package peers

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A property is what users of a server may rely on.
type property struct {
	name string
	// rounds is how often it is tested behind the guard.
	rounds int
	// test returns how the server violates it, or "".
	test func(s *subject, rounds int) (violation string)
	// needsContentTags says that it cannot be had where the server's own tags are
	// trusted: they are made of size and date, and Apache's may come with the content of
	// another version.
	needsContentTags bool
}

var properties = []property{
	{"of 32 writers with one If-Match, one writes", 100, oneWriter(raceWhole), false},
	{"of 32 writers whose last bytes come at once, one writes", 100, oneWriter(raceLastByte), false},
	{"of 32 creators with If-None-Match: *, one creates", 25, oneCreator(raceWhole), false},
	{"of 32 creators whose last bytes come at once, one creates", 25, oneCreator(raceLastByte), false},
	{"a stale precondition changes nothing", 1, refusesStale, false},
	{"a stale precondition is refused before the content", 1, refusesEarly, false},
	{"PUT tells the tag of what it stored", 1, tellsTag, false},
	{"what was not changed is 304, whatever its date", 1, answersNotModified, false},
	{"HEAD has the tag of GET", 1, headIsLikeGet, false},
	{"who loaded under gzip can save, once", 1, savesUnderGzip, false},
	{"a download begun under gzip is not continued with other bytes", 1, resumesAcrossCodings, false},
	{"a download resumes", 1, resumes, false},
	{"a download resumes with the same version, though size and date are those of another", 1, resumesSameVersion, true},
	{"during rewrites, readers see whole contents, and each tag with one", 1, readsDuringRewrites, true},
	{"an upload that is cut changes nothing", 1, survivesCuts, false},
	{"an upload may come without its length", 1, takesChunked, false},
}

// oneWriter lets a race decide who may write what all of them have loaded.
func oneWriter(run race) func(*subject, int) string {
	return func(s *subject, rounds int) string {
		name := s.newFile(contentOf("the start"))
		for round := range rounds {
			loaded := s.do("GET", name, "")
			if v := loaded.untagged(); v != "" {
				return v
			}
			if v := oneWins(s, run, name, "If-Match: "+loaded.tag(), round); v != "" {
				return v
			}
		}
		return ""
	}
}

// oneCreator lets a race decide who may create a resource.
func oneCreator(run race) func(*subject, int) string {
	return func(s *subject, rounds int) string {
		for round := range rounds {
			if v := oneWins(s, run, s.newName(), "If-None-Match: *", round); v != "" {
				return v
			}
		}
		return ""
	}
}

// oneWins says if not one of many writers wrote, the others heard 412, and
// what it wrote is there.
func oneWins(s *subject, run race, name, field string, round int) (violation string) {
	contents := make([]string, writers)
	for i := range contents {
		contents[i] = contentOf(fmt.Sprintf("round %d, writer %d", round, i))
	}
	statuses := run(s, name, field, contents)
	var winners []int
	for i, status := range statuses {
		switch {
		case status/100 == 2:
			winners = append(winners, i)
		case status != http.StatusPreconditionFailed:
			return fmt.Sprintf("a writer got %d", status)
		}
	}
	if len(winners) != 1 {
		return fmt.Sprintf("%d of %d wrote", len(winners), len(contents))
	}
	if s.stored(name) != contents[winners[0]] || s.do("GET", name, "").body != contents[winners[0]] {
		return "what the winner wrote is not there"
	}
	return ""
}

// refusesStale tries to write by what is not true.
func refusesStale(s *subject, _ int) string {
	content := contentOf("kept")
	name := s.newFile(content)
	for _, c := range []struct{ method, field string }{
		{"PUT", `If-Match: "stale"`},
		{"PUT", `If-Match: W/"stale"`},
		{"PUT", "If-None-Match: *"},
		{"DELETE", `If-Match: "stale"`},
	} {
		sent := ""
		if c.method == "PUT" {
			sent = contentOf("lost")
		}
		r := s.do(c.method, name, sent, c.field)
		switch {
		case s.stored(name) != content:
			return c.method + " with " + c.field + " changed it"
		case r.status != http.StatusPreconditionFailed:
			return fmt.Sprintf("%d for %s with %s", r.status, c.method, c.field)
		}
	}
	if r := s.do("PUT", s.newName(), content, "If-Match: *"); r.done() {
		return "PUT with If-Match: * created it"
	}
	return ""
}

// refusesEarly asks whether content is welcome that is not.
func refusesEarly(s *subject, _ int) string {
	var status int
	if _, err := s.expect(s.newFile(contentOf("kept")), `If-Match: "stale"`, 1<<20, &status); err != nil {
		s.t.Error(err)
	}
	if status == http.StatusContinue {
		return "it asks for the content"
	}
	return ""
}

// tellsTag wants the tag of what was written from the response to the write.
func tellsTag(s *subject, _ int) string {
	name := s.newFile(contentOf("before"))
	told := s.do("PUT", name, contentOf("written"))
	if v := told.untagged(); v != "" {
		return v
	}
	if now := s.do("GET", name, "").tag(); now != told.tag() {
		return "another tag than that of GET"
	}
	return ""
}

// answersNotModified asks for what it has already.
func answersNotModified(s *subject, _ int) string {
	name := s.newFile(contentOf("unchanged"))
	first := s.do("GET", name, "")
	if v := first.untagged(); v != "" {
		return v
	}
	for _, fields := range [][]string{
		{"If-None-Match: " + first.tag()},
		{"If-None-Match: W/" + first.tag()},
		{`If-None-Match: "other", ` + first.tag()},
		{"If-None-Match: " + first.tag(), "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"},
	} {
		if r := s.do("GET", name, "", fields...); r.status != http.StatusNotModified {
			return fmt.Sprintf("%d where %s", r.status, describeFields(fields))
		}
	}
	return ""
}

// describeFields names fields without their values, which differ from run to run.
func describeFields(fields []string) string {
	names := make([]string, len(fields))
	for i, line := range fields {
		names[i], _, _ = strings.Cut(line, ":")
	}
	return strings.Join(names, " and ") + " are sent"
}

func headIsLikeGet(s *subject, _ int) string {
	name := s.newFile(contentOf("looked at"))
	get, head := s.do("GET", name, ""), s.do("HEAD", name, "")
	switch {
	case get.untagged() != "":
		return get.untagged()
	case get.tag() != head.tag():
		return "another tag"
	case get.Get("Content-Length") != head.Get("Content-Length"):
		return "another length"
	}
	return ""
}

// savesUnderGzip is an editor that loads as browsers do.
func savesUnderGzip(s *subject, _ int) string {
	name := s.newFile(contentOf("loaded"))
	loaded := s.do("GET", name, "", "Accept-Encoding: gzip")
	switch {
	case loaded.tag() == "":
		return "no entity tag"
	case loaded.Get("Content-Encoding") != "gzip":
		return "it does not compress"
	}
	saved, again := contentOf("saved"), contentOf("saved again by the old tag")
	if r := s.do("PUT", name, saved, "If-Match: "+loaded.tag()); !r.done() {
		return fmt.Sprintf("the save is refused: %d", r.status)
	}
	if s.do("PUT", name, again, "If-Match: "+loaded.tag()); s.stored(name) != saved {
		return "so can one who does not know of that"
	}
	return ""
}

// resumesAcrossCodings is a browser: it asks for gzip, and for identity when it
// resumes a download. And it is one that does it the other way around.
func resumesAcrossCodings(s *subject, _ int) string {
	content := contentOf("downloaded")
	name := s.newFile(content)
	for _, accept := range [][2]string{{"gzip", "identity"}, {"identity", "gzip"}} {
		begun := s.do("GET", name, "", "Accept-Encoding: "+accept[0])
		cut := len(begun.body) / 2
		resumed := s.do("GET", name, "", "Accept-Encoding: "+accept[1], fmt.Sprintf("Range: bytes=%d-", cut), "If-Range: "+begun.tag())
		got := resumed.body
		if resumed.status == http.StatusPartialContent {
			got = begun.body[:cut] + resumed.body
		}
		if decoded(got) != content {
			return accept[0] + " was continued with the bytes of " + accept[1]
		}
	}
	return ""
}

// decoded undoes gzip where it is, and else returns data as it is.
func decoded(data string) string {
	z, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		return data
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, z); err != nil {
		return "broken: " + err.Error()
	}
	return b.String()
}

func resumes(s *subject, _ int) string {
	content := contentOf("downloaded")
	name := s.newFile(content)
	whole := s.do("GET", name, "")
	part := s.do("GET", name, "", "Range: bytes=100-", "If-Range: "+whole.tag())
	switch {
	case part.status != http.StatusPartialContent:
		return "it begins anew"
	case whole.body[:100]+part.body != content:
		return "with other bytes"
	}
	return ""
}

// resumesSameVersion replaces a file as "cp -p" and archives do, which keep dates.
func resumesSameVersion(s *subject, _ int) string {
	name := s.newFile(contentOf("version 1"))
	path := filepath.Join(s.dir, name)
	before, err := os.Stat(path)
	if err != nil {
		s.t.Fatal(err)
	}
	begun := s.do("GET", name, "")
	publish(s.t, s.dir, name, contentOf("version 2"))
	if err := os.Chtimes(path, before.ModTime(), before.ModTime()); err != nil {
		s.t.Fatal(err)
	}
	got := s.do("GET", name, "", "Range: bytes=20-", "If-Range: "+begun.tag())
	if got.status == http.StatusPartialContent && begun.body[:20]+got.body != contentOf("version 1") {
		return "two versions are spliced"
	}
	return ""
}

// rewrites is how often a file is rewritten under the eyes of its readers.
const rewrites = 200

// readsDuringRewrites reads what another rewrites all the time, longer and shorter. Apache
// sends the length and tag of one version with the content of another that was put in its
// place meanwhile, and if that is longer, a part of it.
func readsDuringRewrites(s *subject, _ int) string {
	name := s.newFile(contentOf("rewrite 000"))
	var seen sightings
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				seen.add(s.do("GET", name, ""))
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range rewrites {
		if r := s.do("PUT", name, contentOf(fmt.Sprintf("rewrite %0*d", 3+i*7%40, i))); !r.done() {
			s.t.Errorf("PUT: %d", r.status)
		}
		seen.add(s.do("GET", name, ""))
	}
	close(done)
	readers.Wait()
	return seen.worst()
}

// sightings are what many readers have seen of one resource.
type sightings struct {
	mu         sync.Mutex
	bodies     map[string]string // by tag
	violations []string
}

func (s *sightings) add(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bodies == nil {
		s.bodies = make(map[string]string)
	}
	violation := r.untagged()
	if _, whole := valueOf(r.body); !whole || r.status != http.StatusOK {
		violation = "a body that nobody wrote"
	} else if body, ok := s.bodies[r.tag()]; ok && body != r.body && r.tag() != "" {
		violation = "a tag with two bodies"
	}
	s.bodies[r.tag()] = r.body
	if violation != "" {
		s.violations = append(s.violations, violation)
	}
}

// worst returns the violation that comes first in the alphabet, which goes by how bad
// they are.
func (s *sightings) worst() string {
	if len(s.violations) == 0 {
		return ""
	}
	return slices.Min(s.violations)
}

// survivesCuts sends uploads that end before their end, to what is there and to
// what is not.
func survivesCuts(s *subject, _ int) string {
	content := contentOf("kept")
	for _, c := range []struct{ what, framing, sent string }{
		{"but its last byte", "Content-Length: 1000", strings.Repeat("x", 999)},
		{"but its last chunk", "Transfer-Encoding: chunked", "3e7\r\n" + strings.Repeat("x", 999) + "\r\n"},
	} {
		for _, name := range []string{s.newFile(content), s.newName()} {
			before := s.stored(name)
			if cutUpload(s, name, c.framing, c.sent); s.stored(name) != before {
				return "all " + c.what + " is stored"
			}
		}
	}
	return ""
}

// cutUpload sends an upload without its end, and waits until the server has seen
// that and closes.
func cutUpload(s *subject, name, framing, sent string) {
	w, err := s.dial()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer w.Close()
	if err := w.begin(name, framing); err != nil {
		s.t.Error(err)
	}
	if err := w.send(sent); err != nil {
		s.t.Error(err)
	}
	if err := w.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		s.t.Error(err)
	}
	_, _ = io.Copy(io.Discard, w) // it may well be reset
}

// takesChunked uploads as "curl -T -" does.
func takesChunked(s *subject, _ int) string {
	name := s.newName()
	content := contentOf("from a pipe")
	w, err := s.dial()
	if err != nil {
		s.t.Error(err)
		return ""
	}
	defer w.Close()
	if err := w.begin(name, "Transfer-Encoding: chunked", "Connection: close"); err != nil {
		s.t.Error(err)
	}
	if err := w.send(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(content), content)); err != nil {
		s.t.Error(err)
	}
	r, err := w.receive()
	switch {
	case err != nil:
		s.t.Error(err)
	case !r.done():
		return fmt.Sprintf("it is refused: %d", r.status)
	case s.stored(name) != content:
		return "other content is stored"
	}
	return ""
}
