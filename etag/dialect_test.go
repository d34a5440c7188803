package etag_test

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

var update = flag.Bool("update", false, "write the tables in testdata and docs again from what the code says")

// readFacts reads facts as the testdata has them: "Last-Modified: …; size: …".
func readFacts(t *testing.T, text string) etag.Facts {
	t.Helper()
	var f etag.Facts
	for pair := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), ": ")
		var err error
		switch name {
		case "":
		case "Last-Modified":
			f.LastModified, err = http.ParseTime(value)
		case "Date":
			f.Date, err = http.ParseTime(value)
		case "size":
			f.Size, err = strconv.ParseInt(value, 10, 64)
		case "content":
			f.Content = []byte(value)
		case "zeros":
			var n int
			n, err = strconv.Atoi(value)
			f.Content, f.Size = make([]byte, n), int64(n)
		case "coding":
			f.Coding = value
		case "Server":
			f.Server = value
		default:
			err = fmt.Errorf("no such fact")
		}
		if err != nil {
			t.Fatalf("testdata: fact %q: %v", pair, err)
		}
	}
	return f
}

// showReading writes a reading as the testdata has it.
func showReading(r etag.Reading) string {
	words := []string{r.Dialect.ID, r.Fit.String()}
	if !r.Time.IsZero() {
		at := r.Time.Format("2006-01-02 15:04:05.999999999")
		if r.Resolution > time.Second {
			at = "about " + at
		}
		words = append(words, at)
	}
	if r.Size >= 0 {
		words = append(words, fmt.Sprintf("%d bytes", r.Size))
	}
	if r.Revision >= 0 {
		words = append(words, fmt.Sprintf("revision %d", r.Revision))
	}
	if r.Digest != nil {
		words = append(words, fmt.Sprintf("%s %x", r.Algorithm, r.Digest))
	}
	for _, name := range slices.Sorted(mapKeys(r.Parts)) {
		words = append(words, name+" "+r.Parts[name])
	}
	if r.Coding != "" {
		words = append(words, "in "+r.Coding)
	}
	return strings.Join(words, ", ")
}

func mapKeys(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// readTable returns the rows of a testdata file of tab columns, or writes it again with what compute
// says the last ones are, if -update is set. What is there but for rows stays.
func checkTable(t *testing.T, name string, inputs int, compute func(row []string) []string) {
	t.Helper()
	var file strings.Builder
	for _, line := range lines(t, name) {
		if line == "" || line[0] == '#' {
			file.WriteString(line + "\n")
			continue
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		row := make([]string, inputs)
		for i := range row {
			if i < len(cells) && cells[i] != "-" {
				row[i] = cells[i]
			}
		}
		outputs := compute(row)
		if got := cells[min(inputs, len(cells)):]; !slices.Equal(got, outputs) && !*update {
			t.Errorf("%s\n got %s\nwant %s", strings.Join(cells[:inputs], " | "), strings.Join(outputs, " | "), strings.Join(got, " | "))
		}
		file.WriteString(strings.TrimRight(strings.Join(append(cells[:inputs:inputs], outputs...), " | "), " ") + "\n")
	}
	if *update {
		text := strings.TrimRight(file.String(), "\n") + "\n"
		if err := os.WriteFile("testdata/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecognise(t *testing.T) {
	seen := map[string]bool{}
	checkTable(t, "dialects.txt", 2, func(row []string) []string {
		readings := etag.Recognise(row[0], readFacts(t, row[1]))
		if len(readings) == 0 {
			return []string{"nothing", "-"}
		}
		var others []string
		for i, r := range readings {
			seen[r.Dialect.ID] = true
			if i > 0 {
				others = append(others, r.Dialect.ID)
			}
		}
		return []string{showReading(readings[0]), cmp.Or(strings.Join(others, ", "), "-")}
	})
	for _, d := range etag.Dialects() {
		if !seen[d.ID] {
			t.Errorf("no tag in testdata/dialects.txt is of dialect %s", d.ID)
		}
	}
}

// showRelation writes a relation as the testdata has it.
func showRelation(r etag.Relation) string {
	words := []string{r.Kind.String()}
	for _, d := range r.Differences {
		words = append(words, d.String())
	}
	if r.Sent.Dialect != nil && r.Current.Dialect != nil {
		who := r.Sent.Dialect.ID
		if r.Current.Dialect != r.Sent.Dialect {
			who += " and " + r.Current.Dialect.ID
		}
		words = append(words, who)
	}
	if r.Elapsed != 0 {
		words = append(words, r.Elapsed.String())
	}
	if r.Revisions != 0 {
		words = append(words, fmt.Sprintf("%+d revisions", r.Revisions))
	}
	for _, h := range r.Hints {
		words = append(words, h.String())
	}
	return strings.Join(words, ", ")
}

func TestRelate(t *testing.T) {
	checkTable(t, "relations.txt", 4, func(row []string) []string {
		r := etag.Relate(row[0], row[2], readFacts(t, row[1]), readFacts(t, row[3]))
		return []string{showRelation(r), r.String()}
	})
}

// TestSays shows what people are told of a tag, one paragraph for each.
func TestSays(t *testing.T) {
	checkParagraphs(t, "says.txt", func(tag string, facts etag.Facts) []string {
		readings := etag.Recognise(tag, facts)
		if len(readings) == 0 {
			return []string{"nothing"}
		}
		return append([]string{readings[0].String()}, readings[0].Says()...)
	})
}

// checkParagraphs checks a testdata file of paragraphs, each a line "tag | facts" and what says returns
// for it; or writes it again if -update is set.
func checkParagraphs(t *testing.T, name string, says func(tag string, facts etag.Facts) []string) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(data), "\n\n")
	paragraphs := []string{head}
	for paragraph := range strings.SplitSeq(strings.TrimSpace(rest), "\n\n") {
		title, want, _ := strings.Cut(paragraph, "\n")
		tag, facts, _ := strings.Cut(title, "|")
		got := strings.Join(says(strings.TrimSpace(tag), readFacts(t, facts)), "\n")
		if got != want && !*update {
			t.Errorf("%s\n got:\n%s\nwant:\n%s", title, got, want)
		}
		paragraphs = append(paragraphs, title+"\n"+got)
	}
	if *update {
		if err := os.WriteFile("testdata/"+name, []byte(strings.Join(paragraphs, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
