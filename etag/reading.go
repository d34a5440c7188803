package etag

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Reading is what a tag says if it is of a certain dialect.
type Reading struct {
	Dialect *Dialect
	Fit     Fit
	// Coding is the content coding that the tag has a mark of, as in "gzip", or "".
	Coding string
	// Time is the time in the tag, UTC, and Resolution its unit; zero if there is none.
	Time       time.Time
	Resolution time.Duration
	// Size is the size in the tag in bytes; -1 if there is none.
	Size int64
	// Revision counts versions; -1 if there is none.
	Revision int64
	// Digest is the digest in the tag and Algorithm its name, as in "md5".
	Digest    []byte
	Algorithm string
	// Parts are other values in the tag by name, as in "inode" or "change number".
	Parts map[string]string

	of     *dialect
	checks checks
	// readings is the number of readings this tag has in this dialect.
	readings int
	// lastModified and size are those of the facts.
	lastModified time.Time
	size         int64
	// note is a sentence of the dialect's own, or "".
	note string
}

// Fit is how well a reading fits the facts.
type Fit uint8

const (
	// Contradicted: the facts speak against it.
	Contradicted Fit = iota
	// FormOnly: the form fits, and there are no facts to check it with.
	FormOnly
	// Confirmed: a value in it agrees with the facts.
	Confirmed
	// Proven: its digest is that of the content.
	Proven
)

var fits = [...]string{"contradicted", "form only", "confirmed", "proven"}

// String returns the fit in lower case, as in "form only".
func (f Fit) String() string {
	if int(f) >= len(fits) {
		return "unknown"
	}
	return fits[f]
}

// checks are the outcomes of comparing a reading with the facts.
type checks uint16

const (
	timeFits checks = 1 << iota
	timeNear        // within the dialect's slack
	timeDiffers
	timeZone // differs by whole hours
	timeAhead
	sizeFits
	sizeDiffers
	digestFits
	digestDiffers
	serverFits
	mixFits // a size and a time that are mixed give sensible values together
)

func (c checks) has(d checks) bool { return c&d != 0 }

// minProof is the smallest size, in bytes, whose agreement alone is no accident.
const minProof = 256

// check compares r, a reading of d, with the facts and sets its Fit.
func (r *Reading) check(d *dialect, f *Facts, p *prover) {
	if names(f.Server, d.servers) {
		r.checks |= serverFits
	}
	r.checkTime(d, f)
	r.checkSize(f)
	r.checkDigest(f, p)
	r.Fit = r.fit(d, f)
}

// names reports whether the Server field contains one of the names in servers.
func names(field, servers string) bool {
	if field == "" || servers == "" {
		return false
	}
	field = strings.ToLower(field)
	for name := range strings.FieldsSeq(servers) {
		if strings.Contains(field, name) {
			return true
		}
	}
	return false
}

// maxZone is the largest difference from UTC there is.
const maxZone = 14 * time.Hour

func (r *Reading) checkTime(d *dialect, f *Facts) {
	if r.Time.IsZero() {
		return
	}
	if !f.Date.IsZero() && r.Time.After(f.Date.Add(max(r.Resolution, 24*time.Hour))) {
		r.checks |= timeAhead
	}
	if f.LastModified.IsZero() || d.undated {
		return
	}
	r.lastModified = f.LastModified.UTC().Truncate(time.Second)
	switch apart := r.Time.Truncate(time.Second).Sub(r.lastModified).Abs(); {
	case apart == 0:
		r.checks |= timeFits
	case apart <= d.slack, r.Resolution > time.Second && apart <= r.Resolution:
		r.checks |= timeNear
	case isZoneOffset(apart):
		r.checks |= timeDiffers | timeZone
	default:
		r.checks |= timeDiffers
	}
}

func isZoneOffset(d time.Duration) bool {
	d = d.Abs()
	return d > 0 && d <= maxZone && d%time.Hour == 0
}

func (r *Reading) checkSize(f *Facts) {
	r.size = f.Size
	if r.Size < 0 || f.Size <= 0 {
		return
	}
	if r.Size == f.Size {
		r.checks |= sizeFits
	} else {
		r.checks |= sizeDiffers
	}
}

func (r *Reading) checkDigest(f *Facts, p *prover) {
	if r.Digest == nil || r.checks.has(digestFits|digestDiffers) || f.Content == nil {
		return
	}
	switch sum := p.sum(r.Algorithm); {
	case sum == nil:
	case bytes.HasPrefix(sum, r.Digest):
		r.checks |= digestFits
	default:
		r.checks |= digestDiffers
	}
}

// fit weighs the checks. A digest decides; then the time, which agrees by chance to the second
// about never; then the size.
func (r *Reading) fit(d *dialect, f *Facts) Fit {
	c := r.checks
	switch {
	case c.has(digestFits):
		return Proven
	case c.has(digestDiffers) && d.proves && f.Coding == "" && r.Coding == "":
		return Contradicted
	case c.has(timeFits | timeNear | mixFits):
		return Confirmed
	case c.has(sizeFits) && r.Size >= minProof:
		return Confirmed
	case c.has(timeZone), c.has(sizeFits) && !c.has(timeDiffers):
		return FormOnly
	case c.has(timeDiffers), c.has(sizeDiffers):
		return Contradicted
	}
	return FormOnly
}

// timeLayout shows a time to the last digit that is not zero.
const timeLayout = "2006-01-02 15:04:05.999999999 UTC"

// Normalised reports whether the time in the tag is one that build tools give to every file, and
// says which. Two versions of a file that also have the same size then have the same tag.
func (r Reading) Normalised() (meaning string, ok bool) {
	if r.Time.IsZero() || r.Resolution > time.Minute {
		return "", false
	}
	return normalised(r.Time)
}

// normalisedTimes are the times that tools give to files for reproducible builds, in seconds since
// 1970.
var normalisedTimes = [...]struct {
	unix    int64
	meaning string
}{
	{0, "1970-01-01, the start of Unix time"},
	{1, "one second after the start of Unix time, as in the Nix store"},
	{315532800, "1980-01-01, the earliest time in a zip file"},
	{499162500, "1985-10-26 08:15, the time of files in npm packages"},
	{946684800, "2000-01-01"},
}

func normalised(t time.Time) (meaning string, ok bool) {
	for i := range normalisedTimes {
		if n := &normalisedTimes[i]; t.Equal(time.Unix(n.unix, 0)) {
			return n.meaning, true
		}
	}
	return "", false
}

// String returns the reading in one line, as in "looks like IIS; its time fits Last-Modified to
// the second".
func (r Reading) String() string {
	if r.Dialect == nil {
		return "of no known dialect"
	}
	head := looks(&r)
	if why := r.why(); why != "" {
		return head + "; " + why
	}
	return head
}

// why is the clause that Fit rests on; "" for FormOnly.
func (r Reading) why() string {
	c := r.checks
	switch {
	case c.has(digestFits):
		return r.proof()
	case c.has(timeFits) && c.has(sizeFits):
		return "its time and size fit Last-Modified and the representation"
	case c.has(timeFits):
		return "its time fits Last-Modified to the second"
	case c.has(mixFits) && !c.has(timeDiffers):
		return "its time is of whole seconds with that size"
	case c.has(timeNear):
		return "its time is close to Last-Modified"
	case c.has(sizeFits) && r.Fit == Confirmed:
		return "its size is that of the representation"
	case c.has(timeZone):
		return "its time and Last-Modified differ by whole hours"
	case c.has(timeDiffers):
		return "its time is not Last-Modified"
	case c.has(sizeDiffers) && r.Size < 0:
		return r.note
	case c.has(sizeDiffers):
		return "its size is not that of the representation"
	case c.has(digestDiffers):
		return "its digest is not that of the representation"
	}
	return ""
}

func (r Reading) proof() string {
	if r.note != "" {
		return r.note
	}
	return "it is the " + algorithmName(r.Algorithm) + " of the representation"
}

// Says returns what the tag says and how that fits the facts, for people, in sentences without
// full stop, as "its time is 2026-11-03 09:14:22 UTC, which is Last-Modified". There is at least one.
func (r Reading) Says() []string {
	if r.Dialect == nil {
		return []string{"nothing is known of its form"}
	}
	var says []string
	add := func(format string, args ...any) { says = append(says, fmt.Sprintf(format, args...)) }
	if r.Dialect.Verified {
		add("it has the form of %s: %s", r.Dialect.By, r.Dialect.Form)
	} else {
		add("it may be of %s, whose form is known from hearsay only: %s", r.Dialect.By, r.Dialect.Form)
	}
	r.sayTime(add)
	r.saySize(add)
	if r.Revision >= 0 {
		add("its revision is %d", r.Revision)
	}
	r.sayDigest(add)
	for _, name := range sortedKeys(r.Parts) {
		add("the %s is %s", name, r.Parts[name])
	}
	if r.Coding != "" {
		add("it has the mark of the content coding %s", r.Coding)
	}
	if r.checks.has(serverFits) {
		add("the Server field names the same program")
	}
	if r.note != "" && !r.checks.has(digestFits) {
		add("%s", r.note)
	}
	return says
}

func (r Reading) sayTime(add func(string, ...any)) {
	if r.Time.IsZero() {
		return
	}
	text := "its time is " + r.Time.Format(timeLayout)
	if r.Resolution > time.Second {
		text = "its time is within " + spell(r.Resolution) + " of " + r.Time.Format(timeLayout)
	}
	c := r.checks
	switch {
	case c.has(timeFits):
		text += ", which is Last-Modified to the second"
	case c.has(timeNear):
		text += ", which is close to Last-Modified"
	case c.has(timeZone):
		text += ", exactly " + spell(r.Time.Truncate(time.Second).Sub(r.lastModified).Abs()) +
			" from Last-Modified: one of them may be local time"
	case c.has(timeDiffers):
		text += ", but Last-Modified is " + r.lastModified.Format(timeLayout)
	}
	add("%s", text)
	if r.readings > 1 {
		add("that is one of %d ways to read its digits, between which Last-Modified would decide", r.readings)
	}
	if meaning, ok := r.Normalised(); ok {
		add("that time is one that builds give to every file: %s", meaning)
	}
	if c.has(timeAhead) {
		add("that time is later than the response")
	}
}

func (r Reading) saySize(add func(string, ...any)) {
	switch c := r.checks; {
	case r.Size < 0:
	case c.has(sizeFits):
		add("its size is %d bytes, as the representation has", r.Size)
	case c.has(sizeDiffers):
		add("its size is %d bytes, but the representation has %d", r.Size, r.size)
	default:
		add("its size is %d bytes", r.Size)
	}
}

func (r Reading) sayDigest(add func(string, ...any)) {
	name := algorithmName(r.Algorithm)
	switch c := r.checks; {
	case c.has(digestFits):
		add("%s", r.proof())
	case c.has(digestDiffers):
		add("it is not the %s of the representation", name)
	case r.Digest != nil && isDigest(r.Algorithm):
		add("it may be the %s of the representation", name)
	case r.Digest != nil:
		add("it has the %s", name)
	}
}

// spell writes a duration for people, in its two largest units, as in "2 h 30 min".
func spell(d time.Duration) string {
	d = d.Abs()
	units := [...]struct {
		size time.Duration
		name string
	}{
		{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"},
		{time.Millisecond, "ms"}, {time.Microsecond, "µs"}, {1, "ns"},
	}
	var words []string
	for _, u := range units {
		if n := d / u.size; n > 0 {
			words = append(words, strconv.FormatInt(int64(n), 10)+" "+u.name)
			d %= u.size
		} else if words != nil {
			break
		}
		if len(words) == 2 {
			break
		}
	}
	if words == nil {
		return "0 s"
	}
	return strings.Join(words, " ")
}
