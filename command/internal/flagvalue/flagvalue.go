// Package flagvalue has the kinds of values that flags take. Each is a flag.Value that also has a Type, as pflag wants it.
package flagvalue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/bytesize"
)

// Choice is a flag whose value is one of a few words.
type Choice[T comparable] struct {
	value *T
	words []string // for values, in the same order
	among []T
}

// NewChoice returns a Choice that sets value to that of among whose word is given, in the same order.
func NewChoice[T comparable](value *T, words []string, among ...T) Choice[T] {
	return Choice[T]{value, words, among}
}

func (c Choice[T]) Set(word string) error {
	for i, w := range c.words {
		if w == word {
			*c.value = c.among[i]
			return nil
		}
	}
	return fmt.Errorf("must be %s or %s", strings.Join(c.words[:len(c.words)-1], ", "), c.words[len(c.words)-1])
}

func (c Choice[T]) String() string {
	if c.value != nil {
		for i, v := range c.among {
			if v == *c.value {
				return c.words[i]
			}
		}
	}
	return ""
}

func (c Choice[T]) Type() string { return strings.Join(c.words, "|") }

// Size is a flag for a number of bytes, such as 512k, 10M or 1G, in powers of
// 1024. A negative size is "none": no bound.
type Size int64

func (s *Size) Set(text string) error {
	if text == "none" {
		*s = -1
		return nil
	}
	switch n, err := bytesize.Parse(text); {
	case errors.Is(err, bytesize.ErrSyntax):
		return errSize
	case err != nil:
		return err
	case n == 0:
		return errors.New(`must be more than 0; write "none" for no bound`)
	default:
		*s = Size(n)
	}
	return nil
}

var errSize = errors.New(bytesize.ErrSyntax.Error() + `, or "none"`)

func (s *Size) String() string {
	if *s < 0 {
		return "none"
	}
	return bytesize.Format(int64(*s))
}

func (s *Size) Type() string { return "size" }

// Room is a flag for how many bytes may be held, 0 for none at all, which is a
// negative number.
type Room int64

func (r *Room) Set(text string) error {
	n, err := bytesize.Parse(text)
	if err != nil {
		return err
	}
	if n == 0 {
		n = -1
	}
	*r = Room(n)
	return nil
}

func (r *Room) String() string { return bytesize.Format(max(int64(*r), 0)) }

func (r *Room) Type() string { return "size" }

// Timeout is a flag for a duration of more than 0. "none" is a negative one.
type Timeout time.Duration

func (t *Timeout) Set(text string) error {
	if text == "none" {
		*t = -1
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New(`must be a duration of more than 0, such as 500ms, 30s or 5m, or "none"`)
	}
	*t = Timeout(d)
	return nil
}

func (t *Timeout) String() string {
	if *t < 0 {
		return "none"
	}
	return time.Duration(*t).String()
}

func (t *Timeout) Type() string { return "duration" }

// Text is a flag for text that Check accepts, if it is not nil.
type Text struct {
	Value *string
	Check func(string) error
}

func (t Text) Set(text string) error {
	if t.Check != nil {
		if err := t.Check(text); err != nil {
			return err
		}
	}
	*t.Value = text
	return nil
}

func (t Text) String() string {
	if t.Value == nil {
		return ""
	}
	return *t.Value
}

func (t Text) Type() string { return "string" }

// List is a flag that may be given several times. Add takes each value.
type List struct{ Add func(string) error }

func (l List) Set(text string) error { return l.Add(text) }
func (l List) String() string        { return "" }
func (l List) Type() string          { return "stringArray" }

// Switch is a flag that is true or false, and true if it has no value. Off turns the value around.
type Switch struct {
	Value *bool
	Off   bool
}

func (s Switch) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if err == nil {
		*s.Value = on != s.Off
	}
	return err
}

func (s Switch) String() string { return strconv.FormatBool(s.Value != nil && *s.Value != s.Off) }
func (s Switch) Type() string   { return "bool" }

// IsBoolFlag has pflag take it for one that needs no value.
func (s Switch) IsBoolFlag() bool { return true }
