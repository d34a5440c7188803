// Package server is what a server of this program stands on: the address it listens at, its
// certificate, the connection with all its layers, and the time that requests under way have at the
// end.
//
// From the connection to the handler a request comes through deadline (a connection on which
// nothing moves), secure (TLS, if there is a certificate), lane (plain reads, which go to the
// handler from there), framing (content without a clear end), coalesce (short answers leave in one
// piece) and admit (how many at once). What serves in another way, such as another version of HTTP,
// is another [Endpoint].
package server
