package enginetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// Engine is an engine in memory, for tests: the smallest that keeps the contract. All its methods may
// be called from any number of goroutines. Heads and Contents return its two parts; [Faulty] makes it
// behave as networks do.
type Engine struct {
	mu       sync.Mutex
	states   uint64
	heads    map[string]head
	contents map[clusterstore.ContentID][]byte
}

type head struct {
	record []byte
	state  uint64
}

func (h head) token() clusterstore.Token {
	if h.state == 0 {
		return ""
	}
	return clusterstore.Token(strconv.FormatUint(h.state, 10))
}

// NewEngine returns an empty Engine.
func NewEngine() *Engine {
	return &Engine{heads: make(map[string]head), contents: make(map[clusterstore.ContentID][]byte)}
}

// Heads returns the heads of the engine.
func (e *Engine) Heads() clusterstore.Heads { return (*memoryHeads)(e) }

// Contents returns the contents of the engine.
func (e *Engine) Contents() clusterstore.Contents { return (*memoryContents)(e) }

type memoryHeads Engine

// Get implements clusterstore.Heads.
func (e *memoryHeads) Get(ctx context.Context, name string, known clusterstore.Token) ([]byte, clusterstore.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.heads[name]
	if known != "" && h.token() == known {
		return nil, known, nil
	}
	return slices.Clone(h.record), h.token(), nil
}

// Swap implements clusterstore.Heads.
func (e *memoryHeads) Swap(ctx context.Context, name string, old clusterstore.Token, record []byte) (clusterstore.Token, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.heads[name].token() != old {
		return "", clusterstore.ErrSwapped
	}
	e.states++
	h := head{slices.Clone(record), e.states}
	e.heads[name] = h
	return h.token(), nil
}

// List implements clusterstore.Heads. It looks at every head.
func (e *memoryHeads) List(ctx context.Context, prefix, after string, n int) ([]clusterstore.Listed, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var page []clusterstore.Listed
	for name, h := range e.heads {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && name > after && !strings.Contains(rest, "/") {
			page = append(page, clusterstore.Listed{Name: name, Token: h.token(), Record: slices.Clone(h.record)})
		}
	}
	slices.SortFunc(page, func(a, b clusterstore.Listed) int { return strings.Compare(a.Name, b.Name) })
	if len(page) > n {
		return page[:n], page[n-1].Name, nil
	}
	return page, "", nil
}

type memoryContents Engine

// Put implements clusterstore.Contents.
func (e *memoryContents) Put(ctx context.Context, id clusterstore.ContentID, size int64, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err == nil && size >= 0 && int64(len(data)) != size {
		err = fmt.Errorf("%d bytes were announced, and %d came", size, len(data))
	}
	if err := cmp.Or(err, ctx.Err()); err != nil {
		return fmt.Errorf("content %s: %w", id.ID, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, taken := e.contents[id]; taken {
		return fmt.Errorf("content %s is there already", id.ID)
	}
	e.contents[id] = data
	return nil
}

// Open implements clusterstore.Contents.
func (e *memoryContents) Open(ctx context.Context, id clusterstore.ContentID, off, n int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	data, ok := e.contents[id]
	if !ok {
		return nil, fmt.Errorf("content %s: %w", id.ID, store.ErrGone)
	}
	if size := int64(len(data)); n < 0 {
		n = size - off
	} else if off > size-n {
		return nil, fmt.Errorf("content %s: %d bytes from offset %d are not within its %d bytes", id.ID, n, off, size)
	}
	return io.NopCloser(bytes.NewReader(data[off : off+n])), nil
}

// Remove implements clusterstore.Contents.
func (e *memoryContents) Remove(ctx context.Context, id clusterstore.ContentID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.contents, id)
	return nil
}

// List implements clusterstore.Contents. It looks at every content.
func (e *memoryContents) List(ctx context.Context, head, cursor string, n int) ([]clusterstore.Stored, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var page []clusterstore.Stored
	for id, data := range e.contents {
		if (head == "" || id.Head == head) && place(id) > cursor {
			page = append(page, clusterstore.Stored{ContentID: id, Size: int64(len(data))})
		}
	}
	slices.SortFunc(page, func(a, b clusterstore.Stored) int { return strings.Compare(place(a.ContentID), place(b.ContentID)) })
	if len(page) > n {
		return page[:n], place(page[n-1].ContentID), nil
	}
	return page, "", nil
}

func place(id clusterstore.ContentID) string { return id.Head + "\x00" + id.ID }
