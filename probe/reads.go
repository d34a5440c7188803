package probe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// nonsense is an entity tag that no resource has.
const nonsense = `"fourtwelve-no-such-tag"`

// epoch is a date that every resource is newer than.
const epoch = "Thu, 01 Jan 1970 00:00:00 GMT"

// guardFix is what helps if the server itself cannot be mended.
const guardFix = "If the server cannot do that, put one in front that does, such as fourtwelve guard"

// readChecks are the checks that write nothing, side by side with those about the same field.
func readChecks() []*Check {
	return slices.Concat(
		tagChecks, dateChecks, freshnessChecks, headChecks,
		inmChecks, imsChecks, matchChecks, iusChecks, precedenceChecks,
		rangeChecks, ifRangeChecks, codingChecks,
		fieldChecks, elsewhereChecks, corsChecks,
	)
}

// A need is what a check presumes. It returns what is lacking, in a sentence without a period, or "".
type need func(*trial) string

// given asks only if all needs are met, in order; else the check does not apply.
func given(needs []need, ask func(*trial) verdict) func(*trial) verdict {
	return func(t *trial) verdict {
		if s := lacking(t, needs); s != "" {
			return unmet(s)
		}
		return ask(t)
	}
}

// lacking returns what the first of the needs that is not met lacks.
func lacking(t *trial, needs []need) string {
	for _, n := range needs {
		if s := n(t); s != "" {
			return s
		}
	}
	return ""
}

// A wish is a GET and the status it ought to get.
type wish struct {
	want   int
	fields []string
	// or is another right status, if not 0.
	or int
	// causes are the rules of package diagnose, by the status that came instead.
	causes map[int]string
}

// wants is the request with these fields and the status that is right.
func wants(status int, fields ...string) wish { return wish{want: status, fields: fields} }

// unless names the rule that is the cause if the answer has the status got.
func (w wish) unless(got int, cause string) wish {
	w.causes = maps.Clone(w.causes)
	if w.causes == nil {
		w.causes = map[int]string{}
	}
	w.causes[got] = cause
	return w
}

// orElse makes another status right, too.
func (w wish) orElse(status int) wish {
	w.or = status
	return w
}

// String returns the fields as in `If-Match: "a", Range: bytes=0-1`.
func (w wish) String() string {
	var b strings.Builder
	for i := 0; i+1 < len(w.fields); i += 2 {
		if i > 0 {
			b.WriteString(" with ")
		}
		fmt.Fprintf(&b, "%s: %s", w.fields[i], w.fields[i+1])
	}
	return b.String()
}

// statuses asks for the wishes of the resource and judges by status codes alone.
func statuses(needs []need, wishes func(*trial) []wish) func(*trial) verdict {
	return given(needs, func(t *trial) verdict {
		var seen []string
		for _, w := range wishes(t) {
			v := t.fulfil(w)
			if v.outcome != Passed {
				return v
			}
			seen = append(seen, v.says)
		}
		return right("%s", strings.Join(seen, "; "))
	})
}

// fulfil asks one of them.
func (t *trial) fulfil(w wish) verdict {
	a := t.once(w.fields...)
	switch {
	case a.status == w.want || w.or != 0 && a.status == w.or:
		return right("%d to %s", a.status, w)
	case w.want == http.StatusPreconditionFailed && a.cached():
		return inapplicable("a cache answered (Age: %s), and a cache may ignore what only the origin server must evaluate", a.field("Age"))
	}
	return wrong("got %v to %s, want %d", a, w, w.want).because(w.causes[a.status])
}

// able is the need that a wish comes true which another check judges.
func able(check string, wishes func(*trial) wish) need {
	return func(t *trial) string {
		w := wishes(t)
		if a := t.once(w.fields...); a.status != w.want {
			return fmt.Sprintf("the server answers %v to %s alone: see %s", a, w, check)
		}
		return ""
	}
}

// What a resource or its server may lack.
var (
	refusesTag  = able("im-nonsense", func(*trial) wish { return wants(412, "If-Match", nonsense) })
	acceptsTag  = able("im-exact", func(t *trial) wish { return wants(200, "If-Match", t.tag()) })
	refusesDate = able("ius-earlier", func(t *trial) wish { return wants(412, "If-Unmodified-Since", t.modified(-1)) })
	acceptsDate = able("ius-equal", func(t *trial) wish { return wants(200, "If-Unmodified-Since", t.modified(0)) })
	knowsTag    = able("inm-exact", func(t *trial) wish { return wants(304, "If-None-Match", t.tag()) })
	knowsDate   = able("ims-equal", func(t *trial) wish { return wants(304, "If-Modified-Since", t.modified(0)) })
)

// What a server lacks that clients need: no copy can be validated, no edit guarded, no download
// resumed without it.
const (
	noTag      = "the resource has no entity tag"
	noTagThere = "what was put there has no entity tag"
	noParts    = "the server sends no parts"
)

func hasTag(t *trial) string {
	switch {
	case !t.base.has("ETag"):
		return noTag
	case t.base.tag().IsZero():
		return "the resource has no well-formed entity tag: see tag-well-formed and tag-single"
	}
	return ""
}

func hasStrongTag(t *trial) string {
	if lacking := hasTag(t); lacking != "" {
		return lacking
	}
	if t.base.tag().IsWeak() {
		return "the entity tag is weak, which no strong comparison matches: see tag-strong"
	}
	return ""
}

// hasDate wants a modification date that a second can be taken from.
func hasDate(t *trial) string {
	switch modified := t.base.time("Last-Modified"); {
	case !t.base.has("Last-Modified"):
		return "the resource has no modification date"
	case modified.IsZero():
		return "Last-Modified is no date: see last-modified-form"
	case modified.Unix() <= 0:
		return "Last-Modified is the first second of all: there is no earlier date to compare it with"
	}
	return ""
}

// hasAge wants a Date later than Last-Modified: one that a client may ask with.
func hasAge(t *trial) string {
	if lacking := hasDate(t); lacking != "" {
		return lacking
	}
	if !t.base.time("Date").After(t.base.time("Last-Modified")) {
		return "the resource was modified in the very second it was asked for"
	}
	return ""
}

// tag returns the entity tag at first.
func (t *trial) tag() string { return t.base.tag().String() }

// modified returns the modification date at first, later by seconds.
func (t *trial) modified(seconds int) string {
	return t.base.time("Last-Modified").Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)
}
