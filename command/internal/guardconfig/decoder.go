package guardconfig

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/fourtwelve/fourtwelve/command/internal/bytesize"
)

// decoder reads one file and collects what is wrong in it.
type decoder struct {
	file, dir string
	text      []byte
	errs      Errors
}

// fail notes a mistake at the node.
func (d *decoder) fail(n ast.Node, format string, args ...any) {
	d.failAt(startOf(n).Position, fmt.Sprintf(format, args...))
}

func (d *decoder) failAt(at *token.Position, message string) {
	if len(d.errs) < maxErrors {
		d.errs = append(d.errs, &Error{d.file, at.Line, at.Column, message, excerpt(d.text, at.Line, at.Column)})
	}
}

// startOf returns the first token of a node; that of a block mapping is its first key,
// and not the colon after it.
func startOf(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return startOf(n.Values[0])
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// parse returns the node of the whole file, or nil after a mistake.
func (d *decoder) parse() ast.Node {
	d.text = bytes.TrimPrefix(d.text, []byte("\ufeff"))
	file, err := parser.ParseBytes(d.text, 0)
	if err != nil {
		d.syntax(err)
		return nil
	}
	docs := slices.DeleteFunc(file.Docs, func(doc *ast.DocumentNode) bool { return doc.Body == nil })
	switch {
	case len(docs) == 0:
		d.failAt(&token.Position{Line: 1, Column: 1}, `the file is empty: it needs at least "routes" with one "backend"`)
		return nil
	case len(docs) > 1:
		d.fail(docs[1].Body, "the file has a second document: everything must be in one")
		return nil
	}
	return docs[0].Body
}

// syntax notes what the parser has found.
func (d *decoder) syntax(err error) {
	at := &token.Position{Line: 1, Column: 1}
	message := err.Error()
	if y, ok := errors.AsType[yaml.Error](err); ok {
		message = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			at = t.Position
		}
	}
	d.failAt(at, "this is not YAML as it should be: "+message)
}

// field is a key of a mapping that is read into a T.
type field[T any] struct {
	name string
	// read reads the value. It notes mistakes, and leaves into alone then.
	read func(d *decoder, n ast.Node, into *T)
	// below are the keys below this one, with dots between.
	below []string
}

// keys returns the keys of fields and of what is below them.
func keys[T any](fields []field[T]) (names []string) {
	for _, f := range fields {
		names = append(names, f.name)
		for _, b := range f.below {
			names = append(names, f.name+"."+b)
		}
	}
	return names
}

// place is another place for keys, for those who have put one in the wrong place.
type place struct {
	where string
	keys  []string
}

// mapping reads the members of n. It returns the keys that were there.
func mapping[T any](d *decoder, n ast.Node, into *T, fields []field[T], others ...place) map[string]ast.Node {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.wrongKind(n, "keys with values, such as %q", fields[0].name+": …")
		return nil
	}
	seen := make(map[string]ast.Node, len(m.Values))
	for _, member := range m.Values {
		name, ok := d.key(member.Key)
		if !ok {
			continue
		}
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == name })
		if i < 0 {
			d.unknown(member.Key, name, fieldNames(fields), others)
			continue
		}
		seen[name] = member.Key
		fields[i].read(d, member.Value, into)
	}
	return seen
}

func fieldNames[T any](fields []field[T]) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

func (d *decoder) key(n ast.MapKeyNode) (name string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.MergeKeyNode:
		d.fail(n, `merge keys are not used here: say what routes have in common in "defaults"`)
	default:
		d.fail(n, "a key must be a word")
	}
	return "", false
}

func (d *decoder) unknown(n ast.Node, name string, known []string, others []place) {
	message := fmt.Sprintf("unknown key %q; known here are %s", name, strings.Join(known, ", "))
	if c := closest(name, known); c != "" {
		message = fmt.Sprintf("unknown key %q; did you mean %q?", name, c)
	}
	for _, other := range others {
		if slices.Contains(other.keys, name) {
			message = fmt.Sprintf("%q has no place here: it belongs %s", name, other.where)
		}
	}
	d.fail(n, "%s", message)
}

// wrongKind notes that the node is not of the kind it should be.
func (d *decoder) wrongKind(n ast.Node, format string, args ...any) {
	switch n.(type) {
	case *ast.NullNode:
		d.fail(n, "there is no value: give one, or leave the key out")
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.fail(n, `anchors, aliases and tags are not used here: write the value out, or in "defaults"`)
	default:
		d.fail(n, "expected "+format, args...)
	}
}

// scalar returns the text of a value.
func (d *decoder) scalar(n ast.Node) (text string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode:
		text = n.GetToken().Value
	default:
		d.wrongKind(n, "text, in quotes if it could be anything else")
		return "", false
	}
	if text == "" {
		d.fail(n, "there is no value: give one, or leave the key out")
		return "", false
	}
	return text, true
}

// list returns the elements of a sequence.
func (d *decoder) list(n ast.Node, example string) []ast.Node {
	s, ok := n.(*ast.SequenceNode)
	switch {
	case !ok:
		d.wrongKind(n, "a list, such as %s", example)
		return nil
	case len(s.Values) == 0:
		d.fail(n, "the list is empty: leave the key out instead")
		return nil
	}
	return s.Values
}

// The following functions make fields of one kind of value.

// textField is for text that check, if it is not nil, accepts.
func textField[T any](name string, at func(*T) *string, check func(string) error) field[T] {
	return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
		text, ok := d.scalar(n)
		if !ok {
			return
		}
		if check != nil {
			if err := check(text); err != nil {
				d.fail(n, "%v", err)
				return
			}
		}
		*at(into) = text
	}}
}

// fileField is for the path of a file.
func fileField[T any](name string, at func(*T) *string) field[T] {
	return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
		if text, ok := d.scalar(n); ok {
			*at(into) = d.resolve(text)
		}
	}}
}

// resolve makes a path of the file one that can be opened.
func (d *decoder) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.dir, path)
}

func boolField[T any](name string, set func(*T, bool)) field[T] {
	return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
		if b, ok := n.(*ast.BoolNode); ok {
			set(into, b.Value)
			return
		}
		d.wrongKind(n, "%s to be true or false", name)
	}}
}

// wordField is for one of a few words.
func wordField[T any](name string, words []string, set func(into *T, index int)) field[T] {
	return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
		text, ok := d.scalar(n)
		if !ok {
			return
		}
		i := slices.Index(words, text)
		if i < 0 {
			d.fail(n, "%s must be %s or %s, and not %q", name, strings.Join(words[:len(words)-1], ", "), words[len(words)-1], text)
			return
		}
		set(into, i)
	}}
}

// none is the word for no bound.
const none = "none"

// boundField is for a number of bytes that "none" makes negative.
func boundField[T any](name string, at func(*T) *int64) field[T] {
	return sizeField(name, at, none, `0 is not a size here; for no bound, write "none"`)
}

// holdField is for how much may be held: a number of bytes that 0 makes negative,
// as guard has it.
func holdField[T any](name string, at func(*T) *int64) field[T] {
	return sizeField(name, at, "0", "")
}

// sizeField is for a number of bytes, or for the word that makes it negative.
// zero is what is wrong with 0.
func sizeField[T any](name string, at func(*T) *int64, negative, zero string) field[T] {
	return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
		text, ok := d.scalar(n)
		if !ok {
			return
		}
		size, err := bytesize.Parse(text)
		switch {
		case text == negative:
			*at(into) = -1
		case err != nil:
			d.fail(n, "%s %q %v", name, text, err)
		case size == 0:
			d.fail(n, "%s: %s", name, zero)
		default:
			*at(into) = size
		}
	}}
}

// durationField is for a duration of more than 0. "none", if there is such a thing,
// makes it negative.
func durationField[T any](name string, at func(*T) *time.Duration, canBeNone bool) field[T] {
	return field[T]{name: name, read: func(d *decoder, n ast.Node, into *T) {
		text, ok := d.scalar(n)
		if !ok {
			return
		}
		value, err := time.ParseDuration(text)
		switch {
		case text == none && canBeNone:
			*at(into) = -1
		case err != nil || value <= 0:
			or := map[bool]string{true: `, or "none"`}[canBeNone]
			d.fail(n, "%s %q must be a duration of more than 0, such as 500ms, 30s or 5m%s", name, text, or)
		default:
			*at(into) = value
		}
	}}
}

// group is for a mapping of more fields of the same T.
func group[T any](name string, fields ...field[T]) field[T] {
	return field[T]{name: name, below: keys(fields), read: func(d *decoder, n ast.Node, into *T) {
		mapping(d, n, into, fields)
	}}
}
