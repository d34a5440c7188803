package patch

import (
	"errors"
	"slices"
)

const (
	// MaxOperations bounds how many operations a JSON Patch has.
	MaxOperations = 10000
	// maxCopied bounds what all "copy" operations of a patch copy, in bytes.
	maxCopied = MaxSize
	// maxShifted bounds how many array elements all operations move aside.
	maxShifted = 1 << 27
	// maxVisited bounds how many values all operations put in place, counting
	// those inside them.
	maxVisited = 1 << 24
	// operationDepth is how deep a value lies in a JSON Patch: in an object, in an array.
	operationDepth = 2
)

// JSONPatch applies a JSON Patch (RFC 6902) to a JSON document. The error is an
// [*Error] with the cause [ErrMalformed], [ErrDocument], [ErrConflict], [ErrTest] or
// [ErrTooLarge], and names the operation. If nothing changes the result is the
// document, byte for byte.
func JSONPatch(doc, patch []byte) ([]byte, error) {
	operations, err := parseOperations(patch)
	if err != nil {
		return nil, err
	}
	d, err := parseDocument(doc)
	if err != nil {
		return nil, err
	}
	for i, o := range operations {
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
	value      *value
}

func parseOperations(patch []byte) ([]operation, error) {
	list, err := parse(patch, MaxDepth+operationDepth)
	switch {
	case errors.Is(err, errTooLong):
		return nil, fail(ErrTooLarge, "the patch is %s", err)
	case err != nil:
		return nil, fail(ErrMalformed, "%s", err)
	case list.kind != array:
		return nil, fail(ErrMalformed, "a JSON Patch is an array of operations")
	case len(list.items) > MaxOperations:
		return nil, fail(ErrTooLarge, "it has %d operations; at most %d are allowed", len(list.items), MaxOperations)
	}
	operations := make([]operation, len(list.items))
	for i, item := range list.items {
		o, err := parseOperation(item)
		if err != nil {
			return nil, &Error{ErrMalformed, i, err.Error()}
		}
		operations[i] = o
	}
	return operations, nil
}

// parseOperation reads an operation object (RFC 6902 §4). Members that are not
// defined for it are ignored, as that section demands.
func parseOperation(v *value) (o operation, err error) {
	if v.kind != object {
		return o, errors.New("an operation is an object")
	}
	if o.op, err = textMember(v, "op"); err != nil {
		return o, err
	}
	switch o.op {
	case "add", "replace", "test":
		if o.value = v.get("value"); o.value == nil {
			return o, errors.New(`the member "value" is missing`)
		}
	case "move", "copy":
		if o.from, err = pointerMember(v, "from"); err != nil {
			return o, err
		}
	case "remove":
	default:
		return o, errors.New(`the member "op" is none of add, remove, replace, move, copy, test`)
	}
	o.path, err = pointerMember(v, "path")
	if err == nil && o.op == "move" && o.from.contains(o.path) {
		err = errors.New("a value cannot be moved into itself")
	}
	return o, err
}

func textMember(v *value, name string) (string, error) {
	m := v.get(name)
	switch {
	case m == nil:
		return "", errors.New(`the member "` + name + `" is missing`)
	case m.kind != text:
		return "", errors.New(`the member "` + name + `" is not a string`)
	}
	return unquote(m.raw), nil
}

func pointerMember(v *value, name string) (pointer, error) {
	s, err := textMember(v, name)
	if err != nil {
		return nil, err
	}
	return parsePointer(s)
}

// document is a document being patched.
type document struct {
	root    *value
	source  []byte
	copied  int // bytes
	shifted int // elements
	visited int // values
}

func parseDocument(doc []byte) (*document, error) {
	root, err := parseKeeping(doc, MaxDepth, true)
	if err != nil {
		return nil, fail(ErrDocument, "%s", err)
	}
	return &document{root: root, source: doc}, nil
}

func (d *document) bytes() ([]byte, error) {
	return layoutOf(string(d.source)).document(d.root)
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
func (d *document) add(path pointer, v *value) *Error {
	if len(path) == 0 {
		return d.replace(path, v)
	}
	parent, err := d.find(path.parent())
	switch {
	case err != nil:
		return err
	case parent.kind == array:
		return d.insert(path, parent, v)
	case parent.kind == object && parent.find(path.last()) >= 0:
		return d.replace(path, v)
	case parent.kind != object:
		return nothing(path, parent)
	}
	d.touch(path)
	parent.push(member{quote(path.last()), path.last(), v})
	return d.fits(path, v)
}

// insert adds v to an array, the parent of path.
func (d *document) insert(path pointer, parent, v *value) *Error {
	i, ok := index(path.last())
	switch {
	case path.last() == "-":
		i = len(parent.items)
	case !ok || i > len(parent.items):
		return nothing(path, parent)
	}
	d.touch(path)
	parent.items = slices.Insert(parent.items, i, v)
	if err := d.shift(len(parent.items) - i); err != nil {
		return err
	}
	return d.fits(path, v)
}

// remove is §4.2. It returns what it removed.
func (d *document) remove(path pointer) (*value, *Error) {
	if len(path) == 0 {
		return nil, fail(ErrConflict, "removing the whole document would leave none; delete the resource instead")
	}
	v, err := d.find(path)
	if err != nil {
		return nil, err
	}
	parent := d.touch(path)
	if parent.kind == object {
		parent.drop(parent.find(path.last()))
		return v, nil
	}
	i, _ := index(path.last())
	parent.items = slices.Delete(parent.items, i, i+1)
	return v, d.shift(len(parent.items) - i)
}

// replace is §4.3.
func (d *document) replace(path pointer, v *value) *Error {
	old, err := d.find(path)
	if err != nil || same(old, v) {
		return err
	}
	if len(path) == 0 {
		d.root = v
		return d.fits(path, v)
	}
	parent := d.touch(path)
	if parent.kind == object {
		parent.members[parent.find(path.last())].value = v
	} else {
		i, _ := index(path.last())
		parent.items[i] = v
	}
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
	v, err := d.find(from)
	if err != nil {
		return err
	}
	copied, size := v.clone()
	if d.copied += size; d.copied > maxCopied {
		return fail(ErrTooLarge, "copies of more than %d bytes altogether", maxCopied)
	}
	return d.add(path, copied)
}

// test is §4.6.
func (d *document) test(path pointer, want *value) *Error {
	got, err := d.find(path)
	if err != nil {
		err.Cause = ErrTest
		return err
	}
	if !equal(got, want) {
		return fail(ErrTest, "%q has another value", abbreviate(path.String()))
	}
	return nil
}

// find returns the value at path.
func (d *document) find(path pointer) (*value, *Error) {
	v := d.root
	for depth, name := range path {
		c := child(v, name)
		if c == nil {
			return nil, nothing(path[:depth+1], v)
		}
		v = c
	}
	return v, nil
}

// child returns the value of the member or element name of v, or nil.
func child(v *value, name string) *value {
	switch v.kind {
	case object:
		return v.get(name)
	case array:
		if i, ok := index(name); ok && i < len(v.items) {
			return v.items[i]
		}
	}
	return nil
}

// touch forgets the spelling of the containers that path, which has been found to
// exist as far as its parent, leads through. It returns the last.
func (d *document) touch(path pointer) *value {
	v := d.root
	for _, name := range path.parent() {
		v.source = ""
		v = child(v, name)
	}
	v.source = ""
	return v
}

// nothing explains why there is nothing at path, parent being the last value on
// the way.
func nothing(path pointer, parent *value) *Error {
	switch parent.kind {
	case object:
		return fail(ErrConflict, "there is nothing at %q", abbreviate(path.String()))
	case array:
		return fail(ErrConflict, "%q is not a place in an array of %d elements", abbreviate(path.String()), len(parent.items))
	}
	return fail(ErrConflict, "%q is neither an object nor an array", abbreviate(path.parent().String()))
}

// fits checks that v, which is now at path, nests no deeper than is allowed.
func (d *document) fits(path pointer, v *value) *Error {
	depth, count := v.extent()
	switch d.visited += count; {
	case len(path)+depth > MaxDepth:
		return fail(ErrTooLarge, "values would nest more than %d deep", MaxDepth)
	case d.visited > maxVisited:
		return fail(ErrTooLarge, "it moves too much around")
	}
	return nil
}

// shift counts n array elements moved aside.
func (d *document) shift(n int) *Error {
	if d.shifted += n; d.shifted > maxShifted {
		return fail(ErrTooLarge, "it moves too much around in long arrays")
	}
	return nil
}
