package cache

import (
	"net/textproto"
	"sync/atomic"
	"time"
)

// facts are what the fields of a stored response say, read once.
type facts struct {
	by         *Policy
	control    ResponseDirectives
	lifetime   time.Duration
	source     Source
	lent       bool          // see lends
	initialAge time.Duration // when it was received
	validators validators
	// generated is its Date, or when it was received.
	generated time.Time
	// vary are the fields that Vary names, and varied these in the request it answered, in their normal form.
	vary, varied []string
	any          bool // Vary has "*"
}

// memo keeps facts between decisions. Copies of a Stored that differ in other things than fields and times share it.
type memo struct{ facts atomic.Pointer[facts] }

// facts returns what the fields of s say to p.
func (s *Stored) facts(p *Policy) *facts {
	if s.memo == nil {
		return s.read(p)
	}
	if known := s.memo.facts.Load(); known != nil && known.by == p {
		return known
	}
	f := s.read(p)
	s.memo.facts.Store(f)
	return f
}

// read reads the fields.
func (s *Stored) read(p *Policy) *facts {
	f := &facts{by: p, initialAge: s.initialAge(), validators: validatorsOf(s.Header, s.Received), generated: s.generated()}
	f.control, _ = p.control(s.Header)
	f.lifetime, f.source = p.lifetime(s)
	f.lent = lends(&f.control, f.lifetime, f.source)
	for _, name := range values(s.Header["Vary"]) {
		key := textproto.CanonicalMIMEHeaderKey(name)
		f.any = f.any || name == "*"
		f.vary = append(f.vary, key)
		f.varied = append(f.varied, normal(key, s.Request.Header[key]))
	}
	return f
}
