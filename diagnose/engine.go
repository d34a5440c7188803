package diagnose

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// Bounds of the work; see the documentation of the package.
const (
	maxHistory  = 64       // earlier exchanges with the same target URI
	maxTags     = 16       // members of one list of tags
	maxTag      = 4 << 10  // bytes of a tag that is compared
	maxSearched = 64 << 10 // bytes of content that are searched
	maxFindings = 4        // findings of one rule for one exchange
	maxValue    = 300      // bytes of a value in a finding
)

// Exchanges diagnoses exchanges, given in the order in which they took place. It never
// fails: an exchange that tells too little gets a finding that says what is missing. The exchanges
// must not be changed while it runs.
func Exchanges(xs []*capture.Exchange) *Report {
	r := &Report{Verdicts: make([]Verdict, len(xs))}
	es := examinations(xs, r.Verdicts)
	history := map[string][]*examination{}
	given := map[string]*examination{}
	for _, e := range inTime(es) {
		key := resource(e.x)
		e.earlier = history[key]
		if key == "" {
			e.earlier = nil
		}
		e.all = given
		e.prepare()
		if e.x.Cache == "" { // otherwise the server was not asked, so that nothing can be found in its answer
			e.run(catalogue)
		}
		e.remember()
		e.text, e.lower = "", false // not needed again, and there may be many
		e.replace()
		e.correct()
		history[key] = latest(e.earlier, e)
		if other, uri := e.elsewhere(); other != nil {
			history[uri] = latest(history[uri], other)
		}
	}
	for _, e := range es {
		r.Findings = append(r.Findings, e.found...)
	}
	slices.SortStableFunc(r.Findings, byProbability)
	return r
}

func examinations(xs []*capture.Exchange, verdicts []Verdict) []*examination {
	es := make([]*examination, len(xs))
	for i, x := range xs {
		verdicts[i].Exchange = x
		es[i] = &examination{x: x, verdict: &verdicts[i], index: i, alone: len(xs) == 1}
	}
	return es
}

// inTime returns the examinations by the time at which the exchanges began if that is
// known of all, and as they are otherwise.
func inTime(es []*examination) []*examination {
	for _, e := range es {
		if e.x.Started.IsZero() {
			return es
		}
	}
	es = slices.Clone(es)
	slices.SortStableFunc(es, func(a, b *examination) int { return a.x.Started.Compare(b.x.Started) })
	return es
}

// resource returns what exchanges with the same resource have in common: their target URI, and for
// QUERY the content, too, since each query selects from what it asks for (RFC 10008). It is "" if that is not known.
func resource(x *capture.Exchange) string {
	uri := targetURI(x)
	if x.Request.Method != method.Query || uri == "" {
		return uri
	}
	if !x.Request.Content.Complete() {
		return ""
	}
	sum := sha256.Sum256(x.Request.Content.Data)
	return method.Query + " " + uri + " " + string(sum[:])
}

// targetURI returns the target URI without scheme, default port and fragment; "" if it is not known.
//
// A scheme that one capture tells and another does not would otherwise keep apart what
// belongs together.
func targetURI(x *capture.Exchange) string {
	if x.Request.Target == "" || x.Request.Method == "CONNECT" {
		return ""
	}
	uri := x.URL()
	if _, rest, ok := strings.Cut(uri, "//"); ok {
		uri = rest
	}
	uri, _, _ = strings.Cut(uri, "#")
	uri = sign.OfResource(uri)
	host, path, _ := strings.Cut(uri, "/")
	host = strings.ToLower(host)
	host = strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
	return host + "/" + path
}

// elsewhere returns what the exchange did to a resource other than its target, and the URI of that; nil
// if nothing. It is about the destination of MOVE and COPY (RFC 4918 §9.8, §9.9), and about the
// object whose metadata Azure writes under a URL with a query of its own.
func (e *examination) elsewhere() (other *examination, uri string) {
	if !e.succeeded() {
		return nil, ""
	}
	copied := *e
	copied.found = nil
	at := &capture.Exchange{Request: e.x.Request, Scheme: e.x.Scheme}
	switch destination := e.req("Destination"); {
	case e.moves() && destination != "":
		at.Request.Target = destination
		copied.after = State{} // it exists, with a tag that is not known
	case e.metadata() && e.method() == "PUT":
		at.Request.Target, _, _ = strings.Cut(at.Request.Target, "?")
		copied.after = e.responseState(true)
	default:
		return nil, ""
	}
	return &copied, targetURI(at)
}

// latest appends e and drops what is beyond maxHistory. It copies when it drops, since
// earlier examinations share the list.
func latest(list []*examination, e *examination) []*examination {
	if len(list) >= maxHistory {
		list = slices.Clone(list[len(list)-maxHistory+1:])
	}
	return append(list[:len(list):len(list)], e)
}

// run asks the rules. Those about gaps come last in the catalogue, since they look at what
// was found.
func (e *examination) run(rules []*Rule) {
	for _, r := range rules {
		if r.check == nil {
			continue
		}
		found := r.check(e)
		for _, f := range found[:min(len(found), maxFindings)] {
			f.Rule, f.Exchange = r, e.index
			e.found = append(e.found, f)
		}
	}
}

// replace removes earlier findings of lasting rules in whose place there is one now.
func (e *examination) replace() {
	for _, f := range e.found {
		if !f.Rule.lasting {
			continue
		}
		for _, p := range e.earlier {
			p.found = slices.DeleteFunc(p.found, func(old Finding) bool { return old.Rule == f.Rule })
		}
	}
}

// correct lets the rules that found something take back what was said of earlier exchanges.
func (e *examination) correct() {
	for _, f := range e.found {
		if f.Rule.corrects != nil {
			f.Rule.corrects(e, f)
		}
	}
}

// byProbability orders findings as Report.Findings says.
func byProbability(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(b.Confidence, a.Confidence),
		cmp.Compare(b.Rule.Level, a.Rule.Level),
		cmp.Compare(a.Exchange, b.Exchange),
	)
}
