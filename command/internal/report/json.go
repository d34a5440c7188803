package report

import (
	"encoding/json"
	"io"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// JSON writes a diagnosis for programs. The form is documented in docs/explain.md; members are
// added to it, and never change or go.
func JSON(w io.Writer, e Explanation) error {
	out := document{Findings: FindingsJSON(e.Findings), Exchanges: []exchangeJSON{}}
	for i := range e.Verdicts {
		exchange := verdictJSON(i, &e.Verdicts[i])
		exchange.Caching = cachingJSONOf(e.caching(i))
		out.Exchanges = append(out.Exchanges, exchange)
	}
	return writeJSON(w, out)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// RulesJSON writes rules for programs: {"rules":[…]}, or the rule itself if there is one only.
func RulesJSON(w io.Writer, rules []*diagnose.Rule, one bool) error {
	if one && len(rules) == 1 {
		return writeJSON(w, rules[0])
	}
	return writeJSON(w, struct {
		Rules []*diagnose.Rule `json:"rules"`
	}{rules})
}

type document struct {
	Findings  []FindingJSON  `json:"findings"`
	Exchanges []exchangeJSON `json:"exchanges"`
}

// FindingJSON is a finding in the form for programs.
type FindingJSON struct {
	Rule       string              `json:"rule"`
	Level      diagnose.Level      `json:"level"`
	Confidence diagnose.Confidence `json:"confidence"`
	Summary    string              `json:"summary"`
	Says       string              `json:"says"`
	Evidence   []diagnose.Fact     `json:"evidence"`
	Fix        []string            `json:"fix"`
	Config     []diagnose.Config   `json:"config,omitempty"`
	Section    string              `json:"section,omitempty"`
	// Exchange is the number of the exchange, from 1.
	Exchange int `json:"exchange"`
}

// FindingsJSON returns findings in the form for programs; not nil.
func FindingsJSON(findings []diagnose.Finding) []FindingJSON {
	list := make([]FindingJSON, 0, len(findings))
	for i := range findings {
		list = append(list, findingJSON(&findings[i]))
	}
	return list
}

func findingJSON(f *diagnose.Finding) FindingJSON {
	return FindingJSON{
		Rule: f.Rule.ID, Level: f.Rule.Level, Confidence: f.Confidence, Summary: f.Rule.Summary, Says: f.Says,
		Evidence: notNil(f.Evidence), Fix: notNil(fixOf(f)), Config: f.Config, Section: f.Rule.Section, Exchange: f.Exchange + 1,
	}
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

type exchangeJSON struct {
	Number        int                 `json:"number"`
	Source        string              `json:"source"`
	Method        string              `json:"method,omitempty"`
	URL           string              `json:"url,omitempty"`
	Status        int                 `json:"status,omitempty"`
	Preconditions []fieldJSON         `json:"preconditions"`
	Judgement     string              `json:"judgement"`
	Expected      []int               `json:"expected,omitempty"`
	Why           string              `json:"why,omitempty"`
	Steps         []precondition.Step `json:"steps,omitempty"`
	State         *stateJSON          `json:"state,omitempty"`
	Tags          []tagsJSON          `json:"tags,omitempty"`
	HandledBy     []partyJSON         `json:"handled_by,omitempty"`
	Missing       []gapJSON           `json:"missing,omitempty"`
	Caching       *cachingJSON        `json:"caching,omitempty"`
}

type fieldJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type stateJSON struct {
	Exists       bool   `json:"exists"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	Source       string `json:"source,omitempty"`
}

type tagsJSON struct {
	Field    string `json:"field"`
	Sent     string `json:"sent"`
	Current  string `json:"current"`
	Relation string `json:"relation"`
	Says     string `json:"says"`
}

type partyJSON struct {
	Name string `json:"name"`
	Sign string `json:"sign"`
}

type gapJSON struct {
	Part   string `json:"part"`
	Reason string `json:"reason"`
}

func verdictJSON(i int, v *diagnose.Verdict) exchangeJSON {
	x := v.Exchange
	out := exchangeJSON{
		Number: i + 1, Source: x.Source.String(), Method: x.Request.Method, URL: x.URL(), Status: x.Response.Status,
		Preconditions: fieldsJSON(v.Preconditions), Judgement: v.Judgement.String(), Expected: v.Expected, Why: v.Why, Steps: v.Steps,
	}
	if s := v.State; s.Known {
		out.State = &stateJSON{s.Exists, s.ETag, s.LastModified, s.Source}
	}
	for _, c := range v.Tags {
		out.Tags = append(out.Tags, tagsJSON{c.Field, c.Sent, c.Current, c.Relation.Kind.String(), c.Relation.String()})
	}
	for _, p := range v.Between {
		out.HandledBy = append(out.HandledBy, partyJSON(p))
	}
	for _, g := range x.Gaps {
		out.Missing = append(out.Missing, gapJSON{g.Part.String(), g.Reason})
	}
	return out
}

func fieldsJSON(lines []capture.Line) []fieldJSON {
	list := []fieldJSON{}
	for _, l := range lines {
		list = append(list, fieldJSON{l.Name, l.Value})
	}
	return list
}
