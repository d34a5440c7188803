package diagnose

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

// refusalRules are the names that fourtwelve itself gives the reasons of its refusals, in the members
// "rule" and "reason" of their problem details. A program may rest on the names, and a person who
// looks one up finds what it means and what to do.
//
// They come after all causes and what is as designed: a cause says more.
var refusalRules = append(refusals(
	conditionRefusals, requestRefusals, targetRefusals, contentRefusals, storeRefusals, gatewayRefusals, davRefusals, lockRefusals,
), loggedRules...)

// loggedRules are the names that no response can carry, because it had begun: the access log alone has them.
var loggedRules = refusals(cutAnswers)

func refusals(lists ...[]refusal) (rules []Rule) {
	for _, list := range lists {
		for _, r := range list {
			rules = append(rules, r.rule())
		}
	}
	return rules
}

// A refusal is a name with all that its page says.
type refusal struct {
	id string
	// level is Good if the server was right and nobody has to repair anything, Warning if the client
	// has, and Error if the server or what is behind it has.
	level   Level
	status  int
	summary string
	// explains says when fourtwelve says so, and why.
	explains string
	// request is an example, which status answers.
	request string
	fix     []string
	// section is where the standard decides.
	section string
	// logged is set if no response can carry the name, because it had begun: the access log alone has it.
	logged bool
}

func (r refusal) rule() Rule {
	return Rule{
		ID: r.id, Level: r.level, Group: Refusals, Summary: r.summary, Explanation: r.explains + "\n\n" + r.where(),
		Example: r.example(), Fix: r.fix, Section: r.section, Needs: []Evidence{FromExchange}, Since: "0.1",
		check: func(e *examination) []Finding { return e.ownWords(r.id) },
	}
}

// where says where the name is met.
func (r refusal) where() string {
	if r.logged {
		return "The answer had begun as " + fmt.Sprint(r.status) + " when this was found, so the connection was closed before the " +
			"content was complete, and the client saw an error. The access log has the name in the member \"reason\"."
	}
	return fmt.Sprintf("The answer is %d %s with problem details (RFC 9457): the member \"rule\" or \"reason\" is this name, "+
		"\"detail\" is what was found this time, and \"hint\" what to do.", r.status, http.StatusText(r.status))
}

// example is an exchange that explain reads.
func (r refusal) example() string {
	if r.logged {
		return r.request + fmt.Sprintf("\n\nHTTP/1.1 %d %s\nContent-Length: 1048576", r.status, http.StatusText(r.status))
	}
	document, section, _ := strings.Cut(r.section, " §")
	kind := problemTypes + strings.ToLower(strings.ReplaceAll(document, " ", "")) + "#section-" + section
	return fmt.Sprintf("%s\n\nHTTP/1.1 %d %s\nContent-Type: application/problem+json\n\n{\"type\":%q,\"status\":%d,\"rule\":%q}",
		r.request, r.status, http.StatusText(r.status), kind, r.status, r.id)
}

// problemTypes is how the type of each of our problems begins.
const problemTypes = "https://www.rfc-editor.org/rfc/"

// A problem is what a response says of itself in problem details.
type problem struct {
	Type, Rule, Reason, Detail, Hint string
}

// problemDetails returns what the response says of itself; it is zero if these are no problem
// details of fourtwelve. They are read once.
func (e *examination) problemDetails() problem {
	if e.told != nil {
		return *e.told
	}
	e.told = &problem{}
	content := e.x.Response.Content
	if !strings.HasPrefix(strings.ToLower(e.resp("Content-Type")), "application/problem+json") || len(content.Data) > maxSearched {
		return *e.told
	}
	var read problem
	if json.Unmarshal(content.Data, &read) == nil && strings.HasPrefix(read.Type, problemTypes) {
		*e.told = read
	}
	return *e.told
}

// ownWords is the finding that the response itself names the rule.
func (e *examination) ownWords(id string) []Finding {
	p := e.problemDetails()
	if p.Rule != id && p.Reason != id {
		return nil
	}
	says := "the server names this rule itself"
	if p.Detail != "" {
		says += ": " + clip(secret.Text(p.Detail))
	}
	f := finding(Certain, says, e.fact("rule", p.Rule), e.answered())
	if p.Hint != "" {
		f.Fix = []string{clip(secret.Text(p.Hint))}
	}
	return []Finding{f}
}

// alreadyApplied reports whether a server of ours says that what the refused write wants is stored.
func (e *examination) alreadyApplied() bool {
	const id = "already-applied"
	p := e.problemDetails()
	return e.status() == 412 && (p.Rule == id || p.Reason == id)
}
