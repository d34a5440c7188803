package origin

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
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
	value := []string{httpDate(t)}
	d.last.Store(&datedValue{unix, value})
	return value
}

// httpDate is t as an IMF-fixdate (RFC 9110 §5.6.7).
func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

func length(n int64) []string {
	if n == 0 {
		return zeroLength
	}
	return []string{strconv.FormatInt(n, 10)}
}

// varyBy is by which fields of the request the answer was chosen (RFC 9110
// §12.5.5).
func (x *exchange) varyBy(res *resource) []string {
	switch {
	case x.forCollection && res.negotiable:
		return varyBoth
	case x.forCollection:
		return varyAccept
	case res.negotiable:
		return varyEncoding
	}
	return nil
}

func (x *exchange) varyField(res *resource) field { return field{"Vary", x.varyBy(res)} }

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

// published reports whether modified may be sent as a date: the second it names
// has passed, so that no later version can have it (RFC 9110 §8.8.2.2).
func published(modified, now time.Time) bool {
	return !modified.IsZero() && !now.Before(modified.Add(time.Second))
}
