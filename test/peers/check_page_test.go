package peers

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/probe"
)

const checkedFile = "../../docs/checked-servers.md"

// pageMark is the line below which the page is made of reports; what is above it is written by hand.
const pageMark = "<!-- Below this line, go test -update ./test/peers writes. -->\n"

// What the tables say of a check.
const (
	passes        = "ok"
	fails         = "**fails**"
	notApplicable = "–"
)

func cell(o probe.Outcome) string {
	switch o {
	case probe.Passed:
		return passes
	case probe.Failed:
		return fails
	case probe.DoesNotApply:
		return notApplicable
	}
	return o.String()
}

// readOutcomes reads the tables of the page: cells by check, then by server.
func readOutcomes(t *testing.T, path string) map[string]map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]map[string]string{}
	var names []string
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case strings.HasPrefix(line, "| check |"):
			names = cells[2:]
		case strings.HasPrefix(line, "| `"):
			row := map[string]string{}
			for i, name := range names {
				row[name] = cells[2+i]
			}
			outcomes[strings.Trim(cells[0], "`")] = row
		}
	}
	return outcomes
}

// writeCheckedPage writes what the reports say below pageMark.
func writeCheckedPage(t *testing.T, path string, servers []*checkedServer) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(data), pageMark)
	if !ok {
		t.Fatalf("%s has no line %q", path, pageMark)
	}
	var b strings.Builder
	b.WriteString(head + pageMark)
	for _, g := range probe.Groups() {
		outcomeTable(&b, g, servers)
	}
	for _, s := range servers {
		s.failures(&b)
	}
	writeFile(t, path, b.String())
}

// outcomeTable writes the outcomes of the checks of a group.
func outcomeTable(b *strings.Builder, g probe.Group, servers []*checkedServer) {
	fmt.Fprintf(b, "\n## %s\n\n| check | level |", g.Title())
	for _, s := range servers {
		fmt.Fprintf(b, " %s |", s.name)
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(servers)) + "\n")
	for i, r := range servers[0].reports[0].Results {
		if r.Check.Group != g {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s |", r.Check.ID, r.Check.Level)
		for _, s := range servers {
			fmt.Fprintf(b, " %s |", s.outcome(i))
		}
		b.WriteString("\n")
	}
}

// outcome is the cell of the check with this index, over all runs.
func (s *checkedServer) outcome(check int) string {
	failed := 0
	for _, r := range s.reports {
		if r.Results[check].Outcome == probe.Failed {
			failed++
		}
	}
	if failed == 0 || failed == len(s.reports) {
		return cell(s.reports[0].Results[check].Outcome)
	}
	return fmt.Sprintf("%s in %d of %d runs", fails, failed, len(s.reports))
}

// failures writes what was found of each check that failed in a run, and how to find it by hand.
func (s *checkedServer) failures(b *strings.Builder) {
	name := s.name
	if s.version != "" {
		name += " (" + s.version + ")"
	}
	fmt.Fprintf(b, "\n## %s\n\nSet up: %s.\n", name, s.setup)
	if s.reports[0].Count(probe.Failed) == 0 {
		b.WriteString("Nothing failed.\n")
	}
	for i := range s.reports[0].Results {
		for _, report := range s.reports {
			if r := report.Results[i]; r.Outcome == probe.Failed {
				s.failure(b, r, report)
				break
			}
		}
	}
}

func (s *checkedServer) failure(b *strings.Builder, r probe.Result, report *probe.Report) {
	words := newPlaceholders(s.base, r, report)
	fmt.Fprintf(b, "\n`%s`, %s, %s: %s.\n\n```sh\n", r.Check.ID, r.Check.Level, r.Check.Section, markdown.Replace(words.in(r.Says)))
	writers := 0
	sent := map[string]bool{}
	for _, command := range r.Curl {
		// What only reads need not be sent twice.
		if sent[command] && !r.Check.Writes {
			continue
		}
		sent[command] = true
		if strings.HasPrefix(r.Check.ID, "race-") && strings.Contains(command, "| tr ") {
			if writers++; writers > 1 {
				continue
			}
			command += " # and at the same time the other writers, each with other content"
		}
		fmt.Fprintln(b, words.in(command))
	}
	b.WriteString("```\n")
}

// markdown escapes what would be taken for markup.
var markdown = strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`)

// placeholders stand for what is another one each time: addresses, entity tags and dates.
type placeholders struct {
	text     *strings.Replacer
	modified []time.Time
}

// newPlaceholders looks for them in a result. Tags have numbers, in the order in which they come up.
func newPlaceholders(base string, r probe.Result, report *probe.Report) *placeholders {
	p := &placeholders{}
	pairs := []string{base + "/page.txt", "$URL", base + "/scratch.txt", "$SCRATCH", base + "/scratch/", "$COLLECTION/"}
	numbers := map[string]int{}
	text := strings.Join(append(slices.Clone(r.Curl), r.Says), "\n")
	for _, opaque := range opaqueTags(report) {
		if strings.Contains(text, opaque) {
			numbers[opaque] = strings.Index(text, opaque)
		}
	}
	inOrder := slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return numbers[a] - numbers[b] })
	for i, opaque := range inOrder {
		pairs = append(pairs, opaque, fmt.Sprintf("tag-%d", i+1))
	}
	p.text = strings.NewReplacer(pairs...)
	for _, other := range report.Results {
		if other.Check.Writes != r.Check.Writes {
			continue
		}
		for _, x := range other.Exchanges {
			for _, line := range x.Response.Header.Values("Last-Modified") {
				if date, err := http.ParseTime(line); err == nil {
					p.modified = append(p.modified, date)
				}
			}
		}
	}
	return p
}

// opaqueTags returns the opaque parts of the tags of all answers, without marks of content codings.
func opaqueTags(report *probe.Report) []string {
	all := map[string]bool{}
	for _, r := range report.Results {
		for _, x := range r.Exchanges {
			for _, line := range x.Response.Header.Values("ETag") {
				if tag, err := etag.Parse(line); err == nil {
					plain, _, _ := tag.SplitCoding()
					all[plain.Opaque()] = true
				}
			}
		}
	}
	return slices.Collect(maps.Keys(all))
}

var (
	dates = regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`)
	// What differs from run to run: the query that keeps caches clean, and the number in the first
	// content.
	spared = regexp.MustCompile(`'\$URL\?fourtwelve-check=[a-z0-9-]+'`)
	number = regexp.MustCompile(`to begin with, number [a-z0-9]+`)
	zoned  = regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d \w{3} \d{4} \d\d:\d\d:\d\d) ([+-]\d{4})`)
)

// in returns the text with placeholders.
func (p *placeholders) in(text string) string {
	text = spared.ReplaceAllString(p.text.Replace(text), `"$$URL?$$RANDOM"`)
	text = number.ReplaceAllString(text, "to begin with")
	text = dates.ReplaceAllStringFunc(text, p.date)
	return zoned.ReplaceAllString(text, "{modified} with $3 for GMT")
}

// date returns how far a date is from the Last-Modified closest to it.
func (p *placeholders) date(date string) string {
	at, err := http.ParseTime(date)
	if err != nil || len(p.modified) == 0 {
		return date
	}
	distance := func(m time.Time) time.Duration { return at.Sub(m).Abs() }
	closest := slices.MinFunc(p.modified, func(a, b time.Time) int { return int(distance(a) - distance(b)) })
	switch d := at.Sub(closest); {
	case d == 0:
		return "{modified}"
	case d.Abs() > 48*time.Hour:
		return date
	default:
		return fmt.Sprintf("{modified%+d s}", int(d.Seconds()))
	}
}
