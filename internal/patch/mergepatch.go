package patch

import "errors"

// MergePatch applies a JSON Merge Patch (RFC 7396) to a JSON document. The error is
// an [*Error] with the cause [ErrMalformed], [ErrDocument] or [ErrTooLarge]. If
// nothing changes the result is the document, byte for byte.
func MergePatch(doc, patch []byte) ([]byte, error) {
	p, err := parse(patch, MaxDepth)
	switch {
	case errors.Is(err, errTooLong):
		return nil, fail(ErrTooLarge, "the patch is %s", err)
	case err != nil:
		return nil, fail(ErrMalformed, "%s", err)
	}
	d, err := parseDocument(doc)
	if err != nil {
		return nil, err
	}
	d.root, _ = merge(d.root, p)
	return d.bytes()
}

// merge is the function MergePatch of RFC 7396 §2. It returns what becomes of
// target, which is nil if there is none, and whether that differs from it.
func merge(target, patch *value) (result *value, changed bool) {
	switch {
	case patch.kind != object && target != nil && same(target, patch):
		return target, false
	case patch.kind != object:
		return patch, true
	case target == nil || target.kind != object:
		target, changed = &value{kind: object, container: &container{}}, true
	}
	for _, m := range patch.members {
		if mergeMember(target, m) {
			changed = true
		}
	}
	if changed {
		target.source = ""
	}
	return target, changed
}

// mergeMember applies one member of a patch to target, an object.
func mergeMember(target *value, m member) (changed bool) {
	i := target.find(m.name)
	removes := m.value.kind == literal && m.value.raw == "null"
	switch {
	case removes && i < 0:
		return false
	case removes:
		target.drop(i)
		return true
	case i < 0:
		m.value, _ = merge(nil, m.value)
		target.push(m)
		return true
	}
	target.members[i].value, changed = merge(target.members[i].value, m.value)
	return changed
}
