package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
)

// exchange is a GET or HEAD and its answer.
type exchange struct {
	*Transport
	r *http.Request
	// asked is the key of the request, key that of what may serve it, and flight what requests have in common that wait for each
	// other.
	asked, key, flight string
	alias              string
	request            Request
	// query is the content of a QUERY.
	query []byte
	// entries are what is stored, chosen what the request selects of it, and reuse what is to be done with that. looked is
	// when that was looked at.
	entries []*Entry
	chosen  *Entry
	reuse   Reuse
	looked  uint64
	// counted says that it has been decided whether this request is a sample.
	counted, sample bool
	// alone says that it does not wait for others any more.
	alone bool
}

// roundTrip looks for what can serve the request, waits for another one that fetches that, or asks the origin.
func (x *exchange) roundTrip() (*http.Response, error) {
	for {
		if resp := x.fromStored(); resp != nil {
			return resp, nil
		}
		flying, leads := x.join()
		if leads { // the flight before may have landed since what is stored was looked at
			if resp := x.fromStored(); resp != nil {
				x.flights.announce(flying, nil)
				x.flights.land(x.flight, flying, true, x.options.Now())
				return resp, nil
			}
		}
		if flying == nil || leads {
			return x.fromOrigin(flying)
		}
		if resp := x.follow(flying); resp != nil {
			return resp, nil
		}
		if err := x.r.Context().Err(); err != nil {
			return nil, err
		}
	}
}

// fromStored answers from what is stored, or refuses; nil if the origin is to be asked.
func (x *exchange) fromStored() *http.Response {
	for {
		x.looked = x.marks.turn()
		x.entries = x.storage.Load(x.key)
		x.chosen, x.reuse = x.choose(x.entries)
		switch x.reuse.Action {
		case Serve, ServeStale:
			if resp, err := x.serve(x.chosen, x.reuse); err == nil {
				return resp
			}
			x.replace(x.key, x.alias, x.chosen, nil) // its content is gone
			continue
		case Refuse:
			resp := gatewayTimeout(x.r, x.options.Now())
			x.tell(x.r, resp, Status{Detail: x.reuse.Reason.String()})
			return resp
		}
		return nil
	}
}

// fromOrigin asks the origin.
func (x *exchange) fromOrigin(flying *flight) (*http.Response, error) {
	resp, status, err := x.ask(flying)
	if err == nil {
		x.tell(x.r, resp, status)
	}
	return resp, err
}

// choose selects among what is stored, and decides.
func (x *exchange) choose(entries []*Entry) (*Entry, Reuse) {
	i := x.policy.Select(x.request, descriptions(entries))
	if i < 0 {
		return nil, x.policy.Missing(x.request)
	}
	reuse := x.policy.Reuse(x.request, entries[i].Stored, x.options.Now())
	if reuse.Reason == Current && x.sampled() {
		reuse.Action = Validate
	}
	return entries[i], reuse
}

func descriptions(entries []*Entry) []*Stored {
	all := make([]*Stored, len(entries))
	for i, e := range entries {
		all[i] = e.Stored
	}
	return all
}

// respond makes the answer of what is stored, or is coming.
func (x *exchange) respond(e *Entry) (*http.Response, error) {
	r := x.r
	if x.options.Decides != nil && !x.options.Decides(r, e.Stored) {
		r = unconditional(r)
	}
	resp, err := e.respond(r, x.options.Now())
	if err == nil {
		resp.Body = storedBody{resp.Body, e}
	}
	return resp, err
}

// unconditional is a request for the whole.
func unconditional(r *http.Request) *http.Request {
	whole := *r
	whole.Header = maps.Clone(r.Header)
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"} {
		delete(whole.Header, name)
	}
	return &whole
}

// serve answers from what is stored. What is stale is validated meanwhile.
func (x *exchange) serve(e *Entry, reuse Reuse) (*http.Response, error) {
	resp, err := x.respond(e)
	if err != nil {
		return nil, err
	}
	switch {
	case reuse.Action == ServeStale:
		x.refresh(e)
	case reuse.Reason == Current: // as if it had just been validated
		delete(resp.Header, "Age")
		resp.Header["Date"] = []string{x.options.Now().UTC().Format(http.TimeFormat)}
	}
	x.tell(x.r, resp, Status{Hit: true, TTL: reuse.Freshness.Left(), Age: reuse.Freshness.Age, HasTTL: true, Detail: detailOf(reuse)})
	return resp, nil
}

// sampled reports whether what could be served is validated all the same, to see whether all writes pass through here.
func (x *exchange) sampled() bool {
	if n := x.options.Sample; n > 0 && !x.counted {
		x.counted = true
		x.sample = x.served.Add(1)%uint64(n) == 0
	}
	return x.sample
}

func detailOf(reuse Reuse) string {
	if reuse.Reason == Fresh {
		return ""
	}
	return reuse.Reason.String()
}

// refresh validates e in the background, unless that is being done.
func (x *exchange) refresh(e *Entry) {
	flying, leads := x.flights.join(x.flight, x.marks.turn(), x.options.Now())
	if !leads {
		return
	}
	later := &exchange{
		Transport: x.Transport, asked: x.asked, key: x.key, flight: x.flight, alias: x.alias, request: x.request, query: x.query,
	}
	later.looked = x.looked
	later.entries, later.chosen, later.reuse = x.storage.Load(x.key), e, Reuse{Action: Validate, Reason: Stale}
	later.r = x.r.Clone(context.WithoutCancel(x.r.Context()))
	x.work.begin()
	go func() {
		defer x.work.end()
		resp, _, err := later.ask(flying)
		if err == nil {
			drain(resp.Body)
		}
	}()
}

// join takes part in what others are fetching. Requests with preconditions or ranges of their own go alone, as what they
// get may be of no use to others.
func (x *exchange) join() (flying *flight, leads bool) {
	if x.alone || x.options.Wait < 0 || x.r.Method == http.MethodHead || ParseRequest(x.request.Header).NoStore {
		return nil, false
	}
	for _, name := range []string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		if len(x.request.Header[name]) > 0 {
			return nil, false
		}
	}
	return x.flights.join(x.flight, x.marks.turn(), x.options.Now())
}

// follow waits for what another request fetches, and answers from it. Nil means to look again, and then not to wait any more.
func (x *exchange) follow(flying *flight) *http.Response {
	x.alone = true
	deadline := time.Now().Add(x.options.Wait)
	if !wait(x.r.Context(), flying.ready, x.options.Wait) {
		return nil
	}
	if e := flying.live; e != nil {
		if !e.Matches(x.request) || x.overtakenSince(flying.turn, e.Header) {
			return nil
		}
		now := x.options.Now()
		reuse := x.policy.Reuse(x.request, e.Stored, now)
		if reuse.Action != Serve {
			return nil
		}
		resp, err := x.respond(e)
		if err != nil {
			return nil
		}
		x.tell(x.r, resp, Status{Forwarded: URIMiss, Collapsed: true, TTL: reuse.Freshness.Left(), Age: reuse.Freshness.Age, HasTTL: true})
		return resp
	}
	wait(x.r.Context(), flying.kept, time.Until(deadline))
	return nil
}

// overtakenSince reports whether a response with these fields that was asked for at turn may be older than a write whose answer
// has been seen, or has been purged.
func (x *exchange) overtakenSince(turn uint64, header map[string][]string) bool {
	x.changing.Lock()
	defer x.changing.Unlock()
	return x.invalidatedSince(turn, x.key, x.alias, header)
}

// A fetch is a request to the origin, and what becomes of its answer. It has a goroutine of its own, so that it does not end with
// whoever asked first.
type fetch struct {
	exchange
	flying *flight
	// completing says that only what chosen lacks was asked for.
	completing bool

	turn uint64
	// fresh is the answer made of what a 304 says is current.
	fresh               *http.Response
	requested, received time.Time
	cancel              context.CancelFunc
	idle                *time.Timer // calls cancel
	announced, landed   bool

	answered chan struct{}
	kept     chan struct{} // closed when what came is stored, or will not be
	resp     *http.Response
	err      error
	status   Status
}

// ask sends the request to the origin, and says what became of it.
func (x *exchange) ask(flying *flight) (*http.Response, Status, error) {
	f := &fetch{exchange: *x, flying: flying, answered: make(chan struct{}), kept: make(chan struct{})}
	f.status.Forwarded = URIMiss
	switch {
	case x.chosen != nil:
		f.status.Forwarded = x.reuse.ForwardedBy()
		f.status.Detail = x.reuse.Reason.String()
	case len(x.entries) > 0:
		f.status.Forwarded = VaryMiss
	}
	sent, cancel := detached(x.r, f.fields())
	f.setCancel(cancel)
	f.work.begin()
	go func() {
		defer f.work.end()
		f.run(sent)
	}()
	select {
	case <-f.answered:
	case <-x.r.Context().Done():
		if flying == nil {
			cancel()
		}
		go f.abandon()
		return nil, Status{}, x.r.Context().Err()
	}
	if f.err != nil {
		return nil, f.status, f.err
	}
	f.resp.Request = x.r
	return f.resp, f.status, nil
}

// setCancel bounds how long the origin may take to begin.
func (f *fetch) setCancel(cancel context.CancelFunc) {
	f.cancel = cancel
	f.idle = time.AfterFunc(f.options.Idle, cancel)
}

// abandon closes an answer that nobody waits for any more.
func (f *fetch) abandon() {
	<-f.answered
	if f.resp != nil {
		f.resp.Body.Close()
	}
}

// fields are those of the request to the origin.
func (f *fetch) fields() (header http.Header) {
	var chosen *Stored
	if f.chosen != nil {
		chosen = f.chosen.Stored
	}
	header, f.completing = f.policy.asking(f.request, descriptions(f.entries), chosen, f.reuse)
	return header
}

// run sends the request and deals with the answer.
func (f *fetch) run(sent *http.Request) {
	resp, err := f.send(sent)
	switch {
	case err != nil:
		f.failed(nil, err)
	case f.useless(resp):
		f.again(resp)
	default:
		f.take(resp)
	}
}

// again sends the request as the client has, as what came cannot be used without what was stored.
func (f *fetch) again(resp *http.Response) {
	drain(resp.Body)
	f.cancel()
	plain, cancel := detached(f.r, f.r.Header.Clone())
	f.setCancel(cancel)
	f.completing, f.entries, f.chosen, f.fresh = false, nil, nil, nil
	resp, err := f.send(plain)
	if err != nil {
		f.failed(nil, err)
		return
	}
	f.take(resp)
}

func (f *fetch) send(r *http.Request) (*http.Response, error) {
	f.turn, f.requested = f.marks.turn(), f.options.Now()
	if f.query != nil {
		r.Body = io.NopCloser(bytes.NewReader(f.query))
	}
	resp, err := f.base.RoundTrip(r)
	f.idle.Stop()
	f.received = f.options.Now()
	if err == nil && resp.StatusCode == http.StatusNotModified && f.conditional() {
		f.renew(resp)
	}
	return resp, err
}

// renew makes the answer of what a 304 says is current, unless that has been purged meanwhile.
func (f *fetch) renew(resp *http.Response) {
	e := f.renewed(resp)
	if e == nil || f.purgedSince(f.looked, f.key, e) {
		return
	}
	if answer, err := f.respond(e); err == nil {
		f.fresh = answer
		f.status.ForwardStatus = resp.StatusCode
		f.status.setFreshness(f.policy.Freshness(e.Stored, f.options.Now()))
	}
}

// useless reports whether the answer is to what the cache has asked and says nothing about what the client has: it is
// asked again without additions.
func (f *fetch) useless(resp *http.Response) bool {
	switch {
	case f.completing && resp.StatusCode == http.StatusPartialContent:
		_, joins := f.chosen.Joins(responseOf(resp))
		return !joins
	case f.completing:
		return resp.StatusCode == http.StatusRequestedRangeNotSatisfiable
	case resp.StatusCode == http.StatusNotModified && f.conditional():
		return f.fresh == nil && !f.own(resp)
	}
	return false
}

func responseOf(resp *http.Response) Response {
	return Response{Status: resp.StatusCode, Header: resp.Header}
}

// conditional reports whether the cache has asked about what it has.
func (f *fetch) conditional() bool {
	return f.reuse.Action == Validate || f.chosen == nil && len(f.entries) > 0
}

// own reports whether a 304 is about a copy that the client has.
func (f *fetch) own(resp *http.Response) bool {
	if len(f.request.Header["If-None-Match"]) == 0 {
		return len(f.request.Header["If-Modified-Since"]) > 0 && !slices.ContainsFunc(f.entries, func(e *Entry) bool {
			return validatorsOf(e.Header, e.Received).any()
		})
	}
	v := validatorsOf(resp.Header, f.received)
	for m := range etag.Members(f.request.Header["If-None-Match"]) {
		if m.Any || m.Fault == etag.None && m.Tag.WeakEqual(v.tag) {
			return true
		}
	}
	return false
}

// renewed returns what a 304 says is current, with its fields: nil if that is nothing of ours.
func (f *fetch) renewed(resp *http.Response) *Entry {
	response := responseOf(resp)
	var initial []*Entry
	for _, e := range f.entries {
		if serves(&e.Request, &f.request) && e.Matches(f.request) {
			initial = append(initial, e)
		}
	}
	var first *Entry
	for _, i := range f.policy.Freshens(descriptions(initial), response, f.received) {
		old := initial[i]
		updated := old.with(f.policy.Update(old.Stored, response, f.requested, f.received))
		f.replace(f.key, f.alias, old, updated)
		if first == nil || old == f.chosen {
			first = updated
		}
	}
	switch {
	case first != nil:
		return first
	case f.chosen == nil:
		return f.reselected(response)
	case len(initial) == 1 && !validatorsOf(resp.Header, f.received).any() && len(f.entries) == 1:
		return f.chosen // it was all that was asked about
	}
	return nil
}

// reselected returns what was stored for other requests, and is what the origin selects for this one, too (§4.1).
func (f *fetch) reselected(response Response) *Entry {
	v := validatorsOf(response.Header, f.received)
	for _, e := range f.entries {
		if !v.strong() || e.Parts != nil || !validatorsOf(e.Header, e.Received).tag.StrongEqual(v.tag) {
			continue
		}
		s := f.policy.Update(e.Stored, response, f.requested, f.received)
		s.Request.Header = Varying(f.request.Header, s.Header)
		selected := e.with(s)
		f.keep(f.key, f.alias, f.looked, selected) // it was there before it was asked about
		return selected
	}
	return nil
}

// take deals with an answer of the origin.
func (f *fetch) take(resp *http.Response) {
	response := responseOf(resp)
	switch status := resp.StatusCode; {
	case f.fresh != nil:
		drain(resp.Body)
		f.answer(f.fresh, nil)
		f.announce(nil)
		f.land(true)
	case status == http.StatusNotModified:
		f.pass(resp)
	case isFailure(status) && f.chosen != nil:
		f.failed(resp, nil)
	case f.request.Method == http.MethodHead:
		f.compare(response)
		f.pass(resp)
	case f.completing && status == http.StatusPartialContent:
		f.status.ForwardStatus = status
		f.complete(resp)
	default:
		f.notice(response)
		f.store(resp)
	}
}

// notice tells of another representation that a sample has found.
func (f *fetch) notice(response Response) {
	isSample := f.options.Changed != nil && f.chosen != nil && f.reuse.Reason == Current
	if !isSample || response.Status != http.StatusOK || f.overtakenSince(f.looked, response.Header) {
		return
	}
	before, now := validatorsOf(f.chosen.Header, f.chosen.Received), validatorsOf(response.Header, f.received)
	if before.any() && before != now {
		f.options.Changed(f.r)
	}
}

func isFailure(status int) bool {
	return status == 500 || status == 502 || status == 503 || status == 504
}

// failed answers with what is stored, if that is allowed when the origin fails, or else with the failure.
func (f *fetch) failed(resp *http.Response, err error) {
	if f.chosen != nil && !f.purgedSince(f.looked, f.key, f.chosen) {
		now := f.options.Now()
		if reuse := f.policy.OnError(f.request, f.chosen.Stored, now); reuse.Action == Serve {
			if stale, staleErr := f.respond(f.chosen); staleErr == nil {
				if resp != nil {
					f.status.ForwardStatus = resp.StatusCode
					drain(resp.Body)
				}
				f.status.Detail = reuse.Reason.String()
				f.status.setFreshness(reuse.Freshness)
				f.answer(stale, nil)
				f.announce(nil)
				f.land(true)
				return
			}
		}
	}
	if resp != nil {
		f.store(resp)
		return
	}
	f.answer(nil, err)
	f.announce(nil)
	f.land(true)
}

// compare renews or invalidates what is stored by the answer to a HEAD (§4.3.5).
func (f *fetch) compare(response Response) {
	if response.Status != http.StatusOK {
		return
	}
	for _, e := range f.entries {
		if !e.Matches(f.request) {
			continue
		}
		s := *e.Stored
		s.Invalid = true
		if e.Agrees(response) && (!e.Invalid || e.names(response)) {
			s = *f.policy.Update(e.Stored, response, f.requested, f.received)
		}
		f.replace(f.key, f.alias, e, e.with(&s))
	}
}

// pass answers with what came, which is not stored.
func (f *fetch) pass(resp *http.Response) {
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = &cancelling{resp.Body, f.cancel}
	}
	f.answer(resp, nil)
	f.announce(nil)
	f.land(resp.StatusCode >= 500)
}

// cancelling ends a request with its body.
type cancelling struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *cancelling) Close() error {
	err := c.ReadCloser.Close()
	c.cancel()
	return err
}

// store stores what came, if it may be, while it is passed on.
func (f *fetch) store(resp *http.Response) {
	response := responseOf(resp)
	reason := f.policy.Storable(f.request, response, f.received)
	if reason == Allowed && !fitsRange(resp) {
		reason = PartUnreadable
	}
	if reason != Allowed || len(resp.Trailer) > 0 {
		f.status.Detail = reason.String()
		f.pass(resp)
		return
	}
	s := f.policy.Entry(f.request, response, f.requested, f.received)
	s.Alias = f.alias
	if f.options.NoVarySearch {
		f.key = f.searches.learn(f.asked, resp.Header)
	}
	f.transfer(resp, s, nil)
}

// complete joins what came with what was there, while all of it is passed on.
func (f *fetch) complete(resp *http.Response) {
	f.transfer(resp, f.policy.Join(f.chosen.Stored, responseOf(resp), f.requested, f.received), f.chosen)
}

// transfer brings the content into the storage, and answers from what has come. before is what it completes, or nil.
func (f *fetch) transfer(resp *http.Response, s *Stored, before *Entry) {
	length := lengthOf(resp)
	if before == nil && resp.ContentLength < 0 {
		length = -1 // whether a part is as long as it says will be seen
	}
	draft, err := f.storage.Draft(length)
	switch {
	case err == nil:
	case before != nil:
		f.passRest(resp, s, before)
		return
	default:
		f.pass(resp)
		return
	}
	t := newTransfer(draft, f.cancel)
	f.status.Stored = true
	f.status.setFreshness(f.policy.Freshness(s, f.options.Now()))
	if length < 0 { // how much will come is not known: others wait until it is there
		body := resp.Body
		content, _ := t.open() // it has not begun
		resp.Body = &onceKept{ReadCloser: content, left: -1, kept: f.kept}
		f.answer(resp, nil)
		f.announce(nil)
		f.bring(t, body, s, before, -1)
		return
	}
	coming := &Entry{Stored: s, Pieces: []Piece{{startOf(resp), live{t, length}}}}
	if before != nil {
		coming = before.joined(s, coming.Pieces[0])
	}
	answer, err := f.answerFrom(coming, resp, before)
	if err != nil { // what it completes is gone
		draft.Discard()
		t.end()
		f.status.Stored = false
		f.again(resp)
		return
	}
	f.answer(answer, nil)
	f.announce(coming)
	f.bring(t, resp.Body, s, before, length)
}

// fitsRange reports whether a part has the length that its Content-Range says, as far as that is known.
func fitsRange(resp *http.Response) bool {
	return resp.StatusCode != http.StatusPartialContent || resp.ContentLength < 0 || resp.ContentLength == lengthOf(resp)
}

// lengthOf is how much content is to come, or negative if that is not said.
func lengthOf(resp *http.Response) int64 {
	if resp.StatusCode == http.StatusPartialContent {
		if part, ok := partOf(resp.Header); ok {
			return part.Range.Length
		}
	}
	return resp.ContentLength
}

// passRest answers with what was there and what came after it, for which there is no room.
func (f *fetch) passRest(resp *http.Response, s *Stored, before *Entry) {
	whole := before.joined(s, Piece{startOf(resp), once{resp.Body, lengthOf(resp)}})
	answer, err := whole.respond(f.r, f.options.Now())
	if err != nil {
		f.again(resp)
		return
	}
	f.answer(answer, nil)
	f.announce(nil)
	f.land(false)
}

// answerFrom is what the client gets of an entry that is coming. What it asked the origin for itself is passed on as the origin
// answered.
func (f *fetch) answerFrom(coming *Entry, resp *http.Response, before *Entry) (*http.Response, error) {
	if before == nil && (resp.StatusCode == http.StatusPartialContent || len(f.request.Header["Range"]) == 0) {
		passed := *resp
		content, err := coming.Pieces[0].Content.Open()
		length := lengthOf(resp)
		passed.Body = &onceKept{&body{content: content, end: length}, length, length <= keptFirst, f.kept}
		return &passed, err
	}
	answer, err := coming.respond(f.r, f.options.Now())
	if err == nil {
		delete(answer.Header, "Age")
		answer.Body = &onceKept{answer.Body, -1, lengthOf(resp) <= keptFirst, f.kept}
	}
	return answer, err
}

// onceKept is content whose end comes when it is kept: a client that has seen the end, and asks again, finds it. Short content is also kept
// if it is closed unread, by somebody who answers 304, say.
type onceKept struct {
	io.ReadCloser
	left  int64 // negative if that is not known
	short bool
	kept  <-chan struct{}
}

// keptFirst is how long content may be that is kept although nobody reads it to its end.
const keptFirst = 64 << 10

func (o *onceKept) Close() error {
	if o.short {
		<-o.kept
	}
	return o.ReadCloser.Close()
}

func (o *onceKept) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	if o.left >= 0 {
		o.left = max(0, o.left-int64(n))
	}
	if err == io.EOF || o.left == 0 && err == nil {
		<-o.kept
	}
	return n, err
}

// once is content that is not stored, and can be read once, in order.
type once struct {
	body io.ReadCloser
	size int64
}

func (o once) Size() int64 { return o.size }

func (o once) Open() (OpenContent, error) { return &onceReader{ReadCloser: o.body}, nil }

type onceReader struct {
	io.ReadCloser
	at int64
}

func (o *onceReader) readSome(p []byte, off int64) (int, error) {
	if off != o.at {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := o.Read(p)
	o.at += int64(n)
	return n, err
}

func (o *onceReader) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = o.readSome(p[n:], off+int64(n))
		n += m
	}
	return n, err
}

// startOf is where the content of a response begins in the whole.
func startOf(resp *http.Response) int64 {
	if resp.StatusCode == http.StatusPartialContent {
		if part, ok := partOf(resp.Header); ok {
			return part.Range.Start
		}
	}
	return 0
}

// bring runs the transfer and keeps what has come: all of it, or as a part what came before it was cut.
func (f *fetch) bring(t *transfer, from io.ReadCloser, s *Stored, before *Entry, length int64) {
	start := int64(0)
	if before != nil {
		start, _ = firstGap(before)
	} else if s.Parts != nil {
		start = s.Parts[0].Start
	}
	f.idle.Reset(f.options.Idle)
	n, err := t.run(moving{from, f.idle, f.options.Idle})
	f.idle.Stop()
	if t.rest == nil { // else its reader goes on
		f.cancel()
	}
	kept := false
	switch {
	case err == nil && (n == length || length < 0 && (s.Parts == nil || n == s.Parts[0].Length)):
		kept = f.finish(t, s, before, start, n)
	case !errors.Is(err, ErrNoRoom) && 0 < n && n < length && validatorsOf(s.Header, f.received).strong() && s.Status == http.StatusOK:
		cut := *s
		cut.Size = f.whole(s, length)
		cut.Parts = Add(partsBefore(before), byterange.Range{Start: start, Length: n})
		kept = f.finish(t, &cut, before, start, n)
	default:
		t.draft.Discard()
	}
	f.land(kept)
	close(f.kept)
	t.end()
}

// moving is content that has to go on.
type moving struct {
	io.ReadCloser
	idle *time.Timer
	wait time.Duration
}

func (m moving) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.idle.Reset(m.wait)
	return n, err
}

// whole is the length of the whole content, of which length was to come.
func (f *fetch) whole(s *Stored, length int64) int64 {
	if s.Parts != nil {
		return s.Size
	}
	return length
}

func partsBefore(before *Entry) []byterange.Range {
	if before == nil {
		return nil
	}
	return before.Parts
}

func firstGap(e *Entry) (int64, bool) {
	gap, lacks := Missing(e.Parts, e.Size)
	return gap.Start, lacks
}

// finish keeps what has been brought.
func (f *fetch) finish(t *transfer, s *Stored, before *Entry, start, n int64) bool {
	content, err := t.draft.Finish()
	if err != nil {
		return false
	}
	piece := Piece{start, content}
	if before != nil {
		return f.replace(f.key, f.alias, before, before.joined(s, piece))
	}
	e := &Entry{Stored: s, Pieces: []Piece{piece}, digest: new(digestMemo)}
	if s.Parts == nil {
		return f.keep(f.key, f.alias, f.turn, e)
	}
	for _, old := range f.storage.Load(f.key) {
		if _, joins := old.Joins(Response{Status: 206, Header: withRange(s, n, start)}); joins && old.Parts != nil && old.Matches(f.request) {
			if f.overtakenSince(f.turn, s.Header) { // what was there may have been asked for since
				return false
			}
			joined := *s
			joined.Parts = Add(old.Parts, s.Parts[0])
			return f.replace(f.key, f.alias, old, old.joined(&joined, piece))
		}
	}
	return f.keep(f.key, f.alias, f.turn, e)
}

// withRange are the fields of s with the Content-Range that it came with.
func withRange(s *Stored, n, start int64) map[string][]string {
	header := http.Header(s.Header).Clone()
	header.Set("Content-Range", byterange.Range{Start: start, Length: n}.ContentRange(s.Size))
	return header
}

// answer is for who asked.
func (f *fetch) answer(resp *http.Response, err error) {
	f.resp, f.err = resp, err
	close(f.answered)
}

func (f *fetch) announce(coming *Entry) {
	if !f.announced {
		f.announced = true
		f.flights.announce(f.flying, coming)
	}
}

func (f *fetch) land(useful bool) {
	if !f.landed {
		f.landed = true
		f.flights.land(f.flight, f.flying, useful, f.options.Now())
	}
}
