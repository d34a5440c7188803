package accesslog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// This file finds out what the columns of a log are that has bars or tabs between its values, as
// people make a log_format of their own, and no names. Each is identified by what it holds; without
// a request line, a status and a time or a client nothing is.

// separators are what may stand between the values, the longest first.
var separators = []string{" | ", "|", "\t", " ; ", ";"}

// separatedKinds are what a column is by its values, which all have to fit. Those that come only
// once are told by the first column that fits.
var separatedKinds = []struct {
	variable string
	pattern  *lazyregexp.Regexp
}{
	{"time_local", lazyregexp.New(`^\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$`)},
	{"time_iso8601", lazyregexp.New(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?$`)},
	{"msec", lazyregexp.New(`^1\d{9}\.\d{3}$`)},
	{"request", lazyregexp.New(`^[A-Z]{3,20} \S.* HTTP/\d(?:\.\d)?$`)},
	{"request_method", lazyregexp.New(`^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|PROPFIND|MKCOL|COPY|MOVE|LOCK|UNLOCK|REPORT)$`)},
	{"request_uri", lazyregexp.New(`^/\S*$`)},
	{"server_protocol", lazyregexp.New(`^HTTP/\d(?:\.\d)?$`)},
	{"status", lazyregexp.New(`^[1-5]\d\d$`)},
	{"remote_addr", lazyregexp.New(`^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:]+:[0-9a-fA-F.]*)$`)},
}

// identifySeparated returns the format of lines whose values have a separator between them; ok is
// false if they are no such lines.
func identifySeparated(lines [][]byte) (c candidate, ok bool) {
	for _, separator := range separators {
		columns := separatedColumns(lines, separator)
		if columns == nil {
			continue
		}
		if format, named := nameSeparated(columns, separator); named {
			return candidate{
				format: Format{name: "nginx", arg: format}, guessed: true,
				note: "its columns have no names and are taken for what they hold, as --format 'nginx:" + visible(format) +
					"'; give that with what they are, and what is said of them is certain",
			}, true
		}
	}
	return candidate{}, false
}

// visible writes tabs as people can read and a shell can be given them.
func visible(format string) string { return strings.ReplaceAll(format, "\t", `\t`) }

// separatedColumns cuts lines into columns; nil if most do not have the same number.
func separatedColumns(lines [][]byte, separator string) []aColumn {
	width, count := 0, map[int]int{}
	for _, line := range lines {
		n := bytes.Count(line, []byte(separator)) + 1
		if count[n]++; count[n] > count[width] {
			width = n
		}
	}
	if width < 4 || width > maxColumns/2 || count[width]*10 < len(lines)*9 {
		return nil
	}
	columns := make([]aColumn, width)
	for _, line := range lines {
		values := bytes.Split(line, []byte(separator))
		if len(values) != width {
			continue
		}
		for i, v := range values {
			text := string(appendBackslash(nil, v))
			if text == "-" {
				text = ""
			}
			columns[i].values = append(columns[i].values, text)
		}
	}
	return columns
}

// marksAround are what a column may have around each of its values.
var marksAround = [][2]string{{"", ""}, {"[", "]"}, {`"`, `"`}}

// allWithin reports whether all values of a column that are there fit pattern, and there are any, with what around them.
func (c *aColumn) allWithin(pattern *lazyregexp.Regexp) (marks [2]string, ok bool) {
	for _, marks := range marksAround {
		fits := 0
		for _, v := range c.values {
			if v == "" {
				continue
			}
			inner, before := strings.CutPrefix(v, marks[0])
			inner, after := strings.CutSuffix(inner, marks[1])
			if !before || !after || !pattern.MatchString(inner) {
				fits = -1
				break
			}
			fits++
		}
		if fits > 0 {
			return marks, true
		}
	}
	return marks, false
}

// nameSeparated makes a log_format of columns; ok is false if it lacks what a log has.
func nameSeparated(columns []aColumn, separator string) (format string, ok bool) {
	has, parts := map[string]int{}, make([]string, len(columns))
	for i := range columns {
		for _, k := range separatedKinds {
			marks, fits := columns[i].allWithin(k.pattern)
			if _, taken := has[k.variable]; fits && !taken {
				has[k.variable], parts[i] = i, marks[0]+"$"+k.variable+marks[1]
				break
			}
		}
	}
	isIn := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { _, ok := has[name]; return !ok })
	}
	isTimed := isIn("time_local") || isIn("time_iso8601") || isIn("msec")
	if !isIn("status") || !isIn("request") && !isIn("request_method", "request_uri") || !isTimed && !isIn("remote_addr") {
		return "", false
	}
	var rest []aColumn
	var at []int
	for i, c := range columns {
		if parts[i] == "" {
			c.field = c.kind()
			rest, at = append(rest, c), append(at, i)
		}
	}
	heads := headsOf(columns, has)
	nameTags(rest, heads)
	nameDates(rest, heads)
	for i := range rest {
		parts[at[i]] = "$" + rest[i].variable(at[i])
	}
	return strings.Join(parts, separator), true
}

// headsOf is what the columns that are known say of each line.
func headsOf(columns []aColumn, has map[string]int) []lineHead {
	i, whole := has["request"]
	if !whole {
		i = has["request_method"]
	}
	heads := make([]lineHead, len(columns[i].values))
	for n, v := range columns[i].values {
		method, _, _ := strings.Cut(strings.Trim(v, `"[]`), " ")
		status, _ := parseDigits([]byte(strings.Trim(columns[has["status"]].values[n], `"[]`)))
		heads[n] = lineHead{method == "GET" || method == "HEAD", int(status)}
	}
	return heads
}

// variable is the name of a column of nginx's log_format for the name that it has in Apache's LogFormat; that of an unknown one if
// nothing else is known than its index.
func (c *aColumn) variable(i int) string {
	name, isRequest := strings.CutSuffix(strings.TrimPrefix(c.field, "%{"), "}i")
	sent, isResponse := strings.CutSuffix(strings.TrimPrefix(c.field, "%{"), "}o")
	under := strings.NewReplacer("-", "_")
	switch {
	case c.field == "%{X-Forwarded-For}i" && !slices.ContainsFunc(c.values, func(v string) bool { return strings.Contains(v, ",") }):
		// it may be the address of a server
	case isRequest:
		return "http_" + under.Replace(strings.ToLower(name))
	case isResponse:
		return "sent_http_" + under.Replace(strings.ToLower(sent))
	case c.field == "%{cache-status}e":
		return "upstream_cache_status"
	}
	return fmt.Sprintf("column_%d", i+1)
}
