package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/precondition"
)

// designedRules say of an answer that it is right, and what a client should do with it. They come
// after all causes, for what has a cause needs no such finding.
var designedRules = []Rule{
	{
		ID:      "refused-as-designed",
		Level:   Good,
		Group:   Designed,
		Summary: "The 412 is right: what the client asked for no longer holds",
		Explanation: "A precondition says: do this only if the resource is as I know it. It is not, so the server did nothing, and " +
			"said so with 412. That has just kept the client from overwriting a version it has never seen.\n\n" +
			"A few servers evaluate after they have written: if the content is there nevertheless, see precondition-evaluated-after-write. " +
			"Otherwise a 412 is no failure of the server or the network. Sending the same request again can only be refused " +
			"again.",
		Example: "PUT /plan HTTP/1.1\nIf-Unmodified-Since: Tue, 03 Nov 2026 09:14:22 GMT\n\nHTTP/1.1 412 Precondition Failed\nLast-Modified: Tue, 03 Nov 2026 09:20:00 GMT",
		Fix: []string{
			"Client: GET the resource again, apply the change to what comes back, and send it with the new tag.",
			"Client: if the change cannot be merged by a program, show the person both versions.",
			"Client: never send the write again without its precondition.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Since:   "0.1",
		check:   refusedAsDesigned,
	},
	{
		ID:      "not-modified-as-designed",
		Level:   Good,
		Group:   Designed,
		Summary: "The 304 is right: the client's copy is the current one",
		Explanation: "The client named the version it has stored, by tag or date, and that is the current one. So the server sent " +
			"no content, and the client goes on using its copy, with the fields of the 304 in place of the stored ones.\n\n" +
			"If-None-Match with a matching tag leads to 304 for GET, HEAD and QUERY alone; for any other method it is a 412.",
		Example: "GET /plan HTTP/1.1\nIf-None-Match: \"a\"\n\nHTTP/1.1 304 Not Modified\nETag: \"a\"",
		Fix:     []string{"Client: use the stored response, and update its stored fields with those of the 304 (RFC 9111 §4.3.4)."},
		Section: "RFC 9110 §15.4.5",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   notModifiedAsDesigned,
	},
	{
		ID:      "partial-content-as-designed",
		Level:   Good,
		Group:   Designed,
		Summary: "The 206 is right: the part belongs to the version that If-Range names",
		Explanation: "If-Range names the version of which the client has the beginning. That is still the current version, so the " +
			"rest of it may be joined to the beginning.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\nIf-Range: \"a\"\n\nHTTP/1.1 206 Partial Content\nETag: \"a\"\nContent-Range: bytes 1000-1999/2000",
		Fix:     []string{"Client: append the part where Content-Range says it belongs."},
		Section: "RFC 9110 §13.1.5",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   partialAsDesigned,
	},
	{
		ID:      "full-content-as-designed",
		Level:   Good,
		Group:   Designed,
		Summary: "The 200 is right: the client does not have the current version",
		Explanation: "The client asked for the representation only if it has changed, or for a part only if it has not. It " +
			"has changed, so all of it is sent.\n\n" +
			"An If-Range that does not hold never causes a 412, whatever is said about that elsewhere: the server ignores the Range and " +
			"answers 200 with the whole representation.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\nIf-Range: \"a\"\n\nHTTP/1.1 200 OK\nETag: \"b\"\nContent-Length: 2500",
		Fix: []string{
			"Client: replace the stored response, or the partial file, with what came. Never append a 200 to a part.",
		},
		Section: "RFC 9110 §13.2.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   fullAsDesigned,
	},
	{
		ID:      "write-accepted-as-designed",
		Level:   Good,
		Group:   Designed,
		Summary: "The write was rightly accepted: its precondition held",
		Explanation: "The resource was as the precondition of the write demands, so the server made the change, and no other " +
			"change was lost by it. From now on another tag is current, and the one that was sent is of the past.",
		Example: "PUT /plan HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 204 No Content\nETag: \"b\"",
		Fix: []string{
			"Client: remember the ETag of the response as the current one. If there is none, GET the resource before the next write.",
		},
		Section: "RFC 9110 §13.2.2",
		Needs:   []Evidence{FromHistory},
		Since:   "0.1",
		check:   writeAccepted,
	},
}

func refusedAsDesigned(e *examination) []Finding {
	switch {
	case e.status() != 412 || e.explained(Good):
		return nil
	case e.sentWord():
		return nil // it is no version that anything could conflict with
	case e.alreadyApplied():
		return nil // what the client wants is stored, and nothing conflicts
	case e.verdict.Judgement == Right:
		return e.designed(e.preconditionFacts()...)
	case len(e.foreign()) > 0 && len(e.standard()) == 0 && !e.asksIfNew():
		return e.foreignRefused()
	}
	return nil
}

func (e *examination) sentWord() bool {
	_, ok := e.noTag()
	return ok
}

// foreignVersions are response fields in which services say the current version that their own
// preconditions are about.
var foreignVersions = []string{"x-goog-generation", "x-goog-metageneration", "Last-Modified-Version", "X-Last-Modified", "Schedule-Tag"}

// foreignRefused is about preconditions that HTTP does not define. By the status code one of them did not hold;
// what that means is the service's to say.
func (e *examination) foreignRefused() []Finding {
	evidence := append(e.preconditionFacts(), e.answered())
	for _, name := range foreignVersions {
		evidence = append(evidence, e.got(name))
	}
	return one(Likely, fmt.Sprintf("%s is what can have failed: what it demands of the resource is not so, or not any more",
		clip(e.foreign()[0].Name)), evidence...)
}

func notModifiedAsDesigned(e *examination) []Finding {
	if e.status() != 304 || e.verdict.Judgement != Right {
		return nil
	}
	return e.designed(e.preconditionFacts()...)
}

func partialAsDesigned(e *examination) []Finding {
	if e.status() != 206 || e.verdict.Judgement != Right || len(e.fields.IfRange) == 0 || e.explained(Warning) || lastByte(e) != nil {
		return nil
	}
	return e.designed(append(e.preconditionFacts(), e.got("Content-Range"))...)
}

func fullAsDesigned(e *examination) []Finding {
	d := e.verdict.Decision
	if e.status() != 200 || !e.reads() || e.verdict.Judgement != Right || d.Field == precondition.NoField ||
		d.Outcome != precondition.Perform || d.Range == precondition.RangeApplies || e.explained(Info) || lastByte(e) != nil {
		return nil
	}
	return e.designed(append(e.preconditionFacts(), e.sent("Range"))...)
}

func writeAccepted(e *examination) []Finding {
	if !e.writes() || !e.succeeded() || e.verdict.Judgement != Right || e.verdict.Decision.Field == precondition.NoField {
		return nil
	}
	return e.designed(append(e.preconditionFacts(), e.got("ETag"))...)
}

// designed is the finding that the answer is right: proven if the exchange itself shows the state, and
// otherwise as likely as that nothing changed since.
func (e *examination) designed(evidence ...Fact) []Finding {
	c := Likely
	if e.witnessed || !e.verdict.State.Known {
		c = Certain
	}
	if e.status() == 412 && (e.weakByOData() || e.resp("ETag") == "" && e.toldTag() != "") {
		c = Likely // such a service may compare weak tags; and what a text says is not what a field says
	}
	says := e.verdict.Why
	if where := e.refusedText(); where != "" && e.status() == 412 {
		says += "; " + where
	}
	return one(c, says, append(evidence, e.answered(), e.refuserFact())...)
}

// preconditionFacts are the preconditions that were sent, each once, and what they are
// about.
func (e *examination) preconditionFacts() []Fact {
	var facts []Fact
	var names []string
	for _, l := range e.verdict.Preconditions {
		name := strings.ToLower(l.Name)
		if slices.Contains(names, name) || len(names) == maxParties {
			continue
		}
		names = append(names, name)
		f := e.sent(l.Name)
		if f.Name == "" { // it is in the URL
			f = Fact{Name: clip(l.Name), Value: clip(l.Value), Source: e.place("request")}
		}
		facts = append(facts, f)
	}
	return append(facts, e.current())
}

// explained reports whether a cause of at least this level was found already that is at least
// likely.
func (e *examination) explained(least Level) bool {
	return slices.ContainsFunc(e.found, func(f Finding) bool { return f.Confidence >= Likely && f.Rule.Level >= least })
}

// foundAtLeast reports whether a rule has found something already.
func (e *examination) foundAtLeast(id string, least Confidence) bool {
	return slices.ContainsFunc(e.found, func(f Finding) bool { return f.Rule.ID == id && f.Confidence >= least })
}

// describe says what was asked in a few words, as in "PUT with If-Match".
func (e *examination) describe() string {
	if len(e.verdict.Preconditions) == 0 {
		return e.method()
	}
	return fmt.Sprintf("%s with %s", e.method(), clip(e.verdict.Preconditions[0].Name))
}
