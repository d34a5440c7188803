package accesslog

import (
	"fmt"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

// The formats that Apache's documentation and distributions name, with the escapes of
// the configuration file removed.
const (
	apacheCommon        = `%h %l %u %t "%r" %>s %b`
	apacheCombined      = apacheCommon + ` "%{Referer}i" "%{User-Agent}i"`
	apacheVhostCombined = `%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"` // as Debian has it
	// apacheCombinedMore is the beginning of many formats that people make.
	apacheCombinedMore = apacheCombined + `%{more}n`
)

// apacheDirectives are those of which entries know the meaning, without argument. With
// one, see apacheColumn.
var apacheDirectives = map[byte]column{
	'a': {field: Client, rank: 1}, // with mod_remoteip the client, not the proxy
	'h': {field: Client},
	'A': {field: Node},
	'b': {field: ContentSent},
	'B': {field: ContentSent},
	'D': {field: Duration, unit: time.Microsecond, rank: 2},
	'H': {field: Protocol},
	'I': {field: BytesReceived},
	'L': {field: RequestID, rank: -1},
	'm': {field: Method},
	'O': {field: BytesSent},
	'q': {field: Query, unescape: queryMark},
	'r': {},
	's': {field: Status},
	'T': {field: Duration, unit: time.Second},
	'u': {field: User},
	'U': {field: Path},
	'v': {field: Host, rank: -2},
	'V': {field: Host, rank: -1},
	'X': {field: Reason},
}

// apacheVariables are environment variables and notes with a meaning.
var apacheVariables = map[string]Field{
	"BALANCER_WORKER_NAME":  Upstream,
	"BALANCER_WORKER_ROUTE": Upstream,
	"UNIQUE_ID":             RequestID,
	"cache-status":          Cache,
	"REQUEST_SCHEME":        Scheme,
}

// An apacheItem is a part of a LogFormat: literal text, or a directive.
type apacheItem struct {
	literal string
	letter  byte // 0 for literal text
	arg     string
	final   bool // %>s
}

// String is how the item is written.
func (d apacheItem) String() string {
	switch {
	case d.letter == 0:
		return d.literal
	case d.arg != "":
		return "%{" + d.arg + "}" + string(d.letter)
	}
	return "%" + string(d.letter)
}

// parseApache makes a layout from a LogFormat: the whole directive as in the
// configuration, LogFormat or CustomLog, or its text alone, with or without the
// backslashes of the configuration file.
func parseApache(text string, in *time.Location) (*layout, error) {
	text, err := apacheDirective(text)
	if err != nil {
		return nil, err
	}
	items, err := apacheItems(text)
	if err != nil {
		return nil, err
	}
	b := apacheBuilder{templateBuilder: newTemplateBuilder(), in: in}
	for _, item := range mergeApache(items) {
		if err := b.add(item); err != nil {
			return nil, err
		}
	}
	l, err := b.layout()
	if err != nil {
		return nil, err
	}
	l.named = true
	if b.clock != nil {
		l.when, l.clock = []int8{b.when}, b.clock
	}
	return l, requireStatus(l.index())
}

type apacheBuilder struct {
	*templateBuilder
	in    *time.Location
	when  int8
	clock clock
}

func (b *apacheBuilder) add(item apacheItem) error {
	switch {
	case item.letter == 0:
		b.literal(item.literal)
		return nil
	case item.letter == 't':
		return b.addTime(item)
	case item.letter == 'r':
		b.request = len(b.columns)
		return b.value(apacheColumn(item), slot{how: spaced, n: 2}, true)
	}
	c, s := apacheColumn(item), slot{}
	if c.field == ForwardedFor {
		s.how = list
	}
	return b.value(c, s, true)
}

func (b *apacheBuilder) addTime(item apacheItem) (err error) {
	c, s := column{name: item.String()}, slot{}
	format := strings.TrimPrefix(strings.TrimPrefix(item.arg, "begin:"), "end:")
	i, read := len(b.columns), clock(nil)
	switch format {
	case "":
		b.literal("[")
		s, read = slot{how: fixed, n: 26}, commonTime
		defer b.literal("]")
	case "sec":
		read = unixSeconds
	case "msec":
		read = unixMillis
	case "usec":
		read = unixMicros
	default:
		s.how, s.n = spaced, strings.Count(format, " ")
		if read, err = parseStrftime(format, b.in); err != nil {
			return err
		}
	}
	if b.clock == nil {
		b.when, b.clock = int8(i), read
	}
	return b.value(c, s, true)
}

// apacheColumn is the column for a directive.
func apacheColumn(item apacheItem) column {
	c := column{}
	switch {
	case item.letter == 'i':
		c = headerColumn(item.arg, request)
	case item.letter == 'o':
		c = headerColumn(item.arg, response)
	case item.letter == 'e' || item.letter == 'n':
		c = column{field: apacheVariables[item.arg], secret: secret.Field(item.arg)}
		if isFirewallName(item.arg) {
			c.field = WAF
		}
	case item.letter == 'x' && (item.arg == "Varnish:hitmiss" || item.arg == "Varnish:handling"):
		c = column{field: Cache, rank: map[string]int8{"Varnish:handling": 1}[item.arg]}
	case item.letter == 'C':
		c.secret = true
	case item.letter == 'T' && item.arg == "ms":
		c = column{field: Duration, unit: time.Millisecond, rank: 1}
	case item.letter == 'T' && item.arg == "us":
		c = column{field: Duration, unit: time.Microsecond, rank: 2}
	case item.letter == 'a' && item.arg == "c":
		// the proxy, where mod_remoteip knows the client
	case item.letter == targetPair:
		c.field = Target
	case item.letter == 'p' || item.letter == 'P' || item.arg != "" && item.letter != 'T':
	default:
		c = apacheDirectives[item.letter]
	}
	if item.final {
		c.rank = 1
	}
	if c.unescape == asIs {
		c.unescape = backslash
	}
	c.name = item.String()
	return c
}

// targetPair is the letter of an item that stands for %U%q.
const targetPair = '?'

// mergeApache makes one item of %U%q, and one of a time that is written in several
// parts, as in %{%FT%T}t.%{msec_frac}t%{%z}t.
func mergeApache(items []apacheItem) (merged []apacheItem) {
	for i := 0; i < len(items); i++ {
		item := items[i]
		switch {
		case item.letter == 'U' && i+1 < len(items) && items[i+1].letter == 'q':
			item, i = apacheItem{letter: targetPair}, i+1
		case item.letter == 't' && strings.Contains(item.arg, "%"):
			for parts := timeParts(items[i:]); parts > 1; parts = timeParts(items[i:]) {
				item.arg += joinTimeParts(items[i+1 : i+parts])
				i += parts - 1
			}
		}
		merged = append(merged, item)
	}
	return merged
}

// timeParts is how many items, from the first, make up one time: 1, or 2 if another
// part follows directly, or 3 if there is a mark between.
func timeParts(items []apacheItem) int {
	isPart := func(i int) bool {
		return i < len(items) && items[i].letter == 't' && (strings.Contains(items[i].arg, "%") || strings.HasSuffix(items[i].arg, "_frac"))
	}
	switch {
	case isPart(1):
		return 2
	case isPart(2) && items[1].letter == 0 && len(items[1].literal) == 1 && !strings.Contains(`"[] `, items[1].literal):
		return 3
	}
	return 1
}

func joinTimeParts(items []apacheItem) (format string) {
	for _, item := range items {
		switch {
		case item.letter == 0:
			format += strings.ReplaceAll(item.literal, "%", "%%")
		case strings.HasSuffix(item.arg, "msec_frac"):
			format += "%3"
		case strings.HasSuffix(item.arg, "usec_frac"):
			format += "%6"
		default:
			format += strings.TrimPrefix(strings.TrimPrefix(item.arg, "begin:"), "end:")
		}
	}
	return format
}

// apacheItems cuts the text of a LogFormat into its items.
func apacheItems(text string) (items []apacheItem, err error) {
	for text != "" {
		if i := strings.IndexByte(text, '%'); i != 0 {
			if i < 0 {
				i = len(text)
			}
			items, text = append(items, apacheItem{literal: text[:i]}), text[i:]
			continue
		}
		var item apacheItem
		if item, text, err = apacheItemOf(text); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// apacheItemOf reads the directive at the start of text, as in %!200,304{Referer}i, and
// returns what follows it.
func apacheItemOf(text string) (item apacheItem, rest string, err error) {
	rest = strings.TrimLeft(text[1:], "!0123456789,<>")
	item.final = strings.Contains(text[:len(text)-len(rest)], ">")
	if strings.HasPrefix(rest, "{") {
		var closed bool
		if item.arg, rest, closed = strings.Cut(rest[1:], "}"); !closed {
			return item, "", fmt.Errorf("%q has no }", text)
		}
		rest = strings.TrimLeft(rest, "<>")
	}
	if trailer, ok := strings.CutPrefix(rest, "^t"); ok && trailer != "" {
		return apacheItem{letter: 'n'}, trailer[1:], nil // %{NAME}^ti: a trailer field
	}
	if rest == "" {
		return item, "", fmt.Errorf("%q is no complete directive", text)
	}
	if item.letter = rest[0]; item.letter == '%' {
		item = apacheItem{literal: "%"}
	}
	return item, rest[1:], nil
}

// apacheDirective returns the text of a LogFormat or CustomLog directive.
func apacheDirective(text string) (string, error) {
	text = strings.TrimSpace(text)
	name, rest, _ := cutSpace(text)
	switch strings.ToLower(name) {
	case "logformat", "customlog", "globallog":
		for rest != "" {
			i := strings.IndexByte(rest, '"')
			if i < 0 {
				break
			}
			end := closingQuote([]byte(rest), i+1)
			if end < 0 {
				return "", fmt.Errorf("the string %q has no end", rest[i:])
			}
			if quotedText := rest[i+1 : end]; strings.Contains(quotedText, "%") {
				return string(appendBackslash(nil, []byte(quotedText))), nil
			}
			rest = rest[end+1:]
		}
		return "", fmt.Errorf("no quoted format in %q", text)
	}
	if strings.Contains(text, `\"`) {
		text = string(appendBackslash(nil, []byte(text)))
	}
	return text, nil
}
