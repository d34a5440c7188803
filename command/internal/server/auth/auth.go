package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	// remember is how long a password is recognised without bcrypt, and
	// maxRemembered how many are.
	remember      = 5 * time.Minute
	maxRemembered = 1024
	// maxWaiting is how many requests wait for their turn at bcrypt.
	maxWaiting = 64
)

// The errors of Check, for errors.Is.
var (
	// ErrMissing: no credentials were sent.
	ErrMissing = errors.New("no credentials were sent")
	// ErrMalformed: what was sent cannot be read, or is of a scheme that is not
	// accepted.
	ErrMalformed = errors.New("the credentials cannot be read")
	// ErrWrong: user, password or token is wrong.
	ErrWrong = errors.New("the credentials are wrong")
	// ErrBusy: too many passwords are being checked. Nothing is known about this
	// one.
	ErrBusy = errors.New("too many passwords are being checked")
)

// Identity is whom credentials belong to.
type Identity struct {
	// Name is the user's or token's name; "" for a token without one.
	Name string
	// Scheme is "Basic" or "Bearer".
	Scheme string
}

// Credentials are what [Load] found. All methods may be called from any number
// of goroutines.
type Credentials struct {
	sources []source
	current atomic.Pointer[snapshot]
	// turns bounds how many passwords are checked at once.
	turns turns
	// compare is bcrypt.CompareHashAndPassword. Tests count its calls.
	compare func(hash, password []byte) error
}

type source struct{ kind, path string }

// The kinds of files.
const (
	kindPasswords = "htpasswd"
	kindTokens    = "bearer"
)

// Load reads files, each given as "htpasswd:FILE" or "bearer:FILE"; there must
// be one at least. The errors name file and line.
func Load(sources []string) (*Credentials, error) {
	if len(sources) == 0 {
		return nil, errors.New("no credentials files")
	}
	c := &Credentials{
		turns:   turns{parallel: max(1, runtime.GOMAXPROCS(0)/2)},
		compare: bcrypt.CompareHashAndPassword,
	}
	for _, s := range sources {
		kind, path, ok := strings.Cut(s, ":")
		if !ok || path == "" || kind != kindPasswords && kind != kindTokens {
			return nil, fmt.Errorf("credentials %q: write htpasswd:FILE for users with passwords, or bearer:FILE for tokens", s)
		}
		c.sources = append(c.sources, source{kind, path})
	}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again. From then on only what is in them now is
// accepted; after an error, what was accepted before.
func (c *Credentials) Reload() error {
	s := newSnapshot()
	for _, src := range c.sources {
		if err := s.load(src); err != nil {
			return err
		}
	}
	s.decide()
	c.current.Store(s)
	return nil
}

// Schemes returns the authentication schemes that are accepted.
func (c *Credentials) Schemes() []string {
	var schemes []string
	s := c.current.Load()
	if len(s.users) > 0 {
		schemes = append(schemes, "Basic")
	}
	if len(s.tokens) > 0 {
		schemes = append(schemes, "Bearer")
	}
	return schemes
}

// AnyUser returns the name of a user with a password, the first by the alphabet, or "".
func (c *Credentials) AnyUser() string {
	names := slices.Sorted(maps.Keys(c.current.Load().users))
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// Check is CheckFrom for a client nothing is known of.
func (c *Credentials) Check(ctx context.Context, lines []string) (*Identity, error) {
	return c.CheckFrom(ctx, "", lines)
}

// CheckFrom returns whom the field lines of Authorization identify. from is the address they
// come from, so that a flood of passwords from one does not keep others waiting; if it is "",
// as for clients that come through a proxy, the name in the credentials stands for it. The
// error is [ErrMissing], [ErrMalformed], [ErrWrong], [ErrBusy], or that of ctx.
func (c *Credentials) CheckFrom(ctx context.Context, from string, lines []string) (*Identity, error) {
	if len(lines) == 0 {
		return nil, ErrMissing
	}
	if len(lines) > 1 {
		return nil, ErrMalformed
	}
	scheme, value, _ := strings.Cut(lines[0], " ")
	value = strings.Trim(value, " \t")
	s := c.current.Load()
	switch {
	case strings.EqualFold(scheme, "Basic"):
		return c.checkPassword(ctx, from, s, value)
	case strings.EqualFold(scheme, "Bearer"):
		if id := s.tokens[s.mac(value)]; id != nil {
			return id, nil
		}
		return nil, ErrWrong
	}
	return nil, ErrMalformed
}

// checkPassword checks the credentials of RFC 7617 §2.
func (c *Credentials) checkPassword(ctx context.Context, from string, s *snapshot, value string) (*Identity, error) {
	key := s.mac(value)
	if id := s.recall(key); id != nil {
		return id, nil
	}
	pair, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, ErrMalformed
	}
	name, password, ok := strings.Cut(string(pair), ":")
	if !ok {
		return nil, ErrMalformed
	}
	if len(s.users) == 0 {
		return nil, ErrWrong
	}
	if from == "" {
		from = "user " + name
	}
	if err := c.turns.take(ctx, from); err != nil {
		return nil, err
	}
	defer c.turns.give()
	if id := s.recall(key); id != nil {
		return id, nil // another request of the same client came first
	}
	u, known := s.users[name]
	if !known {
		u = s.decoy
	}
	if err := c.compare(u.hash, []byte(password)); err != nil || !known {
		return nil, ErrWrong
	}
	s.remember(key, u.id)
	return u.id, nil
}

// snapshot is the content of the files at one time, with what was recognised
// since. The secret key is its own, so nothing outlives a Reload.
type snapshot struct {
	macs   sync.Pool // of hash.Hash
	users  map[string]user
	decoy  user // stands in for unknown users: one whose check takes longest
	tokens map[mac]*Identity

	mu       sync.RWMutex
	verified map[mac]recognition
}

type mac [sha256.Size]byte

type recognition struct {
	id    *Identity
	until time.Time
}

func newSnapshot() *snapshot {
	var key [sha256.BlockSize]byte
	rand.Read(key[:]) // never fails
	return &snapshot{
		macs:  sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }},
		users: make(map[string]user), tokens: make(map[mac]*Identity), verified: make(map[mac]recognition),
	}
}

func (s *snapshot) load(src source) error {
	if src.kind == kindTokens {
		return loadTokens(src.path, s.addToken)
	}
	users, err := loadPasswords(src.path)
	for name, u := range users {
		if _, twice := s.users[name]; twice {
			return &FileError{src.path, u.line, fmt.Sprintf("user %q is in another file already", name)}
		}
		s.users[name] = u
	}
	return err
}

func (s *snapshot) addToken(token string, id *Identity) (duplicate bool) {
	key := s.mac(token)
	_, duplicate = s.tokens[key]
	s.tokens[key] = id
	return duplicate
}

// decide chooses the decoy.
func (s *snapshot) decide() {
	for _, u := range s.users {
		if u.cost > s.decoy.cost {
			s.decoy = u
		}
	}
}

// mac returns the keyed hash of text.
func (s *snapshot) mac(text string) (m mac) {
	h := s.macs.Get().(hash.Hash)
	h.Reset()
	h.Write([]byte(text))
	h.Sum(m[:0])
	s.macs.Put(h)
	return m
}

// recall returns whom credentials belong to that were found right a while ago.
func (s *snapshot) recall(key mac) *Identity {
	s.mu.RLock()
	r, ok := s.verified[key]
	s.mu.RUnlock()
	if !ok || !time.Now().Before(r.until) {
		return nil
	}
	return r.id
}

// remember notes that credentials were right. If there are too many, those that
// have expired go, and then any.
func (s *snapshot) remember(key mac, id *Identity) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.verified) >= maxRemembered {
		for k, r := range s.verified {
			if !now.Before(r.until) {
				delete(s.verified, k)
			}
		}
	}
	for k := range s.verified {
		if len(s.verified) < maxRemembered {
			break
		}
		delete(s.verified, k)
	}
	s.verified[key] = recognition{id, now.Add(remember)}
}
