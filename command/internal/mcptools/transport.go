package mcptools

import (
	"context"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// answering is a transport that lets the input end only when all that was asked is answered: a change that was
// made is told, also to a program that closes its side at once.
type answering struct{ mcp.Transport }

func (t answering) Connect(ctx context.Context) (mcp.Connection, error) {
	c, err := t.Transport.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &answeringConn{Connection: c}, nil
}

type answeringConn struct {
	mcp.Connection
	open sync.WaitGroup // requests without an answer
	mu   sync.Mutex
	ids  map[any]bool // theirs
}

func (c *answeringConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	m, err := c.Connection.Read(ctx)
	if r, ok := m.(*jsonrpc.Request); ok && r.ID.IsValid() {
		c.mu.Lock()
		if c.ids == nil {
			c.ids = map[any]bool{}
		}
		if id := r.ID.Raw(); !c.ids[id] {
			c.ids[id] = true
			c.open.Add(1)
		}
		c.mu.Unlock()
	}
	if err == io.EOF {
		c.settle(ctx)
	}
	return m, err
}

// settle waits until all is answered.
func (c *answeringConn) settle(ctx context.Context) {
	done := make(chan struct{})
	go func() { c.open.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (c *answeringConn) Write(ctx context.Context, m jsonrpc.Message) error {
	err := c.Connection.Write(ctx, m)
	if r, ok := m.(*jsonrpc.Response); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		if id := r.ID.Raw(); c.ids[id] {
			delete(c.ids, id)
			c.open.Done()
		}
	}
	return err
}
