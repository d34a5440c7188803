package patch

import (
	"errors"
	"slices"
)

const (
	// MaxOperations bounds how many operations a JSON Patch has.
	MaxOperations = 10000
	// maxShifted bounds how many array elements all operations move aside.
	maxShifted = 1 << 27
	// maxVisited bounds how many values all operations put in place, counting
	// those inside them.
	maxVisited = 1 << 24
	// maxScanned bounds how many bytes of JSON all operations go through.
	maxScanned = 64 * MaxSize
	// operationDepth is how deep a value lies in a JSON Patch: in an object, in an array.
	operationDepth = 2
)

// maxCopied bounds what all "copy" operations together copy, in bytes, for a document and a
// patch of this length: it takes 40 bytes to ask for one.
func maxCopied(length int64) int64 { return min(MaxSize, 64<<10+4*length) }

// maxOpened bounds how many arrays and objects of the document are looked into.
func maxOpened(length int) int { return 4096 + length/16 }

// JSONPatch applies a JSON Patch (RFC 6902) to a JSON document. The error is an
// [*Error] with the cause [ErrMalformed], [ErrDocument], [ErrConflict], [ErrTest] or
// [ErrTooLarge], and names the operation. If nothing changes the result is the
// document, byte for byte.
func JSONPatch(doc, patch []byte) ([]byte, error) {
	p := read(doc, patch, operationDepth)
	if err := patchError(p.errSecond); err != nil {
		return nil, err
	}
	operations, err := p.operations()
	if err != nil {
		return nil, err
	}
	d, err := documentOf(p, doc)
	if err != nil {
		return nil, err
	}
	for i, v := range operations {
		o, _ := p.parseOperation(v) // it has been parsed before, and not kept
		if err := d.apply(o); err != nil {
			err.Operation = i
			return nil, err
		}
	}
	return d.bytes()
}

// operation is one step of a JSON Patch.
type operation struct {
	op         string
	path, from pointer
	value      ref
}

// operations returns where the operations stand, which are found to be some.
func (p pair) operations() ([]ref, error) {
	if p.kind(p.second) != array {
		return nil, fail(ErrMalformed, "a JSON Patch is an array of operations")
	}
	list := p.look(p.second | respelled).elements
	if len(list) > MaxOperations {
		return nil, fail(ErrTooLarge, "it has %d operations; at most %d are allowed", len(list), MaxOperations)
	}
	for i, v := range list {
		if _, err := p.parseOperation(v); err != nil {
			return nil, &Error{ErrMalformed, i, err.Error()}
		}
	}
	return list, nil
}

// patchError is the error for a patch that cannot be read.
func patchError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLong):
		return fail(ErrTooLarge, "the patch is %s", err)
	}
	return fail(ErrMalformed, "%s", err)
}

// parseOperation reads an operation object (RFC 6902 §4). Members that are not
// defined for it are ignored, as that section demands.
func (t *tree) parseOperation(v ref) (o operation, err error) {
	if t.kind(v) != object {
		return o, errors.New("an operation is an object")
	}
	members := t.look(v)
	if o.op, err = t.textMember(members, "op"); err != nil {
		return o, err
	}
	switch o.op {
	case "add", "replace", "test":
		i := t.member(members, "value")
		if i < 0 {
			return o, errors.New(`the member "value" is missing`)
		}
		o.value = members.elements[i]
	case "move", "copy":
		if o.from, err = t.pointerMember(members, "from"); err != nil {
			return o, err
		}
	case "remove":
	default:
		return o, errors.New(`the member "op" is none of add, remove, replace, move, copy, test`)
	}
	o.path, err = t.pointerMember(members, "path")
	if err == nil && o.op == "move" && o.from.contains(o.path) {
		err = errors.New("a value cannot be moved into itself")
	}
	return o, err
}

func (t *tree) textMember(c *container, name string) (string, error) {
	i := t.member(c, name)
	switch {
	case i < 0:
		return "", errors.New(`the member "` + name + `" is missing`)
	case t.kind(c.elements[i]) != text:
		return "", errors.New(`the member "` + name + `" is not a string`)
	}
	return unquote(t.raw(c.elements[i])), nil
}

func (t *tree) pointerMember(c *container, name string) (pointer, error) {
	s, err := t.textMember(c, name)
	if err != nil {
		return nil, err
	}
	return parsePointer(s)
}

// document is a document being patched.
type document struct {
	*tree
	root    ref
	source  []byte
	copied  int64 // bytes
	shifted int   // elements
	visited int   // values
}

func documentOf(p pair, source []byte) (*document, error) {
	if p.errFirst != nil {
		return nil, fail(ErrDocument, "%s", p.errFirst)
	}
	return &document{tree: p.tree, root: p.first, source: source}, nil
}

// bytes spells the document.
func (d *document) bytes() ([]byte, error) {
	return layoutOf(d.text[:len(d.source)]).document(d.tree, d.root, len(d.text)+int(d.copied))
}

// tooMuch is the error for a patch that has looked into too much.
func (d *document) tooMuch() *Error {
	if d.scanned > maxScanned || d.made > maxOpened(len(d.text)) {
		return fail(ErrTooLarge, "it looks into too much of the document")
	}
	return nil
}

// apply does one operation. If it fails d is not to be used any more.
func (d *document) apply(o operation) *Error {
	switch o.op {
	case "add":
		return d.add(o.path, o.value)
	case "remove":
		_, err := d.remove(o.path)
		return err
	case "replace":
		return d.replace(o.path, o.value)
	case "move":
		return d.move(o.from, o.path)
	case "copy":
		return d.copy(o.from, o.path)
	}
	return d.test(o.path, o.value)
}

// add is RFC 6902 §4.1.
func (d *document) add(path pointer, v ref) *Error {
	if len(path) == 0 {
		return d.replace(path, v)
	}
	parent, err := d.find(path.parent())
	if err != nil {
		return err
	}
	switch kind := d.kind(*parent); {
	case kind == array:
		return d.insert(path, d.open(parent), v)
	case kind != object:
		return d.nothing(path, *parent)
	case d.member(d.open(parent), path.last()) >= 0:
		return d.replace(path, v)
	}
	d.names = append(d.names, quote(path.last()))
	d.push(d.touch(path), ref(len(d.names)-1)|added, v)
	return d.fits(path, v)
}

// insert adds v to an array, the parent of path.
func (d *document) insert(path pointer, parent *container, v ref) *Error {
	i, ok := arrayIndex(path.last())
	switch {
	case path.last() == "-":
		i = len(parent.elements)
	case !ok || i > len(parent.elements):
		return noPlace(path, len(parent.elements))
	}
	d.touch(path)
	parent.elements = slices.Insert(parent.elements, i, v)
	if err := d.shift(len(parent.elements) - i); err != nil {
		return err
	}
	return d.fits(path, v)
}

// remove is §4.2. It returns what it removed.
func (d *document) remove(path pointer) (ref, *Error) {
	if len(path) == 0 {
		return 0, fail(ErrConflict, "removing the whole document would leave none; delete the resource instead")
	}
	slot, err := d.find(path)
	if err != nil {
		return 0, err
	}
	v, parent := *slot, d.touch(path)
	if parent.kind == object {
		parent.drop(d.member(parent, path.last()))
		return v, nil
	}
	i, _ := arrayIndex(path.last())
	parent.elements = slices.Delete(parent.elements, i, i+1)
	return v, d.shift(len(parent.elements) - i)
}

// replace is §4.3.
func (d *document) replace(path pointer, v ref) *Error {
	slot, err := d.find(path)
	if err != nil || d.same(*slot, v) {
		return err
	}
	if len(path) > 0 {
		d.touch(path)
	}
	*slot = v
	return d.fits(path, v)
}

// move is §4.4. Moving a value to where it is changes nothing.
func (d *document) move(from, path pointer) *Error {
	if slices.Equal(from, path) {
		_, err := d.find(from)
		return err
	}
	v, err := d.remove(from)
	if err != nil {
		return err
	}
	return d.add(path, v)
}

// copy is §4.5.
func (d *document) copy(from, path pointer) *Error {
	slot, err := d.find(from)
	if err != nil {
		return err
	}
	bound := maxCopied(int64(len(d.text)))
	if d.copied += int64(d.extent(*slot).size); d.copied > bound {
		return fail(ErrTooLarge, "copies of more than %d bytes altogether", bound)
	}
	return d.add(path, d.clone(*slot))
}

// test is §4.6.
func (d *document) test(path pointer, want ref) *Error {
	got, err := d.find(path)
	if err != nil {
		if err.Cause == ErrConflict {
			err.Cause = ErrTest
		}
		return err
	}
	if !d.equal(*got, want) {
		return fail(ErrTest, "%q has another value", abbreviate(path.String()))
	}
	return nil
}

// find returns the place of the value at path.
func (d *document) find(path pointer) (*ref, *Error) {
	slot := &d.root
	for depth, name := range path {
		c := d.child(slot, name)
		if err := d.tooMuch(); err != nil {
			return nil, err
		}
		if c == nil {
			return nil, d.nothing(path[:depth+1], *slot)
		}
		slot = c
	}
	return slot, nil
}

// touch forgets the spelling of the containers that path, which has been found to
// exist as far as its parent, leads through. It returns the last.
func (d *document) touch(path pointer) *container {
	slot := &d.root
	for _, name := range path.parent() {
		d.open(slot).source = ""
		slot = d.child(slot, name)
	}
	c := d.open(slot)
	c.source = ""
	return c
}

// nothing explains why there is nothing at path, parent being the last value on
// the way.
func (d *document) nothing(path pointer, parent ref) *Error {
	switch d.kind(parent) {
	case object:
		return fail(ErrConflict, "there is nothing at %q", abbreviate(path.String()))
	case array:
		return noPlace(path, d.look(parent).size())
	}
	return fail(ErrConflict, "%q is neither an object nor an array", abbreviate(path.parent().String()))
}

func noPlace(path pointer, size int) *Error {
	return fail(ErrConflict, "%q is not a place in an array of %d elements", abbreviate(path.String()), size)
}

// fits checks that v, which is now at path, nests no deeper than is allowed.
func (d *document) fits(path pointer, v ref) *Error {
	e := d.extent(v)
	switch d.visited += e.count; {
	case len(path)+e.depth > MaxDepth:
		return fail(ErrTooLarge, "values would nest more than %d deep", MaxDepth)
	case d.visited > maxVisited:
		return fail(ErrTooLarge, "it moves too much around")
	}
	return d.tooMuch()
}

// shift counts n array elements moved aside.
func (d *document) shift(n int) *Error {
	if d.shifted += n; d.shifted > maxShifted {
		return fail(ErrTooLarge, "it moves too much around in long arrays")
	}
	return nil
}
