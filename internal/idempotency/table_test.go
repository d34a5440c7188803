package idempotency

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// bench is a table with a clock and a disk.
type bench struct {
	t     testing.TB
	now   time.Time
	disk  map[string][]byte
	table *Table
	o     Options
}

func newBench(t testing.TB, o Options) *bench {
	b := &bench{t: t, now: time.Unix(1e9, 0), disk: map[string][]byte{}, o: o}
	b.o.Now = func() time.Time { return b.now }
	b.restart()
	return b
}

func (b *bench) restart() {
	b.table = New(b.o)
	b.table.Load(maps.All(b.disk))
}

// ask claims a key, and tells the verdict and what was answered.
func (b *bench) ask(client, key, request string) (*Claim, string) {
	b.now = b.now.Add(1) // no two records are of one nanosecond
	c, v, answer := b.table.Claim(IDOf(client, key), client, hash(request))
	said := map[Verdict]string{Fresh: "fresh", Answered: "answered ", Reused: "reused", InProgress: "in progress", Unknown: "unknown"}[v]
	return c, said + string(answer)
}

// perform does what a server does with a write.
func (b *bench) perform(client, key, request, answer string) string {
	c, said := b.ask(client, key, request)
	if c != nil {
		b.disk[c.RecordKey()] = c.Record([]byte(answer))
		c.Done([]byte(answer))
	}
	return said
}

func (b *bench) want(got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("it is %q, want %q", got, want)
	}
}

func TestVerdicts(t *testing.T) {
	b := newBench(t, Options{})
	b.want(b.perform("ann", "k", "PUT 1", "204"), "fresh")
	for range 2 {
		b.want(b.perform("ann", "k", "PUT 1", "never"), "answered 204")
		b.want(b.perform("ann", "k", "PUT 2", "never"), "reused")
		b.restart()
	}
	b.want(b.perform("bob", "k", "PUT 1", "201"), "fresh")

	running, said := b.ask("ann", "slow", "PUT 1")
	b.want(said, "fresh")
	_, said = b.ask("ann", "slow", "PUT 1")
	b.want(said, "in progress")
	_, said = b.ask("ann", "slow", "PUT 2")
	b.want(said, "reused")
	running.Release()
	b.want(b.perform("ann", "slow", "PUT 2", "201"), "fresh")
	running.Release() // says no more
	b.want(b.perform("ann", "slow", "PUT 2", ""), "answered 201")

	lost, _ := b.ask("ann", "lost", "PUT 1")
	lost.Unknown()
	b.want(b.perform("ann", "lost", "PUT 1", ""), "unknown")
	if b.table.Again(IDOf("ann", "lost"), "ann", hash("PUT 2")) != nil {
		t.Error("another request takes an unknown outcome over")
	}
	again := b.table.Again(IDOf("ann", "lost"), "ann", hash("PUT 1"))
	again.Done([]byte("204"))
	b.want(b.perform("ann", "lost", "PUT 1", ""), "answered 204")
}

// TestIntents: a record of a request that was about to be sent is an unknown outcome after a restart.
func TestIntents(t *testing.T) {
	b := newBench(t, Options{})
	c, _ := b.ask("ann", "k", "PUT 1")
	b.disk[c.RecordKey()] = c.Record(nil)
	b.restart()
	b.want(b.perform("ann", "k", "PUT 1", ""), "unknown")
	b.want(b.perform("ann", "k", "PUT 2", ""), "reused")
}

func TestLifetime(t *testing.T) {
	b := newBench(t, Options{Lifetime: time.Hour})
	b.perform("ann", "k", "PUT 1", "204")
	b.now = b.now.Add(time.Hour - 2)
	b.want(b.perform("ann", "k", "PUT 1", ""), "answered 204")
	b.now = b.now.Add(1)
	if b.table.Knows(IDOf("ann", "k")) {
		t.Error("an answer is known beyond its lifetime")
	}
	b.restart()
	b.want(b.perform("ann", "k", "PUT 2", "201"), "fresh")
	if len(b.disk) != 1 {
		t.Errorf("%d records, want the old one written over", len(b.disk))
	}
}

// TestBounds: a client pushes out only what is its own, and records are never more than the bounds.
func TestBounds(t *testing.T) {
	b := newBench(t, Options{PerClient: 3, Total: 6})
	b.perform("ann", "first", "PUT 1", "204")
	for i := range 50 {
		b.perform("bob", fmt.Sprint(i), "PUT 1", "204")
	}
	b.want(b.perform("ann", "first", "PUT 1", ""), "answered 204")
	b.want(b.perform("bob", "47", "PUT 1", ""), "answered 204")
	b.want(b.perform("bob", "46", "PUT 1", "204"), "fresh")
	for i := range 4 { // there is room for two, and then the client with most makes room
		b.perform(fmt.Sprint("address ", i), "k", "PUT 1", "204")
	}
	b.want(b.perform("ann", "first", "PUT 1", ""), "answered 204")
	b.restart()
	b.want(b.perform("ann", "first", "PUT 1", ""), "answered 204")
	for i := range 50 {
		b.perform(fmt.Sprint("address ", i), "k", "PUT 1", "204")
	}
	if len(b.disk) > 6 || len(b.table.entries) > 6 {
		t.Errorf("%d records and %d entries, want 6 at most", len(b.disk), len(b.table.entries))
	}
}

// TestHistoriesOfKeys: whatever clients ask and however often it starts anew, a key is performed
// once as long as its answer is within the bounds, and then is given that answer.
func TestHistoriesOfKeys(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, Options{Lifetime: 10 * time.Second, PerClient: 4, Total: 8})
		type done struct {
			at     time.Time
			answer string
			behind int // how many its client has had performed since
		}
		performed := map[string]*done{}
		for step := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			client := rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "client")
			key := rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6"}).Draw(rt, "key")
			id := client + key
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				b.restart()
			case 1:
				b.now = b.now.Add(time.Duration(rapid.IntRange(1, 5).Draw(rt, "seconds")) * time.Second)
			case 2:
				if c, _ := b.ask(client, key, "PUT"); c != nil {
					c.Release()
					delete(performed, id)
					for other, d := range performed {
						if other[:3] == client {
							d.behind++ // the claim may have taken the place of its oldest
						}
					}
				}
			default:
				answer := fmt.Sprint(step)
				said := b.perform(client, key, "PUT", answer)
				d := performed[id]
				within := d != nil && b.now.Sub(d.at) < 10*time.Second && d.behind < 4
				if within && said != "answered "+d.answer {
					rt.Fatalf("step %d: %s is %q, want the answer %s", step, id, said, d.answer)
				}
				if said == "fresh" {
					for other, d := range performed {
						if other[:3] == client {
							d.behind++
						}
					}
					performed[id] = &done{at: b.now, answer: answer}
				}
			}
			if len(b.disk) > 8 {
				rt.Fatalf("%d records", len(b.disk))
			}
		}
	})
}

// FuzzLoad: whatever a store has under a key, it is loaded or left out, and what is loaded is written as it was.
func FuzzLoad(f *testing.F) {
	b := newBench(f, Options{})
	b.perform("ann", "k", "PUT 1", "204")
	c, _ := b.ask("ann", "l", "PUT 1")
	f.Add(Prefix+"0", b.disk[Prefix+"0"])
	f.Add(Prefix+"1", c.Record(nil))
	f.Add(Prefix+"-1", b.disk[Prefix+"0"])
	f.Add("other", []byte{recordVersion, stateUnknown})
	f.Fuzz(func(t *testing.T, key string, record []byte) {
		b := newBench(t, Options{Lifetime: 1 << 62})
		b.disk[key] = record
		b.restart()
		for _, e := range b.table.entries {
			if again := e.append(nil); string(again) != string(record[:len(again)]) {
				t.Errorf("the record %x is written %x", record, again)
			}
		}
		b.want(b.perform("bob", "other", "PUT", "204"), "fresh")
	})
}
