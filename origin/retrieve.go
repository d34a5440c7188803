package origin

import (
	"errors"
	"io"
	"net/http"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// getResource evaluates the preconditions against the representation that would be
// sent, and sends it.
func (x *exchange) getResource(res *resource.Resource) (done bool, err error) {
	whole := x.catalog.SelectWhole(x.ctx, res, x.wishes())
	selected := whole
	if x.r.Method == http.MethodGet && len(x.fields.Range) > 0 {
		selected = x.catalog.SelectRanged(x.ctx, res, x.wishes(), whole)
	}
	d := x.evaluate(res, selected)
	switch d.Outcome {
	case precondition.NotModified:
		return x.notModified(res, selected)
	case precondition.Perform:
		return x.send(res, selected, whole)
	}
	x.refuseRead(res, selected)
	return true, nil
}

// wishes are what the representation is selected by.
func (x *exchange) wishes() resource.Wishes {
	return resource.Wishes{AcceptEncoding: x.r.Header["Accept-Encoding"], IfRange: x.fields.IfRange, Now: x.now}
}

// evaluate decides the preconditions of a read (RFC 9110 §13.2) and keeps the
// decision in the record.
func (x *exchange) evaluate(res *resource.Resource, rep *resource.Representation) precondition.Decision {
	x.rec.Current = rep.Tag
	x.rec.Evaluated = true
	x.rec.Decision = x.policy.Evaluate(precondition.Origin, x.r.Method, x.fields, res.Current(rep, x.fields, x.now))
	return x.rec.Decision
}

// notModified answers 304 (RFC 9110 §15.4.5): the fields of a 200 that a cache
// needs, and the tag of the representation that the client has.
func (x *exchange) notModified(res *resource.Resource, rep *resource.Representation) (done bool, err error) {
	matched := x.rec.Decision.Matched
	if matched.IsZero() {
		// By date alone. The tag must be the one that a 200 would have, so it has to
		// be settled whether the coding gains anything.
		if rep, err = x.catalog.Settle(x.ctx, res, rep, x.wishes()); err != nil {
			return false, err
		}
	}
	rep.Validators.SetNotModified(x.header, matched, x.now)
	x.setStored(res)
	x.writeHeader(http.StatusNotModified)
	return true, nil
}

// send answers 200, 206 or 416. selected is what ranges are cut from, whole what
// is sent if Range has no effect.
func (x *exchange) send(res *resource.Resource, selected, whole *resource.Representation) (done bool, err error) {
	if x.rec.Decision.Range != precondition.RangeApplies {
		return x.sendWhole(res, whole)
	}
	c, size, err := x.catalog.Open(x.ctx, res, selected)
	if errors.Is(err, resource.ErrNoGain) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	plan := byterange.Resolve(x.fields.Range, size)
	switch plan.Kind {
	case byterange.Single:
		x.sendSingle(res, selected, c, plan)
	case byterange.Multi:
		x.sendMultipart(res, selected, c, plan)
	case byterange.Unsatisfiable:
		x.unsatisfiable(res, selected, plan)
	default:
		return x.sendWhole(res, whole)
	}
	return true, nil
}

// sendWhole answers 200 with all of a representation.
func (x *exchange) sendWhole(res *resource.Resource, rep *resource.Representation) (done bool, err error) {
	if x.r.Method == http.MethodHead && rep.IsIdentity() {
		x.setRepresentation(res, rep)
		x.header["Content-Length"] = res.Length
		x.writeHeader(http.StatusOK)
		return true, nil
	}
	c, size, err := x.catalog.Open(x.ctx, res, rep)
	if errors.Is(err, resource.ErrNoGain) {
		return false, nil // known now, and another representation is selected
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	x.setRepresentation(res, rep)
	x.header["Content-Length"] = res.Length
	if !rep.IsIdentity() {
		x.header["Content-Length"] = length(size)
	}
	x.setContentDigest(res, rep, c, byterange.Range{Length: size}, size)
	x.writeHeader(http.StatusOK)
	if x.r.Method != http.MethodHead {
		x.sendRange(c, byterange.Range{Length: size})
	}
	return true, nil
}

// sendSingle answers 206 with one range (RFC 9110 §15.3.7.1).
func (x *exchange) sendSingle(res *resource.Resource, rep *resource.Representation, c resource.Content, plan byterange.Plan) {
	x.setRepresentation(res, rep)
	x.header["Content-Range"] = []string{plan.ContentRange()}
	x.header["Content-Length"] = length(plan.Range.Length)
	x.setContentDigest(res, rep, c, plan.Range, plan.Size)
	x.writeHeader(http.StatusPartialContent)
	x.sendRange(c, plan.Range)
}

// sendMultipart answers 206 with several ranges (RFC 9110 §15.3.7.2).
func (x *exchange) sendMultipart(res *resource.Resource, rep *resource.Representation, c resource.Content, plan byterange.Plan) {
	m, err := byterange.NewMultipart(plan.Parts, plan.Size, res.MediaType[0], "")
	if err != nil {
		x.fail(err)
		return
	}
	x.setRepresentation(res, rep)
	x.header["Content-Type"] = []string{m.ContentType()}
	x.header["Content-Length"] = length(m.Length())
	x.writeHeader(http.StatusPartialContent)
	n, err := m.Send(x.w, func(w io.Writer, r byterange.Range) (int64, error) {
		return c.WriteRange(w, r.Start, r.Length)
	})
	x.sent(n, err)
}

// unsatisfiable answers 416 (RFC 9110 §15.5.17) with the length and the tag of
// what there is.
func (x *exchange) unsatisfiable(res *resource.Resource, rep *resource.Representation, plan byterange.Plan) {
	p := condhttp.NewProblem(http.StatusRequestedRangeNotSatisfiable, "range-not-satisfiable",
		"no range asked for lies within the representation", "fetch it whole, without Range")
	p.More = map[string]any{"size": plan.Size}
	x.refuse(p, field{"Content-Range", []string{plan.ContentRange()}}, field{"Etag", []string{rep.Tag.String()}}, x.varyField(res))
}
