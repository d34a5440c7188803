package guardconfig

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/command/internal/flagvalue"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// option is what can be said of a T: with a key in a file, or with a flag where there is but one T. The
// documentation is made of it, too, so that nothing else has to be written when there is one more.
type option[T any] struct {
	// key is that of a file: "timeouts.lock" is "lock" in the mapping "timeouts".
	key string
	// flag is the name of the flag, and usage explains it in a line, the name of its value in back quotes.
	flag, usage string
	// doc explains the option in docs/guard.md, and usual is what holds without it, if the flag does not say that.
	doc, usual string
	kind[T]
}

// kind is how the value of an option is read.
type kind[T any] struct {
	field func(name string) field[T]
	value func(into *T) pflag.Value
}

// routeOptions are what can be said of a route, but for its backend.
var routeOptions = []option[guard.Route]{
	{
		key: "require", flag: "require", usage: "which writes need a precondition: none, those that replace or delete, or all",
		doc: "writes that need [a precondition](#what-counts-as-a-precondition): none, those that replace or delete (`overwrite`), " +
			"or all (`always`)",
		kind: oneOf(func(r *guard.Route) *condhttp.Requirement { return &r.Require }, RequireWords,
			condhttp.RequireNone, condhttp.RequireOverwrite, condhttp.RequireAlways),
	},
	{
		key: "validators", flag: "validators",
		usage: "where entity tags come from: content, the backend or none; auto is content until the tags of the backend prove sound",
		doc:   "[where entity tags come from](#where-entity-tags-come-from): `auto`, `content`, `backend` or `none`",
		kind: named(func(r *guard.Route) *guard.Validators { return &r.Validators },
			guard.ValidatorsAuto, guard.ValidatorsContent, guard.ValidatorsBackend, guard.ValidatorsNone),
	},
	{
		key: "preconditions", flag: "preconditions",
		usage: "who checks the preconditions of writes: the guard, and with pass the backend too; auto is pass once its tags prove sound",
		doc:   "who checks the preconditions of writes: the guard and the backend (`pass`), the guard alone (`check`), or `auto`",
		kind: named(func(r *guard.Route) *guard.Preconditions { return &r.Preconditions },
			guard.PreconditionsAuto, guard.PreconditionsCheck, guard.PreconditionsPass),
	},
	{
		key: "lenient_tags", flag: "lenient-tags", usage: "accept entity tags without their quotes",
		doc:  "accept entity tags without quotes",
		kind: isSet(func(r *guard.Route) *bool { return &r.LenientTags }, true),
	},
	{
		key: "stale_if_range", flag: "stale-if-range", usage: "answer to a resume after the content has changed: the whole, or a refusal",
		doc:  "the answer to a false `If-Range`; 412 is for clients that must not begin a download again",
		kind: oneOf(func(r *guard.Route) *bool { return &r.StaleIfRange }, []string{"200", "412"}, false, true),
	},
	{
		key: "idempotency", flag: "idempotency", usage: "what becomes of the Idempotency-Key of a write: on gives the first answer again, off leaves it to the backend, " +
			"required refuses writes without",
		doc: "[the Idempotency-Key of PUT, PATCH and DELETE](#lost-answers): give the first answer again (`on`), leave it to the backend (`off`), or " +
			"also refuse those without (`required`)",
		kind: named(func(r *guard.Route) *guard.Keys { return &r.Keys }, guard.KeysHonoured, guard.KeysPassed, guard.KeysRequired),
	},
	{
		key: "coding", flag: "coding", usage: "compress answers for clients that accept it",
		doc:  "compress answers for clients that accept it",
		kind: isSet(func(r *guard.Route) *bool { return &r.NoCoding }, false),
	},
	{
		key: "cache_control", flag: "cache-control",
		usage: "Cache-Control `VALUE` for answers to reads that have none, or off; unless set, those with an entity tag get it " +
			"(default no-cache)",
		doc: "`Cache-Control` for answers to reads that have none, or `off`; the default is for those alone that have an entity tag and no " +
			"`Expires`, so that browsers [do not guess](#freshness)",
		usual: "`no-cache`",
		kind:  text(func(r *guard.Route) *string { return &r.CacheControl }, checkCacheControl),
	},
	{
		key: "cache", flag: "cache", usage: "keep responses: as the backend lets a shared cache do, or (coherent) until a write through the guard touches them",
		doc:  "keep responses: [not at all, as the backend says, or until a write through the guard touches them](caching.md)",
		kind: cacheMode(),
	},
	{
		key: "cache_query", flag: "cache-query", usage: "`NAME` of a query parameter that counts, if not all do; repeatable",
		doc: "the query parameters that tell representations apart", usual: "all",
		kind: list("[page]", func(r *guard.Route) { r.CacheQuery = nil }, cacheQuery),
	},
	{
		key: "cache_no_vary_search", flag: "cache-no-vary-search",
		usage: "let responses say by No-Vary-Search which parameters of the query do not count",
		doc:   "let responses say by `No-Vary-Search` which query parameters do not tell representations apart",
		kind:  isSet(func(r *guard.Route) *bool { return &r.CacheNoVarySearch }, true),
	},
	{
		key: "cache_stale_if_error", flag: "cache-stale-if-error", usage: "`DURATION` to serve what is stale when the backend fails",
		doc: "how long after its lifetime a response is served when the backend fails",
		kind: kind[guard.Route]{
			field: func(name string) field[guard.Route] {
				return durationField(name, func(r *guard.Route) *time.Duration { return &r.CacheStaleIfError }, false)
			},
			value: func(r *guard.Route) pflag.Value { return (*flagvalue.Timeout)(&r.CacheStaleIfError) },
		},
	},
	{
		key: "cache_ignore_requests", flag: "cache-ignore-requests", usage: "ignore clients that ask for a validation",
		doc:  "ignore clients that ask for a validation, by `Cache-Control: no-cache` or a reload",
		kind: isSet(func(r *guard.Route) *bool { return &r.CacheIgnoresRequests }, true),
	},
	{
		key: "keep_host", flag: "keep-host", usage: "send the backend the Host that the client sent, and not that of URL",
		doc:  "send the client's `Host`, and not that of the URL",
		kind: isSet(func(r *guard.Route) *bool { return &r.KeepHost }, true),
	},
	{
		key: "pass_fields", flag: "pass-field",
		usage: "`NAME` of a field to send on though it has an underscore or says who asks, such as CF-Connecting-IP; repeatable",
		doc:   "names of request fields that reach the backend [although clients can forge them](#who-asks-and-for-what)",
		kind:  list("[CF-Connecting-IP]", func(r *guard.Route) { r.PassFields = nil }, passField),
	},
	{
		key: "omit", flag: "omit", usage: "leave `NAME` out of requests to the backend: Forwarded, X-Forwarded-* or Via; repeatable",
		doc:  "what the backend is not told: `Forwarded`, `X-Forwarded-*`, `Via`",
		kind: list("[Via]", func(r *guard.Route) { r.NoForwarded, r.NoXForwarded, r.NoVia = false, false, false }, omit),
	},
	{
		key: "limits.body", flag: "max-body", usage: `largest content of a request, such as 10M or 1G, or "none"`,
		doc:  "longest content of a request, or `none`",
		kind: bound(func(r *guard.Route) *int64 { return &r.MaxBody }, guard.DefaultMaxBody),
	},
	{
		key: "limits.buffer", flag: "max-buffer", usage: "what one message may hold in memory",
		doc:  "memory for one message",
		kind: hold(func(r *guard.Route) *int64 { return &r.MaxBuffer }, guard.DefaultMaxBuffer),
	},
	{
		key: "limits.spool", flag: "max-spool", usage: "what one message may hold in a temporary file beyond the buffer",
		doc:  "what it may take in a temporary file beyond that; 0 is none",
		kind: hold(func(r *guard.Route) *int64 { return &r.MaxSpool }, guard.DefaultMaxSpool),
	},
	{
		key: "timeouts.connect", flag: "connect-timeout", usage: "`DURATION` to connect to the backend",
		doc:  "how long connecting to the backend may take",
		kind: wait(func(r *guard.Route) *time.Duration { return &r.Timeouts.Connect }, guard.DefaultConnectTimeout),
	},
	{
		key: "timeouts.response", flag: "response-timeout", usage: "`DURATION` until the backend begins to answer",
		doc:  "how long the backend may take to begin its answer",
		kind: wait(func(r *guard.Route) *time.Duration { return &r.Timeouts.Response }, guard.DefaultResponseTimeout),
	},
	{
		key: "timeouts.idle", flag: "backend-idle-timeout", usage: "`DURATION` to keep an unused connection to the backend",
		doc:  "how long an unused connection to the backend stays open",
		kind: wait(func(r *guard.Route) *time.Duration { return &r.Timeouts.Idle }, guard.DefaultIdleTimeout),
	},
	{
		key: "timeouts.lock", flag: "lock-timeout", usage: "`DURATION` that a write waits for earlier writes",
		doc:  "how long a write waits for those before it",
		kind: wait(func(r *guard.Route) *time.Duration { return &r.Timeouts.Lock }, guard.DefaultLockTimeout),
	},
	{
		key: "timeouts.content", flag: "content-timeout", usage: "`DURATION` to wait for more of a request's content",
		doc:  "how long the client may pause within its content",
		kind: wait(func(r *guard.Route) *time.Duration { return &r.Timeouts.Content }, guard.DefaultContentTimeout),
	},
}

// tlsOptions are what can be said of the connections to an https backend.
var tlsOptions = []option[BackendTLS]{
	{
		key: "ca", flag: "backend-ca", usage: "PEM `FILE` of certificates to trust for the backend, instead of the system's",
		doc: "PEM file of certificates to trust", usual: "the system's",
		kind: file(func(t *BackendTLS) *string { return &t.CA }),
	},
	{
		key: "name", flag: "backend-name", usage: "`NAME` that the backend's certificate must have, instead of that in URL",
		doc: "the name that the certificate must have", usual: "that in the URL",
		kind: text(func(t *BackendTLS) *string { return &t.Name }, checkHost),
	},
	{
		key: "cert", flag: "backend-cert", usage: "PEM `FILE` of a certificate to show to the backend",
		doc:  "PEM file of a certificate to show to the backend",
		kind: file(func(t *BackendTLS) *string { return &t.Cert }),
	},
	{
		key: "key", flag: "backend-key", usage: "PEM `FILE` of that certificate's key",
		doc:  "PEM file of its key",
		kind: file(func(t *BackendTLS) *string { return &t.Key }),
	},
}

// RequireWords are those of condhttp.Requirement, in the order of its values.
var RequireWords = []string{"never", "overwrite", "always"}

// AddFlags adds a flag for each option of a route, and of the connections to its backend.
func AddFlags(f *pflag.FlagSet, r *guard.Route, t *BackendTLS) {
	addFlags(f, r, routeOptions)
	addFlags(f, t, tlsOptions)
}

func addFlags[T any](f *pflag.FlagSet, into *T, options []option[T]) {
	for _, o := range options {
		flag := f.VarPF(o.value(into), o.flag, "", o.usage)
		if flag.Value.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// Table documents the options of a route as the rows of a table in Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| key | flag | default | |\n| --- | --- | --- | --- |\n")
	b.WriteString("| `backend` | the URL | | an `http`, `https` or `h2c` URL; a path in it is put before that of requests |\n")
	writeRows(&b, "backend_tls.", tlsOptions)
	writeRows(&b, "", routeOptions)
	return b.String()
}

func writeRows[T any](b *strings.Builder, prefix string, options []option[T]) {
	for _, o := range options {
		usual := o.usual
		if text := o.value(new(T)).String(); usual == "" && text != "" {
			usual = "`" + zeros.ReplaceAllString(text, "$1") + "`"
		}
		fmt.Fprintf(b, "| `%s%s` | `--%s` |%s | %s |\n", prefix, o.key, o.flag, strings.TrimSuffix(" "+usual, " "), o.doc)
	}
}

// zeros are what Go writes at the end of a duration such as 1m0s.
var zeros = lazyregexp.New(`^(\d+[hm])(0m)?0s$`)

// fieldsOf are the keys of options in a file.
func fieldsOf[T any](options []option[T]) (fields []field[T]) {
	for len(options) > 0 {
		name, _, grouped := strings.Cut(options[0].key, ".")
		if !grouped {
			fields = append(fields, options[0].field(name))
			options = options[1:]
			continue
		}
		var members []field[T]
		for len(options) > 0 && strings.HasPrefix(options[0].key, name+".") {
			members = append(members, options[0].field(options[0].key[len(name)+1:]))
			options = options[1:]
		}
		fields = append(fields, group(name, members...))
	}
	return fields
}

// The following functions make kinds. at says where the value is, and usual what it is at first.

// oneOf is for one of a few words, which stand for values.
func oneOf[T any, V comparable](at func(*T) *V, words []string, values ...V) kind[T] {
	return kind[T]{
		field: func(name string) field[T] {
			return wordField(name, words, func(into *T, i int) { *at(into) = values[i] })
		},
		value: func(into *T) pflag.Value { return flagvalue.NewChoice(at(into), words, values...) },
	}
}

// named is oneOf for values that say their words.
func named[T any, V interface {
	comparable
	fmt.Stringer
}](at func(*T) *V, values ...V) kind[T] {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.String()
	}
	return oneOf(at, words, values...)
}

// isSet is for true and false; the value is one of them if the option says true.
func isSet[T any](at func(*T) *bool, on bool) kind[T] {
	return kind[T]{
		field: func(name string) field[T] { return boolField(name, func(into *T, b bool) { *at(into) = b == on }) },
		value: func(into *T) pflag.Value { return flagvalue.Switch{Value: at(into), Off: !on} },
	}
}

// text is for text that check accepts.
func text[T any](at func(*T) *string, check func(string) error) kind[T] {
	return kind[T]{
		field: func(name string) field[T] { return textField(name, at, check) },
		value: func(into *T) pflag.Value { return flagvalue.Text{Value: at(into), Check: check} },
	}
}

// file is for the path of a file.
func file[T any](at func(*T) *string) kind[T] {
	return kind[T]{
		field: func(name string) field[T] { return fileField(name, at) },
		value: func(into *T) pflag.Value { return flagvalue.Text{Value: at(into)} },
	}
}

// list is for a list of texts, each of which is added.
func list[T any](example string, clear func(*T), add func(*T, string) error) kind[T] {
	return kind[T]{
		field: func(name string) field[T] {
			return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
				clear(into)
				for _, element := range d.list(n, example) {
					if text, ok := d.scalar(element); ok {
						if err := add(into, text); err != nil {
							d.fail(element, "%v", err)
						}
					}
				}
			}}
		},
		value: func(into *T) pflag.Value {
			return flagvalue.List{Add: func(text string) error { return add(into, text) }}
		},
	}
}

// passField has one field more reach the backend. Routes may have the same defaults, and share no list.
func passField(r *guard.Route, name string) error {
	if err := (guard.Route{PassFields: []string{name}}).Check(); err != nil {
		return err
	}
	r.PassFields = append(slices.Clip(r.PassFields), name)
	return nil
}

// cacheMode is for the words of guard.CacheMode; in a file, true is on, and false is off.
func cacheMode() kind[guard.Route] {
	words := named(func(r *guard.Route) *guard.CacheMode { return &r.Cache }, guard.CacheOff, guard.CacheOn, guard.CacheCoherent)
	return kind[guard.Route]{value: words.value, field: func(name string) field[guard.Route] {
		return field[guard.Route]{name: name, read: func(d *decoder, n ast.Node, into *guard.Route) {
			b, ok := n.(*ast.BoolNode)
			switch {
			case !ok:
				words.field(name).read(d, n, into)
			case b.Value:
				into.Cache = guard.CacheOn
			default:
				into.Cache = guard.CacheOff
			}
		}}
	}}
}

// cacheQuery adds a parameter that counts.
func cacheQuery(r *guard.Route, name string) error {
	r.CacheQuery = append(slices.Clip(r.CacheQuery), name)
	return nil
}

// bound is for a number of bytes, or none.
func bound[T any](at func(*T) *int64, usual int64) kind[T] {
	return kind[T]{
		field: func(name string) field[T] { return boundField(name, at) },
		value: func(into *T) pflag.Value { return (*flagvalue.Size)(orUsual(at(into), usual)) },
	}
}

// hold is for how many bytes may be held.
func hold[T any](at func(*T) *int64, usual int64) kind[T] {
	return kind[T]{
		field: func(name string) field[T] { return holdField(name, at) },
		value: func(into *T) pflag.Value { return (*flagvalue.Room)(orUsual(at(into), usual)) },
	}
}

// wait is for a duration, or none.
func wait[T any](at func(*T) *time.Duration, usual time.Duration) kind[T] {
	return kind[T]{
		field: func(name string) field[T] { return durationField(name, at, true) },
		value: func(into *T) pflag.Value { return (*flagvalue.Timeout)(orUsual(at(into), usual)) },
	}
}

// orUsual sets what is 0 to what is usual.
func orUsual[V ~int64](value *V, usual V) *V {
	if *value == 0 {
		*value = usual
	}
	return value
}
