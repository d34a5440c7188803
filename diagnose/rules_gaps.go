package diagnose

import (
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
)

// gapRules speak when no other rule knows the cause. They come last, and see what was found.
var gapRules = []Rule{
	{
		ID:      "answer-against-standard",
		Level:   Error,
		Group:   Gaps,
		Summary: "The answer breaks the standard, and no known cause fits",
		Explanation: "Whatever state the resource may have been in, as far as the exchange leaves that open, the standard asks for " +
			"another status code. So the fault is in what answered, the server or something in front of it, and not in what the " +
			"client sent.\n\n" +
			"Two things are often believed and are wrong. An If-Range that does not hold never causes a 412: the Range is ignored, " +
			"and the answer is 200. And a matching If-None-Match is a 304 for GET, HEAD and QUERY, and a 412 for other methods only.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\nIf-Range: \"a\"\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Find out which program answered: ask the origin directly, past all proxies, and compare.",
			"Report the exchange to the maker of that program, with the section of the standard.",
		},
		Section: "RFC 9110 §13.2.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sv -o /dev/null --connect-to ::ORIGIN: URL"},
		Since:   "0.1",
		check:   againstStandard,
	},
	{
		ID:      "insufficient-evidence",
		Level:   Info,
		Group:   Gaps,
		Summary: "The evidence does not tell the cause",
		Explanation: "A guess would be worse than no answer. What is missing is named, with what to run or to configure so that the next " +
			"capture has it.\n\n" +
			"Most causes of a 412 can be told from three things: the preconditions as the server got them, the current ETag and " +
			"Last-Modified, and the exchange in which the client got the tag that it sent.",
		Example: "PUT /plan HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 412 Precondition Failed\nContent-Length: 0",
		Fix: []string{
			"Capture the exchange again with all header fields, as described.",
			"Capture the GET before it, in which the client got the tag, too.",
			"Have the server send the current ETag in its 412.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sv -o /dev/null URL"},
		Since:   "0.1",
		check:   insufficient,
	},
}

func againstStandard(e *examination) []Finding {
	if e.verdict.Judgement != Wrong || e.explained(Warning) || e.mustBeStored() {
		return nil
	}
	return one(Certain, e.verdict.Why, append(e.preconditionFacts(), e.answered())...)
}

// tellsCause reports whether a finding says why, be it that this is only possible. That a page hides the reason does not.
func tellsCause(f Finding) bool {
	return f.Confidence > Insufficient && (f.Rule.ID != "iis-page-hides-answer" || f.Confidence > Possible)
}

// insufficient fires if somebody would ask why, and nothing was found.
func insufficient(e *examination) []Finding {
	if !e.asksWhy() || slices.ContainsFunc(e.found, tellsCause) {
		return nil
	}
	says := e.verdict.Why + e.stillMissing()
	if where := e.refusedText(); where != "" {
		says += "; " + where
	}
	f := finding(Insufficient, says, append(e.preconditionFacts(), e.answered(), e.refuserFact(), e.sent("X-ARR-LOG-ID"))...)
	for _, g := range e.x.Gaps[:min(len(e.x.Gaps), maxParties)] {
		f.Evidence = append(f.Evidence, Fact{Name: "missing " + g.Part.String(), Value: clip(g.Reason), Source: e.place("")})
	}
	f.Fix, f.Config = e.captureFix(), captureAdvice(e.x)
	switch {
	case e.unasked():
		f.Config = nil
	case e.sharePoint():
		f.Config = []Config{formatAdvice(e.x.Source.Format)} // its servers are not the customer's
	}
	return []Finding{f}
}

// captureFix says what to capture, as far as it is not there.
func (e *examination) captureFix() []string {
	if e.unasked() {
		return []string{
			"Read the content of the response, and the log of the application at that time: the request has no precondition, so the application means something of its own by 412.",
			"Look at what the request is expected to have: a method, a content type, a token, a version of the protocol.",
		}
	}
	steps := []string{
		"Capture the GET before it, in which the client got the tag, too.",
		"Have the server send the current ETag in its 412.",
	}
	if e.blind() || e.blindResponse() || e.status() == 0 {
		steps = append([]string{"Capture the exchange again with all header fields, as described."}, steps...)
	}
	return steps
}

// asksWhy reports whether the answer is one that needs an explanation: a refusal, or a 304 that may be
// wrong.
func (e *examination) asksWhy() bool {
	switch e.status() {
	case 412, 304:
		return true
	case 0:
		return e.conditional()
	}
	return false
}

// stillMissing says what would tell more.
func (e *examination) stillMissing() string {
	var missing []string
	if e.status() == 412 && e.conditional() && e.verdict.State.ETag == "" {
		missing = append(missing, "the current ETag, which a GET would show")
	}
	if e.status() == 412 && !e.conditional() && !e.blind() && len(e.x.Response.Content.Data) == 0 && e.method() != "HEAD" {
		missing = append(missing, "the content of the response, in which the server may say what it means")
	}
	if tag := e.firstTag(); tag != "" && e.minted(tag) == nil {
		missing = append(missing, "the earlier exchange in which the client got "+clip(tag))
	}
	if len(missing) == 0 {
		return ""
	}
	return "; missing: " + strings.Join(missing, "; ")
}

// firstTag is the first tag in a precondition.
func (e *examination) firstTag() string {
	for _, field := range []string{"If-Match", "If-None-Match"} {
		for _, m := range e.members(field) {
			if !m.Any {
				return m.Raw
			}
		}
	}
	return ""
}

// captureAdvice says how to capture more, for the program that made the capture and for the
// server that answered.
func captureAdvice(x *capture.Exchange) []Config {
	list := []Config{formatAdvice(x.Source.Format)}
	server := strings.ToLower(x.Response.Header.Get("Server") + " " + x.Response.Header.Get("X-Powered-By"))
	if x.Source.Format != capture.FREB && strings.Contains(server, "iis") {
		list = append(list, frebAdvice)
	}
	return list
}

func formatAdvice(f capture.Format) Config {
	switch f {
	case capture.HAR:
		return harAdvice
	case capture.FREB:
		return frebAdvice
	case capture.SAZ:
		return fiddlerAdvice
	}
	return curlAdvice
}

var curlAdvice = Config{
	Server: "curl",
	Where:  "at a shell; repeat the request that failed with its method, fields and content after a GET, into one file",
	Text: "curl -sv --trace-time URL -o current 2> trace.txt\n" +
		"curl -sv --trace-time -X PUT -H 'If-Match: \"…\"' --data-binary @changed URL -o answer 2>> trace.txt",
	Note: "-v shows both header sections; -i and -D show the response alone. The file holds your credentials; fourtwelve does not show them.",
}

var harAdvice = Config{
	Server: "browser",
	Where:  "in the developer tools, tab Network: tick \"Preserve log\" and \"Disable cache\", repeat all steps from the GET on, and export as HAR with content",
	Note:   "With the cache on, a browser shows 200 for a stored response that a 304 confirmed. Scripts of other origins see fewer fields, the HAR has them all.",
}

var fiddlerAdvice = Config{
	Server: "Fiddler",
	Where:  "capture all steps from the GET on, and save all sessions as an archive; decrypt HTTPS, or there are no header fields",
}

var frebAdvice = Config{
	Server: "IIS",
	Where:  "in web.config, into <system.webServer>; then switch on Failed Request Tracing of the site (IIS Manager: site, Failed Request Tracing, Enable)",
	Text: `<tracing>
  <traceFailedRequests>
    <add path="*">
      <traceAreas>
        <add provider="WWW Server" areas="Authentication,Security,Filter,StaticFile,CGI,Compression,Cache,RequestNotifications,Module,Rewrite,RequestRouting" verbosity="Verbose" />
      </traceAreas>
      <failureDefinitions statusCodes="412,304,206" />
    </add>
  </traceFailedRequests>
</tracing>`,
	Note: "It writes fr000001.xml and so on, with the header fields and the module that set the status. Raise the largest size of a file if the end is missing. RequestRouting is there only with ARR, Rewrite only with URL Rewrite: leave out what is not installed.",
}
