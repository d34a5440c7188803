package origin

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/resource"
)

// Field values that are the same in many answers. They are put into header maps
// as they are, and nobody changes them: http.Header's methods replace or append,
// and these have no room to append.
var (
	bytesUnit      = []string{"bytes"}
	nosniff        = []string{"nosniff"}
	noStore        = []string{"no-store"}
	anyType        = []string{"*/*"}
	zeroLength     = []string{"0"}
	varyEncoding   = []string{"Accept-Encoding"}
	varyAccept     = []string{"Accept"}
	varyBoth       = []string{"Accept, Accept-Encoding"}
	appliedRepr    = []string{"return=representation"}
	appliedMinimal = []string{"return=minimal"}
)

// dateField is the Date field's value (RFC 9110 §6.6.1), formatted once a second.
type dateField struct{ last atomic.Pointer[datedValue] }

type datedValue struct {
	unix  int64
	value []string
}

// at returns the value for t. The slice is shared.
func (d *dateField) at(t time.Time) []string {
	unix := t.Unix()
	if last := d.last.Load(); last != nil && last.unix == unix {
		return last.value
	}
	value := []string{t.UTC().Format(http.TimeFormat)} // an IMF-fixdate (RFC 9110 §5.6.7)
	d.last.Store(&datedValue{unix, value})
	return value
}

func length(n int64) []string {
	if n == 0 {
		return zeroLength
	}
	return []string{strconv.FormatInt(n, 10)}
}

// varyBy is by which fields of the request the answer was chosen (RFC 9110
// §12.5.5).
func (x *exchange) varyBy(res *resource.Resource) []string {
	switch {
	case x.forCollection && res.IsNegotiable():
		return varyBoth
	case x.forCollection:
		return varyAccept
	case res.IsNegotiable():
		return varyEncoding
	}
	return nil
}

func (x *exchange) varyField(res *resource.Resource) field { return field{"Vary", x.varyBy(res)} }

// vary adds to the Vary field what a handler around this one may have set.
func (x *exchange) vary(value []string) {
	if value == nil {
		return
	}
	if already := x.header["Vary"]; len(already) > 0 {
		value = append(already[:len(already):len(already)], value...)
	}
	x.header["Vary"] = value
}

// tick takes the time again. It comes before the state is looked up or changed.
func (x *exchange) tick() {
	x.now = x.options.Now()
	x.header["Date"] = x.dates.at(x.now)
}

// setStored sets the fields that an answer about a representation has beside its validators
// whether or not it carries it (RFC 9110 §15.4.5), Date being there already.
func (x *exchange) setStored(res *resource.Resource) {
	x.vary(x.varyBy(res))
	if res.CacheControl != nil {
		x.header["Cache-Control"] = res.CacheControl
	}
	if x.forCollection && !res.IsGenerated() {
		x.header["Content-Location"] = res.Path
	}
}

// setRepresentation sets the fields of an answer that carries a representation,
// all but its length.
func (x *exchange) setRepresentation(res *resource.Resource, rep *resource.Representation) {
	rep.Validators.Set(x.header, x.now)
	x.setStored(res)
	x.header["Content-Type"] = res.MediaType
	x.header["Accept-Ranges"] = bytesUnit
	x.header["X-Content-Type-Options"] = nosniff
	if rep.Encoding != nil {
		x.header["Content-Encoding"] = rep.Encoding
	}
	if link := x.linkOf(res); link != nil {
		x.header["Link"] = link
	}
	x.setReprDigest(res, rep)
}
