package davxml

import (
	"fmt"
	"io"
)

// Propfind is the content of a PROPFIND request (§14.20). One of the three kinds is set.
type Propfind struct {
	// AllProp asks for what RFC 4918 defines and for dead properties, and Include for some more.
	AllProp bool
	Include []Name
	// PropName asks for names alone.
	PropName bool
	// Props are those asked for by name, each once.
	Props []Name
}

// ReadPropfind reads the content of a PROPFIND request. None is a request for all (§9.1).
func ReadPropfind(r io.Reader) (*Propfind, error) {
	root, err := Parse(r)
	switch {
	case isEmpty(err):
		return &Propfind{AllProp: true}, nil
	case err != nil:
		return nil, err
	case root.Name != In("propfind"):
		return nil, unexpected(root, "propfind")
	}
	var asked []*Element
	for _, c := range root.Children {
		switch c.Name {
		case In("allprop"), In("propname"), In("prop"):
			asked = append(asked, c)
		}
	}
	if len(asked) != 1 {
		return nil, invalid("a propfind has one of allprop, propname and prop, and this has %d of them", len(asked))
	}
	switch p := asked[0]; p.Name.Local {
	case "propname":
		return &Propfind{PropName: true}, nil
	case "prop":
		return &Propfind{Props: names(p)}, nil
	}
	all := &Propfind{AllProp: true}
	for include := range root.All("include") {
		all.Include = append(all.Include, names(include)...)
	}
	return all, nil
}

// names are the names of e's children, each once.
func names(e *Element) []Name {
	list := make([]Name, 0, len(e.Children))
	seen := make(map[Name]bool, len(e.Children))
	for _, c := range e.Children {
		if !seen[c.Name] {
			seen[c.Name] = true
			list = append(list, c.Name)
		}
	}
	return list
}

// Change is an instruction of a PROPPATCH request.
type Change struct {
	Name Name
	// Remove is set for a property that is to go; else Element is what it is to be.
	Remove  bool
	Element *Element
}

// ReadPropertyUpdate reads the content of a PROPPATCH request (§14.19): its instructions in the order in which they
// are to be followed (§9.2).
func ReadPropertyUpdate(r io.Reader) ([]Change, error) {
	root, err := Parse(r)
	switch {
	case err != nil:
		return nil, err
	case root.Name != In("propertyupdate"):
		return nil, unexpected(root, "propertyupdate")
	}
	var changes []Change
	for _, instruction := range root.Children {
		remove := instruction.Name == In("remove")
		if !remove && instruction.Name != In("set") {
			continue // unknown: as if it were not there (§17)
		}
		for prop := range instruction.All("prop") {
			for _, p := range prop.Children {
				changes = append(changes, Change{Name: p.Name, Remove: remove, Element: p})
			}
		}
	}
	if len(changes) == 0 {
		return nil, invalid("the propertyupdate sets and removes nothing")
	}
	return changes, nil
}

// LockInfo is the content of a LOCK request that makes a lock (§14.11).
type LockInfo struct {
	// Shared is set for a shared lock; else it is exclusive.
	Shared bool
	// Owner is the owner element as the client wrote it, a fragment, or "".
	Owner string
}

// ReadLockInfo reads the content of a LOCK request. The error is [ErrEmpty] if there is none: then it is to refresh
// the lock (§9.10.2).
func ReadLockInfo(r io.Reader) (*LockInfo, error) {
	root, err := Parse(r)
	switch {
	case err != nil:
		return nil, err
	case root.Name != In("lockinfo"):
		return nil, unexpected(root, "lockinfo")
	}
	scope, kind := root.Child("lockscope"), root.Child("locktype")
	if scope == nil || kind == nil || kind.Child("write") == nil {
		return nil, invalid("a lockinfo has a lockscope, and a locktype that is write")
	}
	exclusive, shared := scope.Child("exclusive") != nil, scope.Child("shared") != nil
	if exclusive == shared {
		return nil, invalid("a lockscope is either exclusive or shared")
	}
	info := &LockInfo{Shared: shared}
	if owner := root.Child("owner"); owner != nil {
		info.Owner = owner.Fragment()
	}
	return info, nil
}

func isEmpty(err error) bool {
	e, ok := err.(*Error)
	return ok && e.kind == ErrEmpty
}

func unexpected(root *Element, want string) error {
	return invalid("the document's element is %.128q, and this method takes %s of the namespace DAV:", root.Name.String(), want)
}

func invalid(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...), kind: ErrMalformed}
}
