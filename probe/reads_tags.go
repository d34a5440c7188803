package probe

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/etag"
)

// looks is how often a resource is looked at to see whether it stands still.
const looks = 3

// compared is how many bytes of content are compared.
const compared = 1 << 20

var tagChecks = []*Check{{
	ID: "validator-sent", Group: Caching, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.3.1",
	Title: "The resource has an entity tag or a modification date",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: "A 200 with ETag or Last-Modified, unless it has Cache-Control: no-store.",
	Means: "Without a validator nothing can be asked for conditionally: each visit downloads everything again, an interrupted download starts anew, and no editor can tell that somebody else was faster.",
	Fix: []string{
		"Send ETag: a hash of the content, or the version number that the database has.",
		"For files, send Last-Modified as well.",
	},
	Rules: []string{"proxy-strips-etag"},
	ask: func(t *trial) verdict {
		switch {
		case t.base.has("ETag") || t.base.has("Last-Modified"):
			return right("%v", t.base)
		case t.base.directive("no-store"):
			return inapplicable("Cache-Control: no-store: nobody is to keep the answer")
		}
		return wrong("neither ETag nor Last-Modified")
	},
}, {
	ID: "tag-well-formed", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §8.8.3",
	Title: "The entity tag is well formed",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: `ETag: "text" or W/"text": quotes, a capital W, no spaces and no further quotes inside.`,
	Means: "Caches and CDNs drop such a tag or refuse to compare it, and what browsers send back is not what the server expects. So what is known to be unchanged is sent again, and edits are refused.",
	Fix: []string{
		`Put the quotes around the tag where it is made, and keep them wherever it is stored: ETag: "abc".`,
		"If there are quotes twice, one layer adds what another one has already: leave it to one.",
	},
	Rules: []string{"unquoted-etag", "double-quoted-or-escaped-etag", "azure-quotes-optional"},
	ask: func(t *trial) verdict {
		lines := t.base.header.Values("ETag")
		if len(lines) == 0 {
			return unmet(noTag)
		}
		for _, line := range lines {
			if _, err := etag.Parse(line); err != nil {
				return wrong("ETag: %s is no entity tag: %v", line, err).because(tagCause(err))
			}
		}
		return right("ETag: %s", t.base.field("ETag"))
	},
}, {
	ID: "tag-single", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §5.3",
	Title: "There is one ETag field, not several",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: "One ETag field line, or none.",
	Means: "Each client picks one of the tags, or none, and compares it with what another layer goes by: updates are refused at random and caches do not work.",
	Fix:   []string{"Find the two layers that set ETag, the application and the web server most often, and switch one of them off."},
	Servers: []ServerFix{
		{"nginx", "etag off; where the application sends its own"},
		{"Apache", "FileETag None where the application sends its own; use Header set, not Header add"},
	},
	Rules: []string{"duplicate-etag-fields"},
	ask: func(t *trial) verdict {
		switch n := len(t.base.header.Values("ETag")); n {
		case 0:
			return unmet(noTag)
		case 1:
			return right("ETag: %s", t.base.field("ETag"))
		default:
			return wrong("%d ETag fields: %s", n, t.base.field("ETag")).because("duplicate-etag-fields")
		}
	},
}, {
	ID: "tag-not-empty", Group: Caching, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.3",
	Title: "The entity tag is not a placeholder",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: `A tag that says something: not "", "0", "null", "undefined" or zeros only.`,
	Means: "Whatever has no version has the same tag, so a client that holds one of these is told that another one is unchanged, and shows the wrong content.",
	Fix:   []string{"Send no ETag at all where there is no version."},
	Rules: []string{"empty-etag-matches-itself"},
	ask: given([]need{hasTag}, func(t *trial) verdict {
		switch opaque := strings.ToLower(t.base.tag().Opaque()); {
		case strings.Trim(opaque, "0-") == "", opaque == "null", opaque == "undefined", opaque == "none", opaque == "nil":
			return wrong("ETag: %s stands for no version", t.tag()).because("empty-etag-matches-itself")
		}
		return right("ETag: %s", t.tag())
	}),
}, {
	ID: "tag-strong", Group: Saving, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.1",
	Title: "The entity tag is strong",
	Sends: "Nothing of its own: the first GET is looked at, which asks for no compression.",
	Right: `ETag: "text" without W/ in front.`,
	Means: "If-Match and If-Range never match a weak tag. So edits cannot be guarded by it, and interrupted downloads start anew.",
	Fix: []string{
		"Make the tag strong where it is made: a hash of the content, or a version number that changes with each change.",
		"If only something in front makes it weak, switch off there what rewrites the content.",
	},
	Servers: []ServerFix{
		{"nginx", "sub_filter, addition, SSI and gunzip make tags weak: switch them off for this location"},
		{"Cloudflare", "a cache rule that respects strong ETags; switch off the features that rewrite HTML"},
	},
	Rules: []string{"proxy-weakens-etag", "weak-etag-in-if-match", "if-range-weak", "fresh-file-weak-etag"},
	ask: given([]need{hasTag}, func(t *trial) verdict {
		if t.base.tag().IsWeak() {
			return wrong("ETag: %s is weak", t.tag())
		}
		return right("ETag: %s", t.tag())
	}),
}, {
	ID: "tag-stable", Group: Caching, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.1",
	Title: "The same content has the same entity tag each time",
	Sends: fmt.Sprintf("GET, %d times.", looks),
	Right: "The same tag whenever the content is the same.",
	Means: "No tag that a client holds is ever current: everything is sent again on each visit, and each edit is refused although nobody else wrote.",
	Fix: []string{
		"Make the tag of the content or its version alone: no time, no random value, no session, no name of a server process.",
		"Behind a load balancer, give all servers copies with the same time of modification (rsync -t), or tags made of content.",
	},
	Servers: []ServerFix{
		{"Apache", "FileETag MTime Size, without INode, where several servers have copies"},
	},
	Rules: []string{"unstable-etag-per-request", "farm-mtime-skew", "cdn-nodes-different-etag", "apache-inode-in-etag",
		"iis-changenumber-differs"},
	ask: func(t *trial) verdict {
		return t.stands("ETag", noTag, "unstable-etag-per-request")
	},
}, {
	ID: "tag-follows-content", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §8.8.3",
	Title: "Other content has another strong entity tag",
	Sends: fmt.Sprintf("GET, %d times.", looks),
	Right: "Answers with different content have different strong tags.",
	Means: "Clients are told that their copy is current when it is not, and parts of two versions are joined into one broken file.",
	Fix: []string{
		"Make the tag of all that is in the content: included files, the user's name, permissions, time.",
		`If the differences do not matter, mark the tag as weak: W/"text".`,
	},
	Rules: []string{"etag-too-narrow", "same-second-same-size-collision", "mtime-normalised-collision"},
	ask: given([]need{hasStrongTag}, func(t *trial) verdict {
		seen := t.lookAgain()
		for i, a := range seen {
			for _, b := range seen[:i] {
				if a.tag().StrongEqual(b.tag()) && !a.same(b) {
					return wrong("two answers with ETag %v have different content", a.tag()).because("etag-too-narrow")
				}
			}
		}
		return right("%d answers with the content that their tag says", len(seen))
	}),
}, {
	ID: "addresses-agree", Group: Crossing, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.1",
	Title: "All addresses of the name have the same content and validators",
	Sends: "GET to each address of the host.",
	Right: "The same ETag, Last-Modified and content from each.",
	Means: "A client that reaches another address than before is told that its copy is old, its edit is refused, and its download starts anew.",
	Fix: []string{
		"Make tags of the content, so that copies have the same ones.",
		"Copy files with their time of modification: rsync -t, robocopy /COPY:DAT.",
		"If the addresses are to differ, send each client to the same one.",
	},
	Servers: []ServerFix{
		{"Apache", "FileETag MTime Size, without INode"},
		{"IIS", "IIS 7 or later on all servers, or the same MD_ETAG_CHANGENUMBER on each"},
	},
	Rules: []string{"farm-mtime-skew", "cdn-nodes-different-etag", "apache-inode-in-etag", "iis-changenumber-differs",
		"redeploy-changes-etag"},
	ask: addressesAgree,
}}

// tagCause is the rule for a tag that is malformed.
func tagCause(err error) string {
	var syntax *etag.SyntaxError
	if errors.As(err, &syntax) && strings.Contains(syntax.Input, `"`) {
		return "double-quoted-or-escaped-etag"
	}
	return "unquoted-etag"
}

// lookAgain gets the target several times, and the same part of the content each time.
func (t *trial) lookAgain() []*answer {
	var seen []*answer
	for range looks {
		if a := t.do(request{method: http.MethodGet, limit: compared}); a.status == http.StatusOK {
			seen = append(seen, a)
		}
	}
	return seen
}

// stands sees whether answers with the same content have the same value of a field. Last-Modified
// may be left out of an answer: a server that lets no date stand for two versions sends none before
// its second is over.
func (t *trial) stands(field, lacking, cause string) verdict {
	seen := append(t.lookAgain(), t.base)
	has := 0
	for i, a := range seen {
		if a.has(field) {
			has++
		}
		for _, b := range seen[:i] {
			if field == "Last-Modified" && !(a.has(field) && b.has(field)) {
				continue
			}
			if a.field(field) != b.field(field) && a.same(b) {
				return wrong("the same content has %s %s and %s", field, orNone(b.field(field)), orNone(a.field(field))).because(cause)
			}
		}
	}
	switch {
	case has == 0:
		return unmet(lacking)
	case !seen[0].same(t.base):
		return inapplicable("the content is another one each time")
	}
	return right("%s: %s in %d answers of %d", field, seen[0].field(field), has, len(seen))
}

func orNone(value string) string {
	if value == "" {
		return "(none)"
	}
	return value
}

func addressesAgree(t *trial) verdict {
	if len(t.addresses) < 2 {
		return inapplicable("the host has one address")
	}
	var first *answer
	var silent []string
	for _, address := range t.addresses {
		a, err := t.session.do(t.ctx, request{method: http.MethodGet, address: address, limit: compared})
		t.answers = append(t.answers, a)
		switch {
		case t.reason() != nil, t.ctx.Err() != nil:
			t.err = err
			return verdict{}
		case a.status == 0:
			silent = append(silent, fmt.Sprintf("%s (%v)", address, err))
		case first == nil:
			first = a
		default:
			if v := agree(first, a, address); v.outcome == Failed {
				return v
			}
		}
	}
	switch reached := len(t.addresses) - len(silent); {
	case reached < 2:
		return inapplicable("only one of the addresses answers: not %s", strings.Join(silent, ", "))
	case len(silent) > 0:
		return right("%d addresses agree; no answer from %s", reached, strings.Join(silent, ", "))
	default:
		return right("%d addresses agree", reached)
	}
}

func agree(first, a *answer, address string) verdict {
	switch {
	case a.status != first.status:
		return wrong("%s answers %d, the first address %d", address, a.status, first.status)
	case !a.same(first):
		return wrong("%s has other content than the first address", address)
	}
	for _, field := range []string{"ETag", "Last-Modified"} {
		if got, want := a.field(field), first.field(field); got != want {
			return wrong("%s has %s %s, the first address %s, for the same content", address, field, orNone(got),
				orNone(want)).because("farm-mtime-skew")
		}
	}
	return right("")
}
