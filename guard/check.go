package guard

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// otherAnswer is a response of the backend that is passed on in the place of the one
// asked for, such as a 401.
type otherAnswer struct{ res *http.Response }

func (e *otherAnswer) Error() string { return "the backend answered " + e.res.Status }

// check asks the backend for the current representation of the target, as the writer would
// get it: with the writer's own fields, credentials and preferences included, and with
// nobody else's.
func (x *exchange) check(out *http.Request) (sight, error) {
	ctx, cancel := context.WithCancel(context.Background()) // without the traces of out
	defer context.AfterFunc(x.r.Context(), cancel)()
	x.onEnd(cancel)
	res, confirmed, err := x.askState(lookOf(out, ctx))
	if err != nil {
		if x.r.Context().Err() != nil || isA[errUnsent](err) {
			return sight{}, err
		}
		return sight{}, x.uncheckable(err, "it did not answer")
	}
	if confirmed {
		discardAndClose(res)
		return sight{exists: true, Seen: trust.Seen{Validators: x.readValidators(res)}}, nil
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusNonAuthoritativeInfo:
		return x.look(res)
	case http.StatusNoContent:
		_ = res.Body.Close()
		return sight{exists: true, Seen: trust.Seen{Validators: x.readValidators(res)}}, nil
	case http.StatusNotFound, http.StatusGone:
		discardAndClose(res)
		return sight{Seen: trust.Seen{Validators: trust.Validators{Date: x.now}}}, nil
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		deleteFields(res.Header, []string{"Etag", "Last-Modified"})
		return sight{}, &otherAnswer{res}
	}
	discardAndClose(res)
	return sight{}, x.uncheckable(nil, fmt.Sprintf("it answered %d to GET", res.StatusCode))
}

// askState sends the look at the target of a write. A backend that is believed is asked whether what the
// writer names is still current, so that it need not be read; confirmed says that it is. One that may refuse what is
// passed on to it wrongly is read, so that it shows what it has done.
func (x *exchange) askState(look *http.Request) (res *http.Response, confirmed bool, err error) {
	x.asked = x.shared.writes.Look(turn.Key(x.route.backend.Host, look.URL.Path))
	var q *question
	if len(x.fields.IfMatch) > 0 && x.believes() && !x.mayMisjudge() {
		q = x.questionOfTags(x.fields.IfMatch)
	}
	if q == nil {
		res, err = x.send(look)
		return res, false, err
	}
	res, err = x.send(q.asked(look))
	switch {
	case err != nil || res.StatusCode == http.StatusOK:
		return res, false, err
	case res.StatusCode == http.StatusNotModified:
		v := x.readValidators(res)
		if x.usable(v) && slices.ContainsFunc(q.tags, v.Tag.StrongEqual) && q.fits(v) {
			return res, true, nil
		}
	}
	discardAndClose(res)
	res, err = x.send(look)
	return res, false, err
}

// lookOf makes the request that looks at the target of a write.
func lookOf(out *http.Request, ctx context.Context) *http.Request {
	look := out.Clone(ctx)
	look.Method, look.Body, look.GetBody, look.ContentLength = http.MethodGet, nil, nil, 0
	look.TransferEncoding, look.Trailer = nil, nil
	maps.DeleteFunc(look.Header, func(name string, _ []string) bool {
		return strings.HasPrefix(name, "Content-") || isWriteField[name]
	})
	deleteFields(look.Header, conditionalFields)
	deleteFields(look.Header, methodFields)
	look.Header["Accept-Encoding"] = identityOnly
	look.Header["Cache-Control"] = []string{"no-cache"}
	return look
}

// isWriteField has the fields that say how a write is to be performed.
var isWriteField = map[string]bool{
	"Expect": true, "If": true, "Destination": true, "Overwrite": true, "Depth": true, "Lock-Token": true, "Timeout": true,
	"Te": true, "Connection": true, "Digest": true, "Repr-Digest": true, "Prefer": true,
	"Idempotency-Key": true, "X-Idempotency-Key": true,
}

// look reads a representation for its tag.
func (x *exchange) look(res *http.Response) (sight, error) {
	s := sight{exists: true, Seen: trust.Seen{Validators: x.readValidators(res)}}
	bound := x.route.MaxBuffer + x.route.MaxSpool
	defer func() { _ = res.Body.Close() }()
	if res.ContentLength > bound || isEventStream(res.Header) {
		s.TooLong = true
		return s, nil
	}
	digest, quick := sha256.New(), trust.NewSummer()
	buffer := copyBuffers{}.Get()
	defer copyBuffers{}.Put(buffer)
	var size int64
	err := withTimeout(res.Body, func() (err error) {
		size, err = io.CopyBuffer(io.MultiWriter(digest, &quick), io.LimitReader(res.Body, bound+1), buffer)
		return err
	})
	if err != nil {
		return sight{}, x.uncheckable(err, "it broke off its answer")
	}
	if size > bound {
		s.TooLong = true
		return s, nil
	}
	digest.Sum(s.digest[:0])
	s.content, s.Size, s.Sum = etag.FromDigest(s.digest), size, quick.Sum()
	s.Shown = x.showing(res, size)
	if !x.asked.Overtaken() {
		x.learn(s, nil)
	}
	return s, nil
}

// uncheckable refuses a write whose precondition cannot be evaluated. It fails
// closed: nothing is written that might overwrite something.
func (x *exchange) uncheckable(err error, why string) error {
	status := http.StatusBadGateway
	if err != nil {
		x.rec.Err = err
		if errIsTimeout(err) {
			status = http.StatusGatewayTimeout
		}
	}
	return x.refusal(condhttp.NewProblem(status, reasonUncheckable,
		"the server behind this gateway was asked for the current state, to evaluate the precondition, but "+why+"; nothing was changed",
		"try again later, or, if this resource cannot be fetched by GET, write it without a precondition"))
}

// strengthened returns the client's request. With lenient tags, a weak tag in
// If-Match that has the digest of the current content counts as strong: this guard never gave out such
// a one, so a proxy on the way has marked it (when it compressed the content), and it
// names the state all the same.
func (x *exchange) strengthened(c precondition.Current, s sight) *http.Request {
	if !x.route.LenientTags || s.content.IsZero() || len(x.fields.IfMatch) == 0 {
		return x.r
	}
	var list []string
	for m := range etag.Members(x.fields.IfMatch) {
		raw := m.Raw
		for _, known := range append([]etag.Tag{s.content, c.Tag}, c.Others...) {
			if m.Tag.IsWeak() && strings.HasPrefix(known.Opaque(), s.content.Opaque()) && m.Tag.WeakEqual(known) {
				raw = known.String()
			}
		}
		list = append(list, raw)
	}
	r := *x.r
	r.Header = maps.Clone(r.Header)
	r.Header["If-Match"] = []string{strings.Join(list, ", ")}
	return &r
}
