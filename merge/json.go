package merge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/content/patch"
)

// ErrJSON says that one of the contents is no JSON text (RFC 8259), has a name twice, or nests deeper than
// MaxDepth.
var ErrJSON = errors.New("not JSON that can be merged")

// MaxDepth bounds how deep the values nest that JSON takes apart, and MaxJSON the length of each text, in bytes.
const (
	MaxDepth = 200
	MaxJSON  = patch.MaxSize
)

// JSON merges by structure. Members of objects merge each for itself. Elements of an array merge if they are
// objects that a member tells apart: one of "id", "uid", "uuid", "_id", "@id", "key", "name", with a string or
// a number that no two elements of a version share. Any other array that both sides changed is a conflict, for
// what an index means only its authors know; so is a value that both changed, one that was changed by one and removed
// by the other, and an order that one changed while the other changed the array, too.
//
// Values are equal if their members are, in any order; numbers are equal if they are written the same.
// The result is mine with the changes of theirs: order, spelling and indentation of mine stay, and new members and
// elements of theirs come behind their neighbours.
//
// With conflicts, Content is nil and Places says where. The error is ErrJSON or ErrTooLarge.
func JSON(base, mine, theirs []byte) (Result, error) {
	m := &jsonMerge{}
	var values [3]json.RawMessage
	for i, content := range [...][]byte{base, mine, theirs} {
		if len(content) > MaxJSON {
			return Result{}, ErrTooLarge
		}
		if err := checkJSON(content); err != nil {
			return Result{}, err
		}
		values[i] = bytes.TrimSpace(content)
	}
	if err := m.merge("", values[0], values[1], values[2], 0); err != nil {
		return Result{}, err
	}
	r := Result{Structure: true, Places: m.conflicts, Conflicts: len(m.conflicts)}
	if r.Conflicts > 0 {
		return r, nil
	}
	operations, err := json.Marshal(m.operations)
	if err != nil {
		return Result{}, err
	}
	if len(m.operations) == 0 {
		r.Content = bytes.Clone(mine)
		return r, nil
	}
	if r.Content, err = patch.JSONPatch(mine, operations); errors.Is(err, patch.ErrTooLarge) {
		return Result{}, ErrTooLarge
	}
	return r, err
}

// checkJSON is the error for what cannot be merged. A patch that does nothing finds that out.
func checkJSON(content []byte) error {
	if _, err := patch.JSONPatch(content, []byte("[]")); err != nil {
		return fmt.Errorf("%w: %w", ErrJSON, err)
	}
	return nil
}

// operation is one of JSON Patch (RFC 6902).
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

// jsonMerge collects what is to be done to mine, and the places of conflicts.
type jsonMerge struct {
	operations []operation
	conflicts  []string
}

// merge decides one place. A value that is nil is not there.
func (m *jsonMerge) merge(path string, base, mine, theirs json.RawMessage, depth int) error {
	switch {
	case depth > MaxDepth:
		return fmt.Errorf("%w: it nests deeper than %d", ErrJSON, MaxDepth)
	case equalJSON(mine, theirs), equalJSON(base, theirs):
		return nil
	case equalJSON(base, mine):
		m.set(path, mine, theirs)
		return nil
	case kindOf(mine) == '{' && kindOf(theirs) == '{' && (base == nil || kindOf(base) == '{'):
		return m.objects(path, base, mine, theirs, depth)
	case kindOf(mine) == '[' && kindOf(theirs) == '[' && kindOf(base) == '[':
		return m.arrays(path, base, mine, theirs, depth)
	}
	m.conflicts = append(m.conflicts, path)
	return nil
}

// set has theirs in the place of mine.
func (m *jsonMerge) set(path string, mine, theirs json.RawMessage) {
	op := operation{Op: "replace", Path: path, Value: theirs}
	if theirs == nil {
		op = operation{Op: "remove", Path: path}
	} else if mine == nil {
		op.Op = "add"
	}
	m.operations = append(m.operations, op)
}

func (m *jsonMerge) objects(path string, base, mine, theirs json.RawMessage, depth int) error {
	b, err1 := membersOf(base)
	a, err2 := membersOf(mine)
	c, err3 := membersOf(theirs)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	for _, name := range union(b.names, a.names, c.names) {
		at := path + "/" + pointerEscaper.Replace(name)
		if err := m.merge(at, b.values[name], a.values[name], c.values[name], depth+1); err != nil {
			return err
		}
	}
	return nil
}

// arrays merges three arrays whose elements a member tells apart. What is inside of elements is changed first,
// while they are where mine has them; then elements go, from the last one on; then they come.
func (m *jsonMerge) arrays(path string, base, mine, theirs json.RawMessage, depth int) error {
	b, a, c, ok := keyed(base, mine, theirs)
	if !ok || !sameOrder(b, a) || !sameOrder(b, c) || !sameOrder(a, c) {
		m.conflicts = append(m.conflicts, path)
		return nil
	}
	var gone []int
	for i, id := range a.names {
		old, was := b.values[id]
		next, is := c.values[id]
		at := path + "/" + strconv.Itoa(i)
		switch {
		case is:
			if err := m.merge(at, old, a.values[id], next, depth+1); err != nil {
				return err
			}
		case was && equalJSON(old, a.values[id]):
			gone = append(gone, i)
		case was:
			m.conflicts = append(m.conflicts, at) // changed by me, removed by them
		}
	}
	for i := len(gone) - 1; i >= 0; i-- {
		m.set(path+"/"+strconv.Itoa(gone[i]), a.values[a.names[gone[i]]], nil)
	}
	m.insert(path, a.without(gone), a, b, c)
	return nil
}

// insert adds the elements that only theirs has to those that are left, each behind its neighbour in theirs.
func (m *jsonMerge) insert(path string, left []string, a, b, c members) {
	at := 0
	for _, id := range c.names {
		if _, mine := a.values[id]; mine {
			for i, l := range left {
				if l == id {
					at = i + 1
				}
			}
			continue
		}
		if old, was := b.values[id]; was {
			if !equalJSON(old, c.values[id]) {
				m.conflicts = append(m.conflicts, path) // removed by me, changed by them
			}
			continue
		}
		m.operations = append(m.operations, operation{Op: "add", Path: path + "/" + strconv.Itoa(at), Value: c.values[id]})
		left = append(left[:at:at], append([]string{id}, left[at:]...)...)
		at++
	}
}

// members are those of an object by name, or the elements of an array by what tells them apart, in order.
type members struct {
	names  []string
	values map[string]json.RawMessage
}

// without returns the names but for those at the given places.
func (s members) without(places []int) []string {
	var left []string
	for i, name := range s.names {
		if len(places) > 0 && places[0] == i {
			places = places[1:]
			continue
		}
		left = append(left, name)
	}
	return left
}

// membersOf takes an object apart; nil has no members.
func membersOf(object json.RawMessage) (members, error) {
	s := members{values: map[string]json.RawMessage{}}
	if object == nil {
		return s, nil
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return s, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return s, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return s, err
		}
		s.names = append(s.names, name.(string))
		s.values[name.(string)] = value
	}
	return s, nil
}

// identities are the names of members that tell elements apart, the best first.
var identities = []string{"id", "uid", "uuid", "_id", "@id", "key", "name"}

// keyed takes three arrays apart by the first of the identities that all their elements have.
func keyed(base, mine, theirs json.RawMessage) (b, a, c members, ok bool) {
	var elements [3][]json.RawMessage
	for i, array := range [...]json.RawMessage{base, mine, theirs} {
		if json.Unmarshal(array, &elements[i]) != nil {
			return b, a, c, false
		}
	}
	for _, name := range identities {
		var by [3]members
		ok = true
		for i := range elements {
			by[i], ok = byIdentity(elements[i], name, ok)
		}
		if ok {
			return by[0], by[1], by[2], true
		}
	}
	return b, a, c, false
}

// byIdentity takes an array apart by a member that all its elements must have, each another one.
func byIdentity(elements []json.RawMessage, name string, ok bool) (members, bool) {
	s := members{values: map[string]json.RawMessage{}}
	if !ok {
		return s, false
	}
	for _, e := range elements {
		if kindOf(e) != '{' {
			return s, false
		}
		object, err := membersOf(e)
		id := object.values[name]
		if k := kindOf(id); err != nil || k != '"' && k != '0' {
			return s, false
		}
		key := canonical(id)
		if _, twice := s.values[key]; twice {
			return s, false
		}
		s.names = append(s.names, key)
		s.values[key] = e
	}
	return s, true
}

// canonical is one spelling for each string, and a number as it is.
func canonical(scalar json.RawMessage) string {
	var text string
	if json.Unmarshal(scalar, &text) == nil {
		return strconv.Quote(text)
	}
	return string(scalar)
}

// sameOrder reports whether what two arrays have in common is in the same order.
func sameOrder(x, y members) bool {
	common := func(s, other members) []string {
		var names []string
		for _, name := range s.names {
			if _, ok := other.values[name]; ok {
				names = append(names, name)
			}
		}
		return names
	}
	return reflect.DeepEqual(common(x, y), common(y, x))
}

// union returns all names, each once, in order.
func union(lists ...[]string) []string {
	var all []string
	seen := map[string]bool{}
	for _, list := range lists {
		for _, name := range list {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}

// kindOf is what a value begins with: '{', '[', '"', '0' for all numbers, 't' and 'f', 'n'; 0 for none.
func kindOf(v json.RawMessage) byte {
	if len(v) == 0 {
		return 0
	}
	if c := v[0]; c != '-' && (c < '0' || c > '9') {
		return c
	}
	return '0'
}

// equalJSON reports whether two values are equal, or neither is there.
func equalJSON(x, y json.RawMessage) bool {
	if x == nil || y == nil || bytes.Equal(x, y) {
		return (x == nil) == (y == nil)
	}
	return kindOf(x) == kindOf(y) && reflect.DeepEqual(decode(x), decode(y))
}

// decode keeps numbers as they are written.
func decode(v json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil && err != io.EOF {
		return nil
	}
	return value
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")
