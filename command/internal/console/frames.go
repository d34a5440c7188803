package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	// maxWatching bounds the pages that watch.
	maxWatching = 32
	// sendTimeout is how long a page may take to take what it is sent.
	sendTimeout = 10 * time.Second
)

// frame is what the page shows: its sections, by their ids, and the latest refusals, the oldest first.
type frame struct {
	sections []section
	refusals []section
}

type section struct{ ID, HTML string }

// frames gives each frame to all who watch. Who is slow misses some.
type frames struct {
	mu       sync.Mutex
	watchers map[chan *frame]struct{}
	closed   bool
}

var errCrowded = errors.New("too many pages watch already")

func (f *frames) watched() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.watchers) > 0
}

func (f *frames) join() (chan *frame, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.watchers) >= maxWatching {
		return nil, errCrowded
	}
	if f.watchers == nil {
		f.watchers = make(map[chan *frame]struct{})
	}
	ch := make(chan *frame, 1)
	f.watchers[ch] = struct{}{}
	return ch, nil
}

func (f *frames) leave(ch chan *frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.watchers, ch)
}

func (f *frames) send(now *frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.watchers {
		select {
		case <-ch: // it has not taken the one before
		default:
		}
		ch <- now
	}
}

// close ends all watching.
func (f *frames) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for ch := range f.watchers {
		close(ch)
		delete(f.watchers, ch)
	}
}

// events sends the page what has changed, each second, as server-sent events.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	ch, err := c.frames.join()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer c.frames.leave(ch)
	to := http.NewResponseController(w)
	_ = to.SetReadDeadline(time.Time{}) // nothing more is to come
	w.Header().Set("Content-Type", "text/event-stream")
	shown := make(map[string]string)
	newest := ""
	for f := c.render(c.options.Now()); f != nil; {
		_ = to.SetWriteDeadline(time.Now().Add(sendTimeout))
		if err := send(w, f, shown, &newest); err != nil || to.Flush() != nil {
			return
		}
		select {
		case f = <-ch: // nil at the end
		case <-r.Context().Done():
			return
		}
	}
}

// send writes the sections that are not as shown, and the refusals after the newest one.
func send(w http.ResponseWriter, f *frame, shown map[string]string, newest *string) error {
	for _, s := range f.sections {
		if shown[s.ID] == s.HTML {
			continue
		}
		shown[s.ID] = s.HTML
		if err := write(w, "section", s); err != nil {
			return err
		}
	}
	from := 0
	for i, s := range f.refusals {
		if s.ID == *newest {
			from = i + 1
		}
	}
	for _, s := range f.refusals[from:] {
		*newest = s.ID
		if err := write(w, "refusal", s); err != nil {
			return err
		}
	}
	return write(w, "tick", section{})
}

func write(w http.ResponseWriter, event string, s section) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = w.Write([]byte("event: " + event + "\ndata: " + string(data) + "\n\n"))
	return err
}
