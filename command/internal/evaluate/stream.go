package evaluate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/fourtwelve/fourtwelve/precondition"
)

// MaxLine is how long a line may be, in bytes. Longer ones are skipped.
const MaxLine = 16 << 20

// batchSize is how many bytes of lines are answered together at least, unless the
// reader would have to wait for more.
const batchSize = 64 << 10

// maxWorkers bounds the batches in flight, and so the memory taken by lines of
// MaxLine.
const maxWorkers = 4

// LineError is what is wrong with a line.
type LineError struct {
	// Line counts from 1.
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns e.Err.
func (e *LineError) Unwrap() error { return e.Err }

// Stream answers the cases that r has, one a line, in order, to w, and hands
// lines that are no case to bad, in order with the answers, and goes on after
// them. Blank lines are passed over. Answers are written when no more lines are
// there to be read at once, so that a program can ask and wait.
//
// It returns when r is at its end, reading or writing fails, or ctx is done; in
// the last case a Read that waits is left behind. bad is called from the goroutine
// that called Stream, and w is used there alone.
func Stream(ctx context.Context, r io.Reader, w io.Writer, policy precondition.Policy, bad func(*LineError)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	// A batch is in both queues: in the one it waits to be answered, in the other
	// to be written in its turn.
	todo, inOrder := make(chan *batch), make(chan *batch, workers)
	for range workers {
		go func() {
			for b := range todo {
				b.answer(policy)
			}
		}()
	}
	go read(ctx, r, todo, inOrder)
	return write(ctx, inOrder, w, bad)
}

// write writes what the batches came to, in their order.
func write(ctx context.Context, inOrder <-chan *batch, w io.Writer, bad func(*LineError)) error {
	for {
		var b *batch
		select {
		case b = <-inOrder:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(b.out) > 0 {
			if _, err := w.Write(b.out); err != nil {
				return fmt.Errorf("write the answers: %w", err)
			}
		}
		for _, e := range b.bad {
			bad(e)
		}
		switch {
		case errors.Is(b.end, io.EOF):
			return nil
		case b.end != nil:
			return fmt.Errorf("read the cases: %w", b.end)
		}
	}
}

// batch is some lines, and what they come to.
type batch struct {
	lines []line
	text  []byte // of all lines
	// end is the error that reading ended with, in the last batch.
	end  error
	done chan struct{}
	out  []byte
	bad  []*LineError
}

// line is the part of a batch's text from start to end, or what is wrong with it.
type line struct {
	number, start, end int
	err                error
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// answer parses and answers the lines.
func (b *batch) answer(policy precondition.Policy) {
	defer close(b.done)
	b.out = make([]byte, 0, 2*len(b.text)) // answers are about as long, or up to twice
	for _, l := range b.lines {
		if l.err == nil {
			l.err = b.answerLine(b.text[l.start:l.end], policy)
		}
		if l.err != nil {
			b.bad = append(b.bad, &LineError{l.number, l.err})
		}
	}
	b.lines, b.text = nil, nil
}

func (b *batch) answerLine(text []byte, policy precondition.Policy) error {
	c, id, err := Parse(text, policy)
	if err != nil {
		return err
	}
	a := c.Answer()
	b.out = a.AppendJSON(b.out, id)
	return nil
}

// read cuts r into lines and those into batches, until the last one.
func read(ctx context.Context, r io.Reader, todo, inOrder chan<- *batch) {
	defer close(todo)
	lines := &lineReader{r: bufio.NewReaderSize(r, batchSize), max: MaxLine}
	for b := newBatch(); ; {
		b.end = lines.next(b)
		if b.end == nil && len(b.text) < batchSize && lines.r.Buffered() > 0 {
			continue
		}
		for _, queue := range [...]chan<- *batch{inOrder, todo} {
			select {
			case queue <- b:
			case <-ctx.Done():
				return
			}
		}
		if b.end != nil {
			return
		}
		b = newBatch()
	}
}

// lineReader reads lines of bounded length.
type lineReader struct {
	r      *bufio.Reader
	max    int // length of a line, in bytes
	number int
}

var byteOrderMark = []byte("\ufeff")

// next adds the next line to b, unless it is blank, or returns the error that
// reading ended with.
func (l *lineReader) next(b *batch) error {
	start := len(b.text)
	tooLong, err := l.appendLine(b)
	l.number++
	text := b.text[start:]
	if l.number == 1 && bytes.HasPrefix(text, byteOrderMark) {
		start += len(byteOrderMark)
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF): // the line may be cut short
	case tooLong:
		b.lines = append(b.lines, line{number: l.number, err: fmt.Errorf("longer than %d bytes", l.max)})
	case len(bytes.TrimSpace(b.text[start:])) > 0:
		b.lines = append(b.lines, line{number: l.number, start: start, end: len(b.text)})
	}
	return err
}

// appendLine appends the next line, without its end, to the text of b. Of one that
// is too long nothing is kept.
func (l *lineReader) appendLine(b *batch) (tooLong bool, err error) {
	start := len(b.text)
	for {
		part, err := l.r.ReadSlice('\n')
		if !tooLong {
			b.text = append(b.text, part...)
		}
		more := errors.Is(err, bufio.ErrBufferFull)
		if !more {
			text := bytes.TrimSuffix(b.text[start:], []byte("\n"))
			b.text = b.text[:start+len(bytes.TrimSuffix(text, []byte("\r")))]
		}
		// The last byte may be half of a line's end.
		if n := len(b.text) - start; n > l.max+1 || n > l.max && !more {
			b.text, tooLong = b.text[:start:start], true
		}
		if !more {
			return tooLong, err
		}
	}
}
