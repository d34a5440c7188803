package origin

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/content/budget"
)

// memories are what all requests together may hold. What a client is still sending has a
// budget of its own, so that slow ones cannot keep others from working; and who works
// waits for nobody else, so that no two wait for each other.
type memories struct {
	// arriving is for patch documents.
	arriving *budget.Budget
	// working is for patching, comparing, and the order of listings.
	working *budget.Budget
}

// newMemories divides bytes; 0 is the default, a negative value no bound.
func newMemories(bytes int64) memories {
	switch {
	case bytes < 0:
		return memories{}
	case bytes == 0:
		bytes = DefaultMaxMemory
	}
	return memories{arriving: budget.New(bytes / 4), working: budget.New(bytes - bytes/4)}
}

// errNoMemory says that other requests hold the memory that this one needs.
var errNoMemory = condhttp.NewProblem(http.StatusServiceUnavailable, "out-of-memory",
	"other requests hold all the memory that there is for such requests; nothing was changed", "try again in a second")

// hold waits until n bytes of b are there. The error is a problem.
func (x *exchange) hold(b *budget.Budget, n int64) (held, error) {
	taken, err := b.Take(x.r.Context(), n)
	if err != nil {
		x.rec.Err = err
		return held{}, errNoMemory
	}
	return held{budget: b, taken: taken, used: taken}, nil
}

// held is what a request has taken of a budget, and uses of that. Its zero value is nothing.
type held struct {
	budget      *budget.Budget
	taken, used int64
}

// step is how much is taken at once of what grows.
const step = 256 << 10

// grow uses n bytes more. It returns false if they are not there.
func (h *held) grow(n int64) bool {
	for h.used += n; h.used > h.taken; h.taken += step {
		if !h.budget.TryTake(step) {
			return false
		}
	}
	return true
}

// settle gives back what is not used.
func (h *held) settle() {
	if h.used < h.taken {
		h.budget.Give(h.taken - h.used)
		h.taken = h.used
	}
}

// shrink gives back all but n bytes.
func (h *held) shrink(n int64) {
	h.used = min(h.used, n)
	h.settle()
}

func (h *held) release() { h.shrink(0) }
