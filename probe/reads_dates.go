package probe

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// skew is how far the clocks of client and server may differ before it is said.
const skew = time.Minute

var dateChecks = []*Check{{
	ID: "last-modified-form", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §5.6.7",
	Title: "Last-Modified and Date are written as dates in HTTP are",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: "As in Sun, 06 Nov 1994 08:49:37 GMT, in one field line each.",
	Means: "Recipients ignore a date that they cannot read: nothing is validated by it, and an edit that is to be guarded by it is not.",
	Fix: []string{
		"Write the time in GMT, in English, with two digits for the day and four for the year.",
		"If there are two field lines, find the two layers that add one, the application and the web server most often, and let one of them do it.",
	},
	Rules: []string{"http-date-not-gmt"},
	ask: func(t *trial) verdict {
		seen := false
		for _, field := range []string{"Last-Modified", "Date"} {
			if !t.base.has(field) {
				continue
			}
			seen = true
			if n := len(t.base.header.Values(field)); n > 1 {
				return wrong("%d %s fields: %s", n, field, t.base.field(field)).butNot("http-date-not-gmt")
			}
			if value := t.base.field(field); t.base.time(field).UTC().Format(http.TimeFormat) != value {
				return wrong("%s: %s", field, value).because("http-date-not-gmt")
			}
		}
		if !seen {
			return inapplicable("the answer has no dates")
		}
		return right("Last-Modified: %s; Date: %s", orNone(t.base.field("Last-Modified")), orNone(t.base.field("Date")))
	},
}, {
	ID: "last-modified-not-future", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §8.8.2.1",
	Title: "Last-Modified is not later than the answer itself",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: "Last-Modified earlier than Date, or equal to it.",
	Means: "Until that time has come servers and caches do not take the date for one, and after it a change made before it is not seen.",
	Fix: []string{
		"Set the clocks of the server and of the machine that publishes by NTP.",
		"Look for a deployment that writes local time as if it were GMT.",
	},
	Rules: []string{"last-modified-in-future", "clock-skew"},
	ask: given([]need{hasDate}, func(t *trial) verdict {
		date := t.base.time("Date")
		if date.IsZero() {
			return inapplicable("the answer has no Date")
		}
		if late := t.base.time("Last-Modified").Sub(date); late > 0 {
			return wrong("Last-Modified is %v after Date", late).because("last-modified-in-future")
		}
		return right("Last-Modified: %s, Date: %s", t.base.field("Last-Modified"), t.base.field("Date"))
	}),
}, {
	ID: "last-modified-stable", Group: Caching, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.2.1",
	Title: "The same content has the same Last-Modified each time",
	Sends: fmt.Sprintf("GET, %d times.", looks),
	Right: "The same Last-Modified whenever the content is the same.",
	Means: "No date that a client holds is ever the current one: everything is sent again on each visit.",
	Fix: []string{
		"Send the time of the last change, not the time of the answer.",
		"Behind a load balancer, give all servers copies with the same time of modification.",
	},
	Rules: []string{"farm-mtime-skew", "redeploy-changes-etag"},
	ask: func(t *trial) verdict {
		return t.stands("Last-Modified", "the resource has no modification date", "")
	},
}, {
	ID: "date-sent", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §6.6.1",
	Title: "Answers have a Date",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: "A Date field, from a server that has a clock.",
	Means: "Without Date a cache must guess how old an answer is, and a client cannot tell whether Last-Modified is exact enough to resume a download by.",
	Fix:   []string{"Let the server send Date, and let nothing in front remove it."},
	ask: func(t *trial) verdict {
		switch {
		case t.base.has("Date"):
			return right("Date: %s", t.base.field("Date"))
		case !t.base.has("Last-Modified") && !t.base.has("Expires"):
			return inapplicable("the server sends no dates at all: it may have no clock")
		}
		return wrong("no Date, although there is another date")
	},
}, {
	ID: "clock", Group: Caching, Level: Advice, Since: "0.1", Section: "RFC 9110 §6.6.1",
	Title: "The server's clock agrees with this one",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: fmt.Sprintf("A Date within %v of the time here, apart from Age.", skew),
	Means: "Dates that one machine wrote and another one compares are wrong by as much: content is kept too long or not at all, and edits guarded by If-Unmodified-Since are let through or refused.",
	Fix:   []string{"Set the clocks of the server and of the machine that asks by NTP: one of them is wrong."},
	Rules: []string{"clock-skew"},
	ask: func(t *trial) verdict {
		date := t.base.time("Date")
		if date.IsZero() {
			return inapplicable("the answer has no Date")
		}
		if age, err := strconv.ParseInt(t.base.field("Age"), 10, 32); err == nil {
			date = date.Add(time.Duration(age) * time.Second)
		}
		asked, answered := t.base.x.Started, t.base.x.Started.Add(t.base.x.Duration)
		switch {
		case asked.Sub(date) > skew:
			return wrong("Date is %v behind the time here", asked.Sub(date).Round(time.Second)).because("clock-skew")
		case date.Sub(answered) > skew:
			return wrong("Date is %v ahead of the time here", date.Sub(answered).Round(time.Second)).because("clock-skew")
		}
		return right("Date: %s", t.base.field("Date"))
	},
}}

var headChecks = []*Check{{
	ID: "head-status", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §9.1",
	Title: "HEAD is answered like GET",
	Sends: "HEAD.",
	Right: "200, as for GET.",
	Means: "Editors, link checkers and download managers ask with HEAD for the current tag and length; they take the resource for lost or cannot work with it.",
	Fix:   []string{"Handle HEAD as GET without the content; most frameworks can do that by themselves."},
	Rules: []string{"head-get-mismatch"},
	rests: byContent,
	ask: func(t *trial) verdict {
		if a := t.headOnce(); a.status != http.StatusOK {
			return wrong("HEAD is answered with %d, GET with 200", a.status)
		}
		return right("200")
	},
}, {
	ID: "head-same-fields", Group: Saving, Level: Should, Since: "0.1", Section: "RFC 9110 §9.3.2",
	Title: "HEAD has the validators that GET has",
	Sends: "HEAD.",
	Right: "ETag and Last-Modified as GET has them. One may be missing if it is only known once content is made; see head-has-tag.",
	Means: "A client that asks with HEAD for the current version gets the tag of something else: its edit is refused, or a download that could be resumed starts anew.",
	Fix: []string{
		"Let one piece of code set the fields for both methods.",
		"If something in front answers HEAD by itself, let it ask the origin with GET.",
	},
	Rules: []string{"head-get-mismatch", "front-and-backend-mint-different-etags"},
	rests: byValidators,
	ask: given([]need{headWorks}, func(t *trial) verdict {
		a, sent := t.headOnce(), 0
		for _, field := range []string{"ETag", "Last-Modified"} {
			if !a.has(field) {
				continue
			}
			sent++
			if got, want := a.field(field), t.base.field(field); got != want {
				return wrong("HEAD has %s %s, GET %s", field, got, orNone(want)).because("head-get-mismatch")
			}
		}
		if sent == 0 {
			return inapplicable("HEAD has no validators")
		}
		return right("%v", a)
	}),
}, {
	ID: "head-has-tag", Group: Saving, Level: Advice, Since: "0.1", Section: "RFC 9110 §9.3.2",
	Title: "HEAD lacks no validator that GET has",
	Sends: "HEAD.",
	Right: "ETag and Last-Modified if GET has them.",
	Means: "A client that asks with HEAD learns no version, and must download everything to get one; some write unguarded instead.",
	Fix:   []string{"Make the validators of what is stored, not of the content as it goes out, so that HEAD can have them at no cost."},
	Rules: []string{"head-get-mismatch"},
	rests: byValidators,
	ask: given([]need{headWorks}, func(t *trial) verdict {
		a := t.headOnce()
		for _, field := range []string{"ETag", "Last-Modified"} {
			if t.base.has(field) && !a.has(field) {
				return wrong("GET has %s %s, HEAD has none", field, t.base.field(field)).because("head-get-mismatch")
			}
		}
		if !t.base.has("ETag") && !t.base.has("Last-Modified") {
			return inapplicable("the resource has no validators")
		}
		return right("%v", a)
	}),
}, {
	ID: "head-length", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §8.6",
	Title: "The Content-Length of HEAD is that of GET",
	Sends: "HEAD.",
	Right: "The length of the content that GET sends, or no Content-Length.",
	Means: "A download manager plans its parts by that length: it stops too early or takes a whole file for a broken one.",
	Fix:   []string{"Do not let the framework count the bytes of the content that HEAD does not send; send the length of GET's or none."},
	Rules: []string{"head-get-mismatch"},
	rests: byAll,
	ask: given([]need{headWorks}, func(t *trial) verdict {
		a, want := t.headOnce(), t.base.size()
		switch {
		case !a.has("Content-Length"):
			return inapplicable("HEAD has no Content-Length")
		case want < 0:
			return inapplicable("how long the content is is not known: it is longer than was read")
		case a.field("Content-Length") != strconv.FormatInt(want, 10):
			return wrong("HEAD has Content-Length %s, and GET sends %d bytes", a.field("Content-Length"), want)
		}
		return right("Content-Length: %s", a.field("Content-Length"))
	}),
}}

func headWorks(t *trial) string {
	if a := t.headOnce(); a.status != http.StatusOK {
		return "HEAD is not answered like GET: see head-status"
	}
	return ""
}
