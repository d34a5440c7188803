package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/logs"
)

// Rules writes a list of the rules, by group.
func Rules(w io.Writer, rules []*diagnose.Rule, style Style) error {
	p := &page{Style: style}
	for _, g := range diagnose.Groups() {
		first := true
		for _, r := range rules {
			if r.Group != g {
				continue
			}
			if first {
				p.line("%s", p.paint(capital(g.Title()), bold))
			}
			first = false
			p.block("  "+p.paint(r.ID, cyan)+"\n      ", "      ", r.Summary)
		}
		if !first {
			p.line("")
		}
	}
	p.line("fourtwelve rules ID teaches one.")
	return p.flush(w)
}

// Rule writes all that there is to know of a rule.
func Rule(w io.Writer, r *diagnose.Rule, style Style) error {
	p := &page{Style: style}
	p.line("%s  %s, %s", p.paint(r.ID, bold), p.level(r.Level), r.Group.Title())
	p.block("", "", capital(r.Summary)+".")
	for paragraph := range strings.SplitSeq(r.Explanation, "\n\n") {
		p.line("")
		p.block("", "", strings.ReplaceAll(paragraph, "\n", " "))
	}
	p.verbatim("Example", r.Example)
	if len(r.Fix) > 0 {
		p.line("\n%s", p.paint("What to do", bold))
		for i, step := range r.Fix {
			p.block(fmt.Sprintf("  %d. ", i+1), "     ", step)
		}
	}
	if len(r.Probe) > 0 {
		p.verbatim("What to run (URL is that of the resource)", strings.Join(r.Probe, "\n"))
	}
	p.line("\n%s", p.paint("How it is decided", bold))
	p.block("  ", "  ", needs(r)+".")
	if text := provenBy(r); text != "" {
		p.block("  ", "  ", text+".")
	}
	if r.Section != "" {
		p.line("  %s", r.Section)
	}
	return p.flush(w)
}

func (p *page) verbatim(title, text string) {
	if text == "" {
		return
	}
	p.line("\n%s", p.paint(title, bold))
	for l := range strings.SplitSeq(text, "\n") {
		p.line("  %s", p.paint(l, cyan))
	}
}

// needs says in words what evidence decides a rule.
func needs(r *diagnose.Rule) string {
	words := map[diagnose.Evidence]string{
		diagnose.FromExchange: "from one request with its response (explain)",
		diagnose.FromHistory:  "from several exchanges with the same resource (explain)",
		diagnose.FromLog:      "from an access log (logs)",
		diagnose.FromProbe:    "by asking the live server",
	}
	var list []string
	for _, e := range r.Needs {
		list = append(list, words[e])
	}
	return capital(strings.Join(list, ", or "))
}

// provenBy says which logs can prove a rule; "" for one that logs do not decide.
func provenBy(r *diagnose.Rule) string {
	if !slices.Contains(r.Needs, diagnose.FromLog) {
		return ""
	}
	proof := logs.ProofOf(r.ID)
	if len(proof.Fields) == 0 {
		return "Every log that has the client, the method, the target and the status shows it"
	}
	var where []string
	if len(proof.AsTheyAre) > 0 {
		where = append(where, strings.Join(proof.AsTheyAre, ", ")+" as they are")
	}
	if len(proof.MadeTo) > 0 {
		where = append(where, strings.Join(proof.MadeTo, ", ")+" if they are made to have them")
	}
	return "Logs show it best with " + strings.Join(proof.Fields, ", ") + ": " + strings.Join(where, "; ")
}

// RulesMarkdown writes the document that teaches all rules.
func RulesMarkdown(w io.Writer, rules []*diagnose.Rule) error {
	p := &page{}
	p.line("# Rules")
	p.line("")
	p.line("What `fourtwelve explain` and `fourtwelve logs` can find, and what `serve` and `guard` call the reasons of")
	p.line("their refusals. This page is made of the records that the commands use; `fourtwelve rules ID` shows one in a terminal. Names do not change.")
	p.line("")
	for _, g := range diagnose.Groups() {
		p.line("- [%s](#%s)", capital(g.Title()), anchor(g.Title()))
	}
	for _, g := range diagnose.Groups() {
		p.line("\n## %s", capital(g.Title()))
		for _, r := range rules {
			if r.Group == g {
				p.ruleMarkdown(r)
			}
		}
	}
	return p.flush(w)
}

// anchor is the name that a heading has in a link.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r >= 'a' && r <= 'z' || r == '-':
			return r
		}
		return -1
	}, strings.ToLower(title))
}

func (p *page) ruleMarkdown(r *diagnose.Rule) {
	p.line("\n### %s", r.ID)
	p.line("\n**%s.** %s; %s; %s.", markdown(capital(r.Summary)), capital(r.Level.String()), markdown(r.Section), lowered(needs(r)))
	p.line("\n%s", markdown(r.Explanation))
	if text := provenBy(r); text != "" {
		p.line("\n%s.", markdown(text))
	}
	if r.Example != "" {
		p.line("\n```\n%s\n```", r.Example)
	}
	if len(r.Fix) > 0 {
		p.line("")
		for i, step := range r.Fix {
			p.line("%d. %s", i+1, markdown(step))
		}
	}
	if len(r.Probe) > 0 {
		p.line("\nTo be sure, run:\n\n```sh\n%s\n```", strings.Join(r.Probe, "\n"))
	}
}

func lowered(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// markdown escapes what plain text must not mean there.
func markdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "<", "&lt;", "`", "\\`", "[", `\[`, "]", `\]`).Replace(s)
}

// RuleHTML writes what there is to know of a rule as one page that needs nothing else.
func RuleHTML(w io.Writer, r *diagnose.Rule) error { return render(w, "rule.html", r) }
