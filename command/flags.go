package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/bytesize"
)

// choice is a flag whose value is one of a few words.
type choice[T comparable] struct {
	value *T
	words []string // for values, in the same order
	among []T
}

func (c choice[T]) Set(word string) error {
	for i, w := range c.words {
		if w == word {
			*c.value = c.among[i]
			return nil
		}
	}
	return fmt.Errorf("must be %s or %s", strings.Join(c.words[:len(c.words)-1], ", "), c.words[len(c.words)-1])
}

func (c choice[T]) String() string {
	if c.value != nil {
		for i, v := range c.among {
			if v == *c.value {
				return c.words[i]
			}
		}
	}
	return ""
}

func (c choice[T]) Type() string { return strings.Join(c.words, "|") }

// size is a flag for a number of bytes, such as 512k, 10M or 1G, in powers of
// 1024. A negative size is "none": no bound.
type size int64

func (s *size) Set(text string) error {
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
		*s = size(n)
	}
	return nil
}

var errSize = errors.New(bytesize.ErrSyntax.Error() + `, or "none"`)

func (s *size) String() string {
	if *s < 0 {
		return "none"
	}
	return bytesize.Format(int64(*s))
}

func (s *size) Type() string { return "size" }

// room is a flag for how many bytes may be held, 0 for none at all, which is a
// negative number.
type room int64

func (r *room) Set(text string) error {
	n, err := bytesize.Parse(text)
	if err != nil {
		return err
	}
	if n == 0 {
		n = -1
	}
	*r = room(n)
	return nil
}

func (r *room) String() string { return bytesize.Format(max(int64(*r), 0)) }

func (r *room) Type() string { return "size" }

// timeout is a flag for a duration of more than 0. "none" is a negative one.
type timeout time.Duration

func (t *timeout) Set(text string) error {
	if text == "none" {
		*t = -1
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New(`must be a duration of more than 0, such as 500ms, 30s or 5m, or "none"`)
	}
	*t = timeout(d)
	return nil
}

func (t *timeout) String() string {
	if *t < 0 {
		return "none"
	}
	return time.Duration(*t).String()
}

func (t *timeout) Type() string { return "duration" }

// age is a flag for how long ago something was: a duration, or days as in 30d.
type age time.Duration

func (a *age) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errAge
		}
		*a = age(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errAge
	}
	*a = age(d)
	return nil
}

var errAge = errors.New("must be a duration such as 90m or 12h, or days such as 30d")

func (a *age) String() string {
	const day = 24 * time.Hour
	switch d := time.Duration(*a); {
	case d == 0:
		return ""
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	default:
		return d.String()
	}
}

func (a *age) Type() string { return "duration" }

// patience is a flag for how long to wait. Alone, without a value, it means
// forever, which is a negative duration.
type patience time.Duration

const forever = "forever"

func (p *patience) Set(text string) error {
	if text == forever {
		*p = -1
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("must be a duration such as 30s or 5m, or %q", forever)
	}
	*p = patience(d)
	return nil
}

func (p *patience) String() string {
	if *p < 0 {
		return forever
	}
	return time.Duration(*p).String()
}

func (p *patience) Type() string { return "duration" }
