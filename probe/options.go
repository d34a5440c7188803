package probe

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// What errors.Is finds in the errors of Run, which say what to do.
var (
	// ErrTarget: the target or WriteTo is not an http or https URL.
	ErrTarget = errors.New("not a URL to check")
	// ErrUnreachable: no HTTP answer came: no such host, refused, TLS, time, or another protocol.
	ErrUnreachable = errors.New("no answer")
	// ErrUnfit: there is an answer, but not one that anything can be asked of: a redirect, an
	// error, or no content.
	ErrUnfit = errors.New("cannot be checked")
	// ErrExists: WriteTo names something that exists.
	ErrExists = errors.New("exists")
	// ErrContents: Options.Contents are too few, empty or the same.
	ErrContents = errors.New("contents to write")
)

// Options are the choices of Run. The zero Options are the usual ones.
type Options struct {
	// WriteTo is a URL that does not exist yet, of the same server or another one, for checks that
	// write; nil for none. One whose path ends in "/" is a collection of WebDAV, which is made, and
	// removed with all that is in it; only there locks, properties and moves are asked for.
	WriteTo *url.URL
	// Contents are written to WriteTo, if the server does not take any text: two or more, no two
	// the same, each of which can take the place of another; nil for short texts. Nothing else is
	// then stored there for longer than a moment.
	Contents [][]byte
	// ContentType is the media type of Contents; "" for text/plain.
	ContentType string
	// Risky also asks what may do harm to a fragile server or to others behind a shared cache:
	// checks that have Harm, and what may be refused where a shared cache shows itself and the
	// server has something else under another query.
	Risky bool
	// Checks are those to ask; nil for all. See Select.
	Checks []*Check
	// Addresses are those of the target to ask, as in "192.0.2.1", "[2001:db8::1]:8443"; nil for
	// all that its name has.
	Addresses []string
	// Header has fields that every request gets, such as Cookie. Those a check sets itself take
	// their place.
	Header http.Header
	// Authorization is the value of that field; "" for none.
	Authorization string
	// UserAgent is the value of that field; "" for DefaultUserAgent.
	UserAgent string
	// Connections is how many are open at a time, from 1 to 4; 0 for 4.
	Connections int
	// Writers is how many take part in the race for WriteTo, each with a connection of its own,
	// from 2 to 64; 0 for 4.
	Writers int
	// Budget is how many requests are sent at most; 0 for DefaultBudget. Those that remove what was
	// written come on top, four at most.
	Budget int
	// Rate is how many requests a second are sent at most; 0 for no limit.
	Rate float64
	// Timeout bounds each request with its answer; 0 for 10 s.
	Timeout time.Duration
	// MaxContent is how many bytes of an answer's content are read; 0 for 8 MiB.
	MaxContent int64
	// Redirects is how many are followed to find the target; 0 for none.
	Redirects int
	// TLS configures connections to https URLs; nil for the default.
	TLS *tls.Config
	// Progress, if not nil, is told after each check how many of how many are done. Calls do not
	// overlap.
	Progress func(done, of int)
}

const (
	// DefaultUserAgent says who asks.
	DefaultUserAgent = "fourtwelve-check"
	// DefaultBudget is enough for all checks with up to 16 writers.
	DefaultBudget = 600

	maxConnections = 4
	maxWriters     = 64
)

// checkContents says what is wrong with Contents.
func (o *Options) checkContents() error {
	if len(o.Contents) == 1 {
		return fmt.Errorf("%w: one takes the place of another, so two are needed", ErrContents)
	}
	for i, c := range o.Contents {
		if len(c) == 0 {
			return fmt.Errorf("%w: number %d is empty", ErrContents, i+1)
		}
		if slices.ContainsFunc(o.Contents[:i], func(d []byte) bool { return bytes.Equal(c, d) }) {
			return fmt.Errorf("%w: number %d is the same as one before it", ErrContents, i+1)
		}
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Checks == nil {
		o.Checks = catalogue
	}
	o.UserAgent = cmp.Or(o.UserAgent, DefaultUserAgent)
	o.Connections = min(cmp.Or(o.Connections, maxConnections), maxConnections)
	o.Writers = min(max(cmp.Or(o.Writers, 4), 2), maxWriters)
	o.Budget = cmp.Or(o.Budget, DefaultBudget)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.MaxContent = cmp.Or(o.MaxContent, 8<<20)
	return o
}
