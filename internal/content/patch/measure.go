package patch

// Memory is how many bytes [JSONPatch] and [MergePatch] hold at the most, their result
// included but not their arguments, for arguments of these lengths.
func Memory(doc, patch int64) int64 { return 64<<10 + 10*(doc+patch) + 3*maxCopied(doc+patch) }

// extent is how much there is in a value.
type extent struct {
	depth int // how deep values nest in it, 0 for a scalar
	count int // values, itself included
	size  int // about how many bytes of JSON it is
}

func (t *tree) extent(v ref) extent {
	if v.isText() {
		return t.extentInText(v.at())
	}
	e := extent{count: 1, size: 2}
	for c := t.cursor(v); c.next(); {
		inside := t.extent(c.value)
		e.depth = max(e.depth, inside.depth)
		e.count += inside.count
		e.size += inside.size
		if c.kind == object {
			e.size += len(t.raw(c.name)) + 1
		}
	}
	e.depth++
	return e
}

func (t *tree) extentInText(i int) (e extent) {
	start, depth := i, 0
	for {
		switch s := t.text; s[i] {
		case '[', '{':
			i, depth = i+1, depth+1
			e.count++
			e.size += 2
			e.depth = max(e.depth, depth)
		case ']', '}':
			i, depth = i+1, depth-1
		case ',':
			i++
		case ':':
			i++
			e.count-- // what was before it was a name
		default:
			end := scalarEnd(s, i)
			e.count++
			e.size += end - i + 1
			i = end
		}
		if depth == 0 {
			break
		}
		i = spaceEnd(t.text, i)
	}
	if e.depth > 0 {
		t.scanned += i - start
	}
	return e
}

// clone returns a copy of v for another place.
func (t *tree) clone(v ref) ref {
	if v.isText() {
		return v | respelled
	}
	from := t.containers[v.at()]
	c := &container{kind: from.kind}
	if n := from.size(); n > 0 && c.kind == object {
		c.elements = make([]ref, 0, 2*n)
	} else if n > 0 {
		c.elements = make([]ref, 0, n)
	}
	for m := t.cursor(v); m.next(); {
		if c.kind == object {
			c.elements = append(c.elements, m.name)
		}
		c.elements = append(c.elements, t.clone(m.value))
	}
	return t.keep(c)
}
