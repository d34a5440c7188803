package origin

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/idempotency"
	"github.com/fourtwelve/fourtwelve/store"
)

// Once says how long, and how many of, the answers to writes with an Idempotency-Key are given again. The zero Once
// stands for its defaults.
type Once struct {
	// Off ignores the field.
	Off bool
	// Required refuses writes without it.
	Required bool
	// Lifetime is how long an answer is remembered. 0 stands for 24 hours.
	Lifetime time.Duration
	// PerClient is how many answers of one client are remembered; its next one takes the place of its oldest. 0 stands for
	// 1000.
	PerClient int
	// Principal returns the name under which who sent a request was let in, or "". A key is that of a
	// principal, and nobody finds the answers of another. Nil is "" for all.
	Principal func(*http.Request) string
	// Client returns whose bound a request without a principal counts for, such as its address. Nil is one for all.
	Client func(*http.Request) string
}

// openOnce returns the answers that s has kept, or nil if they are not to be remembered.
func openOnce(o Options) (*idempotency.Table, error) {
	recorder, ok := o.Store.(store.Recorder)
	if !ok || o.Once.Off || o.ReadOnly {
		return nil, nil
	}
	t := idempotency.New(idempotency.Options{Lifetime: o.Once.Lifetime, PerClient: o.Once.PerClient, Now: o.Now})
	var failed error
	t.Load(func(yield func(string, []byte) bool) {
		for r, err := range recorder.Kept(context.Background(), idempotency.Prefix) {
			if err != nil {
				failed = err
				return
			}
			if !yield(r.Key, r.Value) {
				return
			}
		}
	})
	return t, failed
}

// keyed is what an exchange with an Idempotency-Key has beside others.
type keyed struct {
	id     idempotency.ID
	client string
	// reading says that content was asked for, and sum, if read, is that of all of it.
	reading, read bool
	sum           store.Digest
	claim         *idempotency.Claim // while the write is this exchange's to perform
	settled       bool               // the answer has been found
}

// readKey finds the Idempotency-Key of a write. If it is unfit, or missing, it answers and returns false.
func (x *exchange) readKey() bool {
	if x.once == nil {
		return true
	}
	key, err := idempotency.KeyOf(x.r.Header[idempotency.Field])
	switch {
	case err != nil:
		x.refuse(idempotency.Malformed(err))
		return false
	case key == "" && x.options.Once.Required:
		x.refuse(idempotency.Missing())
		return false
	case key == "":
		return true
	}
	o, principal, client := x.options.Once, "", ""
	if o.Principal != nil {
		principal = o.Principal(x.r)
	}
	if client = principal; client == "" && o.Client != nil {
		client = o.Client(x.r)
	}
	x.key = &keyed{id: idempotency.IDOf(principal, key), client: client}
	return true
}

// repeats answers a request whose key is known, and reports whether it has. It is asked before anything is looked at that an earlier
// request with the key may have changed, and again before a refusal is sent: the earlier one may have been
// performed meanwhile, and be the very reason for the refusal.
func (x *exchange) repeats() bool {
	k := x.key
	if k == nil || k.claim != nil || k.settled || k.reading && !k.read || !x.once.Knows(k.id) {
		return false
	}
	k.settled = true
	if !k.read && x.r.Method != http.MethodDelete {
		h := sha256.New()
		body := x.body(x.options.MaxBody)
		if _, err := io.Copy(h, body); err != nil {
			x.rec.Err = err
			x.fail(body.problem())
			return true
		}
		h.Sum(k.sum[:0])
	}
	claim, verdict, answer := x.once.Claim(k.id, k.client, x.fingerprint())
	if verdict == idempotency.Fresh { // the earlier one was refused, and its content is read now
		claim.Release()
		verdict = idempotency.InProgress
	}
	x.settle(verdict, answer)
	return true
}

func (x *exchange) fingerprint() idempotency.Fingerprint {
	return idempotency.FingerprintOf(x.r, x.r.URL.Path, x.key.sum)
}

// claimKey makes the write, whose content has the digest, this exchange's to perform; release ends that. If it is not to be performed, it
// answers and returns false.
func (x *exchange) claimKey(sum store.Digest) (release func(), ok bool) {
	k := x.key
	if k == nil {
		return func() {}, true
	}
	k.sum, k.read = sum, true
	claim, verdict, answer := x.once.Claim(k.id, k.client, x.fingerprint())
	if verdict != idempotency.Fresh {
		k.settled = true
		x.settle(verdict, answer)
		return nil, false
	}
	k.claim = claim
	return claim.Release, true
}

// settle answers a request whose key is known.
func (x *exchange) settle(v idempotency.Verdict, answer []byte) {
	switch v {
	case idempotency.Unknown:
		x.refuse(ProblemOf(store.ErrUnknown))
	case idempotency.InProgress:
		x.refuse(v.Problem(), retrySoon)
	case idempotency.Answered:
		x.answerAgain(answer)
	default:
		x.refuse(v.Problem())
	}
}

// performed is how a write was answered: what the answer is made of again.
type performed struct {
	status   int
	info     store.Info // of the revision that the write has made; zero if it removed one
	location string
}

// answerAgain gives the answer that a write was given before. Its tag is that of the revision which the write made, current
// or not.
func (x *exchange) answerAgain(record []byte) {
	p, ok := parsePerformed(record)
	if !ok {
		x.refuse(ProblemOf(store.ErrUnknown)) // a record of another version
		return
	}
	x.header[idempotency.FieldReplayed] = replayedTrue
	x.rec.Replayed = true
	if p.location != "" {
		x.header["Location"] = []string{p.location}
	}
	if !p.info.Exists() {
		x.noContent(p.status)
		return
	}
	x.succeeded(p.status, p.info)
}

// isFirst reports whether the request has a key with which no write has been performed. While the claim is its own, none has.
func (x *exchange) isFirst() bool {
	return x.key != nil && (x.key.claim != nil || !x.once.Knows(x.key.id))
}

var replayedTrue, replayedFalse = []string{"true"}, []string{"false"}

// commitDraft commits d, which replaces what was seen, and with it keeps what the client is told.
func (x *exchange) commitDraft(d store.Draft, seen store.Info, expect store.Expect, location string) (store.Info, error) {
	if x.key == nil {
		return d.Commit(x.writing(), expect)
	}
	return x.recorded(func(key string, record func(performed) []byte) (store.Info, error) {
		return x.recorder.CommitWith(x.writing(), d, expect, key, func(info store.Info) []byte {
			return record(performed{statusOf(seen), info, location})
		})
	})
}

// remove deletes name, and with that keeps what the client is told.
func (x *exchange) remove(name string, expect store.Expect) (store.Info, error) {
	if x.key == nil {
		return x.store.Delete(x.ctx, name, expect)
	}
	return x.recorded(func(key string, record func(performed) []byte) (store.Info, error) {
		return x.recorder.DeleteWith(x.ctx, name, expect, key, func(store.Info) []byte {
			return record(performed{status: http.StatusNoContent})
		})
	})
}

// recorded performs the write that the exchange has claimed. Record and write are one step of the store, so a request that is
// repeated after a crash is either performed for the first time or given this answer.
func (x *exchange) recorded(write func(key string, record func(performed) []byte) (store.Info, error)) (store.Info, error) {
	claim := x.key.claim
	var answer []byte
	info, err := write(claim.RecordKey(), func(p performed) []byte {
		answer = p.append(nil)
		return claim.Record(answer)
	})
	switch {
	case err == nil:
		claim.Done(answer)
	case errors.Is(err, store.ErrUnknown):
		claim.Unknown()
	}
	return info, err
}

func (p performed) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.status))
	b = binary.AppendUvarint(b, uint64(p.info.Revision))
	b = binary.AppendUvarint(b, uint64(p.info.Size))
	b = binary.AppendVarint(b, p.info.Modified.Unix())
	b = append(b, p.info.Digest[:]...)
	b = binary.AppendUvarint(b, uint64(len(p.info.Name)))
	return append(append(b, p.info.Name...), p.location...)
}

func parsePerformed(b []byte) (p performed, ok bool) {
	ok = true
	number := func() uint64 {
		n, size := binary.Uvarint(b)
		ok = ok && size > 0
		b = b[max(size, 0):]
		return n
	}
	p.status = int(number())
	p.info.Revision, p.info.Size = store.Revision(number()), int64(number())
	seconds, size := binary.Varint(b)
	b = b[max(size, 0):]
	p.info.Modified = time.Unix(seconds, 0).UTC()
	b = b[copy(p.info.Digest[:], b):]
	length := number()
	if !ok || size <= 0 || length > uint64(len(b)) || p.status < 200 || p.status > 299 {
		return performed{}, false
	}
	p.info.Name, p.location = string(b[:length]), string(b[length:])
	return p, true
}
