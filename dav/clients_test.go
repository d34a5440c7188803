package dav

import (
	"fmt"
	"testing"
	"time"
)

// TestClients: who is remembered, for how long, and whom others can make the server forget.
func TestClients(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	c := newClients()
	ann, guest := client{"ann", "192.0.2.1", "rclone"}, client{"", "192.0.2.1", "rclone"}
	c.note(ann, now)
	c.note(guest, now)
	for _, other := range []client{
		{"bob", "192.0.2.1", "rclone"}, {"ann", "192.0.2.2", "rclone"}, {"ann", "192.0.2.1", "curl"}, {"", "192.0.2.2", "rclone"},
	} {
		if c.knows(other, now) {
			t.Errorf("%+v is known, and has not been heard of", other)
		}
	}
	for _, d := range []struct {
		who  client
		span time.Duration
	}{{ann, namedTime}, {guest, namelessTime}} {
		if !c.knows(d.who, now.Add(d.span-1)) || c.knows(d.who, now.Add(d.span)) {
			t.Errorf("%+v is not known for just %v", d.who, d.span)
		}
	}

	for i := range 4 * maxOwners { // of those that do not log in
		c.note(client{"", fmt.Sprint(i), ""}, now)
	}
	if !c.knows(ann, now) {
		t.Error("ann was forgotten for clients that have not logged in")
	}
	if n := len(c.nameless.young) + len(c.nameless.old); n > 2*maxOwners {
		t.Errorf("%d owners are remembered, want at most %d", n, 2*maxOwners)
	}
	bob := client{"bob", "192.0.2.9", "gvfs"}
	c.note(bob, now)
	for i := range 4 * maxOwners { // names for one program of one user, on many machines
		c.note(client{"ann", fmt.Sprint(i), fmt.Sprint(i)}, now)
	}
	if !c.knows(bob, now) {
		t.Error("bob was forgotten for what ann calls her program")
	}
	if c.knows(ann, now) {
		t.Errorf("more than %d programs of ann are known", maxAgents)
	}
}

// TestClientsGrowOld: who is heard of again is not forgotten when others come.
func TestClientsGrowOld(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	c := newClients()
	ann := client{"ann", "192.0.2.1", "rclone"}
	for i := range 5 * maxOwners {
		if i%(maxOwners/2) == 0 {
			c.note(ann, now)
		}
		c.note(client{fmt.Sprint(i), "", ""}, now)
		if !c.knows(ann, now) {
			t.Fatalf("ann was forgotten after %d others", i)
		}
	}
}
