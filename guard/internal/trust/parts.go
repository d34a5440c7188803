package trust

import "sync/atomic"

// Parts is what is known of whether a backend answers Range.
type Parts struct{ refused, asked atomic.Uint32 }

const (
	// enoughRefused is how often in a row a backend answers Range with the whole until it is hardly asked for parts any more.
	enoughRefused = 4
	// sampleOfParts is of how many parts one is asked for then.
	sampleOfParts = 64
)

// WorthAsking reports whether a part is to be asked for, as a backend that sends the whole is asked twice.
func (p *Parts) WorthAsking() bool {
	return p.refused.Load() < enoughRefused || p.asked.Add(1)%sampleOfParts == 0
}

// Answered is told whether a part was sent.
func (p *Parts) Answered(part bool) {
	if part {
		p.refused.Store(0)
	} else {
		p.refused.Add(1)
	}
}
