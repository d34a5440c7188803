package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/fourtwelve/fourtwelve/probe"
)

// Checks writes a list of checks, by group.
func Checks(w io.Writer, checks []*probe.Check, style Style) error {
	p := &page{Style: style}
	for _, g := range probe.Groups() {
		begun := false
		for _, c := range checks {
			if c.Group != g {
				continue
			}
			if !begun {
				p.line("%s", p.paint(g.Title()+" ("+g.String()+")", bold))
				begun = true
			}
			writes := ""
			if c.Writes {
				writes = " (writes)"
			}
			p.block(fmt.Sprintf("  %-6s  %s\n          ", c.Level, p.paint(c.ID, cyan)), strings.Repeat(" ", 10), c.Title+writes)
		}
		if begun {
			p.line("")
		}
	}
	p.line("fourtwelve check --list ID teaches one.")
	return p.flush(w)
}

// CheckRecord writes all that there is to know of a check.
func CheckRecord(w io.Writer, c *probe.Check, style Style) error {
	p := &page{Style: style}
	writes := ""
	if c.Writes {
		writes = ", writes"
	}
	p.line("%s  %s, %s%s", p.paint(c.ID, bold), p.checkLevel(c.Level), c.Group.Title(), writes)
	p.block("", "", sentence(c.Title))
	p.line("")
	p.label("Sends", sentence(c.Sends))
	p.label("Right", sentence(c.Right))
	p.label("Otherwise", sentence(c.Means))
	if c.Harm != "" {
		p.label("Harm", sentence(c.Harm)+" So it is asked with --risky only.")
	}
	p.line("\n%s", p.paint("What to do", bold))
	for i, step := range c.Fix {
		p.block(fmt.Sprintf("  %d. ", i+1), "     ", step)
	}
	for _, s := range c.Servers {
		p.block("  - ", "    ", s.Server+": "+s.Fix)
	}
	p.line("")
	if c.Section != "" {
		p.label("Standard", c.Section)
	}
	for n, id := range c.Rules {
		p.item(n == 0, "Causes", "fourtwelve rules "+id)
	}
	p.label("Since", "version "+c.Since)
	return p.flush(w)
}

// ChecksJSON writes checks for programs: {"checks":[…]}, or the check itself if there is one only.
func ChecksJSON(w io.Writer, checks []*probe.Check, one bool) error {
	if one && len(checks) == 1 {
		return writeJSON(w, checks[0])
	}
	return writeJSON(w, struct {
		Checks []*probe.Check `json:"checks"`
	}{checks})
}

// ChecksMarkdown writes the document that teaches all checks.
func ChecksMarkdown(w io.Writer, checks []*probe.Check) error {
	p := &page{}
	p.line("# Checks")
	p.line("")
	p.line("What `fourtwelve check` asks a server. This page is made of the records that the command uses;")
	p.line("`fourtwelve check --list ID` shows one in a terminal. Names do not change. [check.md](check.md) has how to use it.")
	for _, g := range probe.Groups() {
		p.checksTable(g, checks)
	}
	for _, g := range probe.Groups() {
		p.line("\n## %s", g.Title())
		for _, c := range checks {
			if c.Group == g {
				p.checkMarkdown(c)
			}
		}
	}
	return p.flush(w)
}

// checksTable has a line for each check of a group.
func (p *page) checksTable(g probe.Group, checks []*probe.Check) {
	p.line("\n| [%s](#%s) | level | |", g.Title(), anchor(g.Title()))
	p.line("| --- | --- | --- |")
	for _, c := range checks {
		if c.Group == g {
			p.line("| %s | %s | [%s](#%s) |", strings.ReplaceAll(markdown(c.Title), "|", `\|`), c.Level, c.ID, c.ID)
		}
	}
}

func (p *page) checkMarkdown(c *probe.Check) {
	p.line("\n### %s", c.ID)
	writes := ""
	if c.Writes {
		writes = "; only with `--write-to`"
	}
	p.line("\n**%s** %s; %s%s.", markdown(sentence(c.Title)), capital(c.Level.String()), markdown(c.Section), writes)
	p.line("\n- Sent: %s", markdown(sentence(c.Sends)))
	p.line("- Right: %s", markdown(sentence(c.Right)))
	p.line("- Otherwise: %s", markdown(sentence(c.Means)))
	if c.Harm != "" {
		p.line("- Harm: %s So it is asked with `--risky` only.", markdown(sentence(c.Harm)))
	}
	p.line("")
	for i, step := range c.Fix {
		p.line("%d. %s", i+1, markdown(step))
	}
	if len(c.Servers) > 0 {
		p.line("")
	}
	for _, s := range c.Servers {
		p.line("- %s: %s", markdown(s.Server), markdown(s.Fix))
	}
	if len(c.Rules) > 0 {
		var links []string
		for _, id := range c.Rules {
			links = append(links, fmt.Sprintf("[%s](rules.md#%s)", id, id))
		}
		p.line("\nCauses: %s.", strings.Join(links, ", "))
	}
}
