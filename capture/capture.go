package capture

import (
	"fmt"
	"strings"
	"time"
)

// An Exchange is one request and its response, as far as the capture has them.
type Exchange struct {
	Request  Request
	Response Response
	// Interim are the 1xx responses that came before Response, in order.
	Interim []Response
	// Started is when the request was begun; zero if the capture does not tell.
	Started time.Time
	// Duration is the time from Started to the end of the response; zero if the capture
	// does not tell.
	Duration time.Duration
	// Scheme is "http" or "https", or "" if the capture does not tell.
	Scheme string
	// Server is the address the request was sent to, as in "192.0.2.1:443" or
	// "192.0.2.1"; "" if the capture does not tell.
	Server string
	// Cache is the cache on the client's side that answered in place of the server, as in
	// "disk", "memory" or "service worker"; "" if none did or the capture does not tell.
	Cache string
	// Current is the ETag field value that the server, in its own log, says it compared with the
	// preconditions; "" if the capture does not tell.
	Current string
	// Excess is how many bytes the client says came behind the end of the response; 0 if none, or
	// if the capture does not tell.
	Excess int64
	// Trace is what the server says it did, in order. Only FREB has it.
	Trace []Event
	// Gaps says what is missing, and why. An empty list means that everything the format
	// can show is there.
	Gaps   []Gap
	Source Source
}

// A Request is a request as sent. Without Method nothing is known of it but what Header and Content
// have.
type Request struct {
	// Method is as sent, in the case as sent; "" if the capture does not have it.
	Method string
	// Target is the request-target (RFC 9112 §3.2) or the :path of HTTP/2, with
	// credentials replaced as by RedactURL. From a HAR it is the path and query of the URL.
	Target string
	// Proto is the protocol version as in "HTTP/1.1", "HTTP/2", "HTTP/3", or "" if not known.
	Proto string
	// Host is the authority the request was for, with the port if it was given: :authority, else
	// the authority of an absolute target or URL, else the Host field.
	Host    string
	Header  Header
	Content Content
}

// A Response is a response as received. Without Status nothing is known of it but what Header and
// Content have.
type Response struct {
	// Status is the status code; 0 if the capture does not have it.
	Status int
	// Reason is the reason phrase, "" if there was none.
	Reason  string
	Proto   string
	Header  Header
	Content Content
}

// Content is the content of a message (RFC 9110 §6.4), free of any transfer coding.
//
// It may hold credentials: do not show it to people as it is.
type Content struct {
	// Data is the content, or its beginning if Cut, or nil if it is not in the capture.
	Data []byte
	// Len is the length of the content in bytes: counted, or what the capture says of it, such
	// as Content-Length; -1 if not known. It counts the content as it was sent, with its content coding,
	// unless the capture has nothing but the decoded one, which is then Altered.
	Len int64
	// Cut is set if Data is only the beginning.
	Cut bool
	// Altered is set if Data is not, or not surely, what was sent byte by byte: the program that
	// captured it removed the content coding, converted the text, or mixed it with something else.
	Altered bool
}

// Complete reports whether Data is the whole content as it was sent, so that its
// digest can be compared.
func (c Content) Complete() bool { return c.Data != nil && !c.Cut && !c.Altered }

// URL returns the target URI (RFC 9110 §7.1) as far as it is known: "https://host/path?query",
// "//host/path" without the scheme, or the target alone.
func (x *Exchange) URL() string {
	target := x.Request.Target
	switch {
	case x.Request.Method == "CONNECT", strings.Contains(target, "://"), x.Request.Host == "":
		return target
	case target == "*": // asterisk-form, RFC 9112 §3.2.4
		target = ""
	}
	if x.Scheme == "" {
		return "//" + x.Request.Host + target
	}
	return x.Scheme + "://" + x.Request.Host + target
}

// Missing reports whether part p, or some of it, is not in the capture, so that its absence
// proves nothing.
func (x *Exchange) Missing(p Part) bool {
	for _, g := range x.Gaps {
		if g.Part == p {
			return true
		}
	}
	return false
}

// miss notes that p is missing, once for each reason.
func (x *Exchange) miss(p Part, reason string) {
	g := Gap{p, reason}
	for _, have := range x.Gaps {
		if have == g {
			return
		}
	}
	x.Gaps = append(x.Gaps, g)
}

// A Gap says that a part of an exchange, or some of it, is not in the capture.
type Gap struct {
	Part Part
	// Reason is why, for people, and what would capture it if that is known, as in "headers not
	// traced: tick the area …".
	Reason string
}

// Part is a part of an exchange.
type Part uint8

const (
	// RequestLine is the method, the target and the version.
	RequestLine Part = iota
	RequestHeader
	RequestContent
	// ResponseLine is the status code, the reason phrase and the version.
	ResponseLine
	ResponseHeader
	ResponseContent
	// ServerTrace is what the server did.
	ServerTrace
)

var partNames = [...]string{
	"request line", "request header", "request content",
	"response line", "response header", "response content", "server trace",
}

func (p Part) String() string {
	if int(p) < len(partNames) {
		return partNames[p]
	}
	return "unknown"
}

// Source is where an exchange was read.
type Source struct {
	// File is the name that Read was given.
	File   string
	Format Format
	// Member is the name of the file inside an archive.
	Member string
	// Number is that of the exchange in File, from 1.
	Number int
	// Line is the line at which the exchange begins, from 1, or 0 if the format has no
	// lines worth counting.
	Line int
}

// String returns the place for people, as in "trace.txt, line 14" or "site.har, entry 3".
func (s Source) String() string {
	switch {
	case s.Member != "":
		return fmt.Sprintf("%s, %s", s.File, s.Member)
	case s.Line > 0:
		return fmt.Sprintf("%s, line %d", s.File, s.Line)
	case s.Number > 0 && s.Format == HAR:
		return fmt.Sprintf("%s, entry %d", s.File, s.Number)
	}
	return s.File
}
