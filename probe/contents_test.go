package probe_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// event is a calendar of the kind that a CalDAV server takes.
func event(summary string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//fourtwelve//check//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261103T091500Z\r\nSUMMARY:" +
		summary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

// calendars takes whole calendars only, and nothing of another type.
type calendars struct {
	*notes
	mu    sync.Mutex
	taken [][]byte
}

func (c *calendars) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A race needs the look before the content, which is read here.
	if r.Method != http.MethodPut || r.Header.Get("Expect") != "" || c.is("race") {
		c.notes.ServeHTTP(w, r)
		return
	}
	content, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	case r.Header.Get("Content-Type") != "text/calendar" || !bytes.HasPrefix(content, []byte("BEGIN:VCALENDAR")) ||
		!bytes.HasSuffix(content, []byte("END:VCALENDAR\r\n")):
		w.WriteHeader(http.StatusForbidden) // CALDAV:valid-calendar-data
		return
	}
	c.mu.Lock()
	c.taken = append(c.taken, content)
	c.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(content))
	c.notes.ServeHTTP(w, r)
}

// askCalendars asks what writes with two events.
func askCalendars(t *testing.T, c *calendars, o probe.Options) (*probe.Report, error) {
	t.Helper()
	server := httptest.NewServer(c)
	defer server.Close()
	target, err := url.Parse(server.URL + "/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	o.Checks, o.WriteTo = writeChecks(t), target.JoinPath("../scratch.ics")
	return probe.Run(t.Context(), target, o)
}

// TestContents asks a store of calendars, right and wrong ones, with calendars.
func TestContents(t *testing.T) {
	events := [][]byte{event("Dinner"), event("Dinner with Ann")}
	for fault, want := range map[string][]string{
		"none":                  nil,
		"if-match-ignored":      faults(t)["if-match-ignored"],
		"race":                  {"race-replace", "race-create"},
		"judges-on-the-way-out": {"put-if-match-current", "put-inm-star-missing", "refused-not-done"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			c := &calendars{notes: newNotes(fault)}
			report, err := askCalendars(t, c, probe.Options{Contents: events, ContentType: "text/calendar"})
			if err != nil {
				t.Fatal(err)
			}
			failed := map[string]bool{}
			for _, r := range report.Results {
				failed[r.Check.ID] = r.Outcome == probe.Failed
				if r.Outcome == probe.NotAsked && r.Check.ID[:5] != "patch" || r.Outcome == probe.Failed && fault == "none" {
					t.Errorf("%s: got %v: %s", r.Check.ID, r.Outcome, r.Says)
				}
			}
			for _, id := range want {
				if !failed[id] && id[:5] != "patch" {
					t.Errorf("%s did not fail", id)
				}
			}
			for _, content := range c.taken {
				if !bytes.Equal(content, events[0]) && !bytes.Equal(content, events[1]) {
					t.Errorf("something else was stored: %q", content)
				}
			}
			if c.page("/scratch.ics") != nil || report.Left {
				t.Errorf("got Left %v, and the calendar %v", report.Left, c.page("/scratch.ics"))
			}
		})
	}
}

// TestContentsNeeded asks the same store with text: it is refused, and that is said.
func TestContentsNeeded(t *testing.T) {
	report, err := askCalendars(t, &calendars{notes: newNotes("none")}, probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Outcome != probe.DoesNotApply {
			t.Errorf("%s: got %v: %s", r.Check.ID, r.Outcome, r.Says)
		}
	}
	for _, contents := range [][][]byte{{event("a")}, {event("a"), event("a")}, {event("a"), nil}} {
		if _, err := askCalendars(t, &calendars{notes: newNotes("none")}, probe.Options{Contents: contents}); !errors.Is(err, probe.ErrContents) {
			t.Errorf("got %v, want %v", err, probe.ErrContents)
		}
	}
}
