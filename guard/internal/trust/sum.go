package trust

import "hash/maphash"

// A Sum is a hash of content with a key of this process: it tells versions apart, at a fraction of the cost of a
// digest, and is never given out.
type Sum uint64

var sumSeed = maphash.MakeSeed()

// A Summer sums content as it passes. The zero Summer is not ready; see NewSummer.
type Summer struct{ hash maphash.Hash }

// NewSummer returns a Summer that has seen nothing.
func NewSummer() (s Summer) {
	s.hash.SetSeed(sumSeed)
	return s
}

// Write never fails.
func (s *Summer) Write(p []byte) (int, error) { return s.hash.Write(p) }

// Sum is that of what was written.
func (s *Summer) Sum() Sum { return Sum(s.hash.Sum64()) }
