// Package method says what the request methods mean that a server need not implement to treat
// rightly: which are safe (RFC 9110 §9.2.1), and which have to do with preconditions and ranges.
//
// Methods are case-sensitive (RFC 9110 §9.1). One that is not known here may do anything, so it is
// taken for one that writes, and its preconditions count.
package method

// The methods beside those of net/http that the project knows.
const (
	Query     = "QUERY"     // RFC 10008
	Propfind  = "PROPFIND"  // RFC 4918 §9.1
	Report    = "REPORT"    // RFC 3253 §3.6
	Search    = "SEARCH"    // RFC 5323
	Proppatch = "PROPPATCH" // RFC 4918 §9.2
	Lock      = "LOCK"      // RFC 4918 §9.10
	Unlock    = "UNLOCK"    // RFC 4918 §9.11
	ACL       = "ACL"       // RFC 3744 §8.1
)

// IsSafe reports whether the method asks for no change (RFC 9110 §9.2.1).
func IsSafe(m string) bool {
	switch m {
	case "GET", "HEAD", "OPTIONS", "TRACE", Query, Propfind, Report, Search:
		return true
	}
	return false
}

// Writes reports whether the method may change its target: it is neither safe nor CONNECT, which
// has no target to change. The empty method, which stands for one that is not known, does not.
func Writes(m string) bool { return m != "" && m != "CONNECT" && !IsSafe(m) }

// Reads reports whether the method asks for a representation, so that a false If-None-Match or
// If-Modified-Since becomes a 304 (RFC 9110 §13.1.2, §13.1.3; RFC 10008 for QUERY).
func Reads(m string) bool { return m == "GET" || m == "HEAD" || m == Query }

// Ranges reports whether Range and If-Range have a meaning with the method: RFC 9110 §14.2 defines
// it for GET, and RFC 10008 gives QUERY the same. With any other, HEAD among them, a server must
// ignore Range.
func Ranges(m string) bool { return m == "GET" || m == Query }

// Selects reports whether the method involves the selection or modification of a representation.
// Where it does not, preconditions are ignored (RFC 9110 §13.2.1).
func Selects(m string) bool { return m != "OPTIONS" && m != "TRACE" && m != "CONNECT" }

// Annotates reports whether the method changes something about its target, and not the content of
// it: locks, properties and access rights.
func Annotates(m string) bool {
	switch m {
	case Lock, Unlock, Proppatch, ACL:
		return true
	}
	return false
}

// NeedsContent reports whether the method has no meaning without content, so that a request which
// does not say how long that is has lost it, if the version of HTTP has no other way to tell.
func NeedsContent(m string) bool {
	switch m {
	case "PUT", "POST", "PATCH", Query, Proppatch, Report, Search:
		return true
	}
	return false
}
