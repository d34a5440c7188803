package guard

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// setWritten replaces the validators in the response to a write by the one that
// the new representation has, if that is known to be what was sent: "An origin server
// MUST NOT send a validator field ... unless the request's representation data was
// saved without any transformation" (RFC 9110 §9.3.4). before is a moment before the write.
func (x *exchange) setWritten(out *http.Request, up *upload, res *http.Response, before turn.Moment) {
	if x.route.Validators == ValidatorsBackend && res.StatusCode/100 == 2 {
		if v := x.readValidators(res); v.Strong() {
			x.made = v.Tag
			return
		}
	}
	answered := res.Header["Etag"]
	delete(res.Header, "Etag")
	delete(res.Header, "Last-Modified")
	if x.route.Validators == ValidatorsNone || x.r.Method != http.MethodPut || !saves(res.StatusCode) {
		return
	}
	written, ok := x.written(out, up, answered, before)
	if !ok || written.Tag.IsZero() || written.Tag.IsWeak() {
		return
	}
	x.made = written.Tag
	condhttp.SetValidators(res.Header, written)
}

// written returns the state that a PUT has made; ok is false unless it is that of what was sent. From a backend that is
// known to store what it is sent, it is not read back if the tag that the next GET will have is known without: a
// content tag names just these bytes, whatever may be stored by now, and so does a digest. answered is the ETag in the answer to the PUT.
func (x *exchange) written(out *http.Request, up *upload, answered []string, before turn.Moment) (c precondition.Current, ok bool) {
	if up == nil || !up.content.whole {
		return c, false
	}
	believes := x.believes()
	if sure, tagged := x.route.learned.Stored.AsSent(x.r, believes); sure {
		if tag := x.foretold(up, answered, tagged); !tag.IsZero() {
			return precondition.Current{Exists: true, Tag: tag, Now: x.now}, true
		}
	}
	if x.route.isThrough() && !x.isJudged() {
		return c, false // who asks for nothing is not worth another request
	}
	h, unseen := x.check(out)
	if unseen != nil {
		return c, false
	}
	c = x.stateOf(h).Current
	same := up.is(h)
	if same || before.Alone() && !(h.exists && h.content.IsZero()) {
		x.route.learned.Stored.Learn(x.r, same, same && believes && c.Tag != h.content)
	}
	return c, same
}

// foretold returns the tag that what was sent has if it is stored as it is, or zero if that is not known. tagged says that
// what was just written was seen to have a tag of the backend, which can be known if it is a digest.
func (x *exchange) foretold(up *upload, answered []string, tagged bool) etag.Tag {
	if !tagged {
		return up.content.tag()
	}
	tag, _ := trust.ReadTag(answered)
	if content := up.content.inMemory(); content != nil && x.route.learned.IsDigestOf(tag, content) {
		return tag
	}
	return etag.Tag{}
}

// saves reports whether a PUT was performed.
func saves(status int) bool {
	return status == http.StatusOK || status == http.StatusCreated || status == http.StatusNoContent
}
