package accesslog

// methodNames are those counted in Totals.Method: none, the registered ones
// (RFC 9110 §16.1), and all others.
var methodNames = [...]string{
	"", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MOVE", "COPY", "LOCK", "UNLOCK", "MKCOL",
	"REPORT", "PROPPATCH", "SEARCH", "CONNECT", "TRACE", "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "LABEL",
	"LINK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKREDIRECTREF", "MKWORKSPACE", "ORDERPATCH", "PRI", "QUERY", "REBIND",
	"UNBIND", "UNCHECKOUT", "UNLINK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL", "other",
}

var methodNumbers = func() map[string]int {
	m := map[string]int{}
	for i, name := range methodNames {
		m[name] = i
	}
	return m
}()

// methodIndex is the index of a method in methodNames.
func methodIndex(method string) int {
	if method == "GET" {
		return 1
	}
	if i, known := methodNumbers[method]; known && method != "other" {
		return i
	}
	return len(methodNames) - 1
}
