package guard

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// Reasons of answers that are not about preconditions. They do not change.
const (
	reasonUnknown     = "outcome-unknown"
	reasonUnreachable = "backend-unreachable"
	reasonTimeout     = "backend-timeout"
	reasonIncomplete  = "backend-incomplete"
	reasonNonsense    = "backend-nonsense"
	reasonUncheckable = "cannot-check"
	reasonBusy        = "busy"
	reasonApplied     = "already-applied"
	reasonRefused     = "backend-refused"
)

// errUnknown wraps the error of a write that may have been performed.
type errUnknown struct{ error }

func (e errUnknown) Unwrap() error { return e.error }

// problemOf is what a client is told of an error.
func problemOf(err error) *condhttp.Problem {
	if p, ok := errors.AsType[*condhttp.Problem](err); ok {
		return p
	}
	timeout := errIsTimeout(err)
	gateway := http.StatusBadGateway
	if timeout {
		gateway = http.StatusGatewayTimeout
	}
	switch {
	case errors.Is(err, errNoSpace):
		return condhttp.NewProblem(http.StatusServiceUnavailable, "no-space",
			"there is no room left to hold the content", "try again later; nothing was changed")
	case isA[errUnknown](err):
		return condhttp.NewProblem(gateway, reasonUnknown,
			"the write was sent on, but no answer came: it may or may not have been performed",
			"fetch the resource to see whether it was before you try again")
	case isA[errUnsent](err):
		return condhttp.NewProblem(gateway, reasonUnreachable,
			"the server behind this gateway cannot be reached; nothing was changed", "try again later")
	case timeout:
		return condhttp.NewProblem(gateway, reasonTimeout, "the server behind this gateway does not answer", "try again later")
	case isA[errIncomplete](err):
		return condhttp.NewProblem(gateway, reasonIncomplete, "the server behind this gateway broke off its answer", "try again")
	}
	return condhttp.NewProblem(gateway, "backend-failed", "the server behind this gateway did not answer as HTTP wants it", "try again later")
}

// incomplete is the error of content that a response did not bring whole.
func incomplete(err error) error {
	if errors.Is(err, errNoSpace) {
		return err
	}
	return errIncomplete{fmt.Errorf("content of the response: %w", err)}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// nonsense is for a response that does not answer the request.
func nonsense(status int) *condhttp.Problem {
	return condhttp.NewProblem(http.StatusBadGateway, reasonNonsense,
		fmt.Sprintf("the server behind this gateway answered %d to a request without preconditions or ranges", status), "")
}
