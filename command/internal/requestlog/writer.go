package requestlog

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/observe"
)

const (
	// restFor is the pause between two writes to the sink, unless flushSize bytes
	// are waiting before it is over. So a line is on its way after at most this
	// long, and at once if the log was idle.
	restFor   = 250 * time.Millisecond
	flushSize = 64 << 10
	// keepSize is the largest buffer that is used again.
	keepSize = 1 << 20
	// retry is the pause after a write that failed.
	retry = time.Second
	// maxPending bounds the memory for lines that the sink has not taken.
	maxPending = 4 << 20
)

// Reopener is implemented by a sink that can be moved away by another program, as
// logrotate does with files.
type Reopener interface {
	// Reopen goes on under the original name. After an error the sink is as
	// it was before.
	Reopen() error
}

// Options are the choices of NewWriter.
type Options struct {
	// Logger hears, once each, that the sink began to fail and that it works
	// again. Nil discards it.
	Logger *slog.Logger
	// Now is the clock for lines about the log itself. Nil is time.Now.
	Now func() time.Time
}

// Writer hands lines to a sink from a goroutine of its own, so that a request
// never waits for the sink. Up to 4 MiB wait for a sink that is slow or failing.
// Further lines are lost, and counted: as soon as there is room, a line
//
//	{"time":"…","lost":3}
//
// says how many. All methods may be called from any number of goroutines.
type Writer struct {
	sink   io.Writer
	logger *slog.Logger
	now    func() time.Time

	wake, full chan struct{}   // capacity 1: something is waiting; a lot is
	reopen     chan chan error // answered by the goroutine
	closing    chan struct{}   // closed by Close
	closeOnce  sync.Once
	done       chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	pending []byte // whole lines
	lost    int64

	// The rest belongs to the goroutine.
	rest    []byte // what the last write did not take
	torn    bool   // rest begins in the middle of a line
	spare   []byte // becomes pending when that is taken
	failing bool
}

// NewWriter returns a Writer to sink, which only the Writer may use until Close
// has returned.
func NewWriter(sink io.Writer, o Options) *Writer {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	w := &Writer{
		sink: sink, logger: o.Logger, now: o.Now,
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		reopen: make(chan chan error), closing: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// Observer returns an observer that writes a line to w for every request. user
// returns the name a request was authenticated under; it may be nil.
func Observer(w *Writer, user func(*http.Request) string) observe.Observer {
	return func(r *http.Request, rec *observe.Record) {
		name := ""
		if user != nil {
			name = user(r)
		}
		buf := buffers.Get().(*[]byte)
		*buf = AppendLine((*buf)[:0], r, rec, name)
		w.add(*buf)
		buffers.Put(buf)
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// add hands over a line, line feed included. It does not keep it.
func (w *Writer) add(line []byte) {
	w.mu.Lock()
	if len(w.pending)+len(line) > maxPending {
		w.lost++
		w.mu.Unlock()
		return
	}
	w.pending = append(w.pending, line...)
	waiting := len(w.pending)
	w.mu.Unlock()
	if waiting == len(line) {
		signal(w.wake)
	}
	if waiting >= flushSize {
		signal(w.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Reopen makes a sink that is a Reopener go on under its original name, after
// all lines so far were written. For other sinks it does nothing.
func (w *Writer) Reopen() error {
	answer := make(chan error, 1)
	select {
	case w.reopen <- answer:
		return <-answer
	case <-w.done:
		return nil
	}
}

// Close writes what is waiting and ends the Writer. It gives up after timeout, if the
// sink takes nothing, and then the error says so. Lines that come later are
// lost.
func (w *Writer) Close(timeout time.Duration) error {
	w.closeOnce.Do(func() { close(w.closing) })
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case <-w.done:
	case <-limit.C:
		return fmt.Errorf("the access log has not taken its last lines for %v", timeout)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if left := len(w.rest) + len(w.pending); left > 0 {
		return fmt.Errorf("the last %d bytes of the access log could not be written", left)
	}
	return nil
}

// run is the goroutine. After a write it rests for a while, so that lines which
// come close together share one.
func (w *Writer) run() {
	defer close(w.done)
	timer := time.NewTimer(0)
	<-timer.C
	resting := false
	pause := func(wrote bool) {
		resting = wrote || w.failing
		switch {
		case w.failing:
			timer.Reset(retry)
		case wrote:
			timer.Reset(restFor)
		}
	}
	for {
		wake, full := w.wake, w.full
		if resting {
			wake = nil
		}
		if w.failing {
			full = nil
		}
		select {
		case <-wake:
			pause(w.flush())
		case <-full:
			pause(w.flush())
		case <-timer.C:
			resting = false
			if w.failing {
				pause(w.flush())
			}
		case answer := <-w.reopen:
			w.flush()
			answer <- w.reopenSink()
			pause(true)
		case <-w.closing:
			w.flush()
			return
		}
	}
}

// flush writes all that is waiting, and reports whether there was anything.
func (w *Writer) flush() bool {
	if len(w.rest) > 0 && !w.write(w.rest) {
		return true
	}
	w.mu.Lock()
	lines, lost := w.pending, w.lost
	w.pending, w.lost = w.spare[:0], 0
	w.mu.Unlock()
	w.spare = nil
	if lost > 0 {
		lines = appendLost(lines, w.now(), lost)
	}
	if len(lines) == 0 {
		w.spare = lines
		return false
	}
	if w.write(lines) && cap(lines) <= keepSize {
		w.spare = lines[:0]
	}
	return true
}

// write writes lines, or keeps what is left of them. It reports whether all of them
// were taken.
func (w *Writer) write(lines []byte) bool {
	n, err := w.sink.Write(lines)
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	if err != nil {
		if n > 0 {
			w.torn = lines[n-1] != '\n'
		}
		w.rest = lines[n:]
		if !w.failing {
			w.failing = true
			w.logger.Error("the access log cannot be written; it is tried again every second", "error", err)
		}
		return false
	}
	w.rest, w.torn = nil, false
	if w.failing {
		w.failing = false
		w.logger.Info("the access log is written again")
	}
	return true
}

// reopenSink reopens the sink. The end of a line whose beginning is in the old
// one is of no use in the new one.
func (w *Writer) reopenSink() error {
	sink, ok := w.sink.(Reopener)
	if !ok {
		return nil
	}
	if err := sink.Reopen(); err != nil {
		return err
	}
	if w.torn {
		w.rest = afterLine(w.rest)
		w.torn = false
		w.mu.Lock()
		w.lost++
		w.mu.Unlock()
	}
	return nil
}

func afterLine(b []byte) []byte {
	for i, c := range b {
		if c == '\n' {
			return b[i+1:]
		}
	}
	return nil
}

func appendLost(b []byte, now time.Time, lost int64) []byte {
	b = append(b, `{"time":"`...)
	b = appendTime(b, now)
	b = append(b, `","lost":`...)
	b = strconv.AppendInt(b, lost, 10)
	return append(b, '}', '\n')
}
