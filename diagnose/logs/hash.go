package logs

import "math/bits"

// hash returns a number for s that is the same in every run, so that samples are too. It folds
// products of eight bytes at a time, after wyhash.
func hash(s string) uint64 {
	h, n := uint64(len(s))^secret0, len(s)
	if n < 8 {
		var short uint64
		for i := range n {
			short = short<<8 | uint64(s[i])
		}
		return fold(h^short, secret2)
	}
	for rest := s; len(rest) > 8; rest = rest[8:] {
		h = fold(h^word(rest), secret1)
	}
	return fold(h^word(s[n-8:]), secret2) // which may overlap with those before
}

// longHash is a number for s like hash, of another kind: it takes sixteen bytes at a time, which is worth it for long strings.
func longHash(s string) uint64 {
	if len(s) < 16 {
		return hash(s)
	}
	h := uint64(len(s)) ^ secret1
	for rest := s; len(rest) > 16; rest = rest[16:] {
		h = fold(h^word(rest), word(rest[8:])^secret0)
	}
	end := s[len(s)-16:]
	return fold(h^word(end), word(end[8:])^secret2)
}

// mix combines two numbers, in this order.
func mix(a, b uint64) uint64 { return fold(a^secret1, b^bits.RotateLeft64(a, 32)^secret2) }

// Arbitrary odd numbers with about as many ones as zeros.
const (
	secret0 = 0xa0761d6478bd642f
	secret1 = 0xe7037ed1a0b428db
	secret2 = 0x8ebc6af09c88c6e3
)

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// word returns the first eight bytes of s. The compiler makes one load of it.
func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
