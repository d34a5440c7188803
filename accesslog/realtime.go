package accesslog

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// This file finds out which fields a real-time log of CloudFront has. Its lines have no names, and
// whoever made it chose fields, which stand in the order of realtimeFields.

// realtimeKinds are fields that are known by what they hold, in the order in which they stand.
var realtimeKinds = []struct {
	name    string
	pattern *lazyregexp.Regexp
}{
	{"timestamp", lazyregexp.New(`^\d{10}(\.\d+)?$`)},
	{"c-ip", lazyregexp.New(`^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+)$`)},
	{"sc-status", lazyregexp.New(`^[1-5]\d\d|000$`)},
	{"cs-method", lazyregexp.New(`^[A-Z]{3,9}$`)},
	{"cs-uri-stem", lazyregexp.New(`^/`)},
	{"cs-user-agent", lazyregexp.New(`^[A-Za-z][\w.%-]*/\d`)},
}

// realtimeCandidate is the format of lines with tabs between their values. ok is false if they are
// no log of CloudFront.
func realtimeCandidate(lines [][]byte) (c candidate, ok bool) {
	rows := make([][]string, 0, len(lines))
	n := bytes.Count(lines[0], []byte{'\t'}) + 1
	for _, line := range lines {
		if row := strings.Split(string(line), "\t"); len(row) == n {
			rows = append(rows, row)
		}
	}
	if n < 5 || n > maxColumns || len(rows)*3 < len(lines) {
		return candidate{}, false
	}
	all := strings.Fields(realtimeFields)
	fields := make([]string, n)
	for i := range fields {
		if fields[i] = fmt.Sprintf("field-%d", i+1); i < len(all) && n >= len(all) {
			fields[i] = all[i]
		}
	}
	note := "it is taken for a real-time log of CloudFront with all fields in their order; for others, --format cloudfront: with their names"
	if n < len(all) {
		note = "it is taken for a real-time log of CloudFront, of which the fields were found that are known by what they hold; --format cloudfront: with the names of all reads the others"
		nameRealtime(fields, rows)
	}
	format := Format{name: "cloudfront", arg: strings.Join(fields, " "), server: "CloudFront"}
	if d, err := format.dialect(nil); err != nil || len(d.start.layout.when) == 0 {
		return candidate{}, false
	}
	accepts := func(e *Entry) bool { return isAddress(e.Text(Client)) && looksLikeRequest(e) }
	return candidate{format: format, note: note, accepts: accepts}, true
}

// nameRealtime names the fields that are known by what all rows hold.
func nameRealtime(fields []string, rows [][]string) {
	from := 0
	for _, kind := range realtimeKinds {
		for i := from; i < len(fields); i++ {
			fits := true
			for _, row := range rows {
				fits = fits && kind.pattern.MatchString(row[i])
			}
			if fits {
				fields[i], from = kind.name, i+1
				break
			}
		}
	}
}
