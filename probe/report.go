package probe

import (
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
)

// Report is what a run found.
type Report struct {
	// Target and WriteTo are the URLs that were asked, free of credentials; WriteTo is "" if
	// nothing was written.
	Target, WriteTo string
	// Server is the Server field of the first answer, "" if it had none.
	Server string
	// Addresses are those the target's name has, or that were asked for, as in "192.0.2.1:443".
	Addresses []string
	// Started is when the run began, and Took how long it was.
	Started time.Time
	Took    time.Duration
	// Requests is how many were sent.
	Requests int
	// Results has one for each chosen check, in the order of Checks.
	Results []Result
	// Stopped is why the run ended before all checks were asked, in a sentence without a period; ""
	// if it did not.
	Stopped string
	// Died is set if that is because nothing listens any more where the server was. Stopped then
	// names the request before.
	Died bool
	// Interrupted is set if the context of Run ended it.
	Interrupted bool
	// Written is set if something was stored at WriteTo, be it by a write that was answered as refused.
	Written bool
	// Left is set if what was written to WriteTo could not be removed.
	Left bool
}

// Result is what became of one check.
type Result struct {
	Check   *Check
	Outcome Outcome
	// Lacks is set if the check does not apply because the server lacks what clients need: an
	// entity tag, or parts.
	Lacks bool
	// Says is what was found, with the values, in a sentence without a period: what was wrong of a
	// failure, why not of a check that does not apply or could not be asked.
	Says string
	// Rule is the id of the cause in package diagnose if the check could tell, else "".
	Rule string
	// Refuted are rules of the check that are not the cause, as this check or another one of the
	// run shows.
	Refuted []string
	// Exchanges are what was sent and answered, in order. Checks share answers to equal requests.
	// The first look at the resource, which all share, is only there for a check that sends nothing
	// of its own.
	Exchanges []*capture.Exchange
	// Curl has the same requests as commands for a shell, in order. A credential is the value of a
	// variable, as in "$AUTHORIZATION".
	Curl []string
}

// Outcome is what became of a check. The zero Outcome is NotAsked.
type Outcome uint8

const (
	// NotAsked: it could not be, because a request failed or the run was stopped.
	NotAsked Outcome = iota
	// DoesNotApply: the resource has no such validator, or the server does not offer what is checked.
	DoesNotApply
	// Passed: the answers are right.
	Passed
	// Failed: an answer is wrong.
	Failed
)

var outcomes = [...]string{"not-asked", "does-not-apply", "passed", "failed"}

// String returns the outcome in kebab case.
func (o Outcome) String() string {
	if int(o) >= len(outcomes) {
		return "unknown"
	}
	return outcomes[o]
}

// MarshalText returns String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Score is how much of what was asked is right, from 0 to 100, by Check.Weight. What a server lacks
// is not right: such a check counts half of what it would if it had failed. It is 100 only if
// nothing failed and nothing lacks, and -1 if nothing could be judged or the run ended early: then
// nobody knows what the rest would have been. See Judged.
func (r *Report) Score() int {
	right, all, judged := 0, 0, 0
	for _, res := range r.Results {
		w := 2 * res.Check.Weight()
		switch {
		case res.Outcome == Passed:
			right, all, judged = right+w, all+w, judged+1
		case res.Outcome == Failed:
			all, judged = all+w, judged+1
		case res.Lacks:
			all += w / 2
		}
	}
	if judged == 0 || r.Stopped != "" || r.Interrupted {
		return -1
	}
	return 100 * right / all
}

// Judged is how many results passed or failed, and how many more the server lacks something for:
// what Score rests on.
func (r *Report) Judged() (judged, lacking int) {
	for _, res := range r.Results {
		switch {
		case res.Outcome == Passed || res.Outcome == Failed:
			judged++
		case res.Lacks:
			lacking++
		}
	}
	return judged, lacking
}

// Count is how many results have the outcome.
func (r *Report) Count(o Outcome) (n int) {
	for _, res := range r.Results {
		if res.Outcome == o {
			n++
		}
	}
	return n
}

// Fails reports whether a check of the level or above failed.
func (r *Report) Fails(at Level) bool {
	for _, res := range r.Results {
		if res.Outcome == Failed && res.Check.Level >= at {
			return true
		}
	}
	return false
}
