package logs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

const (
	// retryWithin is how soon after a success the same write is taken for a retry of it, and
	// retryUnknown how soon after one of unknown outcome.
	retryWithin  = time.Minute
	retryUnknown = 5 * time.Minute
	// conflictWithin is how long after somebody else's write a refusal is put down to it where no tag
	// tells, and conflictEver how long after it that is still possible.
	conflictWithin = time.Hour
	conflictEver   = 24 * time.Hour
)

// A refusal is a 412.
type refusal struct {
	a       *analyst
	e       *accesslog.Entry
	target  uint64
	who     principal
	at      int64
	method  string
	ifMatch []etag.Member
	// current is the ETag of the 412, or "".
	current string
	// conditions are the preconditions the log has, as text; "" if there are none, or if it has no
	// place for them.
	conditions string
}

// refusing are the fields that can lead to a 412. If-Modified-Since and If-Range never do (RFC 9110 §13.1.3,
// §13.1.5).
var refusing = []accesslog.Field{
	accesslog.IfMatch, accesslog.IfNoneMatch, accesslog.IfUnmodifiedSince, accesslog.If, accesslog.Overwrite,
}

func newRefusal(a *analyst, e *accesslog.Entry, target uint64) *refusal {
	r := &refusal{
		a: a, e: e, target: target, who: principalOf(e), method: methodName(e.Text(accesslog.Method)),
		ifMatch: members(e, accesslog.IfMatch), current: keep(value(e, accesslog.ETag)),
	}
	r.at, _ = e.UnixNano()
	var sent []string
	for _, f := range refusing {
		if v := value(e, f); v != "" {
			sent = append(sent, factName(f)+": "+keep(v))
		}
	}
	r.conditions = strings.Join(sent, ", ")
	return r
}

// has reports whether a precondition is known to have been sent.
func (r *refusal) has(f accesslog.Field) bool { return r.e.State(f) == accesslog.Present }

// conditional reports whether any is.
func (r *refusal) conditional() bool {
	return slices.ContainsFunc(refusing, r.has)
}

// unconditional reports whether the log says that the request had no precondition, save for the
// fields of WebDAV, which hardly any log has.
func (r *refusal) unconditional() bool {
	return absent(r.e, accesslog.IfMatch, accesslog.IfNoneMatch, accesslog.IfUnmodifiedSince) && !r.conditional()
}

// tagless reports whether the log says that the request named no tags: then nothing can be wrong with one.
func (r *refusal) tagless() bool {
	return absent(r.e, accesslog.IfMatch, accesslog.IfNoneMatch) && !r.conditional()
}

// proven reports whether nothing that might have been a precondition is missing from the log.
func (r *refusal) proven() bool {
	return !method.Writes(r.method) || r.method == "POST" || absent(r.e, accesslog.If)
}

// questions are asked in this order; the first answer is the cause. What the line itself proves comes first,
// then what the lines before it prove, then what they suggest.
var questions = []func(*refusal) *finding{
	(*refusal).overwrite,
	(*refusal).stored,
	(*refusal).aboutSomethingElse,
	(*refusal).readWithIfNoneMatch,
	(*refusal).otherKind,
	(*refusal).malformed,
	(*refusal).weakTag,
	(*refusal).badDate,
	(*refusal).dated,
	(*refusal).malformedIf,
	(*refusal).lockEnded,
	(*refusal).ifHeader,
	(*refusal).otherForm,
	(*refusal).copies,
	(*refusal).applied,
	(*refusal).chain,
	(*refusal).lostResponse,
	(*refusal).ownWrite,
	(*refusal).exists,
	(*refusal).missing,
	(*refusal).otherLayer,
	(*refusal).download,
	(*refusal).staging,
	(*refusal).conflict,
	(*refusal).metadata,
	(*refusal).codedTag,
	(*refusal).edited,
	(*refusal).asDesigned,
	(*refusal).guess,
}

// explain returns the cause.
func (r *refusal) explain() finding {
	for _, ask := range questions {
		if f := ask(r); f != nil {
			if !r.who.known() && aboutClients(f.rule) {
				f.confidence = min(f.confidence, possible)
			}
			return *f
		}
	}
	return r.insufficient()
}

// aboutClients reports whether a rule says that two requests are of one client, or of two.
func aboutClients(rule string) bool {
	switch rule {
	case "retry-after-lost-response", "own-write-not-tracked", "stale-etag-concurrent-edit":
		return true
	}
	return false
}

func (r *refusal) finding(rule string, c diagnose.Confidence, says string, evidence ...diagnose.Fact) *finding {
	return &finding{rule: rule, confidence: c, says: says, evidence: append(r.facts(), evidence...)}
}

// facts are what the line says of preconditions and validators.
func (r *refusal) facts() []diagnose.Fact {
	list := facts(r.e, accesslog.IfMatch, accesslog.IfNoneMatch, accesslog.IfUnmodifiedSince, accesslog.If, accesslog.Overwrite)
	if r.conditional() {
		list = slices.DeleteFunc(list, func(f diagnose.Fact) bool { return f.Value == "absent" })
	}
	list = append(list, facts(r.e, accesslog.ETag, accesslog.LastModified, accesslog.DecidedBy)...)
	if reason := r.e.Text(accesslog.Reason); strings.Trim(reason, "-") != "" {
		list = append(list, facts(r.e, accesslog.Reason)...)
	}
	return list
}

// Paths that are asked for by those who look for a way in, which firewalls like to refuse.
var suspicious = lazyregexp.New(`(?i)xmlrpc\.php|wp-login\.php|/\.(env|git)\b|/etc/passwd|\bunion(\+|%20)select\b|<script|%3cscript|\.\./\.\./`)

// Paths of Nextcloud and ownCloud.
var cloudPath = lazyregexp.New(`(?i)/(remote|status|public)\.php\b|/ocs/v\d|/index\.php/(apps|login|settings|core)/|/apps/files`)

// aboutSomethingElse: the request carried no precondition.
func (r *refusal) aboutSomethingElse() *finding {
	if !r.tagless() {
		return nil
	}
	no, c := "the request carried no precondition, so this 412 is about something else: ", likely
	switch {
	case !r.unconditional():
		no = "the request carried neither If-Match nor If-None-Match, so unless there was If-Unmodified-Since, which the log does not have, this 412 is about something else: "
		if r.method != "POST" {
			c = possible
		}
	case !r.proven():
		c = possible
	}
	target := r.e.Text(accesslog.Target)
	switch {
	case r.has(accesslog.WAF):
		return r.finding("waf-block-as-412", c, no+"a firewall left its mark", facts(r.e, accesslog.WAF)...)
	case suspicious.MatchString(target):
		return r.finding("waf-block-as-412", c, no+"the target is one that firewalls refuse", facts(r.e, accesslog.Path)...)
	case cloudPath.MatchString(target):
		return r.finding("csrf-or-session-check-as-412", min(c, possible),
			no+"Nextcloud and ownCloud answer so when a session or request token is missing", facts(r.e, accesslog.Path)...)
	case r.method == "PUT" && database.MatchString(target):
		return r.finding("already-exists-as-412", possible, no+"CouchDB answers so when the database exists already",
			facts(r.e, accesslog.Path)...)
	case !r.proven() && r.maybeLocked():
		return nil // the field If decided, or Overwrite
	}
	return r.finding("app-state-as-412", c, no+"the application, or a filter before it, has its own meaning for it")
}

// maybeLocked reports whether the request may have the field If of WebDAV: its method is one of WebDAV's own, or somebody has
// locked the resource.
func (r *refusal) maybeLocked() bool {
	switch r.method {
	case "PUT", "PATCH", "DELETE", "POST":
	default:
		return true
	}
	for w := range r.a.history.of(r.target) {
		if w.method == "LOCK" {
			return true
		}
	}
	return false
}

// database is what names a CouchDB database.
var database = lazyregexp.New(`^/[a-z][a-z0-9_$()+-]*/?$`)

// readWithIfNoneMatch: a GET is answered 304 and not 412 if If-None-Match is false.
func (r *refusal) readWithIfNoneMatch() *finding {
	if !method.Reads(r.method) || !r.has(accesslog.IfNoneMatch) || !absent(r.e, accesslog.IfMatch, accesslog.IfUnmodifiedSince) {
		return nil
	}
	return r.finding("412-for-inm-on-get", certain, "a "+r.method+" with If-None-Match alone was answered 412; it had to be 304, or 200")
}

// otherKind: what is in If-Match is no tag, and known to be something else.
func (r *refusal) otherKind() *finding {
	v := value(r.e, accesslog.IfMatch)
	if _, ok := date.Parse(v, r.e.Time()); ok {
		return r.finding("wrong-tag-kind", certain, "If-Match has a date, which belongs in If-Unmodified-Since: "+keep(v))
	}
	if sign.SyncToken(v) {
		return r.finding("wrong-tag-kind", likely, "If-Match has what looks like a sync token, which is of a collection, and no tag: "+keep(v))
	}
	return nil
}

// malformed: a tag in If-Match is none.
func (r *refusal) malformed() *finding {
	for _, m := range r.ifMatch {
		if !m.Any && sign.WordForNone(m.Raw) && m.Raw != r.current {
			return r.noTag(m.Raw)
		}
		if m.Fault == etag.None || m.Any {
			continue
		}
		rule := "unquoted-etag"
		if sign.Escaped(m.Raw) {
			rule = "double-quoted-or-escaped-etag"
		}
		says := "If-Match has " + keep(m.Raw) + ", which is no entity tag (" + m.Fault.String() + ")"
		c := likely
		if _, err := etag.Parse(r.current); err == nil || rule != "unquoted-etag" {
			c = certain // the log does not lose quotes by itself
		}
		return r.finding(rule, c, says)
	}
	for _, m := range members(r.e, accesslog.IfNoneMatch) {
		if m.Fault != etag.None && !m.Any && method.Writes(r.method) {
			return r.finding("dummy-conditional-header", likely, "If-None-Match has "+keep(m.Raw)+", which is no entity tag ("+m.Fault.String()+")")
		}
	}
	return nil
}

// noTag: a program had no tag to send, and sent a word that stands for nothing. A script of another origin may have been kept
// from reading ETag; any other client was given none, or lost it.
func (r *refusal) noTag(word string) *finding {
	says := "If-Match has " + keep(word) + ", a word for nothing: the client had no tag to send"
	unnamed := r.e.State(accesslog.UserAgent) == accesslog.NotLogged && ofScripts(word)
	if unnamed || strings.HasPrefix(r.e.Text(accesslog.UserAgent), "Mozilla/") {
		return r.finding("cors-etag-not-exposed", possible,
			says+"; scripts send that if they could not read ETag, which the server has to expose to other origins", facts(r.e, accesslog.UserAgent)...)
	}
	return r.finding("proxy-strips-etag", possible, says+"; the response before had none, or something on the way dropped it",
		facts(r.e, accesslog.UserAgent)...)
}

// ofScripts reports whether a word for nothing is one of JavaScript.
func ofScripts(word string) bool {
	switch strings.Trim(word, `"`) {
	case "null", "undefined", "NaN", "[object Object]":
		return true
	}
	return false
}

// weakTag: If-Match has weak tags alone.
func (r *refusal) weakTag() *finding {
	if !sign.WeakAlone(r.ifMatch) {
		return nil
	}
	tag := keep(r.ifMatch[0].Raw)
	if host, _, _ := strings.Cut(r.e.Text(accesslog.Host), ":"); sign.OData(host, r.e.Text(accesslog.Target)) {
		return r.weakByOData(tag)
	}
	return r.finding("weak-etag-in-if-match", certain, "If-Match has the weak tag "+tag+", and a weak tag never matches there")
}

// weakByOData: where a service follows OData a weak tag may match, so that it failed because the version is another one.
func (r *refusal) weakByOData(tag string) *finding {
	says := "If-Match has the weak tag " + tag + ", which services that follow OData compare as a strong one: the version is another one by now"
	if current, err := etag.Parse(r.current); err == nil && r.ifMatch[0].Tag.WeakEqual(current) {
		return r.finding("weak-etag-in-if-match", likely, "If-Match has the weak tag "+tag+
			", which is the current one: this service takes strong tags only, though others that follow OData take weak ones")
	}
	if r.current != "" {
		return r.finding("stale-etag-concurrent-edit", likely, says)
	}
	return r.finding("weak-etag-in-if-match", possible, says+", or this service takes strong tags only")
}

// stored: a cache gave the 412. One that evaluates conditions of reads itself may be right.
func (r *refusal) stored() *finding {
	mark := storedMark(r.e)
	if age, ok := r.e.Int(accesslog.Age); mark == "" && (!ok || age <= 0) {
		return nil
	}
	c, says := likely, "the 412 came from a cache, and a cache cannot know that a write is to be refused: it was stored for another request"
	switch {
	case !method.Writes(r.method) && r.unconditional():
		says = "the 412 came from a cache, and the request had no precondition: it was stored for another request"
	case !method.Writes(r.method):
		c, says = possible, "the 412 came from a cache: unless that evaluates preconditions itself, it was stored for another request"
	}
	return r.finding("stored-412", c, says, facts(r.e, accesslog.Cache, accesslog.Age)...)
}

// badDate: If-Unmodified-Since is no date.
func (r *refusal) badDate() *finding {
	if r.has(accesslog.IfMatch) || !badDate(r.e, accesslog.IfUnmodifiedSince) {
		return nil
	}
	return r.finding("http-date-not-gmt", certain, "If-Unmodified-Since is no HTTP-date, and had to be ignored: "+
		keep(value(r.e, accesslog.IfUnmodifiedSince)))
}

// dated: If-Unmodified-Since decided.
func (r *refusal) dated() *finding {
	since, ok := dateOf(r.e, accesslog.IfUnmodifiedSince)
	modified, known := dateOf(r.e, accesslog.LastModified)
	if !ok || !known || !absent(r.e, accesslog.IfMatch, accesslog.IfNoneMatch) {
		return nil
	}
	switch {
	case since.Equal(modified):
		return r.finding("subsecond-mtime-vs-httpdate", certain,
			"If-Unmodified-Since is the very Last-Modified, and still the answer is 412: the server compares fractions of a second that the date cannot have")
	case modified.Before(since):
		return r.finding("answer-against-standard", likely, "Last-Modified is before the date in If-Unmodified-Since, so the answer had to be another one")
	}
	if f := r.conflict(); f != nil {
		return f
	}
	return r.finding("refused-as-designed", certain, "the 412 is right: the representation was changed "+say(modified.Sub(since))+
		" after the version that the client names")
}

// overwrite: WebDAV's Overwrite decided (RFC 4918 §10.6).
func (r *refusal) overwrite() *finding {
	if r.method != "MOVE" && r.method != "COPY" || r.has(accesslog.IfMatch) || r.has(accesslog.IfNoneMatch) {
		return nil
	}
	switch v := value(r.e, accesslog.Overwrite); {
	case v == "F":
		return r.finding("webdav-overwrite-f-target-exists", certain, "the "+r.method+" says \"Overwrite: F\", and the destination exists",
			facts(r.e, accesslog.Destination)...)
	case (v == "T" || r.e.State(accesslog.Overwrite) == accesslog.Absent) && absent(r.e, accesslog.If):
		return r.finding("webdav-overwrite-header-wrong", likely,
			"the "+r.method+" allows overwriting, and was refused: the server may take it for \"Overwrite: F\"", facts(r.e, accesslog.Destination)...)
	}
	return nil
}

// ifProblems are what a log of fourtwelve says of an If that does not hold.
var ifProblems = map[string]string{
	"if-not-locked":   "the field If names the token of a lock that has ended, or is on another resource",
	"if-tag-differs":  "the field If names the entity tag of another version",
	"if-denied-state": "the field If says Not of what is the case",
	"if-elsewhere":    "the field If is about a resource of another server",
}

// ifHeader: WebDAV's If decided (RFC 4918 §10.4).
func (r *refusal) ifHeader() *finding {
	if !r.has(accesslog.If) || r.has(accesslog.IfMatch) {
		return nil
	}
	if why := ifProblems[r.e.Text(accesslog.Problem)]; why != "" {
		return r.finding("webdav-if-header-unmet", certain, why)
	}
	node := nodeOf(r.e)
	for w := range r.a.history.of(r.target) {
		if w.method == "LOCK" && w.done() && w.who.is(r.who) && w.node != "" && node != "" && w.node != node {
			return r.finding("lock-store-not-shared", likely, "the lock is from "+w.node+", "+say(w.ago(r.at))+" before, and "+keep(node)+
				" does not know it", w.fact("LOCK"))
		}
	}
	return r.finding("webdav-if-header-unmet", likely, "no condition in the field If holds: the lock may be gone, or be for another resource")
}

// relation compares the tags in If-Match with that of the 412, until found holds.
func (r *refusal) relation(found func(etag.Relation) bool) (etag.Relation, bool) {
	if r.current == "" {
		return etag.Relation{}, false
	}
	for _, m := range r.ifMatch {
		if m.Any {
			continue
		}
		if rel := etag.Relate(m.Raw, r.current, etag.Facts{}, known(r.e)); found(rel) {
			return rel, true
		}
	}
	return etag.Relation{}, false
}

// differ says how a tag of the client and the current one differ.
func (r *refusal) differ(rel etag.Relation) string {
	sent := ""
	for _, m := range r.ifMatch {
		if !m.Any {
			sent = m.Raw
			break
		}
	}
	return "If-Match has " + keep(sent) + ", and the current tag is " + r.current + ": " + rel.String()
}

// otherForm: the tag of the client is that of the server in another form, or the very same.
func (r *refusal) otherForm() *finding {
	rel, ok := r.relation(func(rel etag.Relation) bool { return rel.Kind == etag.SameButForm || rel.Kind == etag.Identical })
	switch {
	case !ok:
		return nil
	case rel.Kind == etag.Identical && !r.has(accesslog.If) && !r.has(accesslog.IfNoneMatch):
		return r.finding("answer-against-standard", likely, "If-Match has the very tag that the 412 gives as the current one: the server does not compare them as it has to, or checks something else")
	case rel.Kind == etag.Identical:
		return nil
	}
	rule, c := "double-quoted-or-escaped-etag", certain
	switch {
	case slices.Contains(rel.Differences, etag.CodingMark):
		rule = "compression-suffix-not-stripped"
	case slices.Contains(rel.Differences, etag.WeakPrefix):
		rule = "proxy-weakens-etag"
	case slices.Contains(rel.Differences, etag.Case):
		rule, c = "wrong-tag-kind", likely
	}
	return r.finding(rule, c, r.differ(rel), facts(r.e, accesslog.AcceptEncoding, accesslog.ContentEncoding)...)
}

// copies: the tag of the client is of the same file on another server.
func (r *refusal) copies() *finding {
	rel, ok := r.relation(func(rel etag.Relation) bool { return rel.Kind == etag.FarmCopies })
	if !ok {
		return nil
	}
	rule := copiesRule(rel)
	c := certain
	if rule == "farm-mtime-skew" {
		c = likely // a change within the same second looks alike
	}
	return r.finding(rule, c, r.differ(rel), facts(r.e, accesslog.Node, accesslog.Upstream)...)
}

// applied: the server says that what the write asks for is what is there.
func (r *refusal) applied() *finding {
	if r.e.Text(accesslog.Problem) != "already-applied" {
		return nil
	}
	for w := range r.a.history.of(r.target) {
		if w.changes() || w.unknown() {
			if w.who.is(r.who) && w.method == r.method && r.who.known() && w.ago(r.at) <= retryUnknown {
				return r.finding("retry-after-lost-response", certain, "the content of the write is what is stored already, and the same client sent the same "+
					r.method+" "+say(w.ago(r.at))+" before: an earlier attempt got through", w.fact("first attempt"))
			}
			break
		}
	}
	return r.finding("retry-after-lost-response", likely,
		"the content of the write is what is stored already: an earlier attempt got through, or somebody else stored the same")
}

// chain: the tags show that somebody else's write came between.
func (r *refusal) chain() *finding {
	if len(r.ifMatch) == 0 && r.has(accesslog.IfNoneMatch) {
		return nil // it names no version that was changed
	}
	for w := range r.a.history.of(r.target) {
		if !w.changes() {
			continue
		}
		named := slices.ContainsFunc(r.ifMatch, func(m etag.Member) bool { return m.Raw == w.ifMatch && !m.Tag.IsZero() && !m.Tag.IsWeak() })
		led := w.etag != "" && w.etag == r.current
		if !named && !led {
			return nil // the last write has nothing to do with it, so nobody knows
		}
		if w.who.is(r.who) {
			return nil // see lostResponse and ownWrite
		}
		says := fmt.Sprintf("the 412 is right: %s changed it %s before", w.who.beside(r.who), say(w.ago(r.at)))
		switch {
		case named && led:
			says += ", from the version that this client names to the current one"
		case named:
			says += ", from the version that this client names"
		default:
			says += ", and made the current version"
		}
		if w.removes() { // then it is named
			return r.finding("if-match-on-missing-resource", certain, says+": it is gone", w.fact("the change"))
		}
		c := likely
		if named { // that it was current before that write is proven by the write
			c = certain
		}
		return r.finding("stale-etag-concurrent-edit", c, says, w.fact("the change"))
	}
	return nil
}

// lostResponse: the same client did the same moments before.
func (r *refusal) lostResponse() *finding {
	if !method.Writes(r.method) {
		return nil
	}
	for w := range r.a.history.of(r.target) {
		if w.ago(r.at) > retryUnknown || !w.who.is(r.who) && w.changes() {
			return nil
		}
		if !w.who.is(r.who) || w.method != r.method || !w.done() && !w.unknown() {
			continue
		}
		if w.done() && !w.gone && w.ago(r.at) > retryWithin || !r.repeats(w) {
			return nil
		}
		return r.finding("retry-after-lost-response", r.retryConfidence(w),
			fmt.Sprintf("%s sent the same %s %s before, and %s: the second is a retry, and what the client wants may be stored already",
				r.sameClient(), r.method, say(w.ago(r.at)), w.outcome()),
			append([]diagnose.Fact{w.fact("first attempt")}, facts(r.e, accesslog.Attempt)...)...)
	}
	return nil
}

// sameClient is the client in a sentence about an earlier request of its.
func (r *refusal) sameClient() string {
	if !r.who.known() {
		return "a client, perhaps the same (the log does not have clients),"
	}
	return "the same client"
}

// repeats reports whether the refusal may be the same request as w.
func (r *refusal) repeats(w *write) bool {
	if size := sizeOf(r.e); size >= 0 && w.size >= 0 && size != w.size {
		return false
	}
	if r.e.State(accesslog.IfMatch) != accesslog.NotLogged && keep(r.e.Text(accesslog.IfMatch)) != w.ifMatch {
		return false
	}
	return r.e.State(accesslog.IfNoneMatch) == accesslog.NotLogged || w.created == (value(r.e, accesslog.IfNoneMatch) == "*")
}

// retryConfidence is likely if more than the order of events speaks for a retry.
func (r *refusal) retryConfidence(w *write) diagnose.Confidence {
	attempt := r.e.Text(accesslog.Attempt)
	switch {
	case attempt != "" && !strings.Contains(attempt, "attempt=1"), w.unknown(), w.gone,
		w.size >= 0 && sizeOf(r.e) == w.size, r.conditions != "" && w.size < 0:
		return likely
	}
	return possible
}

// ownWrite: the client goes on with the tag from before its own last write.
func (r *refusal) ownWrite() *finding {
	if len(r.ifMatch) == 0 {
		return nil
	}
	for w := range r.a.history.of(r.target) {
		if !w.changes() {
			continue
		}
		if !w.who.is(r.who) || w.removes() {
			return nil
		}
		ago := say(w.ago(r.at))
		before := w.ifMatch == keep(r.e.Text(accesslog.IfMatch))
		if w.etag != "" && w.etag == r.current {
			c := likely // it may have been given that tag after its write
			if before {
				c = certain
			}
			return r.finding("own-write-not-tracked", c, "the current tag "+w.etag+" is the one that this client's own write, "+ago+
				" before, was answered with: it did not remember it", w.fact("its own write"))
		}
		if before {
			return r.finding("own-write-not-tracked", likely, "this client's own write, "+ago+
				" before, was accepted with the same If-Match: the tag is that from before it", w.fact("its own write"))
		}
		return nil
	}
	return nil
}

// exists: If-None-Match: * found something.
func (r *refusal) exists() *finding {
	if !method.Writes(r.method) || !slices.ContainsFunc(members(r.e, accesslog.IfNoneMatch), func(m etag.Member) bool { return m.Any }) {
		return nil
	}
	var made []diagnose.Fact
	for w := range r.a.history.of(r.target) {
		if w.removes() {
			return r.finding("412-for-missing-resource", likely, fmt.Sprintf(
				"If-None-Match: * says to make it only if it is not there, and %s removed it %s before; nothing in the log made it again",
				w.who.subject(), say(w.ago(r.at))), w.fact("removed by"))
		}
		if w.unknown() {
			break // it may have made it
		}
		if w.changes() {
			made = append(made, w.fact("made by"))
			break
		}
	}
	if path := r.e.Text(accesslog.Path); sign.LockName(path) != "" {
		return r.finding("lock-object-held", likely, "the lock "+keep(path)+" is held: If-None-Match: * refuses to make it again", made...)
	}
	c := likely // by the word of the server
	if made != nil {
		c = certain
	}
	return r.finding("create-if-absent-exists", c,
		"the 412 is right: If-None-Match: * says to make it only if it is not there, and it is", made...)
}

// missing: If-Match of what is not there.
func (r *refusal) missing() *finding {
	if len(r.ifMatch) == 1 && r.ifMatch[0].Any {
		return r.finding("if-match-on-missing-resource", certain, "If-Match: * asks for any version, and there is none")
	}
	for w := range r.a.history.of(r.target) {
		if !w.changes() {
			continue
		}
		if !w.removes() || len(r.ifMatch) == 0 {
			return nil
		}
		return r.finding("if-match-on-missing-resource", likely,
			fmt.Sprintf("it is gone: %s removed it %s before", w.who.subject(), say(w.ago(r.at))),
			w.fact("removed by"))
	}
	return nil
}

// download: a read was refused.
func (r *refusal) download() *finding {
	if method.Writes(r.method) || r.method == "" || r.unconditional() {
		return nil
	}
	conditional := r.has(accesslog.IfMatch) || r.has(accesslog.IfUnmodifiedSince)
	if r.a.resumed(mix(hash(r.e.Text(accesslog.Path)), r.who.key()), r.who.program(), r.at) {
		c := likely
		if conditional && r.has(accesslog.Range) {
			c = certain
		}
		return r.finding("object-changed-mid-download", c,
			"the client has got parts of it (206), and now its precondition fails: it was changed in between", facts(r.e, accesslog.Range)...)
	}
	if conditional {
		return r.finding("unexpected-412-static-get", likely,
			"a "+r.method+" with a precondition that holds no more: a download or a video that goes on after a change, or a new deployment",
			facts(r.e, accesslog.Range, accesslog.UserAgent)...)
	}
	return nil
}

// staging: If-Match for the file was sent with a part of it.
func (r *refusal) staging() *finding {
	if len(r.ifMatch) == 0 || !method.Writes(r.method) || sign.Staging(r.e.Text(accesslog.Target)) == "" {
		return nil
	}
	return r.finding("upload-staging-path-if-match", likely, "If-Match was sent to the place of a part of an upload, which has no version of its own",
		facts(r.e, accesslog.Path)...)
}

// otherLayer: two programs have made the tags.
func (r *refusal) otherLayer() *finding {
	rel, ok := r.relation(func(rel etag.Relation) bool { return rel.Kind == etag.OtherLayer || rel.Kind == etag.OtherForm })
	if !ok {
		return nil
	}
	rule := "front-and-backend-mint-different-etags"
	if rel.Kind == etag.OtherForm {
		rule = "wrong-tag-kind"
		if rel.Current.Dialect != nil && rel.Current.Dialect.ID == "s3-multipart" {
			rule = "multipart-etag-not-md5"
		}
	}
	return r.finding(rule, likely, r.differ(rel))
}

// conflict: somebody else's write came before.
func (r *refusal) conflict() *finding {
	if !method.Writes(r.method) || absent(r.e, accesslog.IfMatch, accesslog.IfUnmodifiedSince) {
		return nil // it named no version
	}
	for w := range r.a.history.of(r.target) {
		if !w.changes() {
			continue
		}
		ago := w.ago(r.at)
		if w.who.is(r.who) || ago > conflictEver {
			return nil
		}
		c := likely
		if ago > conflictWithin {
			c = possible
		}
		says := fmt.Sprintf("the 412 is right: %s changed it %s before", w.who.beside(r.who), say(ago))
		if !r.conditional() {
			says = fmt.Sprintf("the 412 seems to be right: %s changed it %s before", w.who.beside(r.who), say(ago))
		}
		return r.finding("stale-etag-concurrent-edit", c, says, w.fact("the change"))
	}
	return nil
}

// metadata: nothing but locks and properties was changed.
func (r *refusal) metadata() *finding {
	if len(r.ifMatch) == 0 {
		return nil
	}
	for w := range r.a.history.of(r.target) {
		if w.done() && !w.changes() && w.ago(r.at) <= conflictWithin {
			return r.finding("metadata-write-bumps-etag", likely,
				fmt.Sprintf("the last thing that happened to it was a %s, %s before, which may have changed its tag, and not its content", w.method,
					say(w.ago(r.at))), w.fact("the change"))
		}
		return nil
	}
	return nil
}

// codedTag: the tag has the mark of a coding, and the log does not have the current one.
func (r *refusal) codedTag() *finding {
	if r.current != "" {
		return nil
	}
	for _, m := range r.ifMatch {
		if base, coding, ok := m.Tag.SplitCoding(); ok {
			return r.finding("compression-suffix-not-stripped", likely,
				fmt.Sprintf("If-Match has %s, the tag %s with the mark of %s that a server adds when it compresses, and often does not know any more in a request", m.Tag, base, coding))
		}
	}
	return nil
}

// edited: the current tag says that it is a later version.
func (r *refusal) edited() *finding {
	rel, ok := r.relation(func(rel etag.Relation) bool { return rel.Kind == etag.Edited })
	if !ok {
		return nil
	}
	return r.finding("stale-etag-concurrent-edit", likely, "the 412 is right: "+r.differ(rel))
}

// asDesigned: the tags differ, or the server says why.
func (r *refusal) asDesigned() *finding {
	if r.has(accesslog.If) {
		return nil
	}
	by := r.e.Text(accesslog.DecidedBy)
	if rel, ok := r.relation(func(etag.Relation) bool { return true }); ok {
		c := likely // a node, or an answer with a part, may have given another tag of the same version
		if by != "" {
			c = certain // it says so itself
		}
		return r.finding("refused-as-designed", c, "the 412 is right: "+r.differ(rel))
	}
	if by != "" {
		return r.finding("refused-as-designed", certain,
			fmt.Sprintf("the 412 is right: %s did not hold (%s)", keep(by), keep(r.e.Text(accesslog.Reason))))
	}
	return nil
}

// guess: what the method and the target alone suggest.
func (r *refusal) guess() *finding {
	if r.conditional() {
		return nil
	}
	switch {
	case (r.method == "MOVE" || r.method == "COPY") && r.e.State(accesslog.Overwrite) == accesslog.NotLogged:
		return r.finding("webdav-overwrite-f-target-exists", possible,
			"a "+r.method+" is refused with 412 most often because it says \"Overwrite: F\" and the destination exists")
	case r.method != "PUT" && r.e.State(accesslog.IfMatch) == accesslog.NotLogged && suspicious.MatchString(r.e.Text(accesslog.Target)):
		return r.finding("waf-block-as-412", possible, "the target is one that firewalls refuse", facts(r.e, accesslog.Path)...)
	}
	return nil
}

// insufficient says what is missing.
func (r *refusal) insufficient() finding {
	f := r.finding("insufficient-evidence", diagnose.Insufficient, "")
	switch {
	case r.conditional():
		f.says = "the log has the precondition, and not the current tag, nor the request that changed it"
	case r.method == "POST" || !method.Writes(r.method):
		f.says = "the log does not have the preconditions; a " + orRequest(r.method) + " seldom has one that can lead to 412, so it is probably about something else"
	default:
		f.says = "the log does not have the preconditions; a " + orRequest(r.method) + " that is refused with 412 probably had one, and nothing tells which, or why it failed"
	}
	return *f
}

func orRequest(method string) string {
	if method == "" {
		return "request"
	}
	return method
}
