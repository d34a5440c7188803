package guard

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// Shared is what outlives a [Handler]: see Options.Shared. It may be used from any
// number of goroutines.
type Shared struct {
	locker Locker
	writes writes
	budget budget

	mu         sync.Mutex
	transports map[transportKey]*http.Transport
	learned    map[string]*learned
}

// NewShared returns a Shared with these locks. Nil stands for locks in memory,
// at which no more than [DefaultMaxWaiters] requests wait for one target.
func NewShared(locks Locker) *Shared {
	if locks == nil {
		locks = newLocks(DefaultMaxWaiters)
	}
	return &Shared{
		locker:     locks,
		transports: make(map[transportKey]*http.Transport),
		learned:    make(map[string]*learned),
	}
}

// Close closes the connections to backends that are not in use. It does not end
// requests that are being answered; wait for them before.
func (s *Shared) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.transports {
		t.CloseIdleConnections()
	}
}

// Usage is what all messages hold just now, in bytes.
type Usage struct{ Memory, Disk int64 }

// Usage returns what is held now.
func (s *Shared) Usage() Usage {
	return Usage{Memory: s.budget.memory.used.Load(), Disk: s.budget.disk.used.Load()}
}

// transportKey is what makes one transport do for several routes.
type transportKey struct {
	h2c           bool
	connect, idle time.Duration
	tls           *tls.Config
}

// transport returns the transport for a route.
func (s *Shared) transport(key transportKey) *http.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.transports[key]
	if t == nil {
		t = newTransport(key)
		s.transports[key] = t
	}
	return t
}

// idlePerBackend is how many unused connections are kept to one backend.
const idlePerBackend = 256

// maxBackendHeader bounds the header of a backend's response in bytes.
const maxBackendHeader = 256 << 10

func newTransport(key transportKey) *http.Transport {
	dialer := net.Dialer{Timeout: key.connect}
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    key.connect,
		TLSClientConfig:        key.tls.Clone(),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idlePerBackend,
		IdleConnTimeout:        key.idle,
		MaxResponseHeaderBytes: maxBackendHeader,
		WriteBufferSize:        32 << 10,
		ReadBufferSize:         32 << 10,
	}
	if key.h2c {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	return t
}

// learnedOf returns what is known of the tags of a route's backend.
func (s *Shared) learnedOf(key string) *learned {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.learned[key]
	if l == nil {
		l = new(learned)
		s.learned[key] = l
	}
	return l
}
