package precondition

import (
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// ParseDate reads an HTTP-date in any of its three forms (RFC 9110 §5.6.7):
//
//	Sun, 06 Nov 1994 08:49:37 GMT   IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT  RFC 850
//	Sun Nov  6 08:49:37 1994        asctime
//
// Names are case-sensitive, the day must exist in its month, and second 60 is
// the leap second: the one after 59. The name of the day is not compared with
// the date. A two-digit year that would be more than 50 years after now is in
// the century before (§5.6.7); a zero now stands for the year 2000. The time is
// in UTC, and zero if ok is false. ParseDate does not allocate.
func ParseDate(s string, now time.Time) (t time.Time, ok bool) { return date.Parse(s, now) }
