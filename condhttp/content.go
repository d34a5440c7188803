package condhttp

import (
	"errors"
	"fmt"
	"net/http"
	"os"
)

// ContentTooLarge is the refusal of content of more than limit bytes: 413.
func ContentTooLarge(limit int64) *Problem {
	p := NewProblem(http.StatusRequestEntityTooLarge, "content-too-large",
		fmt.Sprintf("the content is longer than the %d bytes that are accepted here", limit), "")
	p.More = map[string]any{"limit": limit}
	return p
}

// ContentUnread is the refusal of a request whose content could not be read to its end because of
// err: 413 beyond the bound of [http.MaxBytesReader], 408 after a deadline, else 400. outcome says
// what became of the request, such as "nothing was changed". The client may well be gone, or still
// be listening, having closed only its sending side.
func ContentUnread(err error, outcome string) *Problem {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return ContentTooLarge(large.Limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return NewProblem(http.StatusRequestTimeout, "timeout", "the content did not arrive in time; "+outcome, "send it again")
	}
	return NewProblem(http.StatusBadRequest, "incomplete-content",
		"the content ended too early or is not framed as announced; "+outcome, "send it again")
}
