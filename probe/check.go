package probe

import (
	"fmt"
	"slices"
	"strings"
)

// A Check is one thing that must, should or had better hold, and how it is asked. All text is
// plain and for people.
type Check struct {
	// ID is the permanent name, in kebab case, as in "inm-weak-form".
	ID string `json:"id"`
	// Group is what it means for users.
	Group Group `json:"group"`
	// Level is how binding it is.
	Level Level `json:"level"`
	// Title is what holds if the check passes, in one line without a period at the end.
	Title string `json:"title"`
	// Section is where the standard decides, as in "RFC 9110 §13.1.2".
	Section string `json:"section"`
	// Sends is what is sent, in a sentence.
	Sends string `json:"sends"`
	// Right is which answers are right, in a sentence.
	Right string `json:"right"`
	// Means is what a wrong answer means to a user, in a sentence or two.
	Means string `json:"means"`
	// Fix says what to do about a wrong answer, most important first, one step each.
	Fix []string `json:"fix"`
	// Servers says what to do on the servers for which that is known.
	Servers []ServerFix `json:"servers,omitempty"`
	// Rules are the causes of package diagnose that a failure may have, by their ids, most probable
	// first.
	Rules []string `json:"rules,omitempty"`
	// Harm is what asking may do to a fragile server, and so to others who use it, as the rest of a
	// sentence; "" if nothing is known of that. See Options.Risky.
	Harm string `json:"harm,omitempty"`
	// Loses is set if a failure loses what somebody saved, without a word.
	Loses bool `json:"loses"`
	// Writes is set if the check writes to Options.WriteTo.
	Writes bool `json:"writes"`
	// Since is the version of fourtwelve that first had the check.
	Since string `json:"since"`

	// rests says what must not have changed meanwhile for a failure to be one.
	rests aspects
	// ask sends the requests and judges the answers. It must bear answers without
	// anything in them: once a request fails its verdict is not used.
	ask func(*trial) verdict
}

// A ServerFix is what to change on one kind of server.
type ServerFix struct {
	// Server is its name for people, as in "nginx".
	Server string `json:"server"`
	// Fix is what to change, with the directive.
	Fix string `json:"fix"`
}

// FixFor returns what to do about a failure on a server that sent this Server field value: that for the
// server, if it is known, before the rest.
func (c *Check) FixFor(server string) []string {
	for _, s := range c.Servers {
		if strings.Contains(strings.ToLower(server), strings.ToLower(s.Server)) {
			return slices.Concat([]string{s.Server + ": " + s.Fix}, c.Fix)
		}
	}
	return c.Fix
}

// Weight is how much a failure matters next to others, from 1 for advice: 3 for a Should, 10 for a
// Must, 30 if work is lost by it, and 100 for writes that are refused and done.
func (c *Check) Weight() int {
	switch {
	case c.ID == worst:
		return 100
	case c.Loses && c.Level == Must:
		return 30
	}
	return [...]int{Advice: 1, Should: 3, Must: 10}[c.Level]
}

// aspects are those of a resource that may change while it is asked.
type aspects uint8

const (
	byTag aspects = 1 << iota
	byDate
	byContent

	byValidators = byTag | byDate
	byAll        = byValidators | byContent
)

// String names the aspects for people.
func (a aspects) String() string {
	var names []string
	for i, name := range [...]string{"the entity tag", "Last-Modified", "the content"} {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

// Level is how binding a check is. The zero Level is Advice.
type Level uint8

const (
	// Advice: no requirement of a standard, but users suffer without it.
	Advice Level = iota
	// Should: a SHOULD of the standard.
	Should
	// Must: a MUST of the standard, or data is lost without it.
	Must
)

var levels = [...]string{"advice", "should", "must"}

// String returns the level in lower case, as in "must".
func (l Level) String() string {
	if int(l) >= len(levels) {
		return "unknown"
	}
	return levels[l]
}

// MarshalText returns String.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// ParseLevel returns the level with the name that String gives.
func ParseLevel(name string) (Level, error) {
	i := slices.Index(levels[:], name)
	if i < 0 {
		return 0, fmt.Errorf("level %q: use must, should or advice", name)
	}
	return Level(i), nil
}

// Group is what a check means for users. The zero Group is Saving.
type Group uint8

const (
	// Saving: work that is saved is not lost.
	Saving Group = iota
	// Downloading: a download that is resumed is whole.
	Downloading
	// Caching: what is kept is used when it is right, and only then.
	Caching
	// Crossing: it works through caches, CDNs and compressing proxies.
	Crossing
)

var groups = [...]string{"saving", "downloading", "caching", "crossing"}

// Groups returns all groups in the order of reports.
func Groups() []Group { return []Group{Saving, Downloading, Caching, Crossing} }

// String returns the group in one lower-case word, as in "saving".
func (g Group) String() string {
	if int(g) >= len(groups) {
		return "unknown"
	}
	return groups[g]
}

// Title returns the group for headings.
func (g Group) Title() string {
	if int(g) >= len(groups) {
		return "Other"
	}
	return [...]string{"Saving work", "Downloading", "Caching", "Crossing a CDN or proxy"}[g]
}

// MarshalText returns String.
func (g Group) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Checks returns all checks in the order in which they are asked, reads first. They are shared and
// must not be changed.
func Checks() []*Check { return slices.Clone(catalogue) }

// CheckByID returns the check with the id.
func CheckByID(id string) (*Check, bool) {
	for _, c := range catalogue {
		if c.ID == id {
			return c, true
		}
	}
	return nil, false
}

// catalogue has the checks of all files of this package: reads by what they are about, then writes.
var catalogue = slices.Concat(readChecks(), writeChecks())

// Select returns the checks that only and skip leave, whose members are ids, groups or levels. An empty
// only is all. A name that is none of these is an error.
func Select(only, skip []string) ([]*Check, error) {
	for _, name := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(catalogue, func(c *Check) bool { return c.named(name) }) {
			return nil, fmt.Errorf("no check, group or level is named %q: use an id of fourtwelve check --list, one of %s, or one of must, should, advice",
				name, strings.Join(groups[:], ", "))
		}
	}
	var chosen []*Check
	for _, c := range catalogue {
		if (len(only) == 0 || slices.ContainsFunc(only, c.named)) && !slices.ContainsFunc(skip, c.named) {
			chosen = append(chosen, c)
		}
	}
	return chosen, nil
}

func (c *Check) named(name string) bool {
	return name == c.ID || name == c.Group.String() || name == c.Level.String()
}
