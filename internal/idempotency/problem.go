package idempotency

import (
	"fmt"
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// Malformed refuses a request whose key cannot be read; err is that of KeyOf. To perform it all the
// same would leave the client in the belief that it can send it again.
func Malformed(err error) *condhttp.Problem {
	return condhttp.NewProblem(http.StatusBadRequest, "malformed-idempotency-key", err.Error(),
		fmt.Sprintf(`send one key of at most %d characters in quotes, such as Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324"`, MaxKey))
}

// Missing refuses a write without a key where one is required.
func Missing() *condhttp.Problem {
	return condhttp.NewProblem(http.StatusBadRequest, "idempotency-key-required",
		"the request has no Idempotency-Key, and a write here needs one",
		`send a new key with each new write, and the same one when you send a write again: Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324"`)
}

// Problem is the refusal for a verdict: of Reused, and of InProgress, which the client is told to
// try again.
func (v Verdict) Problem() *condhttp.Problem {
	if v == Reused {
		return condhttp.NewProblem(http.StatusUnprocessableEntity, "idempotency-key-reused",
			"the Idempotency-Key was sent before with another request: another method, target, precondition or content; nothing was changed",
			"make a new key for each new write, also for one that was merged after a 412")
	}
	return condhttp.NewProblem(http.StatusConflict, "idempotency-key-in-use",
		"a request with this Idempotency-Key is being answered at this moment", "send it again in a second, with the same key")
}
