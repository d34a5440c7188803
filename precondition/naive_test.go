package precondition_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// naive is a second evaluator, written from the text of §13.2.2 in another way:
// regexps on the field values, sets of strings, slow. It answers like the
// precedence table: "perform", "206", "200", or a status.
type naive struct {
	policy  precondition.Policy
	role    precondition.Role
	method  string
	fields  precondition.Fields
	current precondition.Current
}

func (n naive) answer() string {
	read := n.method == "GET" || n.method == "HEAD" || n.method == "QUERY"
	if slices.Contains([]string{"OPTIONS", "TRACE", "CONNECT"}, n.method) {
		return "perform"
	}
	origin := n.role == precondition.Origin
	if !origin && (!read || !n.current.Exists) {
		return "perform"
	}
	// 1. and 2.
	if origin && n.fields.IfMatch != nil {
		if status := n.ifMatch(read); status != "" {
			return status
		}
	} else if origin && n.fields.IfUnmodifiedSince != nil {
		if date, ok := n.oneDate(n.fields.IfUnmodifiedSince); ok && n.modifiedAfter(date) {
			return "412"
		}
	}
	// 3. and 4.
	if n.fields.IfNoneMatch != nil {
		if status := n.ifNoneMatch(read); status != "" {
			return status
		}
	} else if read && n.fields.IfModifiedSince != nil {
		if date, ok := n.oneDate(n.fields.IfModifiedSince); ok && !n.modifiedAfter(date) {
			return "304"
		}
	}
	// 5.
	if n.method != "GET" && n.method != "QUERY" || n.fields.Range == nil || !n.current.Exists {
		return "perform"
	}
	switch {
	case n.fields.IfRange == nil || n.ifRange():
		return "206"
	case n.policy.StaleIfRange:
		return "412"
	}
	return "200"
}

// ifMatch returns the status of a false If-Match, or "".
func (n naive) ifMatch(read bool) string {
	l := n.list(n.fields.IfMatch)
	invalid := map[bool]string{true: "412", false: "400"}[read]
	switch {
	case l.stars == 1 && l.members == 1:
		if n.current.Exists {
			return ""
		}
		return "412"
	case l.stars > 0 || l.malformed:
		return invalid
	}
	for own := range n.ownTags() {
		if l.tags[own] && !strings.HasPrefix(own, "W/") {
			return ""
		}
	}
	return "412"
}

// ifNoneMatch returns the status of a false If-None-Match, or "".
func (n naive) ifNoneMatch(read bool) string {
	l := n.list(n.fields.IfNoneMatch)
	status := map[bool]string{true: "304", false: "412"}[read]
	switch {
	case l.stars == 1 && l.members == 1:
		if n.current.Exists {
			return status
		}
		return ""
	case l.stars > 0 && !read:
		return "400"
	}
	for own := range n.ownTags() {
		opaque := strings.TrimPrefix(own, "W/")
		if l.tags[opaque] || l.tags["W/"+opaque] {
			return status
		}
	}
	return ""
}

// ifRange reports whether If-Range is true.
func (n naive) ifRange() bool {
	if len(n.fields.IfRange) != 1 {
		return false
	}
	value := strings.Trim(n.fields.IfRange[0], " \t")
	if naiveTag.MatchString(latin1(value)) {
		return value == n.current.Tag.String() && value[0] == '"'
	}
	date, ok := naiveDate(value, n.now())
	modified := n.current.LastModified
	if !ok || modified.IsZero() || date.Unix() != modified.Unix() {
		return false
	}
	return n.current.Now.IsZero() || n.current.Now.Unix() > modified.Unix()
}

func (n naive) ownTags() map[string]bool {
	own := map[string]bool{}
	if !n.current.Exists {
		return own
	}
	for _, tag := range append([]etag.Tag{n.current.Tag}, n.current.Others...) {
		if !tag.IsZero() {
			own[tag.String()] = true
		}
	}
	return own
}

type naiveList struct {
	tags           map[string]bool
	stars, members int
	malformed      bool
}

var (
	naiveTag     = regexp.MustCompile(`^(?:W/)?"[\x{21}\x{23}-\x{7e}\x{80}-\x{ff}]*"$`)
	naiveElement = regexp.MustCompile(`(?:W/)?"[\x{21}\x{23}-\x{7e}\x{80}-\x{ff}]*"|\*`)
	naiveLine    = regexp.MustCompile(`^[ \t]*(?:` + naiveElement.String() + `)?(?:[ \t]*,[ \t]*(?:` + naiveElement.String() + `)?)*[ \t]*$`)
)

// list reads a list field. Where a line is not of the grammar, what its members
// are is not for the grammar to say, and etag.Members is asked.
func (n naive) list(lines []string) naiveList {
	l := naiveList{tags: map[string]bool{}}
	for _, line := range lines {
		var members []string
		if naiveLine.MatchString(latin1(line)) && !n.policy.LenientTags {
			for _, at := range naiveElement.FindAllStringIndex(latin1(line), -1) {
				members = append(members, unlatin1(latin1(line)[at[0]:at[1]]))
			}
		} else {
			members = n.askMembers(line)
		}
		for _, m := range members {
			l.members++
			switch {
			case m == "*":
				l.stars++
			case naiveTag.MatchString(latin1(m)):
				l.tags[m] = true
			default:
				l.malformed = true
			}
		}
	}
	return l
}

func (n naive) askMembers(line string) (members []string) {
	for m := range etag.Members([]string{line}) {
		text := m.Raw
		if tag, ok := m.Lenient(); ok && n.policy.LenientTags {
			text = tag.String()
		}
		members = append(members, text)
	}
	return members
}

// oneDate reads a field that must be one valid date, of a resource that has one.
func (n naive) oneDate(lines []string) (time.Time, bool) {
	if len(lines) != 1 || !n.current.Exists || n.current.LastModified.IsZero() {
		return time.Time{}, false
	}
	return naiveDate(strings.Trim(lines[0], " \t"), n.now())
}

func (n naive) modifiedAfter(date time.Time) bool {
	return n.current.LastModified.Unix() > date.Unix()
}

func (n naive) now() time.Time {
	if n.current.Now.IsZero() {
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return n.current.Now
}

const (
	naiveMonths = "JanFebMarAprMayJunJulAugSepOctNovDec"
	naiveClock  = `(\d\d):(\d\d):(\d\d)`
)

var (
	naiveMonth = `(` + strings.Join(regexp.MustCompile(`...`).FindAllString(naiveMonths, -1), "|") + `)`
	imfFixdate = regexp.MustCompile(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?P<day>\d\d) ` + naiveMonth + ` (?P<year>\d{4}) ` +
		naiveClock + ` GMT$`)
	rfc850Date = regexp.MustCompile(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>\d\d)-` + naiveMonth + `-(?P<year>\d\d) ` +
		naiveClock + ` GMT$`)
	asctimeDate = regexp.MustCompile(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ` + naiveMonth + ` (?P<day>\d\d| \d) ` + naiveClock +
		` (?P<year>\d{4})$`)
)

// naiveDate is a second reader of dates, with a regexp a form.
func naiveDate(s string, now time.Time) (time.Time, bool) {
	if m := imfFixdate.FindStringSubmatch(s); m != nil {
		return naiveTime(atoi(m[3]), m[2], m[1], m[4:7])
	}
	if m := asctimeDate.FindStringSubmatch(s); m != nil {
		return naiveTime(atoi(m[6]), m[1], m[2], m[3:6])
	}
	m := rfc850Date.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	limit := now.UTC().AddDate(50, 0, 0)
	for year := limit.Year(); ; year-- {
		if (year%100+100)%100 != atoi(m[3]) {
			continue
		}
		// A day that does not exist in that year is taken for the one it would be,
		// to see on which side of the limit it is.
		when := time.Date(year, monthOf(m[2]), atoi(m[1]), atoi(m[4]), atoi(m[5]), atoi(m[6]), 0, time.UTC)
		if !when.After(limit) {
			return naiveTime(year, m[2], m[1], m[4:7])
		}
	}
}

func naiveTime(year int, month, day string, clock []string) (time.Time, bool) {
	d := atoi(strings.TrimSpace(day))
	h, m, s := atoi(clock[0]), atoi(clock[1]), atoi(clock[2])
	days := time.Date(year, monthOf(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if d < 1 || d > days || h > 23 || m > 59 || s > 60 {
		return time.Time{}, false
	}
	midnight := time.Date(year, monthOf(month), d, 0, 0, 0, 0, time.UTC)
	return midnight.Add(time.Duration(h*3600+m*60+s) * time.Second), true
}

func monthOf(name string) time.Month { return time.Month(strings.Index(naiveMonths, name)/3 + 1) }

func atoi(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s))
	return n
}

// latin1 turns each byte into the rune of that number, so that a regexp sees
// bytes; unlatin1 undoes it.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func unlatin1(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}
