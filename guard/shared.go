package guard

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
	"github.com/fourtwelve/fourtwelve/internal/idempotency"
)

// Shared is what outlives a [Handler]: see Options.Shared. It may be used from any
// number of goroutines.
type Shared struct {
	locker  Locker
	writes  turn.Writes
	budgets budgets
	once    *idempotency.Table // the answers to writes with an Idempotency-Key

	mu         sync.Mutex
	transports users[transportKey, *http.Transport]
	learned    users[string, *trust.Backend]
	caches     users[cacheKey, *caching]
	coherent   atomic.Int32            // how many routes have a coherent cache
	incoherent map[string]*atomic.Bool // by learnedKey: what is known of a backend stays, whatever its route says next
	storage    cache.Storage           // of all caches; nil until there is one
	cache      *cache.Transport        // beside which all of them are
	disk       *cache.Disk             // if it is one
	opened     time.Time               // when that was
	// writing are the writes that backends have not answered yet.
	writing atomic.Int64
}

// users are values that routes use together, until none of any handler does.
type users[K comparable, V any] map[K]*used[V]

type used[V any] struct {
	value V
	n     int
}

// take returns the value of key, made if nobody uses it, for one user more.
func (us users[K, V]) take(key K, make func() V) V {
	u := us[key]
	if u == nil {
		u = &used[V]{value: make()}
		us[key] = u
	}
	u.n++
	return u.value
}

// give is for one user less of a value. last says that there is none any more.
func (us users[K, V]) give(key K) (value V, last bool) {
	u := us[key]
	if u.n--; u.n > 0 {
		return u.value, false
	}
	delete(us, key)
	return u.value, true
}

// NewShared returns a Shared with these locks. Nil stands for locks in memory,
// at which no more than [DefaultMaxWaiters] requests wait for one target.
func NewShared(locks Locker) *Shared {
	if locks == nil {
		locks = turn.NewLocks(DefaultMaxWaiters)
	}
	return &Shared{
		locker:     locks,
		once:       idempotency.New(idempotency.Options{}),
		transports: make(users[transportKey, *http.Transport]),
		learned:    make(users[string, *trust.Backend]),
		caches:     make(users[cacheKey, *caching]),
		incoherent: make(map[string]*atomic.Bool),
	}
}

// Close closes the connections to backends that are not in use, and the directory of the cache. It does not end
// requests that are being answered; wait for them before.
func (s *Shared) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.disk == nil:
	case s.writing.Load() > 0, s.cache.InDoubt(): // a backend may yet do what the next process knows nothing of
		_ = s.disk.Leave()
	default:
		_ = s.disk.Close()
	}
	for _, t := range s.transports {
		t.value.CloseIdleConnections()
	}
}

// Usage is what all messages hold just now, in bytes, and what caches keep.
type Usage struct {
	Memory, Disk int64
	Cache        cache.Usage
}

// Usage returns what is held now.
func (s *Shared) Usage() Usage {
	u := Usage{Memory: s.budgets.memory.Used(), Disk: s.budgets.disk.Used()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.storage != nil {
		u.Cache = s.storage.Usage()
	}
	return u
}

// transportKey is what makes one transport do for several routes.
type transportKey struct {
	h2c           bool
	connect, idle time.Duration
	tls           *tls.Config
}

// take gives a route its transport, with the cache before it, and what is known of its backend's tags.
func (s *Shared) take(rt *route, now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	base := s.transports.take(rt.transportKey(), func() *http.Transport { return newTransport(rt.transportKey()) })
	rt.transport = base
	if rt.Cache == CacheCoherent {
		s.coherent.Add(1)
	}
	if rt.Cache != CacheOff {
		incoherent := s.incoherent[rt.learnedKey()]
		if incoherent == nil {
			incoherent = new(atomic.Bool)
			s.incoherent[rt.learnedKey()] = incoherent
		}
		rt.caching = s.caches.take(rt.cacheKey(), func() *caching { return newCaching(rt, base, s.cache, incoherent, now) })
		if rt.Cache == CacheCoherent && s.disk != nil && !s.disk.Orderly() {
			s.cache.Doubt(s.opened.Add(maxDoubt))
		}
		rt.transport = rt.caching
	}
	rt.learned = s.learned.take(rt.learnedKey(), func() *trust.Backend { return new(trust.Backend) })
}

// give ends what take began, when no request uses the route any more. Connections that no other route
// uses are closed.
func (s *Shared) give(rt *route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rt.Cache == CacheCoherent {
		s.coherent.Add(-1)
	}
	if rt.caching != nil {
		s.caches.give(rt.cacheKey())
	}
	if t, last := s.transports.give(rt.transportKey()); last {
		t.CloseIdleConnections()
	}
	s.learned.give(rt.learnedKey())
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
