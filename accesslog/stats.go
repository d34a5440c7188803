package accesslog

import (
	"sync/atomic"
	"time"
)

// Stats are the totals of a Reader.
type Stats struct {
	Totals
	// Files are those that were opened or refused, in the order given, patterns
	// expanded.
	Files []*File
	// Unordered counts entries that were yielded after one with a later time,
	// because a file was out of order by more than is looked ahead, or because too many
	// files overlap. It is counted only if there are several files.
	Unordered int64
}

// Totals are counted for each file and for all of them.
//
// Every byte of a file is part of exactly one line, and every line is an entry, bad,
// or something else, so Bytes is the sum of EntryBytes, BadBytes and OtherBytes.
type Totals struct {
	// Lines counts lines, Bytes all bytes, unpacked and with line ends.
	Lines, Bytes int64
	// Entries counts the lines read as a request, with those that did not pass the
	// filter, which Filtered counts.
	Entries, Filtered int64
	// Bad counts lines that could not be read.
	Bad int64
	// Other counts lines that tell of no request, such as directives and blank lines.
	Other int64
	// Lost counts requests that the server says it could not log.
	Lost int64
	// EntryBytes, BadBytes and OtherBytes are the sizes of these lines.
	EntryBytes, BadBytes, OtherBytes int64
	// Status counts by status code, Method by method of the entries that passed the
	// filter. Methods that are not registered (RFC 9110 §16.1) count under "other", and
	// requests without one under "".
	Status map[int]int64
	Method map[string]int64
	// Samples are the first bad lines, at most MaxSamples of each file.
	Samples []Sample
}

// MaxSamples is how many bad lines of a file are kept as samples.
const MaxSamples = 5

// A Sample is a bad line.
type Sample struct {
	File *File
	Line int64 // from 1
	// Text is the beginning of the line, at most 200 bytes, credentials replaced.
	Text string
	// Long is set if the line was longer than is read.
	Long bool
	// Why says which column does not fit the format, and why; "" if that is not known.
	Why string
}

// File is one file, or standard input. Its methods may be called at any time, but those
// about content are complete only when the entries have been read.
type File struct {
	name   string
	size   int64
	format Format
	totals Totals
	// logged is a Fields. Whoever parses may ask for it while another one counts.
	logged atomic.Uint64
	notes  []string
	err    error

	proxied proxied
	guessed bool
	// site is the folder of a site, if files of several are read.
	site string
	// changed is when it was changed last before it was opened, and followed is set if it is read
	// on since.
	changed  time.Time
	followed bool
}

// Site is the folder of the site of IIS that the file is of, as in W3SVC1, if files of several
// sites are read; otherwise "".
func (f *File) Site() string { return f.site }

// Live reports whether an entry was written after the file was opened, which is followed: see
// Options.Follow.
func (f *File) Live(e *Entry) bool { return f.followed && e.offset >= f.size }

// Guessed reports whether the columns of the file have no names, and are taken for what they hold:
// nothing that follows from them is certain.
func (f *File) Guessed() bool { return f.guessed }

// Name is the path as it was given or found, or "-".
func (f *File) Name() string { return f.name }

// Format is the one given or recognised; zero if none was.
func (f *File) Format() Format { return f.format }

// Logged is the set of fields that at least one entry of the file has a place for.
func (f *File) Logged() Fields { return Fields(f.logged.Load()) }

// Missing is what would be needed for a diagnosis and is not logged: DiagnosisFields
// without Logged. Format.Advice says how to log it.
func (f *File) Missing() Fields { return DiagnosisFields &^ f.Logged() }

// Totals are those of this file.
func (f *File) Totals() Totals { return f.totals }

// Notes are remarks about the file, for people: what was assumed, and what was not read.
func (f *File) Notes() []string { return f.notes }

// Err is why the file was not read, or not to its end; nil if it was.
func (f *File) Err() error { return f.err }

// count adds the totals of a batch.
func (f *File) count(b *batch) {
	t := &f.totals
	t.add(&b.totals.Totals)
	f.logged.Or(uint64(b.totals.logged))
	for code, n := range b.totals.status {
		if n > 0 {
			t.Status[code] += int64(n)
		}
	}
	for i, n := range b.totals.method {
		if n > 0 {
			t.Method[methodNames[i]] += int64(n)
		}
	}
	t.Samples = append(t.Samples, b.samples[:min(len(b.samples), MaxSamples-len(t.Samples))]...)
}

// add adds u to t.
func (t *Totals) add(u *Totals) {
	if t.Status == nil {
		t.Status, t.Method = map[int]int64{}, map[string]int64{}
	}
	t.Lines += u.Lines
	t.Bytes += u.Bytes
	t.Entries += u.Entries
	t.Filtered += u.Filtered
	t.Bad += u.Bad
	t.Other += u.Other
	t.Lost += u.Lost
	t.EntryBytes += u.EntryBytes
	t.BadBytes += u.BadBytes
	t.OtherBytes += u.OtherBytes
	for code, n := range u.Status {
		t.Status[code] += n
	}
	for method, n := range u.Method {
		t.Method[method] += n
	}
	t.Samples = append(t.Samples, u.Samples...)
}

// Missing is what at least one file with entries does not log of DiagnosisFields.
func (s Stats) Missing() (missing Fields) {
	for _, f := range s.Files {
		if f.totals.Entries > 0 {
			missing |= f.Missing()
		}
	}
	return missing
}
