// Package target reads the target of a request (RFC 9112 §3.2) in one way, so that whoever
// decides by it and whoever acts on it cannot see two different ones.
//
//	if fault := target.Check(r, "https"); fault != nil {
//		// 400: fault says why
//	}
//	u, fault := target.Normal(r.URL)
//
// [Check] says whether the target has one of the forms that a server may be sent. [Normal]
// writes its path in the one spelling that RFC 3986 §6.2.2 makes of all that are equivalent.
package target
