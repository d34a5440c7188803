// Package lane answers plain reads without net/http's server, and leaves everything else to it.
//
// Most requests to a server are of one shape: GET or HEAD, without content, in one packet. To read
// and answer one of them takes a fraction of what a server needs that can do all of HTTP. So a
// listener made by [Listen] reads the connections itself. A request that can mean one thing only it
// hands to the handler at once, with a response writer that writes what net/http's would write,
// byte for byte but for Date. With the first byte that is anything else, the connection comes out
// of Accept, with all bytes that no request has been made of, and net/http has it from then on.
//
// What is read here: RFC 9112's request line with GET or HEAD, a target in origin-form and
// HTTP/1.1; one Host; field lines that end in CRLF, with names that are tokens and values of
// printable ASCII; nothing about content, another protocol, or the connection beyond close and
// keep-alive; and all that in one read of at most 4 KiB. So no request is read here that another
// reader could take for a longer or shorter one.
package lane
