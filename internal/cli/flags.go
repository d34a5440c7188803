package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
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
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	*s = size(n)
	return nil
}

var errSize = errors.New(`must be a number of bytes such as 65536, 512k, 10M or 1G, or "none"`)

func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "kKMGTiB")
	shift, ok := sizeUnits[strings.ToUpper(text[len(digits):])]
	if !ok {
		return 0, errSize
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange), n > math.MaxInt64>>shift:
		return 0, errors.New("is more than can be counted")
	case err != nil:
		return 0, errSize
	case n == 0:
		return 0, errors.New(`must be more than 0; write "none" for no bound`)
	}
	return int64(n) << shift, nil
}

var sizeUnits = map[string]uint{
	"": 0, "B": 0,
	"K": 10, "KB": 10, "KIB": 10,
	"M": 20, "MB": 20, "MIB": 20,
	"G": 30, "GB": 30, "GIB": 30,
	"T": 40, "TB": 40, "TIB": 40,
}

func (s *size) String() string {
	n := int64(*s)
	if n < 0 {
		return "none"
	}
	for _, unit := range []struct {
		shift uint
		name  string
	}{{40, "T"}, {30, "G"}, {20, "M"}, {10, "k"}} {
		if n > 0 && n%(1<<unit.shift) == 0 {
			return strconv.FormatInt(n>>unit.shift, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func (s *size) Type() string { return "size" }

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
