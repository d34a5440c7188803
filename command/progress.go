package command

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress is a line on a terminal that says how far something has come. On anything else it
// says nothing.
type progress struct {
	out         io.Writer // nil for nothing
	line        func(done, total int64, took time.Duration) string
	start, last time.Time
	shown       bool
}

// progressEvery is how often the line changes.
const progressEvery = 100 * time.Millisecond

// newProgress is for bytes that are read.
func newProgress(out io.Writer) *progress { return progressOf(out, progressLine) }

// newCounter is for things that are done.
func newCounter(out io.Writer, things string) *progress {
	return progressOf(out, func(done, total int64, _ time.Duration) string { return counterLine(done, total, things) })
}

func progressOf(out io.Writer, line func(done, total int64, took time.Duration) string) *progress {
	p := &progress{start: time.Now(), line: line}
	if isTerminal(out) {
		p.out = out
	}
	return p
}

// show says that done of total is; total is 0 if it is not known.
func (p *progress) show(done, total int64) {
	now := time.Now()
	if p.out == nil || now.Sub(p.last) < progressEvery || now.Sub(p.start) < 2*progressEvery {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprint(p.out, "\r"+p.line(done, total, now.Sub(p.start))+"\x1b[K")
}

// clear removes the line.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

// progressLine is a bar, the part that is done, the rate and the time that is left, as far as these are
// known.
func progressLine(done, total int64, took time.Duration) string {
	rate := float64(done) / took.Seconds()
	line := fmt.Sprintf("%.0f MB, %.0f MB/s", float64(done)/1e6, rate/1e6)
	if total <= 0 || done > total || rate <= 0 {
		return line
	}
	left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s %3d %%  %s, %s left", progressBar(done, total), done*100/total, line, left)
}

// counterLine is a bar and how many of how many there are.
func counterLine(done, total int64, things string) string {
	return fmt.Sprintf("%s  %d of %d %s", progressBar(done, total), done, total, things)
}

// progressBar is filled as far as done is of total, which is more than 0.
func progressBar(done, total int64) string {
	const columns = 30
	full := int(done * columns / total)
	return strings.Repeat("█", full) + strings.Repeat("░", columns-full)
}
