package idempotency

import (
	"cmp"
	"container/list"
	"encoding/binary"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The bounds that stand for a field of Options that is 0.
const (
	DefaultLifetime  = 24 * time.Hour
	DefaultPerClient = 1000
	DefaultTotal     = 20_000
)

// MaxAnswer bounds an answer that is remembered, in bytes.
const MaxAnswer = 8 << 10

// Options are the bounds of a table.
type Options struct {
	// Lifetime is how long an answer is remembered.
	Lifetime time.Duration
	// PerClient is how many answers of one client are remembered: the next one takes the place of
	// its oldest.
	PerClient int
	// Total is how many answers there are altogether. When there are so many, the next one takes
	// the place of the oldest one of the client that has most.
	Total int
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// Table remembers answers. Its methods may be called from any number of goroutines.
type Table struct {
	options Options

	mu      sync.Mutex
	entries map[ID]*entry
	claims  map[ID]*Claim
	clients map[clientID]*list.List // of *entry, the oldest first
	all     list.List               // of *entry, the oldest first
	// free are slots that were in use once, and next is the first that never was. Records are
	// written over, never removed: there are never more than Total of them, and forgetting costs no
	// write.
	free []int
	next int
}

// clientID is whose bound a key counts for.
type clientID [8]byte

// entry is a key that was used, with the answer.
type entry struct {
	id        ID
	client    clientID
	print     Fingerprint
	made      time.Time
	answer    []byte
	isUnknown bool
	slot      int
	ofClient  *list.Element
	ofAll     *list.Element
}

// New returns an empty table.
func New(o Options) *Table {
	o.Lifetime = cmp.Or(o.Lifetime, DefaultLifetime)
	o.PerClient = cmp.Or(o.PerClient, DefaultPerClient)
	o.Total = max(cmp.Or(o.Total, DefaultTotal), o.PerClient)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Table{options: o, entries: make(map[ID]*entry), claims: make(map[ID]*Claim), clients: make(map[clientID]*list.List)}
}

// Knows reports whether a request with the key is under way or was answered: then it is Claim that
// says what is to become of another one. Once true for a write that was performed it stays so as
// long as the answer is remembered, from before the write is seen by anybody.
func (t *Table) Knows(id ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.claims[id] != nil || t.find(id) != nil
}

// find returns what is remembered of a key, unless it is too old.
func (t *Table) find(id ID) *entry {
	e := t.entries[id]
	if e != nil && t.isOld(e) {
		t.forget(e)
		return nil
	}
	return e
}

func (t *Table) isOld(e *entry) bool { return t.options.Now().Sub(e.made) >= t.options.Lifetime }

// Verdict says what is to become of a request with a key.
type Verdict uint8

const (
	// Fresh: nothing is known of the key, which is claimed now. The request is to be performed.
	Fresh Verdict = iota
	// Answered: the request was performed. It is to be given the answer again.
	Answered
	// Reused: the key came with another request.
	Reused
	// InProgress: the same key is being performed at this moment.
	InProgress
	// Unknown: the request was sent to be performed, and nobody knows what became of it.
	Unknown
)

// Claim says what is to become of a request. If that is Fresh, the caller performs it and ends the
// claim. client is whose bound the key counts for. answer is that of Answered.
func (t *Table) Claim(id ID, client string, print Fingerprint) (c *Claim, v Verdict, answer []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if running := t.claims[id]; running != nil {
		if running.entry.print != print {
			return nil, Reused, nil
		}
		return nil, InProgress, nil
	}
	if e := t.find(id); e != nil {
		switch {
		case e.print != print:
			return nil, Reused, nil
		case e.isUnknown:
			return nil, Unknown, nil
		}
		return nil, Answered, e.answer
	}
	return t.claim(id, client, print), Fresh, nil
}

// Again claims a key of which the outcome is unknown, for a request that is performed once more
// after all. It is nil if it is not so any more.
func (t *Table) Again(id ID, client string, print Fingerprint) *Claim {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.find(id)
	if e == nil || !e.isUnknown || e.print != print || t.claims[id] != nil {
		return nil
	}
	t.forget(e)
	return t.claim(id, client, print)
}

func (t *Table) claim(id ID, client string, print Fingerprint) *Claim {
	sum := hash(client)
	e := &entry{id: id, client: clientID(sum[:8]), print: print}
	e.slot = t.slotFor(e.client)
	c := &Claim{table: t, entry: e}
	t.claims[id] = c
	return c
}

// slotFor finds a slot for a record of the client.
func (t *Table) slotFor(client clientID) int {
	own := t.clients[client]
	switch {
	case own != nil && own.Len() >= t.options.PerClient:
		return t.take(own.Front().Value.(*entry))
	case len(t.free) > 0:
		slot := t.free[len(t.free)-1]
		t.free = t.free[:len(t.free)-1]
		return slot
	case t.all.Len() > 0 && t.isOld(t.all.Front().Value.(*entry)):
		return t.take(t.all.Front().Value.(*entry))
	case t.all.Len() >= t.options.Total:
		return t.take(t.largest().Front().Value.(*entry))
	}
	t.next++
	return t.next - 1
}

// take forgets e and returns its slot.
func (t *Table) take(e *entry) int {
	t.forget(e)
	t.free = t.free[:len(t.free)-1] // where forget has put it
	return e.slot
}

// largest are the entries of the client that has most, and of several the one with the oldest.
func (t *Table) largest() (most *list.List) {
	for _, l := range t.clients {
		if most == nil || l.Len() > most.Len() || l.Len() == most.Len() && oldest(l).Before(oldest(most)) {
			most = l
		}
	}
	return most
}

func oldest(l *list.List) time.Time { return l.Front().Value.(*entry).made }

func (t *Table) forget(e *entry) {
	delete(t.entries, e.id)
	t.all.Remove(e.ofAll)
	own := t.clients[e.client]
	if own.Remove(e.ofClient); own.Len() == 0 {
		delete(t.clients, e.client)
	}
	t.free = append(t.free, e.slot)
}

// remember puts e behind those that are as old or older.
func (t *Table) remember(e *entry) {
	t.entries[e.id] = e
	own := t.clients[e.client]
	if own == nil {
		own = list.New()
		t.clients[e.client] = own
	}
	e.ofClient, e.ofAll = inOrder(own, e), inOrder(&t.all, e)
}

func inOrder(l *list.List, e *entry) *list.Element {
	for at := l.Back(); at != nil; at = at.Prev() {
		if !at.Value.(*entry).made.After(e.made) {
			return l.InsertAfter(e, at)
		}
	}
	return l.PushFront(e)
}

// Claim is the right to perform the request with a key, and the duty to end it.
type Claim struct {
	table *Table
	entry *entry
}

// RecordKey is under which key the record is to be kept: [Prefix] and a number.
func (c *Claim) RecordKey() string { return Prefix + strconv.Itoa(c.entry.slot) }

// Record returns the record that is to be kept if the request is answered so. A nil answer is that
// of a request that is about to be sent: if no other record takes its place, its outcome is
// unknown.
func (c *Claim) Record(answer []byte) []byte {
	e := *c.entry
	e.made, e.answer, e.isUnknown = c.table.options.Now(), answer, answer == nil
	return e.append(nil)
}

// Done ends the claim: the request was performed, and is answered so from now on.
func (c *Claim) Done(answer []byte) { c.end(func(e *entry) { e.answer = answer }) }

// Unknown ends the claim: what became of the request is not known.
func (c *Claim) Unknown() { c.end(func(e *entry) { e.isUnknown = true }) }

func (c *Claim) end(set func(*entry)) {
	t := c.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.claims[c.entry.id] != c {
		return
	}
	delete(t.claims, c.entry.id)
	c.entry.made = t.options.Now()
	set(c.entry)
	t.remember(c.entry)
}

// Release ends the claim of a request that was not performed: the key is as good as new. After Done
// or Unknown it does nothing.
func (c *Claim) Release() {
	t := c.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.claims[c.entry.id] == c {
		delete(t.claims, c.entry.id)
		t.free = append(t.free, c.entry.slot)
	}
}

// Prefix begins the keys of all records.
const Prefix = "idempotency/"

// recordVersion begins a record.
const recordVersion = 1

const (
	stateAnswered = 0
	stateUnknown  = 1
)

func (e *entry) append(b []byte) []byte {
	b = append(b, recordVersion, stateAnswered)
	if e.isUnknown {
		b[len(b)-1] = stateUnknown
	}
	b = append(b, e.id[:]...)
	b = append(b, e.client[:]...)
	b = append(b, e.print[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.made.UnixNano()))
	return append(b, e.answer...)
}

// Load takes the records that were kept before, as keys and values. What is too old, or no record,
// is left out. It is called once, before anything else.
func (t *Table) Load(records iter.Seq2[string, []byte]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slots := make(map[int]*entry)
	for key, record := range records {
		slot, err := strconv.Atoi(strings.TrimPrefix(key, Prefix))
		if err != nil || slot < 0 || slot >= maxSlot {
			continue
		}
		slots[slot] = nil
		t.next = max(t.next, slot+1)
		if e, ok := parseEntry(record); ok && !t.isOld(e) {
			e.slot = slot
			slots[slot] = e
		}
	}
	latest := make(map[ID]*entry)
	for _, e := range slots {
		if e != nil && (latest[e.id] == nil || latest[e.id].made.Before(e.made)) {
			latest[e.id] = e
		}
	}
	for slot := range t.next {
		if e := slots[slot]; e == nil || latest[e.id] != e {
			t.free = append(t.free, slot)
		}
	}
	for _, e := range slices.SortedFunc(maps.Values(latest), func(a, b *entry) int { return a.made.Compare(b.made) }) {
		t.remember(e)
	}
}

// maxSlot bounds what a record's key can make Load reserve.
const maxSlot = 1 << 24

func parseEntry(b []byte) (*entry, bool) {
	const head = 2 + 32 + 8 + 32 + 8
	if len(b) < head || b[0] != recordVersion || b[1] > stateUnknown {
		return nil, false
	}
	e := &entry{isUnknown: b[1] == stateUnknown}
	b = b[2:]
	b = b[copy(e.id[:], b):]
	b = b[copy(e.client[:], b):]
	b = b[copy(e.print[:], b):]
	e.made = time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	if !e.isUnknown {
		e.answer = append([]byte{}, b[8:]...)
	}
	return e, true
}
