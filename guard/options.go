package guard

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/observe"
)

// Bounds that stand for a field that is 0.
const (
	// DefaultMaxBody bounds the content of a request: 1 GiB.
	DefaultMaxBody = 1 << 30
	// DefaultMaxBuffer bounds what one message holds in memory: 1 MiB.
	DefaultMaxBuffer = 1 << 20
	// DefaultMaxSpool bounds what one message holds in a temporary file: 64 MiB.
	DefaultMaxSpool = 64 << 20
	// DefaultMaxMemory bounds what all messages together hold in memory: 256 MiB.
	DefaultMaxMemory = 256 << 20
	// DefaultMaxDisk bounds what they hold in temporary files: 4 GiB.
	DefaultMaxDisk = 4 << 30
	// DefaultCacheMemory bounds what caches keep in memory: 64 MiB.
	DefaultCacheMemory = cache.DefaultMemory
	// DefaultCacheDisk bounds what they keep in their directory: 1 GiB.
	DefaultCacheDisk = cache.DefaultDisk
	// DefaultMaxWaiters bounds how many requests wait for the lock of one target.
	DefaultMaxWaiters = 1024
	// MaxTags bounds the members of If-Match and of If-None-Match. A request with
	// more is refused: 431.
	MaxTags = 256
)

// Timeouts that stand for a field that is 0.
const (
	DefaultConnectTimeout  = 10 * time.Second
	DefaultResponseTimeout = 60 * time.Second
	DefaultIdleTimeout     = 90 * time.Second
	DefaultLockTimeout     = 30 * time.Second
	DefaultContentTimeout  = 60 * time.Second
)

// Options configures a [Handler]. Only Routes is needed. A Handler keeps its own
// copy of the slices; what pointers lead to must not be changed afterwards.
type Options struct {
	// Routes say what is guarded. The first one that matches a request decides; a
	// request that none matches is a 404.
	Routes []Route
	// Shared holds the locks, what was learned of the backends, the connections
	// to them and the account of memory. A Handler that takes the place of another,
	// as when the configuration is read again, is given the same Shared,
	// or else both could let a write through. Nil makes one, which the
	// Handler's Close closes.
	Shared *Shared
	// Observe is told of every request when it has been answered. Nil is nobody.
	Observe observe.Observer
	// Logger is told what went wrong with a backend, and when one loses its trust.
	// Nil discards it.
	Logger *slog.Logger
	// Now is the clock. Nil is time.Now.
	Now func() time.Time

	// TrustedProxies are the addresses whose Forwarded, X-Forwarded-* and X-Real-IP fields
	// are passed on and added to. What any other client claims in them is replaced. Other fields of
	// that kind pass only if a route lists them in PassFields.
	TrustedProxies []netip.Prefix
	// Via is the name in the Via fields (RFC 9110 §7.6.3). "" is "fourtwelve".
	Via string
	// SpoolDir is where temporary files are made; they have no name for longer than
	// it takes to make them, where the system allows. "" is os.TempDir().
	SpoolDir string
	// MaxMemory and MaxDisk bound, in bytes, what all messages together hold in
	// memory and in temporary files. 0 is the default, and a negative value is
	// none at all. A message that finds no memory left goes to disk; one that finds
	// no disk left is streamed if it can be, or refused with 503.
	MaxMemory, MaxDisk int64
	// CacheMemory bounds, in bytes, what routes with a cache keep of responses in memory. With CacheDir they keep
	// it there, across restarts, and CacheDisk bounds that. 0 is the default. The directory is for one guard alone.
	CacheMemory, CacheDisk int64
	CacheDir               string
}

// CacheControlOff is the CacheControl of a route that is to add none.
const CacheControlOff = "off"

// Route says which requests go to which backend, and how they are guarded.
type Route struct {
	// Name is for logs and metrics, and with Backend it is what the things learned
	// are remembered under. "" is Host followed by Path.
	Name string
	// Host is the host of the target URI without port, case aside: exact, or
	// "*.example.org" for every name below it. "" is any.
	Host string
	// Path is a glob for the path of the target URI, as of
	// [internal/field/cachecontrol] but always for the whole path: "*" is any text within
	// an element, "**" as a whole element any number of elements, and a
	// trailing slash stands for all below. "" is any path.
	Path string
	// Methods are the methods the route is for, in upper case. None are all.
	Methods []string

	// Backend is where requests go: an http, https or h2c URL without query. A path in it is put
	// before that of the request.
	Backend *url.URL
	// BackendTLS configures the connections to an https backend. Nil is the
	// default of package net/http.
	BackendTLS *tls.Config
	// KeepHost sends the Host of the client to the backend, rather than that of
	// Backend.
	KeepHost bool

	// PassFields are names of request fields that reach the backend though a client could claim by them
	// to be somebody else, such as CF-Connecting-IP, or though they have an underscore. List only what
	// whoever stands in front of the guard sets or removes itself. The guard's own X-Forwarded-For,
	// -Host and -Proto cannot be listed: they are for TrustedProxies.
	PassFields []string
	// NoForwarded, NoXForwarded and NoVia leave out of the requests to the backend what the guard adds to
	// them: Forwarded (RFC 7239), X-Forwarded-*, and Via, which then is in no response either.
	NoForwarded, NoXForwarded, NoVia bool

	// Require says which writes are refused with 428 for want of a precondition that was
	// judged. Of the methods of WebDAV, MKCOL, LOCK and UNLOCK need none, and COPY and MOVE need
	// one for what they overwrite at their destination: what the route of that requires.
	// A lock token in If (RFC 4918 §10.4) counts if the backend says that the target has that lock, or
	// with PreconditionsPass. A POST that names another method, as by X-HTTP-Method-Override or the
	// form field _method, needs what an overwriting method does.
	Require condhttp.Requirement
	// Validators says where the entity tags that clients see come from.
	Validators Validators
	// Preconditions says who holds those of writes to the state.
	Preconditions Preconditions
	// LenientTags accepts entity tags without quotes in If-Match and If-None-Match,
	// and in the If-Match of a write a content tag that a proxy on the way has marked
	// weak, which names the same content.
	LenientTags bool
	// StaleIfRange answers a false If-Range with 412 instead of 200.
	StaleIfRange bool
	// Keys says what becomes of the field Idempotency-Key.
	Keys Keys
	// NoCoding leaves content as it is, where it would be sent compressed to
	// clients that accept that.
	NoCoding bool
	// CacheControl is the Cache-Control field (RFC 9111 §5.2) of 200, 206 and 304 answers to
	// GET and HEAD that the backend sends without one. "" is "no-cache" for those that have an entity tag and
	// no Expires; CacheControlOff leaves answers as they are.
	CacheControl string

	// Cache says whether responses are kept and used again.
	Cache CacheMode
	// CacheQuery are the parameters of a query that tell representations apart. Nil is all of them, as they were sent.
	CacheQuery []string
	// CacheNoVarySearch has the backend say it, by No-Vary-Search in its responses.
	CacheNoVarySearch bool
	// CacheStaleIfError is how long after its lifetime a response is served when the backend fails, if nobody says otherwise. 0 is
	// not at all.
	CacheStaleIfError time.Duration
	// CacheIgnoresRequests leaves out of account what clients say to caches: that a copy be validated, for one.
	CacheIgnoresRequests bool

	// MaxBody bounds the content of a request in bytes; more is 413. 0 is
	// DefaultMaxBody, a negative value no bound.
	MaxBody int64
	// MaxBuffer bounds in bytes how much of one message is held in memory, and
	// MaxSpool how much in a temporary file. 0 is the default, a negative value
	// none at all. A response that is longer than both is streamed, without a
	// content tag; so is the content of a request, the lock being held meanwhile.
	MaxBuffer, MaxSpool int64
	// Timeouts bound how long is waited. None of them is an end to a download that
	// goes on.
	Timeouts Timeouts
}

// Timeouts bound waiting. 0 is the default of each, a negative value no bound.
type Timeouts struct {
	// Connect bounds connecting to the backend, TLS included.
	Connect time.Duration
	// Response bounds the time from the end of a request to the header of its
	// response. A write that passes it has an unknown outcome: 504.
	Response time.Duration
	// Idle bounds how long an unused connection to the backend is kept.
	Idle time.Duration
	// Lock bounds how long a write waits for those before it: 503.
	Lock time.Duration
	// Content bounds each wait for more of a request's content, so that no client
	// can hold a lock by sending slowly: 408.
	Content time.Duration
}

// Validators is where entity tags come from.
type Validators uint8

const (
	// ValidatorsAuto makes tags of content until the backend's have been seen to be
	// sound, and again for ever once one was not. A tag that has a time is used when
	// that has been over for a minute.
	ValidatorsAuto Validators = iota
	// ValidatorsContent always makes tags of content.
	ValidatorsContent
	// ValidatorsBackend takes those of the backend that are strong and well-formed,
	// and gives no others: what the backend says is believed.
	ValidatorsBackend
	// ValidatorsNone removes entity tags and evaluates by dates alone.
	ValidatorsNone
)

// Preconditions is who evaluates the preconditions of writes.
type Preconditions uint8

const (
	// PreconditionsAuto is PreconditionsPass as long as the backend's tags are
	// trusted and it has refused nothing that held, and PreconditionsCheck otherwise. PUT and DELETE come first;
	// other methods follow when the backend has accepted a true precondition.
	PreconditionsAuto Preconditions = iota
	// PreconditionsCheck evaluates them at the guard, under the lock, and sends
	// the backend none.
	PreconditionsCheck
	// PreconditionsPass evaluates them at the guard, too, and then sends the
	// backend one that names the state the guard saw, by the backend's own
	// validator. It closes the window for those who write around the guard, if the
	// backend evaluates it atomically.
	PreconditionsPass
)
