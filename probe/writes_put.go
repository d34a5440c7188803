package probe

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// putChecks are those of writes without a precondition, and of what becomes of the content.
var putChecks = []*Check{{
	ID: "put-status", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §9.3.4",
	Title: "PUT tells whether it created or replaced",
	Sends: "DELETE, then PUT twice.",
	Right: "201 Created for the first, 200 OK or 204 No Content for the second.",
	Means: "A client cannot tell that it replaced something, and believes that it made a new resource.",
	Fix:   []string{"Answer 201 only if there was nothing before the write."},
	Servers: []ServerFix{
		{"golang.org/x/net/webdav", "its Handler answers 201 to every PUT"},
	},
	Rules: []string{"answer-against-standard"},
	ask: withNothing(func(t *trial, _ *answer) verdict {
		created, replaced := t.overwrite(t.scratch.before), t.overwrite(t.scratch.written)
		switch {
		case created.status != http.StatusCreated:
			return wrong("got %s to the PUT that created it, want 201", created)
		case replaced.status != http.StatusOK && replaced.status != http.StatusNoContent:
			return wrong("got %s to the PUT that replaced it, want 200 or 204", replaced)
		}
		return right("%d, then %d", created.status, replaced.status)
	}),
}, {
	ID: "put-tag", Group: Saving, Level: Advice, Since: "0.1", Section: "RFC 9110 §9.3.4",
	Title: "The answer to PUT has the new entity tag",
	Sends: "PUT to something that exists.",
	Right: "2xx with ETag.",
	Means: "A client has to read again what it has just written, to save once more. If somebody else writes in between, it takes the other's version for its own and overwrites it.",
	Fix:   []string{"Send ETag in the answer to PUT, if what is stored is byte for byte what was sent."},
	Servers: []ServerFix{
		{"Apache", "mod_dav sends none: read again after each PUT, with HEAD, or put fourtwelve guard in front"},
	},
	Rules: []string{"own-write-not-tracked"},
	ask: withContent(func(t *trial, now *answer) verdict {
		if now.tag().IsZero() {
			return unmet(noTagThere)
		}
		a := t.overwrite(t.scratch.written)
		if !a.has("ETag") {
			return wrong("got %s without ETag", a)
		}
		return right("%s", a)
	}),
}, {
	ID: "put-tag-true", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §9.3.4",
	Title: "The validators of the answer to PUT are those of what was sent",
	Sends: "PUT to something that exists, then GET.",
	Right: "ETag and Last-Modified as GET sends them, and the content that was sent; or neither field in the answer to PUT.",
	Means: "The client takes what it sent for the current version, under a tag that is that of another one. Its next write is refused, or what the server made of the content is lost.",
	Fix: []string{
		"Make the tag after the content is stored, of the new version.",
		"If the server changes the content, send no ETag and no Last-Modified in the answer to PUT.",
	},
	Rules: []string{"put-returns-old-etag", "put-etag-though-content-transformed"},
	ask:   withContent(askTagTrue),
}, {
	ID: "put-tag-strong", Group: Saving, Level: Advice, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "What was just put has a strong entity tag",
	Sends: "PUT, then GET.",
	Right: "An ETag without W/, as If-Match never matches a weak one.",
	Means: "Whoever saves twice in a row is refused the second time, although nobody else wrote.",
	Fix: []string{
		"Make the tag of the content, or of a version number, and it is strong at once.",
		"If something in front of the server adds the W/, keep it from that for what can be edited.",
	},
	Servers: []ServerFix{
		{"Apache", "the tag of a file is weak while it is younger than a second: clients have to read again a second after a save"},
	},
	Rules: []string{"fresh-file-weak-etag", "proxy-weakens-etag", "weak-etag-in-if-match"},
	ask: withContent(func(t *trial, now *answer) verdict {
		switch tag := now.tag(); {
		case tag.IsZero():
			return unmet(noTagThere)
		case !tag.IsWeak():
			return right("ETag: %s", tag)
		}
		if later := t.whenStrong(now); !later.tag().IsWeak() {
			return wrong("ETag: %s at first, and %s a moment later", now.tag(), later.tag()).because("fresh-file-weak-etag")
		}
		return wrong("ETag: %s", now.tag()).because("weak-etag-in-if-match")
	}),
}, {
	ID: "put-tag-changes", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §8.8.3",
	Title: "Each write changes the entity tag, within one second too",
	Sends: "Several PUTs of the same length, one straight after another, each with a GET.",
	Right: "Another strong tag for each content, or weak tags.",
	Means: "Two versions have one tag. A write that names it overwrites the other version unseen, a cache goes on with the old one, and a resumed download is made of both.",
	Fix: []string{
		"Make the tag of the content or of a version number, not of time and length.",
		"If it must be the time: of nanoseconds, and weak while the tick of the clock runs.",
	},
	Servers: []ServerFix{
		{"nginx", "its tags are the second and the length: put fourtwelve guard in front, which makes tags of the content"},
	},
	Rules: []string{"same-second-same-size-collision", "etag-too-narrow"},
	ask:   withContent(askTagChanges),
}, {
	ID: "put-replay", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "The same PUT sent once more does no harm",
	Sends: "PUT with If-Match: the tag that a GET gets, and the very same request again, as after a lost answer.",
	Right: "412, or a 2xx as the standard allows, as the change was made already; and the content that was sent.",
	Means: "A phone loses the answer to a save and sends it again: it breaks what was saved, or gets an error that tells it nothing.",
	Fix: []string{
		"Evaluate the condition against what is stored now: 412 tells the client to read again, and it finds its own content.",
		"Or compare the content with what is stored, and answer 2xx if it is the same.",
	},
	Rules: []string{"retry-after-lost-response", "412-rewritten-to-500"},
	ask: withStrong(func(t *trial, now *answer) verdict {
		tag := now.tag().String()
		if a := t.put(t.scratch.written, "If-Match", tag); !a.successful() {
			return inapplicable("the server refuses the first one with %s: see put-if-match-current", a)
		}
		once := t.read()
		a := t.put(t.scratch.written, "If-Match", tag)
		switch twice := t.read(); {
		case !twice.same(once):
			return wrong("got %s to the same PUT once more, and the content is another one", a)
		case a.status/100 == 5:
			return wrong("got %s to the same PUT once more, want 412 or 2xx", a).because("412-rewritten-to-500")
		}
		return right("%s to the same PUT once more", a)
	}),
}, {
	ID: "put-content-range", Group: Saving, Level: Should, Loses: true, Since: "0.1", Section: "RFC 9110 §14.5",
	Title: "A PUT of a part is refused, or replaces that part only",
	Sends: "PUT of two bytes with Content-Range: bytes 2-3/7, to content of seven; with --content, of as many as there are.",
	Right: "400 Bad Request and the content as it was; or 2xx, and only the two bytes are new.",
	Means: "A client that resumes an upload, such as curl -C, replaces the whole file by its tail.",
	Fix:   []string{"Refuse a PUT that has Content-Range with 400, before the content is read."},
	Servers: []ServerFix{
		{"golang.org/x/net/webdav", "its Handler ignores Content-Range and stores the part as the whole: refuse such requests before it"},
	},
	Rules: []string{"answer-against-standard"},
	ask:   withContent(askContentRange),
}, {
	ID: "put-expect", Group: Saving, Level: Advice, Since: "0.1", Section: "RFC 9110 §10.1.1",
	Title: "A doomed upload is refused before it is sent",
	Sends: "PUT with If-Match: a tag that no version has, and Expect: 100-continue, with 256 KiB of content that wait for the answer.",
	Right: "412 without 100 Continue before it.",
	Means: "A video of gigabytes is sent to the end before the client hears that it was for nothing.",
	Fix: []string{
		"Evaluate the condition before the content is read, and again when it is stored.",
		"Look whether a proxy in front answers 100 Continue itself, or reads the whole request first.",
	},
	Servers: []ServerFix{
		{"nginx", "as a proxy it answers 100 Continue itself, before it asks the server behind it, even with proxy_request_buffering off"},
		{"lighttpd", "mod_webdav evaluates the condition when all of the content is there"},
	},
	ask: withContent(askExpect),
}, {
	ID: "put-cut", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §6.1",
	Title: "A PUT that is cut off changes nothing",
	Sends: "PUT of 128 KiB whose connection ends after the half, with a length and without one (chunked).",
	Right: "The content is as it was.",
	Means: "Somebody saves in a train, the connection is lost in a tunnel, and so is the document: a half of the new one has replaced the old one.",
	Fix: []string{
		"Write to a temporary file and rename it once the content has ended as announced.",
		"Take the end of the connection for an error unless Content-Length or the last chunk says otherwise.",
	},
	Servers: []ServerFix{
		{"golang.org/x/net/webdav", "webdav.Dir truncates the file before the content comes: give the Handler a FileSystem that renames when the file is closed"},
		{"Caddy", "its webdav module truncates the file before the content comes: put fourtwelve guard in front, which sends nothing on before it has all"},
	},
	ask: withContent(askCut),
}}

func askTagTrue(t *trial, was *answer) verdict {
	a := t.overwrite(t.scratch.written)
	if !a.has("ETag") && !a.has("Last-Modified") {
		return inapplicable("the answer to PUT has no validators: see put-tag")
	}
	now := t.read()
	switch tag := a.tag(); {
	case string(now.content) != t.scratch.written:
		return wrong("PUT got %s, though the content is not what was sent, but %q", a,
			clipText(now.content)).because("put-etag-though-content-transformed")
	case a.has("ETag") && !tag.WeakEqual(now.tag()):
		v := wrong("PUT got %s, and GET after it %s", a, now)
		if tag.WeakEqual(was.tag()) {
			v = v.because("put-returns-old-etag")
		}
		return v
	case a.has("Last-Modified") && now.has("Last-Modified") && a.field("Last-Modified") != now.field("Last-Modified"):
		return wrong("PUT got Last-Modified: %s, and GET after it %s", a.field("Last-Modified"), now.field("Last-Modified"))
	}
	return right("PUT got %s, as GET after it", a)
}

// clipText is the beginning of content, to be shown.
func clipText(content []byte) []byte { return content[:min(len(content), 40)] }

func askTagChanges(t *trial, now *answer) verdict {
	seen := map[etag.Tag]string{}
	for i := range 5 {
		content := fmt.Sprintf("draft %d", i)
		if s := t.scratch; s.given {
			content = []string{s.before, s.written}[i%2]
		}
		if a := t.overwrite(content); !a.successful() {
			return inapplicable("PUT got %s", a)
		}
		tag := t.read().tag()
		switch other, same := seen[tag]; {
		case tag.IsZero():
			return unmet(noTagThere)
		case same && !tag.IsWeak() && other != content:
			return wrong("ETag: %s for %q and for %q", tag, clipText([]byte(other)),
				clipText([]byte(content))).because("same-second-same-size-collision")
		}
		seen[tag] = content
	}
	return right("%d writes, %d tags", 5, len(seen))
}

func askContentRange(t *trial, was *answer) verdict {
	const part = "__"
	s := t.scratch
	if len(s.before) < 5 {
		return inapplicable("the content is too short for parts: %d bytes", len(s.before))
	}
	a := t.overwrite(part, "Content-Range", fmt.Sprintf("bytes 2-3/%d", len(s.before)))
	now := t.read()
	switch {
	case now.same(was) && a.status == http.StatusBadRequest:
		return right("%s", a)
	case now.same(was) && s.given && a.refuses():
		return inapplicable("the server refuses such content with %s, part or not", a)
	case string(now.content) == s.before[:2]+part+s.before[4:]:
		return right("%s, and the part was replaced", a)
	case now.same(was):
		return wrong("got %s, want 400; nothing was changed", a)
	}
	return wrong("got %s, and the content is now %q: the part has replaced the whole", a, clipText(now.content))
}

func askExpect(t *trial, _ *answer) verdict {
	const length = 256 << 10
	body := &watched{Reader: io.LimitReader(repeated('E'), length)}
	r := t.scratch.writing(http.MethodPut, strings.Repeat("E", length), "If-Match", noVersion, "Expect", "100-continue")
	r.body, r.length = body, length
	r.transport = t.newTransport(t.scratch.address())
	r.transport.ExpectContinueTimeout = t.opts.Timeout / 2
	defer r.transport.CloseIdleConnections()
	a := t.do(r)
	switch {
	case a.successful():
		return inapplicable("the server does not refuse such a write: see put-if-match-stale")
	case t.scratch.given && a.status != http.StatusPreconditionFailed:
		return inapplicable("the server refuses such content with %s, whatever the condition", a)
	case len(a.interim) > 0:
		return wrong("%d first, and %s after the content", a.interim[0], a)
	case body.read.Load():
		return wrong("%s after the content, which was sent after waiting for %v in vain", a, r.transport.ExpectContinueTimeout)
	}
	return right("%s before any content", a)
}

// watched tells whether it was read.
type watched struct {
	io.Reader
	read atomic.Bool
}

func (w *watched) Read(p []byte) (int, error) {
	w.read.Store(true)
	return w.Reader.Read(p)
}

// repeated is endless content of one byte.
type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// afterCut is how long a server may take to notice that a connection has ended.
const afterCut = 300 * time.Millisecond

func askCut(t *trial, was *answer) verdict {
	for _, length := range []int64{128 << 10, -1} {
		t.cut(length)
		now := t.read()
		if now.same(was) {
			t.pause(afterCut)
			now = t.read()
		}
		if !now.same(was) {
			how := "with its length"
			if length < 0 {
				how = "without its length"
			}
			return wrong("a PUT %s, cut off after the half, has changed the content: of %d bytes, now there are %d of another", how, len(was.content), len(now.content))
		}
	}
	return right("the content is as it was")
}

// cut sends the half of a PUT.
func (t *trial) cut(length int64) {
	if t.err != nil {
		return
	}
	half := strings.Repeat("C", 64<<10)
	if s := t.scratch; s.given {
		half = s.written[:len(s.written)/2]
		length = min(length, int64(len(s.written)))
	}
	r := t.scratch.writing(http.MethodPut, half, t.scratch.guard()...)
	r.body, r.length = io.MultiReader(strings.NewReader(half), broken{}), length
	r.transport = t.newTransport(t.scratch.address())
	defer r.transport.CloseIdleConnections()
	a, _ := t.session.do(t.ctx, r)
	t.answers = append(t.answers, a)
	// That no answer comes is as it should be; but why all stop counts.
	if t.err = t.ctx.Err(); t.err == nil {
		t.err = t.reason()
	}
}

// broken is content that cannot be read.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut off on purpose") }
