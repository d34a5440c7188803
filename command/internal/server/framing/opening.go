package framing

// preface is what a client of HTTP/2 begins with (RFC 9113 §3.4). Its first line alone tells it from
// requests of HTTP/1.
const (
	preface     = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	prefaceLine = len("PRI * HTTP/2.0")
)

// opening compares the first bytes of a connection with the preface.
//
// A server of net/http that speaks HTTP/2 without TLS waits for as many bytes as the line has, and then for as
// many as the preface has, before it reads anything as HTTP/1. A client that sends fewer, such as "GET /"
// and two line ends, would wait for an answer until a timeout.
type opening struct {
	seen  int // of the preface's length at most
	equal int // how many of them are as in the preface
}

// see takes the bytes that are passed on next.
func (o *opening) see(p []byte) {
	p = p[:min(len(p), len(preface)-o.seen)]
	for _, b := range p {
		if o.equal == o.seen && b == preface[o.seen] {
			o.equal++
		}
		o.seen++
	}
}

// isOver reports whether nothing of what comes is of interest any more.
func (o *opening) isOver() bool { return o.seen == len(preface) }

// settled reports whether a read of up to n bytes waits for the rest of what cannot be the preface any more.
// net/http asks for exactly that rest, and for more by far when it reads a request.
func (o *opening) settled(n int) bool {
	awaited := prefaceLine
	if o.equal >= prefaceLine {
		awaited = len(preface)
	}
	return o.equal < o.seen && n == awaited-o.seen
}
