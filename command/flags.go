package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

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

// lockTime is a flag for how long a lock of WebDAV may last.
type lockTime time.Duration

// A shorter lock would end between two refreshes of its client: LibreOffice sends one every three minutes at the latest.
const minLockTime, maxLockTime = lockTime(5 * time.Minute), lockTime(7 * 24 * time.Hour)

func (l *lockTime) Set(text string) error {
	var a age
	if err := a.Set(text); err != nil || lockTime(a) < minLockTime || lockTime(a) > maxLockTime {
		return errors.New("must be a duration from 5m to 7d, such as 30m or 12h")
	}
	*l = lockTime(a)
	return nil
}

func (l *lockTime) String() string { return (*age)(l).String() }

func (l *lockTime) Type() string { return "duration" }
