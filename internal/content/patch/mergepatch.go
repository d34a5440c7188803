package patch

// MergePatch applies a JSON Merge Patch (RFC 7396) to a JSON document. The error is
// an [*Error] with the cause [ErrMalformed], [ErrDocument] or [ErrTooLarge]. If
// nothing changes the result is the document, byte for byte.
func MergePatch(doc, patch []byte) ([]byte, error) {
	p := read(doc, patch, 0)
	if err := patchError(p.errSecond); err != nil {
		return nil, err
	}
	d, err := documentOf(p, doc)
	if err != nil {
		return nil, err
	}
	d.merge(&d.root, p.second|respelled)
	if err := d.tooMuch(); err != nil {
		return nil, err
	}
	return d.bytes()
}

// merge is the function MergePatch of RFC 7396 §2, for a target that exists. It reports
// whether it has changed.
func (d *document) merge(target *ref, patch ref) (changed bool) {
	switch {
	case d.tooMuch() != nil:
		return false
	case d.kind(patch) != object && d.same(*target, patch):
		return false
	case d.kind(patch) != object:
		*target = patch
		return true
	case d.kind(*target) != object:
		*target = patch | stripped
		return true
	}
	m := d.cursor(patch)
	if !m.next() {
		return false
	}
	c := d.open(target)
	for more := true; more; more = m.next() {
		if d.mergeMember(c, m.name, m.value) {
			changed = true
		}
	}
	if changed {
		c.source = ""
	}
	return changed
}

// mergeMember applies one member of a patch to an object.
func (d *document) mergeMember(c *container, name, value ref) (changed bool) {
	i := d.member(c, d.name(name))
	switch removes := d.text[value.at()] == 'n'; {
	case removes && i < 0:
		return false
	case removes:
		c.drop(i)
		return true
	case i < 0:
		d.push(c, name, value|stripped)
		return true
	}
	return d.merge(&c.elements[i], value)
}
