package idempotency

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dunglas/httpsfv"
)

// The fields, in the form that net/http keeps them in.
const (
	// Field carries the key of a request.
	Field = "Idempotency-Key"
	// FieldReplayed marks an answer that is the first one again: its value is "true". In a 412 it
	// is "false": no write with the key has been performed, so that a client which lost an answer
	// knows that its write was not.
	FieldReplayed = "Idempotent-Replayed"
)

// MaxKey bounds a key, in bytes.
const MaxKey = 255

// KeyOf reads the lines of an Idempotency-Key field: one String of RFC 9651 §3.3.3, of which
// parameters are ignored. Many clients send the bare value without its quotes; it is taken for the
// same key. The key is "" if there is no line. An error is for the client to read.
func KeyOf(lines []string) (string, error) {
	if len(lines) == 0 {
		return "", nil
	}
	if len(lines) > 1 {
		return "", errors.New("the request has more than one Idempotency-Key")
	}
	key := strings.Trim(lines[0], " \t")
	if strings.HasPrefix(key, `"`) {
		item, err := httpsfv.UnmarshalItem(lines)
		value, ok := item.Value.(string)
		if err != nil || !ok {
			return "", fmt.Errorf("%.80q is not a string in quotes", key)
		}
		key = value
	} else if i := strings.IndexFunc(key, isNoBareByte); i >= 0 {
		return "", fmt.Errorf("%.80q has no quotes, and %q in it", key, key[i:i+1])
	}
	switch {
	case key == "":
		return "", errors.New("the key is empty")
	case len(key) > MaxKey:
		return "", fmt.Errorf("the key has %d bytes, more than %d", len(key), MaxKey)
	}
	return key, nil
}

// isNoBareByte reports whether r cannot be in a key without quotes: what could be one means the same
// whether or not it has them.
func isNoBareByte(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`",;\`, r) }

// ID is a key of one client among those of all.
type ID [32]byte

// IDOf returns the ID of a key. principal is under which name the client was let in, or "" for a
// client without one: nobody finds the answers of another principal, whatever key is sent.
func IDOf(principal, key string) ID { return hash(principal, key) }

// Fingerprint is what has to be the same in a request that is sent again.
type Fingerprint [32]byte

// meant are the fields that say what a write is to do, and on what condition.
var meant = []string{
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If", "Lock-Token",
	"Content-Type", "Content-Encoding", "Content-Range", "Destination", "Overwrite", "Depth",
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
}

// FingerprintOf returns the fingerprint of r: of its method, its target, its preconditions, and its
// content of which sum is the SHA-256.
func FingerprintOf(r *http.Request, target string, sum [32]byte) Fingerprint {
	parts := []string{r.Method, target, r.URL.RawQuery, string(sum[:])}
	for _, name := range meant {
		for _, line := range r.Header[name] {
			parts = append(parts, name, line)
		}
	}
	return hash(parts...)
}

// hash is a SHA-256 of the parts, which knows where each ends.
func hash(parts ...string) (sum [32]byte) {
	h := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	h.Sum(sum[:0])
	return sum
}
