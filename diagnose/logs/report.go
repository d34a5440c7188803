package logs

import (
	"encoding/json"
	"time"

	"github.com/fourtwelve/fourtwelve/diagnose"
)

// A Report is what a diagnosis says of access logs. Its JSON is an interface, described in
// docs/logs.md. Strings are as they are in the log: whoever shows them escapes them for the
// place where they are shown.
type Report struct {
	// Causes are the causes found: those of refusals, then what else the log shows, and last what is not told. Within these the
	// most probable comes first: by confidence, then level, then count.
	// One of level Good says that answers were as they should be.
	Causes []Cause `json:"findings"`
	// Totals are about all requests.
	Totals Totals `json:"totals"`
	// Refused is about the requests that were answered 412.
	Refused Refused `json:"refused"`
	// Timeline has the requests and the 412s over time.
	Timeline Timeline `json:"timeline"`
	// Storms are the longest series of 412s of one client for one target, longest first.
	Storms []Storm `json:"storms"`
	// Splits are the targets that have different tags on different nodes at the same time.
	Splits []Split `json:"splits"`
	// Health is about revalidation: GETs that were, or could have been, answered 304.
	Health Health `json:"health"`
	// Hits is what caches did; nil if no log tells.
	Hits *Hits `json:"hits,omitempty"`
	// Files are those that were read, and those that could not be.
	Files []File `json:"files"`
	// Advice says how to log what is missing for a diagnosis, for each server that wrote
	// some of the logs and did not log it.
	Advice []diagnose.Config `json:"advice"`
	// Bounds says where the report is an estimate, and how good it is.
	Bounds Bounds `json:"bounds"`
}

// A Cause is a rule that applies to requests of the log.
type Cause struct {
	Rule *diagnose.Rule `json:"-"`
	// Confidence is the highest of all Count requests.
	Confidence diagnose.Confidence `json:"confidence"`
	// Says is the cause in the case that convinces most.
	Says string `json:"says"`
	// Count is for how many requests the rule holds, and ByConfidence how many of them with
	// each confidence.
	Count        int64                         `json:"count"`
	ByConfidence map[diagnose.Confidence]int64 `json:"by_confidence"`
	// Refusals is how many 412s are put down to this rule. Each 412 is put down to exactly
	// one.
	Refusals int64 `json:"refusals"`
	// First and Last are when the first and the last of the requests were logged; zero if the
	// log has no times.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Samples are the lines of at most three of the requests.
	Samples []Sample `json:"samples"`
	// Evidence is what the finding in Says rests on.
	Evidence []diagnose.Fact `json:"evidence"`
	// Config is what to add to the configuration of a server, to learn more.
	Config []diagnose.Config `json:"config,omitempty"`
}

// MarshalJSON adds what the rule says: its ID, level, summary, section and fix.
func (c Cause) MarshalJSON() ([]byte, error) {
	type plain Cause
	return json.Marshal(struct {
		Rule    string         `json:"rule"`
		Level   diagnose.Level `json:"level"`
		Summary string         `json:"summary"`
		Section string         `json:"section,omitempty"`
		Fix     []string       `json:"fix"`
		plain
	}{c.Rule.ID, c.Rule.Level, c.Rule.Summary, c.Rule.Section, c.Rule.Fix, plain(c)})
}

// A Sample is a line of a log.
type Sample struct {
	File string `json:"file"`
	Line int64  `json:"line"`
	// Text is the line, at most 1024 bytes, with what may be credentials replaced.
	Text string `json:"text"`
	// Why says what does not fit the format, of a line that could not be read.
	Why string `json:"why,omitempty"`
}

// A Refusal is a 412 as it is seen when it is written, with the cause by what the log has until then.
type Refusal struct {
	Time   time.Time `json:"time,omitzero"`
	Client string    `json:"client,omitempty"`
	User   string    `json:"user,omitempty"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Rule, Confidence, Says and Evidence are as those of a Cause.
	Rule       string              `json:"rule"`
	Confidence diagnose.Confidence `json:"confidence"`
	Says       string              `json:"says"`
	Evidence   []diagnose.Fact     `json:"evidence"`
	Line       Sample              `json:"sample"`
}

// Totals count requests.
type Totals struct {
	Requests int64 `json:"requests"`
	// Bytes is the sum of the sizes of the responses, as far as they are logged.
	Bytes int64     `json:"bytes"`
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Status and Method are complete; Paths, Clients and Nodes have the most frequent ones.
	Status  []Count `json:"status"`
	Method  []Count `json:"method"`
	Paths   []Count `json:"paths"`
	Clients []Count `json:"clients"`
	Nodes   []Count `json:"nodes"`
}

// A Count says how often something came, and how often it was refused with 412.
type Count struct {
	Name    string `json:"name"`
	Count   int64  `json:"count"`
	Refused int64  `json:"refused"`
}

// Refused counts the requests that were answered 412. Clients is by user name and address,
// Paths without query.
type Refused struct {
	Count   int64   `json:"count"`
	Method  []Count `json:"method"`
	Paths   []Count `json:"paths"`
	Clients []Count `json:"clients"`
	Nodes   []Count `json:"nodes"`
}

// A Timeline divides the time of the log into parts of the same width.
type Timeline struct {
	// Width is that of a part, in seconds in the JSON.
	Width time.Duration `json:"-"`
	// Parts are in the order of time; those in which nothing happened are left out.
	Parts []Part `json:"parts"`
}

// MarshalJSON writes Width as seconds.
func (t Timeline) MarshalJSON() ([]byte, error) {
	type plain Timeline
	return json.Marshal(struct {
		Width int64 `json:"width_seconds"`
		plain
	}{int64(t.Width / time.Second), plain(t)})
}

// A Part is a part of a timeline.
type Part struct {
	Start    time.Time `json:"start"`
	Requests int64     `json:"requests"`
	// Classes counts them by the first digit of the status; 0 is for those without one.
	Classes [6]int64 `json:"classes"`
	Refused int64    `json:"refused"`
	// Causes has the 412s by the ID of the rule they are put down to.
	Causes map[string]int64 `json:"causes,omitempty"`
}

// A Storm is a series of 412s that one client got for one target without any success
// between them.
type Storm struct {
	Client  string `json:"client"`
	User    string `json:"user,omitempty"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	IfMatch string `json:"if_match,omitempty"`
	// Same is set if the log shows that all of them had the same If-Match.
	Same  bool      `json:"same_if_match"`
	Count int64     `json:"count"`
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// PerMinute is the rate of the storm; 0 if it has no duration.
func (s Storm) PerMinute() float64 {
	if d := s.Last.Sub(s.First).Minutes(); d > 0 {
		return float64(s.Count-1) / d
	}
	return 0
}

// A Split is a target with different tags on different nodes at the same time.
type Split struct {
	Path string `json:"path"`
	// Rule is the ID of the rule that says why.
	Rule string    `json:"rule"`
	Says string    `json:"says"`
	Tags []NodeTag `json:"tags"`

	sample instance
}

// A NodeTag is a tag that a node sent.
type NodeTag struct {
	Node  string    `json:"node"`
	ETag  string    `json:"etag"`
	Count int64     `json:"count"`
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Says has what the tag says, if its dialect is known.
	Says []string `json:"says,omitempty"`
}

// Health says how well clients and servers avoid sending what the client already has.
type Health struct {
	// Gets is how many GETs were answered 200, 206 or 304; Full and NotModified are
	// those answered 200 and 304, and FullBytes is what the former cost.
	Gets        int64 `json:"gets"`
	Full        int64 `json:"full"`
	FullBytes   int64 `json:"full_bytes"`
	NotModified int64 `json:"not_modified"`
	// Conditional is how many of Gets carried If-None-Match or If-Modified-Since, of those
	// Logged, whose log would show it.
	Conditional int64 `json:"conditional"`
	Logged      int64 `json:"logged"`
	// Ignored is how many 200s were sent though the client named the very tag of the
	// response in If-None-Match: each should have been a 304.
	Ignored      int64 `json:"ignored"`
	IgnoredBytes int64 `json:"ignored_bytes"`
	// Repeated is how many 200s sent to one client for one target what it had got
	// before, by tag or, where tags are not logged, by size: each could have been a 304 if
	// the client had asked. Of a large log it is an estimate: see Bounds.
	Repeated      int64 `json:"repeated"`
	RepeatedBytes int64 `json:"repeated_bytes"`
	// ByTag is set if all of Repeated were judged by tag.
	ByTag bool `json:"by_tag"`
	// Paths are the paths with the most RepeatedBytes.
	Paths []Waste `json:"paths"`
	// Whole is how many requests for a part were answered 200 with the whole, of Ranges that
	// the log shows.
	Ranges int64 `json:"ranges"`
	Whole  int64 `json:"whole"`
}

// Waste is what a path cost.
type Waste struct {
	Path  string `json:"path"`
	Count int64  `json:"count"`
	Bytes int64  `json:"bytes"`
}

// File is a file, or standard input.
type File struct {
	Name string `json:"name"`
	// Format is the format that was found or given, for people, and Server who writes it; ""
	// if not known.
	Format string `json:"format,omitempty"`
	Server string `json:"server,omitempty"`
	Lines  int64  `json:"lines"`
	// Requests is how many lines were read as requests, Skipped how many of these did not
	// pass the filter.
	Requests int64 `json:"requests"`
	Skipped  int64 `json:"skipped"`
	// Bad is how many lines could not be read; BadLines are at most five of them.
	Bad      int64    `json:"bad"`
	BadLines []Sample `json:"bad_lines,omitempty"`
	// Lost is how many requests the server says it could not log.
	Lost int64 `json:"lost,omitempty"`
	// Missing are the fields that a diagnosis needs and the file does not log.
	Missing []string `json:"missing,omitempty"`
	// Notes are remarks about how the file was read.
	Notes []string `json:"notes,omitempty"`
	// Error is why the file was not read, or not to its end.
	Error string `json:"error,omitempty"`
}

// Bounds says how far a report of a large log is an estimate.
type Bounds struct {
	// Paths, Clients, RefusedPaths and RefusedClients are by how much a count in the list of
	// that name may be too low, and how many requests something may have had that is in none; 0 is
	// exact.
	Paths          int64 `json:"paths"`
	Clients        int64 `json:"clients"`
	RefusedPaths   int64 `json:"refused_paths"`
	RefusedClients int64 `json:"refused_clients"`
	// Repeated is of how many combinations of client, target and version one was looked at for
	// Health.Repeated; 1 is all.
	Repeated int64 `json:"repeated"`
	// Tags is of how many targets one was looked at for tags that differ by node or change all
	// at once; 1 is all.
	Tags int64 `json:"tags"`
	// Reads is of how many combinations of client, target and tag one was looked at to find clients that
	// were given a tag after it had been replaced; 1 is all.
	Reads int64 `json:"reads"`
	// Joined is of how many requests with an identifier one was looked for in two logs; 1 is all.
	Joined int64 `json:"joined"`
	// Writes is how many of the last writes are remembered.
	Writes int64 `json:"writes"`
	// Unordered is how many entries came later than one with a later time.
	Unordered int64 `json:"unordered"`
}
