package guard

import (
	"fmt"
	"slices"
	"strings"
)

var (
	validatorNames    = []string{"auto", "content", "backend", "none"}
	preconditionNames = []string{"auto", "check", "pass"}
)

// String returns the mode as a configuration has it: "auto", "content",
// "backend" or "none".
func (v Validators) String() string { return validatorNames[v] }

// MarshalText returns what String does.
func (v Validators) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what String returns.
func (v *Validators) UnmarshalText(text []byte) error {
	i, err := nameIn(validatorNames, string(text))
	if err == nil {
		*v = Validators(i)
	}
	return err
}

// String returns the mode as a configuration has it: "auto", "check" or "pass".
func (p Preconditions) String() string { return preconditionNames[p] }

// MarshalText returns what String does.
func (p Preconditions) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what String returns.
func (p *Preconditions) UnmarshalText(text []byte) error {
	i, err := nameIn(preconditionNames, string(text))
	if err == nil {
		*p = Preconditions(i)
	}
	return err
}

// nameIn returns the index of name.
func nameIn(names []string, name string) (int, error) {
	i := slices.Index(names, name)
	if i < 0 {
		return 0, fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
	}
	return i, nil
}
