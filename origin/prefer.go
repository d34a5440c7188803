package origin

import (
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// returns is what a client prefers the answer to a write to hold (RFC 7240
// §4.2).
type returns uint8

const (
	returnsAny returns = iota
	returnsMinimal
	returnsRepresentation
)

// preferredReturn reads the field lines of Prefer. The first "return" counts
// (RFC 7240 §2); one that is neither minimal nor representation is none.
func preferredReturn(lines []string) returns {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			preference, _, _ := strings.Cut(element, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "return") {
				continue
			}
			switch strings.Trim(strings.TrimSpace(value), `"`) {
			case "minimal":
				return returnsMinimal
			case "representation":
				return returnsRepresentation
			}
			return returnsAny
		}
	}
	return returnsAny
}

// succeeded answers a write with status, 201 or 204, and the validators of what
// there is now. If the client prefers the representation, 204 becomes 200 with it.
func (x *exchange) succeeded(status int, info store.Info) {
	res := x.catalog.Of(info)
	if x.rec.Replayed {
		res = x.catalog.OfRevision(info) // it may be current no more
	}
	rep := &res.Identity
	x.rec.New = rep.Tag
	rep.Validators.Set(x.header, x.now)
	switch preferredReturn(x.r.Header["Prefer"]) {
	case returnsRepresentation:
		if x.returnRepresentation(status, res) {
			return
		}
	case returnsMinimal:
		x.header["Preference-Applied"] = appliedMinimal
	}
	x.setReprDigest(res, rep)
	x.noContent(status)
}

// returnRepresentation sends the content that a write has made. It does nothing
// if that is gone again, as the preference is one.
func (x *exchange) returnRepresentation(status int, res *resource.Resource) bool {
	c, size, err := x.catalog.Open(x.ctx, res, &res.Identity)
	if err != nil {
		return false
	}
	defer c.Close()
	if status == http.StatusNoContent {
		status = http.StatusOK
	}
	x.header["Preference-Applied"] = appliedRepr
	x.sendCurrent(status, res, c, size)
	return true
}

// sendCurrent sends the content of the target resource in an answer that is not
// about its retrieval; Content-Location says that it is what GET would have
// given (RFC 9110 §8.7).
func (x *exchange) sendCurrent(status int, res *resource.Resource, c resource.Content, size int64) {
	whole := byterange.Range{Length: size}
	x.header["Content-Type"] = res.MediaType
	x.header["Content-Location"] = []string{resource.PathOf(res.Info.Name)}
	x.header["Content-Length"] = length(size)
	x.header["X-Content-Type-Options"] = nosniff
	x.setReprDigest(res, &res.Identity)
	x.setContentDigest(res, &res.Identity, c, whole, size)
	x.writeHeader(status)
	x.sendRange(c, whole)
}

// written answers a write that was performed: 201 if it created the resource,
// else 204, or 200 with the new representation if the client prefers that.
func (x *exchange) written(before, after store.Info) {
	x.succeeded(statusOf(before), after)
}

func statusOf(before store.Info) int {
	if before.Exists() {
		return http.StatusNoContent
	}
	return http.StatusCreated
}
