package dirstore

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A node is where the users of one name meet: readers find the entry, and who
// wants to change or refresh it takes the turn.
type node struct {
	name  string
	entry atomic.Pointer[entry]
	looks looks
	// turn holds one token; whoever has it may look, write and publish.
	turn chan struct{}
	// loaded says that the index has been asked. Guarded by turn.
	loaded bool
	// users counts who holds or waits for the turn. Guarded by the shard.
	users int
}

// nodes finds the node of a name. It forgets nodes nobody uses when there are
// more than limit; what they knew is in the index.
type nodes struct {
	seed   maphash.Seed
	limit  int // of each shard
	shards [64]shard
}

type shard struct {
	mu sync.RWMutex
	m  map[string]*node
	_  [24]byte // keeps neighbours off one cache line
}

func newNodes(limit int) *nodes {
	n := &nodes{seed: maphash.MakeSeed(), limit: max(1, limit/len(nodes{}.shards))}
	for i := range n.shards {
		n.shards[i].m = make(map[string]*node)
	}
	return n
}

func (n *nodes) shard(name string) *shard {
	return &n.shards[maphash.String(n.seed, name)%uint64(len(n.shards))]
}

// find returns the node of name if it is in memory.
func (n *nodes) find(name string) *node {
	s := n.shard(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.m[name]
}

// peek returns the entry of name if it is in memory.
func (n *nodes) peek(name string) *entry {
	if found := n.find(name); found != nil {
		return found.entry.Load()
	}
	return nil
}

// take waits for the turn of name. The node must be given back with release.
func (n *nodes) take(ctx context.Context, name string) (*node, error) {
	s := n.shard(name)
	s.mu.Lock()
	found := s.m[name]
	if found == nil {
		found = &node{name: name, turn: make(chan struct{}, 1)}
		s.makeRoom(n.limit)
		s.m[name] = found
	}
	found.users++
	s.mu.Unlock()

	select {
	case found.turn <- struct{}{}:
		return found, nil
	default:
	}
	select {
	case found.turn <- struct{}{}:
		return found, nil
	case <-ctx.Done():
		n.leave(found)
		return nil, context.Cause(ctx)
	}
}

// tryTake is take if nobody has or waits for the turn, else it returns nil.
func (n *nodes) tryTake(name string) *node {
	s := n.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.m[name]
	if found == nil {
		found = &node{name: name, turn: make(chan struct{}, 1)}
		s.makeRoom(n.limit)
		s.m[name] = found
	}
	if found.users > 0 {
		return nil
	}
	found.users++
	found.turn <- struct{}{}
	return found
}

// release gives the turn to the next.
func (n *nodes) release(used *node) {
	<-used.turn
	n.leave(used)
}

func (n *nodes) leave(used *node) {
	s := n.shard(used.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	used.users--
	if used.users == 0 && used.entry.Load() == nil {
		delete(s.m, used.name) // names that hold nothing take no memory
	}
}

// makeRoom forgets unused nodes while there are limit or more. s.mu is held.
func (s *shard) makeRoom(limit int) {
	if len(s.m) < limit {
		return
	}
	for name, n := range s.m {
		if n.users == 0 {
			delete(s.m, name)
		}
		if len(s.m) < limit-limit/8 {
			return
		}
	}
}
