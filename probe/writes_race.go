package probe

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// raceRounds is how often each kind of race is run, as one that nobody wins twice shows nothing.
const raceRounds = 3

// heldContent is how long the content is of which the end is withheld: enough that the rest is not
// held in buffers of the client.
const heldContent = 16 << 10

// raceMeans is what it means that two writers win.
const raceMeans = "Two people save at the same moment, both are told that all went well, and the work of one of them is gone. It does not show in tests with one user."

var raceFix = []string{
	"Compare and store in one step: a lock for each resource, a transaction, or a compare-and-swap in the database.",
	"Evaluate the condition again when the content is there: an upload may take minutes, and others write meanwhile.",
	"Where the server cannot, put one in front that lets one write pass at a time, such as fourtwelve guard.",
}

var raceChecks = []*Check{{
	ID: "race-replace", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "Of several writers with one tag, one wins",
	Sends: "PUTs with one If-Match at the same time, on a connection each, in several rounds: once as a whole, once with the end withheld until all have sent the rest.",
	Right: "2xx for one at most, and its content stays.",
	Means: raceMeans,
	Fix:   raceFix,
	Servers: append([]ServerFix{
		{"Apache", "mod_dav compares before it reads the content, and not again when it stores it: put fourtwelve guard in front"},
	}, unguardedServers...),
	Rules: []string{"check-then-act-race", "precondition-ignored"},
	ask: func(t *trial) verdict {
		return t.races(func() ([]string, *verdict) {
			now, v := t.place(t.scratch.before)
			if v != nil {
				return nil, v
			}
			tag := t.whenStrong(now).tag()
			if tag.IsZero() || tag.IsWeak() {
				v := inapplicable("what was put there has no strong entity tag")
				return nil, &v
			}
			return []string{"If-Match", tag.String()}, nil
		})
	},
}, {
	ID: "race-create", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "Of several writers that create one resource, one wins",
	Sends: "DELETE, then PUTs with If-None-Match: * at the same time, as for race-replace.",
	Right: "2xx for one at most, and its content stays.",
	Means: "Two clients create the same name, or take the same lock, and both are told that it is theirs.",
	Fix:   raceFix,
	Servers: append([]ServerFix{
		{"Apache", "mod_dav looks whether the file exists before it reads the content, and not again when it stores it: put fourtwelve guard in front"},
	}, unguardedServers...),
	Rules: []string{"check-then-act-race", "precondition-ignored"},
	ask: func(t *trial) verdict {
		return t.races(func() ([]string, *verdict) {
			_, v := t.clear()
			return []string{"If-None-Match", "*"}, v
		})
	},
}}

// races runs rounds until one has two winners. start prepares a round and returns the condition of its
// writers. The exchanges are those of the last round.
func (t *trial) races(start func() ([]string, *verdict)) verdict {
	won, first := 0, len(t.answers)
	for round := range 2 * raceRounds {
		t.answers = t.answers[:first]
		fields, v := start()
		if v != nil {
			return *v
		}
		writers := t.race(round%2 == 1, fields...)
		if v := t.judgeRace(writers, t.read()); v != nil {
			return t.ofRace(*v, fields)
		}
		for _, a := range writers {
			if a.successful() {
				won++
			}
		}
	}
	if won == 0 {
		return inapplicable("none of the writers wins, not even alone: see put-if-match-current and put-inm-star-missing")
	}
	return right("%d rounds of %d writers, and never two winners", 2*raceRounds, t.opts.Writers)
}

// judgeRace looks at the answers of the writers and at what a GET then gets. It returns nil if
// nothing is wrong.
func (t *trial) judgeRace(writers []*answer, after *answer) *verdict {
	won := 0
	for i, a := range writers {
		if a.successful() {
			won++
		} else if a.refuses() && !t.scratch.given && len(after.content) > 0 && after.content[0] == letter(i) {
			t.scratch.wasDone(a)
			v := wrong("a writer is told %s, and its content is stored", a).because("precondition-evaluated-after-write")
			return &v
		}
	}
	if won > 1 {
		v := wrong("%d of %d writers are told that they saved", won, len(writers)).because("check-then-act-race")
		return &v
	}
	return nil
}

// ofRace names the rule for two winners with the condition: nothing is a race to a server that
// ignores the field.
func (t *trial) ofRace(v verdict, fields []string) verdict {
	value := noVersion
	if fields[0] == "If-None-Match" {
		value = "*"
	}
	switch {
	case v.rule != "check-then-act-race":
	case t.put(t.scratch.before, fields[0], value).successful():
		v.says += fmt.Sprintf("; but then the server takes any %s", fields[0])
		return v.because("precondition-ignored")
	case t.scratch.given && t.put(t.scratch.written, fields...).successful():
		return inapplicable("the writers send the same content, and the server takes a write that was made already")
	}
	return v
}

// letter is what the content of a writer consists of, so that it tells whose it is. No other
// content begins with one of them, and maxWriters differ.
func letter(writer int) byte {
	return "ABCDEFGHIJKLMNOPQRSTUVWXYZbcdefghijklmnopqrstuvwxyz0123456789+-"[writer]
}

// race sends a PUT with fields for each writer at the same time, on a connection of its own, and
// returns the answers. Whole requests leave together; of those withheld, all but the end is sent
// before.
func (t *trial) race(withhold bool, fields ...string) []*answer {
	writers := make([]*answer, t.opts.Writers)
	errs := make([]error, len(writers))
	for i := range writers {
		writers[i] = &answer{}
		if t.err == nil {
			t.err = t.admit(t.ctx)
		}
	}
	if t.err != nil {
		return writers
	}
	var there, done sync.WaitGroup
	open := make(chan struct{})
	for i := range writers {
		there.Add(1)
		arrive := sync.OnceFunc(there.Done)
		r := t.scratch.contender(i, withhold, gate{arrive, open}, fields)
		done.Go(func() {
			defer r.transport.CloseIdleConnections()
			defer arrive()
			writers[i], errs[i] = t.session.do(t.ctx, r)
		})
	}
	there.Wait()
	close(open)
	done.Wait()
	t.answers = append(t.answers, writers...)
	// A writer without an answer says nothing; but why all stop counts.
	if t.err = t.ctx.Err(); t.err == nil {
		t.err = t.reason()
	}
	return writers
}

// contender is the request of one writer. Its content, or the end of it, is behind the gate.
func (s *scratch) contender(writer int, withhold bool, g gate, fields []string) request {
	length, early := 256, 0
	if withhold {
		length, early = heldContent, heldContent-1
	}
	content := bytes.Repeat([]byte{letter(writer)}, length)
	if s.given {
		content = []byte(s.written)
		early = min(early, len(content)-1)
	}
	r := s.writing(http.MethodPut, string(content), fields...)
	r.admitted, r.transport = true, s.newTransport(s.address())
	r.body = io.MultiReader(bytes.NewReader(content[:early]), g, bytes.NewReader(content[early:]))
	r.length = int64(len(content))
	return r
}

// address is where a connection of its own goes to; "" for that of the URL.
func (s *scratch) address() string {
	if s.pinned && s.url.Host == s.target.Host {
		return s.first()
	}
	return ""
}

// A gate is empty content that ends when it is opened. It says when a reader is there.
type gate struct {
	arrive func()
	open   <-chan struct{}
}

func (g gate) Read([]byte) (int, error) {
	g.arrive()
	<-g.open
	return 0, io.EOF
}
