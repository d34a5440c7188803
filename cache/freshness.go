package cache

import (
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// Source is what a freshness lifetime rests on (RFC 9111 §4.2.1).
type Source uint8

const (
	// NoLifetime: there is nothing to go by; it is stale.
	NoLifetime Source = iota
	// FromSharedMaxAge: s-maxage.
	FromSharedMaxAge
	// FromMaxAge: max-age.
	FromMaxAge
	// FromExpires: Expires minus Date.
	FromExpires
	// Heuristic: a part of the time since Last-Modified (§4.2.2).
	Heuristic
)

// String returns the field or directive, such as "max-age".
func (s Source) String() string {
	return [...]string{"none", "s-maxage", "max-age", "Expires", "heuristic"}[s]
}

// Freshness is how old a stored response is, and how old it may be.
type Freshness struct {
	// Age is its current age (§4.2.3).
	Age time.Duration
	// Lifetime is its freshness lifetime (§4.2.1), and Source what that rests on.
	Lifetime time.Duration
	Source   Source
}

// Fresh reports whether the response may be used without asking (§4.2).
func (f Freshness) Fresh() bool { return f.Lifetime > f.Age }

// Left is the time until it is stale; negative since then.
func (f Freshness) Left() time.Duration { return f.Lifetime - f.Age }

// Freshness returns how fresh s is at now.
func (p *Policy) Freshness(s *Stored, now time.Time) Freshness {
	f := s.facts(p)
	fresh := Freshness{Age: f.initialAge + max(0, now.Sub(s.Received)), Lifetime: f.lifetime, Source: f.source}
	if !s.Expired.IsZero() { // then its lifetime was over
		fresh.Lifetime = min(f.lifetime, f.initialAge+max(0, s.Expired.Sub(s.Received)))
	}
	return fresh
}

// Age is the current age of s at now (§4.2.3): the time since it was received, and before that the greater one of what
// Age and what Date tell, from the moment it was asked for.
func (s *Stored) Age(now time.Time) time.Duration {
	return s.initialAge() + max(0, now.Sub(s.Received))
}

// initialAge is the age when it was received.
func (s *Stored) initialAge() time.Duration {
	corrected := ageValue(s.Header["Age"]) + s.Received.Sub(s.Requested)
	if sent, ok := s.date(); ok {
		corrected = max(corrected, s.Received.Sub(sent))
	}
	return max(0, corrected)
}

// date is the time of the Date field.
func (s *Stored) date() (time.Time, bool) { return dateOf(s.Header["Date"], s.Received) }

func dateOf(lines []string, now time.Time) (time.Time, bool) {
	if len(lines) == 0 {
		return time.Time{}, false
	}
	return parseDate(lines[0], now)
}

// ageValue is the first member of Age, or 0 if that is no number (§5.1).
func ageValue(lines []string) time.Duration {
	if len(lines) == 0 {
		return 0
	}
	first, _, _ := strings.Cut(lines[0], ",")
	age, _ := seconds(strings.Trim(first, " \t"))
	return age
}

// lifetime calculates how long s is fresh (§4.2.1).
func (p *Policy) lifetime(s *Stored) (time.Duration, Source) {
	d, expires := p.control(s.Header)
	switch {
	case p.Role == Shared && d.SharedMaxAge.Set:
		return d.SharedMaxAge.Duration, FromSharedMaxAge
	case d.MaxAge.Set:
		return d.MaxAge.Duration, FromMaxAge
	case len(expires) > 0:
		return s.untilExpires(expires), FromExpires
	case heuristic(s.Status) || d.Public:
		return p.heuristicLifetime(s)
	}
	return 0, NoLifetime
}

// untilExpires is Expires minus Date (§5.3). Several lines, and what is no date, are over.
func (s *Stored) untilExpires(lines []string) time.Duration {
	end, ok := dateOf(lines, s.Received)
	for _, line := range lines[1:] {
		other, isDate := parseDate(line, s.Received)
		if ok = ok && isDate; ok && other.Before(end) {
			end = other
		}
	}
	if !ok {
		return 0
	}
	start, ok := s.date()
	if !ok {
		start = s.Received
	}
	return min(max(0, end.Sub(start)), Forever)
}

// heuristicLifetime is a part of the time since Last-Modified (§4.2.2).
func (p *Policy) heuristicLifetime(s *Stored) (time.Duration, Source) {
	modified, ok := dateOf(s.Header["Last-Modified"], s.Received)
	if !ok || p.HeuristicMax < 0 {
		return 0, NoLifetime
	}
	start, ok := s.date()
	if !ok {
		start = s.Received
	}
	fraction, most := p.HeuristicFraction, p.HeuristicMax
	if fraction <= 0 {
		fraction = DefaultHeuristicFraction
	}
	if most == 0 {
		most = DefaultHeuristicMax
	}
	return min(time.Duration(fraction*float64(max(0, start.Sub(modified)))), most), Heuristic
}

// parseDate reads an HTTP-date whatever its case, as a cache ought to (§4.2).
func parseDate(s string, now time.Time) (time.Time, bool) {
	s = strings.Trim(s, " \t")
	if t, ok := date.Parse(s, now); ok {
		return t, true
	}
	words := strings.Fields(strings.ToLower(s))
	for i, word := range words {
		parts := strings.Split(word, "-") // 06-Nov-94
		for j, part := range parts {
			if part != "" {
				parts[j] = strings.ToUpper(part[:1]) + part[1:]
			}
		}
		words[i] = strings.Join(parts, "-")
	}
	if n := len(words); n > 0 && words[n-1] == "Gmt" {
		words[n-1] = "GMT"
	}
	t, ok := date.Parse(strings.Join(words, " "), now)
	if !ok && len(words) == 5 && len(words[2]) == 1 { // asctime fills the day with a blank
		words[2] = " " + words[2]
		t, ok = date.Parse(strings.Join(words, " "), now)
	}
	return t, ok
}
