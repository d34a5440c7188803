package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/idempotency"
)

// Keys is what a route does with the Idempotency-Key of PUT, PATCH and DELETE (draft-ietf-httpapi-idempotency-key).
type Keys uint8

const (
	// KeysHonoured gives a write that the backend has performed its first answer again when its key comes a second time. A
	// guard remembers the last 1000 answers of each client for 24 hours, as long as its Shared lives.
	KeysHonoured Keys = iota
	// KeysPassed leaves the field to the backend.
	KeysPassed
	// KeysRequired is KeysHonoured, and refuses those writes without a key: 400.
	KeysRequired
)

// String returns the word: "on", "off" or "required".
func (k Keys) String() string { return [...]string{"on", "off", "required"}[k] }

// keyed is a write with a key that the guard knows, or may come to know.
type keyed struct {
	id     idempotency.ID
	client string
}

// readKey finds the key of a write; nil is none. There is an answer if it cannot be read, or is required and missing.
func (x *exchange) readKey() (*keyed, answer) {
	keys := x.route.Keys
	switch x.r.Method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return nil, nil
	}
	if keys == KeysPassed {
		return nil, nil
	}
	key, err := idempotency.KeyOf(x.r.Header[idempotency.Field])
	switch {
	case err != nil:
		return nil, refusal(idempotency.Malformed(err))
	case key == "" && keys == KeysRequired:
		return nil, refusal(idempotency.Missing())
	case key == "":
		return nil, nil
	}
	principal := x.principal()
	k := &keyed{id: idempotency.IDOf(principal, key), client: principal}
	if len(x.r.Header["Authorization"]) == 0 {
		host, _, _ := net.SplitHostPort(x.r.RemoteAddr)
		k.client += "\x00" + host
	}
	return k, nil
}

// principal is who the client says it is, as the backend will see it: the guard knows no names. Nobody who cannot send the same
// credentials finds an answer.
func (x *exchange) principal() string {
	parts := []string{x.route.learnedKey()}
	for _, name := range []string{"Authorization", "Cookie"} {
		parts = append(parts, name, strings.Join(x.r.Header[name], "\n"))
	}
	if x.r.TLS != nil && len(x.r.TLS.PeerCertificates) > 0 {
		parts = append(parts, string(x.r.TLS.PeerCertificates[0].Raw))
	}
	return strings.Join(parts, "\x00")
}

// isKnown reports whether a request with the key came before, so that the state decides nothing about this one.
func (x *exchange) isKnown(k *keyed) bool { return k != nil && x.shared.once.Knows(k.id) }

// performOnce does what do does with a write, unless its key was used. The locks of the write are held, so of any number of requests
// with one key the first has its answer before the next one is looked at, and the answer is there before anybody sees what
// the write has done.
func (x *exchange) performOnce(k *keyed, up *upload, do func() answer) answer {
	if k == nil || up != nil && !up.content.whole { // what is too long to be held cannot be told apart
		return do()
	}
	var sum [32]byte
	if up != nil {
		sum = up.content.digest
	}
	print := idempotency.FingerprintOf(x.r, x.key, sum)
	claim, verdict, record := x.shared.once.Claim(k.id, k.client, print)
	switch verdict {
	case idempotency.Answered:
		return x.answerAgain(record)
	case idempotency.Unknown:
		return x.retryUnknown(k, print, do)
	case idempotency.Fresh:
		defer claim.Release()
		a := do()
		x.remember(claim, a)
		return a
	}
	return refused{problem: verdict.Problem(), header: http.Header{"Retry-After": {"1"}}}
}

// retryUnknown is for a write that was sent to the backend before, which gave no answer. If its precondition still holds, the first
// attempt has changed nothing so far, and it is performed. Otherwise it stays unknown: what has made the precondition false may be
// this very write, so that a 412 would say too much.
func (x *exchange) retryUnknown(k *keyed, print idempotency.Fingerprint, do func() answer) answer {
	unknown := failed{errUnknown{errors.New("the first request with this Idempotency-Key got no answer from the backend")}}
	if len(x.fields.IfMatch) == 0 && len(x.fields.IfNoneMatch) == 0 && len(x.fields.IfUnmodifiedSince) == 0 {
		return unknown
	}
	claim := x.shared.once.Again(k.id, k.client, print)
	if claim == nil {
		return unknown
	}
	a := do()
	if x.remember(claim, a) {
		return a
	}
	claim.Unknown()
	return unknown
}

// remember keeps the answer of a write that was performed, and reports whether it has.
func (x *exchange) remember(claim *idempotency.Claim, a answer) bool {
	switch a := a.(type) {
	case passed:
		if a.res.StatusCode/100 == 2 {
			claim.Done(recordOf(a.res))
			return true
		}
	case failed:
		if isA[errUnknown](a.err) {
			claim.Unknown()
		}
	}
	return false
}

// recorded is an answer as it is remembered.
type recorded struct {
	Status  int
	Header  http.Header
	Content []byte
}

// remembered are the fields of an answer that come again with it.
var remembered = []string{"Etag", "Last-Modified", "Location", "Content-Location", "Content-Type"}

// maxRemembered bounds the content that is remembered, in bytes. A longer one is left out.
const maxRemembered = 4 << 10

// recordOf makes the record of a response, whose content stays to be sent.
func recordOf(res *http.Response) []byte {
	a := recorded{Status: res.StatusCode, Header: http.Header{}}
	for _, name := range remembered {
		if lines := res.Header[name]; len(lines) > 0 {
			a.Header[name] = lines
		}
	}
	if res.ContentLength > 0 && res.ContentLength <= maxRemembered && len(res.Header["Content-Encoding"]) == 0 {
		content, err := io.ReadAll(res.Body)
		res.Body = &joinedBody{io.MultiReader(bytes.NewReader(content), failingAfter(err)), res.Body}
		a.Content = content
	}
	if len(a.Content) == 0 {
		delete(a.Header, "Content-Type")
		if a.Status == http.StatusOK {
			a.Status = http.StatusNoContent
		}
	}
	b, err := json.Marshal(a)
	if err != nil || len(b) > idempotency.MaxAnswer {
		b, _ = json.Marshal(recorded{Status: http.StatusNoContent})
	}
	return b
}

// failingAfter is what comes after content: its end, or an error.
func failingAfter(err error) io.Reader {
	if err == nil {
		err = io.EOF
	}
	return failingReader{err}
}

// answerAgain is the answer to a write that was performed before.
func (x *exchange) answerAgain(record []byte) answer {
	var a recorded
	if err := json.Unmarshal(record, &a); err != nil {
		return failed{err}
	}
	x.replayed = true
	h := http.Header{idempotency.FieldReplayed: {"true"}, "Date": {x.now.UTC().Format(http.TimeFormat)}}
	for name, lines := range a.Header {
		h[name] = slices.Clone(lines)
	}
	return passed{&http.Response{
		StatusCode: a.Status, Header: h, ContentLength: int64(len(a.Content)), Body: io.NopCloser(bytes.NewReader(a.Content)),
	}}
}
