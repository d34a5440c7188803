package diagnose

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// TestRightServerIsNotBlamed asks a server that does everything right what many clients ask, sensible or
// not. No cause in the server, its tags or its dates may be found likely.
func TestRightServerIsNotBlamed(t *testing.T) {
	for seed := range uint64(100) {
		xs := history(seed, "")
		r := Exchanges(xs)
		for _, f := range r.Findings {
			if f.Confidence >= Likely && f.Rule.Level > Good && blames(f.Rule) {
				t.Fatalf("seed %d: %s %s (exchange %d): %s\n%s", seed, f.Confidence, f.Rule.ID, f.Exchange+1, f.Says, describeAll(xs[:f.Exchange+1]))
			}
		}
		for i, v := range r.Verdicts {
			if v.Judgement == Wrong {
				t.Fatalf("seed %d: exchange %d is wrong: %s\n%s", seed, i+1, v.Why, describeAll(xs[:i+1]))
			}
		}
	}
}

// TestWrongServerIsBlamed gives the server one fault at a time. Each has to be found, and nothing else of
// the server be called certain.
func TestWrongServerIsBlamed(t *testing.T) {
	for fault, least := range map[string]Confidence{
		"412-for-inm-on-get":            Certain,
		"304-for-write":                 Certain,
		"ims-evaluated-despite-inm":     Certain,
		"if-range-ignored":              Certain,
		"subsecond-mtime-vs-httpdate":   Certain,
		"list-or-star-not-parsed":       Certain,
		"content-range-offset-mismatch": Certain,
		"precondition-ignored":          Likely,
		"strong-compare-accepts-weak":   Likely,
		"inm-compared-strongly":         Likely,
		"precondition-precedence-wrong": Likely,
		"if-match-ignored-for-404":      Likely,
	} {
		found := false
		for seed := range uint64(20) {
			xs := history(seed, fault)
			for _, f := range Exchanges(xs).Findings {
				found = found || f.Rule.ID == fault && f.Confidence >= least
				if f.Confidence == Certain && f.Rule.Level > Good && blames(f.Rule) && f.Rule.ID != fault && !entails(fault, f.Rule.ID) {
					t.Errorf("%s, seed %d: certain %s (exchange %d): %s\n%s", fault, seed, f.Rule.ID, f.Exchange+1, f.Says,
						describeAll(xs[f.Exchange:f.Exchange+1]))
				}
			}
		}
		if !found {
			t.Errorf("%s: never found to be %s", fault, least)
		}
	}
}

// entails reports whether what a rule says is true as well where the server has a fault.
func entails(fault, rule string) bool {
	switch fault {
	case "ims-evaluated-despite-inm":
		return rule == "not-modified-etag-differs"
	case "if-range-ignored":
		return rule == "strong-compare-accepts-weak"
	}
	return rule == "answer-against-standard" // which names no cause
}

// history returns what a server with a fault was asked and answered.
func history(seed uint64, fault string) []*capture.Exchange {
	s := &rightServer{r: rand.New(rand.NewPCG(seed, 412)), now: time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC), fault: fault}
	xs := make([]*capture.Exchange, 40)
	for i := range xs {
		xs[i] = s.exchange()
	}
	return xs
}

// blames reports whether a rule says that the server is at fault, and not what the client sent.
func blames(r *Rule) bool {
	switch r.ID {
	case "weak-etag-in-if-match", "if-range-weak", "if-match-star-misuse", "no-validator-resume", "weak-last-modified-used-strongly":
		return false
	}
	return slices.Contains([]Group{Transform, Minting, Dates, Server, Ranges, Gaps}, r.Group)
}

// A rightServer has one resource, and answers by the standard, save for the fault, if it has one: the ID
// of a rule.
type rightServer struct {
	fault    string
	r        *rand.Rand
	now      time.Time
	revision int // 0 if there is none
	last     int // the last one there was
	modified time.Time
	tags     []string    // all there ever were
	dates    []time.Time // those of all revisions
}

func (s *rightServer) content() string {
	return fmt.Sprintf("revision %d %s", s.revision, strings.Repeat("x", 20))
}

func (s *rightServer) tag() string {
	return fmt.Sprintf(`"%x"`, md5.Sum([]byte(s.content())))
}

func (s *rightServer) write() {
	s.last++
	s.revision, s.modified = s.last, s.now
	s.tags, s.dates = append(s.tags, s.tag()), append(s.dates, s.now)
}

// exchange makes a request and answers it.
func (s *rightServer) exchange() *capture.Exchange {
	s.now = s.now.Add(time.Duration(1+s.r.IntN(90)) * time.Second)
	x := &capture.Exchange{}
	x.Request = capture.Request{Method: pick(s.r, "GET", "GET", "GET", "HEAD", "PUT", "PUT", "DELETE"), Target: "/doc", Proto: "HTTP/1.1",
		Host: "www.example.com"}
	s.ask(&x.Request)
	s.answer(x)
	return x
}

func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// ask adds preconditions and a range as clients send them.
func (s *rightServer) ask(q *capture.Request) {
	if s.r.IntN(4) == 0 {
		q.Header.Add("If-Match", s.list())
	}
	if s.r.IntN(4) == 0 {
		q.Header.Add("If-None-Match", s.list())
	}
	if s.r.IntN(5) == 0 {
		q.Header.Add("If-Modified-Since", s.date())
	}
	if s.r.IntN(5) == 0 {
		q.Header.Add("If-Unmodified-Since", s.date())
	}
	if q.Method == "GET" && s.r.IntN(3) == 0 {
		q.Header.Add("Range", pick(s.r, "bytes=0-", "bytes=5-", "bytes=5-9", "bytes=-3", "bytes=31-", "bytes=900-", "lines=1-2"))
		if s.r.IntN(2) == 0 {
			q.Header.Add("If-Range", pick(s.r, s.one(), s.date()))
		}
	}
	if q.Method == "PUT" {
		data := fmt.Sprintf("revision %d %s", s.last+1, strings.Repeat("x", 20))
		q.Content = capture.Content{Data: []byte(data), Len: int64(len(data))}
	}
}

// list is a list of tags, or the star.
func (s *rightServer) list() string {
	if s.r.IntN(5) == 0 {
		return "*"
	}
	tags := []string{s.one()}
	for s.r.IntN(3) == 0 {
		tags = append(tags, s.one())
	}
	return strings.Join(tags, ", ")
}

// one is a tag there was or none, mostly the current one, at times made weak.
func (s *rightServer) one() string {
	tag := `"5f3759df5f3759df5f3759df5f3759df"`
	switch n := s.r.IntN(6); {
	case len(s.tags) > 0 && n < 3:
		tag = s.tags[len(s.tags)-1]
	case len(s.tags) > 0 && n < 5:
		tag = pick(s.r, s.tags...)
	}
	if s.r.IntN(5) == 0 {
		tag = "W/" + tag
	}
	return tag
}

// date is that of a revision, or another that is not in the future.
func (s *rightServer) date() string {
	date := s.now.Add(-time.Duration(s.r.IntN(7200)) * time.Second)
	if len(s.dates) > 0 && s.r.IntN(3) > 0 {
		date = pick(s.r, s.dates...)
	}
	return date.Format("Mon, 02 Jan 2006 15:04:05 GMT")
}

func (s *rightServer) answer(x *capture.Exchange) {
	q, p := &x.Request, &x.Response
	p.Proto = "HTTP/1.1"
	p.Header.Add("Date", s.now.Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	if s.revision == 0 && q.Method != "PUT" {
		p.Status = 404 // with and without preconditions, RFC 9110 §13.2.1
		return
	}
	fields, current := s.misread(q)
	d := precondition.Evaluate(precondition.Origin, q.Method, fields, current)
	if status := d.Outcome.Status(); status != 0 {
		p.Status = s.misstate(status, q, d)
		s.validators(p)
		return
	}
	switch q.Method {
	case "DELETE":
		s.revision, p.Status = 0, 204
	case "PUT":
		p.Status = 204
		if s.revision == 0 {
			p.Status = 201
		}
		s.write()
		s.validators(p)
	default:
		s.read(x, d)
	}
}

// misread returns what the server with its fault believes it was asked, and about what.
func (s *rightServer) misread(q *capture.Request) (precondition.Fields, precondition.Current) {
	f, c := precondition.FieldsOf(q.Header.Map()), s.current()
	reads := q.Method != "PUT" && q.Method != "DELETE"
	switch s.fault {
	case "ims-evaluated-despite-inm":
		if len(f.IfModifiedSince) > 0 && reads && precondition.Evaluate(precondition.Origin, q.Method, f, c).Outcome == precondition.Perform {
			f.IfNoneMatch = nil
		}
	case "if-range-ignored":
		f.IfRange = nil
	case "subsecond-mtime-vs-httpdate":
		c.LastModified = c.LastModified.Add(time.Second)
	case "list-or-star-not-parsed":
		f.IfMatch, f.IfNoneMatch = onlyOne(f.IfMatch), onlyOne(f.IfNoneMatch)
	case "precondition-ignored":
		f.IfMatch, f.IfUnmodifiedSince = nil, nil
	case "strong-compare-accepts-weak":
		f.IfMatch = replace(f.IfMatch, "W/", "")
	case "inm-compared-strongly":
		f.IfNoneMatch = replace(f.IfNoneMatch, `W/"`, `"W`)
	case "precondition-precedence-wrong":
		if reads && len(f.IfNoneMatch)+len(f.IfModifiedSince) > 0 {
			f.IfMatch, f.IfUnmodifiedSince = nil, nil
		}
	case "if-match-ignored-for-404":
		if !c.Exists {
			f.IfMatch = nil
		}
	}
	return f, c
}

// misstate returns the status that the server with its fault answers in place of status.
func (s *rightServer) misstate(status int, q *capture.Request, d precondition.Decision) int {
	switch {
	case s.fault == "412-for-inm-on-get" && status == 304 && d.Field == precondition.IfNoneMatch:
		return 412
	case s.fault == "304-for-write" && status == 412 && q.Method == "PUT" && d.Field == precondition.IfNoneMatch:
		return 304
	}
	return status
}

// onlyOne takes a list for one tag, as a server does that compares the whole field.
func onlyOne(lines []string) []string {
	if len(lines) > 0 && (lines[0] == "*" || strings.Contains(lines[0], ",")) {
		return []string{`"none"`}
	}
	return lines
}

func replace(lines []string, old, by string) []string {
	if len(lines) == 0 {
		return nil
	}
	return []string{strings.ReplaceAll(lines[0], old, by)}
}

func (s *rightServer) current() precondition.Current {
	if s.revision == 0 {
		return precondition.Current{}
	}
	return precondition.Current{Exists: true, Tag: etag.MustParse(s.tag()), LastModified: s.modified, Now: s.now}
}

func (s *rightServer) validators(p *capture.Response) {
	if s.revision != 0 {
		p.Header.Add("ETag", s.tag())
		p.Header.Add("Last-Modified", s.modified.Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
}

func (s *rightServer) read(x *capture.Exchange, d precondition.Decision) {
	data := s.content()
	p, plan := &x.Response, byterange.Plan{}
	if d.Range == precondition.RangeApplies {
		plan = byterange.Resolve(x.Request.Header.Values("Range"), int64(len(data)))
	}
	p.Status = plan.Kind.Status()
	if plan.Kind == byterange.Single || plan.Kind == byterange.Unsatisfiable {
		p.Header.Add("Content-Range", plan.ContentRange())
		data = data[plan.Range.Start:plan.Range.End()]
	}
	if s.fault == "content-range-offset-mismatch" && p.Status == 206 {
		p.Header, data = capture.Header{}, s.content()
		p.Header.Add("Content-Range", byterange.ContentRange{Range: byterange.Range{Length: int64(len(data))}, Size: int64(len(data))}.String())
	}
	if p.Status != 416 {
		s.validators(p)
		p.Header.Add("Accept-Ranges", "bytes")
	}
	p.Header.Add("Content-Length", fmt.Sprint(len(data)))
	if x.Request.Method == "GET" {
		p.Content = capture.Content{Data: []byte(data), Len: int64(len(data))}
	}
}

// describeAll shows exchanges in short.
func describeAll(xs []*capture.Exchange) string {
	var b strings.Builder
	for i, x := range xs {
		fmt.Fprintf(&b, "%d %s", i+1, x.Request.Method)
		for l := range x.Request.Header.Lines() {
			fmt.Fprintf(&b, " | %s: %s", l.Name, l.Value)
		}
		fmt.Fprintf(&b, "\n    %d", x.Response.Status)
		for l := range x.Response.Header.Lines() {
			fmt.Fprintf(&b, " | %s: %s", l.Name, l.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}
