package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxNameLen bounds a name, in bytes; MaxElementLen bounds each of its elements.
const (
	MaxNameLen    = 4096
	MaxElementLen = 255
)

// NameError says why a name cannot be used. errors.Is(err, ErrName) holds for it.
type NameError struct {
	Name   string
	Reason string
}

func (e *NameError) Error() string {
	name := e.Name
	if len(name) > 128 {
		name = name[:128] + "…"
	}
	return fmt.Sprintf("name %q: %s", name, e.Reason)
}

// Is makes errors.Is(err, ErrName) true.
func (e *NameError) Is(target error) bool { return target == ErrName }

// CheckName reports whether name can name something: "" (the root collection),
// or elements joined by single slashes, none of them empty, "." or "..", valid
// UTF-8 without control characters or backslashes. The error is a [*NameError].
// A name that passes cannot leave the store, whatever separators the system
// beneath uses.
func CheckName(name string) error {
	if name == "" {
		return nil
	}
	if len(name) > MaxNameLen {
		return &NameError{name, fmt.Sprintf("longer than %d bytes", MaxNameLen)}
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == 0:
			return &NameError{name, "contains a NUL byte"}
		case c < ' ' || c == 0x7f:
			return &NameError{name, "contains a control character"}
		case c == '\\':
			return &NameError{name, "contains a backslash; elements are separated by '/'"}
		}
	}
	if !utf8.ValidString(name) {
		return &NameError{name, "is not valid UTF-8"}
	}
	for element := range strings.SplitSeq(name, "/") {
		switch {
		case element == "":
			return &NameError{name, "has an empty element"}
		case element == "." || element == "..":
			return &NameError{name, fmt.Sprintf("has a %q element", element)}
		case len(element) > MaxElementLen:
			return &NameError{name, fmt.Sprintf("has an element longer than %d bytes", MaxElementLen)}
		}
	}
	return nil
}

// CheckNewName is CheckName for names about to be created: it also refuses what
// some system could not hold as a file, so that a store can be copied between
// systems: the root itself, elements that end in a dot or a space or contain
// one of <>:"|?*, and the device names of Windows (CON, NUL, COM1, also with an
// extension).
func CheckNewName(name string) error {
	if name == "" {
		return &NameError{name, "is the root collection"}
	}
	if err := CheckName(name); err != nil {
		return err
	}
	for element := range strings.SplitSeq(name, "/") {
		if last := element[len(element)-1]; last == '.' || last == ' ' {
			return &NameError{name, fmt.Sprintf("element %q ends in a dot or a space, which Windows would drop", element)}
		}
		if i := strings.IndexAny(element, `<>:"|?*`); i >= 0 {
			return &NameError{name, fmt.Sprintf("contains %q, which Windows cannot store", element[i])}
		}
		if isDevice(element) {
			return &NameError{name, fmt.Sprintf("element %q is a device name on Windows", element)}
		}
	}
	return nil
}

// isDevice reports whether Windows would take element for a device rather than
// a file: the reserved base names, whatever follows the first dot.
func isDevice(element string) bool {
	base, _, _ := strings.Cut(element, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	if port, ok := strings.CutPrefix(base, "COM"); ok {
		return isPort(port)
	}
	if port, ok := strings.CutPrefix(base, "LPT"); ok {
		return isPort(port)
	}
	return false
}

func isPort(s string) bool {
	switch s {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}
