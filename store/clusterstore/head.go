package clusterstore

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// rememberedChanges is how many changes of a head leave their nonce in it: whoever lost the answer to
// one finds it among them, unless there were more since.
const rememberedChanges = 16

// The kinds of what is under a name. Nothing is what was deleted, or never was.
const (
	kindNothing    = ""
	kindResource   = "resource"
	kindCollection = "collection"
)

// head is what the record of a head says. It is not changed once it was read or written; readers share
// it without a lock. As a record it is one line of JSON, and behind that the contents that ride along.
type head struct {
	Kind string `json:"kind,omitempty"`
	// Last is the latest revision that the name has had.
	Last store.Revision `json:"last,omitempty"`
	// Current is set if Kind is kindResource.
	Current *revision `json:"current,omitempty"`
	// Kept are earlier revisions, oldest first.
	Kept []revision `json:"kept,omitempty"`
	// Properties are those of the resource or the collection.
	Properties map[string]string `json:"properties,omitempty"`
	// Modified is the latest that was given out under the name, in seconds since 1970; of a collection
	// it is its own.
	Modified int64 `json:"modified,omitempty"`
	// Clock is when that was, by the clock of who gave it out, in milliseconds since 1970.
	Clock int64 `json:"clock,omitempty"`
	// Born tells the lives of a collection apart: each has another one, which is not 0.
	Born uint64 `json:"born,omitempty"`
	// Under is set on what was made a moment ago: it is there only if the collection that holds it has
	// this Born, since whoever deletes or moves that may have missed it. The next change clears it.
	Under uint64 `json:"under,omitempty"`
	// Voided is the last Changes at which that was not so.
	Voided uint64 `json:"voided,omitempty"`
	// Swept counts the sweeps that removed contents of this name: see Sweep.
	Swept uint64 `json:"swept,omitempty"`
	// Value is set if the head is that of a record of store.Keeper.
	Value *[]byte `json:"value,omitempty"`
	// Decision is set if the head is a decision.
	Decision *decision `json:"decision,omitempty"`
	// Pending is set while the head takes part in a change of several heads.
	Pending *pending `json:"pending,omitempty"`
	// Changes counts the swaps, and Nonces has those of the last of them, the latest last.
	Changes uint64   `json:"changes"`
	Nonces  []string `json:"nonces"`
}

// revision is one state of content.
type revision struct {
	Revision store.Revision `json:"rev"`
	Size     int64          `json:"size"`
	Digest   hexDigest      `json:"sha256"`
	Modified int64          `json:"modified"` // in seconds since 1970
	// ID names the content, if it does not ride in the head.
	ID string `json:"id,omitempty"`
	// At is where in the bytes behind the line it begins, if it does.
	At int `json:"at,omitempty"`
	// Spared is set if it was replaced under store.Sparing, Replaced when, in seconds since 1970.
	Spared   bool  `json:"spared,omitempty"`
	Replaced int64 `json:"replaced,omitempty"`

	data []byte // if ID is empty
}

// pending is the part of a head in a change of several.
type pending struct {
	// Decision is the name of the head that decides, Number which of its decisions it is.
	Decision string `json:"decision"`
	Number   uint64 `json:"number"`
	// Next is what the head is if the change takes place; otherwise it stays what it is.
	Next *head `json:"next"`
}

// hexDigest is a digest that is readable in a record.
type hexDigest store.Digest

// MarshalText implements encoding.TextMarshaler.
func (d hexDigest) MarshalText() ([]byte, error) { return []byte(store.Digest(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *hexDigest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("%.80q is not a digest", text)
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// encode returns h as a record.
func (h *head) encode() ([]byte, error) {
	var contents []byte
	line, err := json.Marshal(h.placed(&contents))
	if err != nil {
		return nil, err
	}
	record := append(append(line, '\n'), contents...)
	if len(record) > MaxRecord {
		return nil, fmt.Errorf("a head of %d bytes is %w: at most %d", len(record), store.ErrTooLarge, MaxRecord)
	}
	return record, nil
}

// placed returns a copy of h whose revisions say where in contents their own are, which it appends.
func (h *head) placed(contents *[]byte) *head {
	place := func(r revision) revision {
		if r.ID == "" {
			r.At = len(*contents)
			*contents = append(*contents, r.data...)
		}
		return r
	}
	c := *h
	if c.Current != nil {
		r := place(*c.Current)
		c.Current = &r
	}
	c.Kept = slices.Clone(c.Kept)
	for i, r := range c.Kept {
		c.Kept[i] = place(r)
	}
	if c.Pending != nil {
		p := *c.Pending
		p.Next = p.Next.placed(contents)
		c.Pending = &p
	}
	return &c
}

// decodeHead reads a record, which it keeps.
func decodeHead(record []byte) (*head, error) {
	line, contents, _ := bytes.Cut(record, []byte{'\n'})
	h := new(head)
	if err := json.Unmarshal(line, h); err != nil {
		return nil, fmt.Errorf("the record of the head is damaged: %w", err)
	}
	return h, h.fill(contents)
}

// fill gives the revisions their contents.
func (h *head) fill(contents []byte) error {
	if h.Current != nil {
		if err := h.Current.fill(contents); err != nil {
			return err
		}
	}
	for i := range h.Kept {
		if err := h.Kept[i].fill(contents); err != nil {
			return err
		}
	}
	if h.Pending != nil {
		if h.Pending.Next == nil {
			return fmt.Errorf("the record of the head is damaged: a change leads nowhere")
		}
		return h.Pending.Next.fill(contents)
	}
	return nil
}

func (r *revision) fill(contents []byte) error {
	if r.ID != "" {
		return nil
	}
	if r.At < 0 || r.Size < 0 || int64(r.At) > int64(len(contents))-r.Size {
		return fmt.Errorf("the record of the head is damaged: content is missing")
	}
	r.data = contents[r.At:][:r.Size:r.Size]
	return nil
}

// current returns the revision that is current, or 0.
func (h *head) current() store.Revision {
	if h.Current == nil {
		return 0
	}
	return h.Current.Revision
}

// info describes what is under name: it is zero if there is nothing.
func (h *head) info(name string) store.Info {
	switch h.Kind {
	case kindResource:
		return h.Current.info(name)
	case kindCollection:
		return store.Info{Name: name, Collection: true, Modified: time.Unix(h.Modified, 0).UTC()}
	}
	return store.Info{}
}

func (r *revision) info(name string) store.Info {
	return store.Info{
		Name: name, Revision: r.Revision, Size: r.Size, Digest: store.Digest(r.Digest), Modified: time.Unix(r.Modified, 0).UTC(),
	}
}

// revisions returns all that are there, newest first.
func (h *head) revisions() []*revision {
	var all []*revision
	if h.Current != nil {
		all = append(all, h.Current)
	}
	for i := range slices.Backward(h.Kept) {
		all = append(all, &h.Kept[i])
	}
	return all
}

// names reports whether h, or what it may become, has the content.
func (h *head) names(id string) bool {
	for _, r := range h.revisions() {
		if r.ID == id {
			return true
		}
	}
	return h.Pending != nil && h.Pending.Next.names(id)
}

// changed returns a copy of h that a change with this nonce makes.
func (h *head) changed(nonce string) *head {
	c := *h
	c.Changes++
	c.Nonces = append(slices.Clone(h.Nonces), nonce)
	if more := len(c.Nonces) - rememberedChanges; more > 0 {
		c.Nonces = c.Nonces[more:]
	}
	return &c
}

// size is about how much memory h takes.
func (h *head) size() int64 {
	n := int64(512)
	for _, r := range h.revisions() {
		n += 128 + int64(len(r.data))
	}
	for key, value := range h.Properties {
		n += 32 + int64(len(key)+len(value))
	}
	if h.Pending != nil {
		n += h.Pending.Next.size()
	}
	return n
}
