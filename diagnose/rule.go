package diagnose

import (
	"fmt"
	"slices"
	"strings"
)

// A Rule is a cause that a diagnosis can name: what explain, logs, the JSON, the
// pages and docs/rules.md say of it all comes from here. Text is plain text, in
// whole sentences, without markup.
type Rule struct {
	// ID is the permanent name, in kebab case, as in "weak-etag-in-if-match". It is
	// never used for another cause, not even after the rule is gone.
	ID string `json:"id"`
	// Level is how bad it is when the rule applies.
	Level Level `json:"level"`
	// Group is the kind of cause, for lists.
	Group Group `json:"group"`
	// Summary says the cause in one line, without a period at the end.
	Summary string `json:"summary"`
	// Explanation teaches: how it comes about, how it shows, and why it is wrong or right.
	// Paragraphs are separated by an empty line.
	Explanation string `json:"explanation"`
	// Example is a typical exchange or log line, as short as it can be.
	Example string `json:"example"`
	// Fix says what to do, most important first, one step a line.
	Fix []string `json:"fix"`
	// Section is where the standard decides, as in "RFC 9110 §13.1.1".
	Section string `json:"section"`
	// Needs is what evidence can decide the rule, the least demanding first.
	Needs []Evidence `json:"needs"`
	// Probe, for a rule that needs a live server, is what to run, one command a line, with URL
	// in the place of the target URI; also given by other rules where it would make
	// their answer certain.
	Probe []string `json:"probe,omitempty"`
	// Since is the version of fourtwelve that first had the rule.
	Since string `json:"since"`

	// lasting is set if a finding is about a run of exchanges with the same target URI, so that a later one
	// says all that the one before it said, and takes its place.
	lasting bool
	// corrects, if set, is called for each finding, to take back what was said of earlier exchanges and is not so by it.
	corrects func(*examination, Finding)
	// check looks for the cause in one exchange and those before it; nil if the rule is not
	// decided that way. It must not keep or change what it is given. It leaves Rule and
	// Exchange of its findings to the engine.
	check func(*examination) []Finding
}

// Checked reports whether Exchanges can find the rule. If not, it takes a log or a live
// server; see Needs.
func (r *Rule) Checked() bool { return r.check != nil }

// Level is how bad it is that a rule applies. The zero Level is Good.
type Level uint8

const (
	// Good: working as designed; nobody has to repair anything.
	Good Level = iota
	// Info: worth knowing.
	Info
	// Warning: works today, or costs only time; will hurt.
	Warning
	// Error: breaks the standard, loses data, or keeps people from working.
	Error
)

var levelNames = [...]string{"good", "info", "warning", "error"}

// String returns the level in lower case.
func (l Level) String() string { return nameOf(levelNames[:], int(l)) }

// MarshalText returns what String does.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// ParseLevel returns the level with the name; case does not matter.
func ParseLevel(name string) (Level, error) {
	i, err := parseName(levelNames[:], name, "level")
	return Level(i), err
}

// Group is a kind of cause. Its text, in kebab case, does not change.
type Group string

const (
	Conflict  Group = "conflict"
	Client    Group = "client"
	Transform Group = "transform"
	Minting   Group = "minting"
	Dates     Group = "dates"
	Server    Group = "server"
	Ranges    Group = "ranges"
	Other     Group = "other"
	Designed  Group = "designed"
	Refusals  Group = "refusals"
	Gaps      Group = "gaps"
)

var groups = []struct {
	group Group
	title string
}{
	{Conflict, "a true conflict"},
	{Client, "the client's bookkeeping"},
	{Transform, "compression and other layers in between"},
	{Minting, "how the tag is made and deployed"},
	{Dates, "dates"},
	{Server, "the server evaluates wrongly"},
	{Ranges, "ranges and resumed downloads"},
	{Other, "not about preconditions at all"},
	{Designed, "working as designed"},
	{Refusals, "why fourtwelve itself refuses"},
	{Gaps, "what the evidence does not tell"},
}

// Groups returns all groups in the order of Rules.
func Groups() []Group {
	list := make([]Group, len(groups))
	for i, g := range groups {
		list[i] = g.group
	}
	return list
}

// Title says the kind of cause in words, as in "a true conflict".
func (g Group) Title() string {
	for _, known := range groups {
		if known.group == g {
			return known.title
		}
	}
	return string(g)
}

// String returns the group in kebab case.
func (g Group) String() string { return string(g) }

// Evidence is a source of evidence.
type Evidence uint8

const (
	// FromExchange: one request with its response.
	FromExchange Evidence = iota
	// FromHistory: an exchange and earlier ones with the same resource.
	FromHistory
	// FromLog: an access log.
	FromLog
	// FromProbe: only asking the live server tells.
	FromProbe
)

var evidenceNames = [...]string{"exchange", "history", "log", "probe"}

// String returns the source in lower case.
func (e Evidence) String() string { return nameOf(evidenceNames[:], int(e)) }

// MarshalText returns what String does.
func (e Evidence) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}

func parseName(names []string, name, what string) (int, error) {
	i := slices.Index(names, strings.ToLower(name))
	if i < 0 {
		return 0, fmt.Errorf("unknown %s %q: use one of %s", what, name, strings.Join(names, ", "))
	}
	return i, nil
}
