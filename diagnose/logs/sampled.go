package logs

// sampled is a map with a limited number of keys. When there are more, half of all possible
// keys are left out, chosen by their hash and so evenly, and again as often as it takes: the
// map then has every key whose hash ends in level zeros, with all that was ever put there. This
// is the adaptive sampling of Wegman. What is in it does not depend on the order in which it came,
// nor on how it was divided among workers.
type sampled[V any] struct {
	limit  int
	level  uint
	values map[uint64]*V
}

func newSampled[V any](limit int) *sampled[V] {
	return &sampled[V]{limit: limit, values: map[uint64]*V{}}
}

// sees reports whether a key with this hash is in the sample.
func (s *sampled[V]) sees(h uint64) bool { return h&(1<<s.level-1) == 0 }

// at returns the value for a key of the sample, and whether it is new. It is nil if there is no
// room: then the key has just left the sample.
func (s *sampled[V]) at(h uint64) (v *V, isNew bool) {
	if v = s.values[h]; v != nil {
		return v, false
	}
	for len(s.values) >= s.limit {
		s.halve()
	}
	if !s.sees(h) {
		return nil, false
	}
	v = new(V)
	s.values[h] = v
	return v, true
}

func (s *sampled[V]) halve() { s.raise(s.level + 1) }

func (s *sampled[V]) raise(level uint) {
	s.level = level
	for h := range s.values {
		if !s.sees(h) {
			delete(s.values, h)
		}
	}
}

// scale is of how many keys one is in the sample.
func (s *sampled[V]) scale() int64 { return 1 << s.level }

// merge adds the values of t, joined with those of the same key.
func (s *sampled[V]) merge(t *sampled[V], join func(into, from *V)) {
	s.raise(max(s.level, t.level))
	for h, from := range t.values {
		if !s.sees(h) {
			continue
		}
		v, isNew := s.at(h)
		switch {
		case v == nil:
		case isNew:
			*v = *from
		default:
			join(v, from)
		}
	}
}
