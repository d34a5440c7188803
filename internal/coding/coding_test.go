package coding

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
)

func TestSmoke(t *testing.T) {
	content := bytes.Repeat([]byte("the quick brown fox "), 1000)
	for _, c := range order {
		encoded, err := Encode(c, content)
		if err != nil || len(encoded) >= len(content) {
			t.Fatal(c, err, len(encoded))
		}
		r, err := Decode(c, bytes.NewReader(encoded), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatal(c, err, len(got))
		}
		if err := Verify(c, bytes.NewReader(encoded), sha256.Sum256(content), int64(len(content))); err != nil {
			t.Error(c, err)
		}
		if err := Verify(c, bytes.NewReader(append(encoded, "x"...)), sha256.Sum256(content), int64(len(content))); !errors.Is(err, ErrMismatch) {
			t.Error(c, err)
		}
		var cache Cache
		got, err = cache.Get(sha256.Sum256(content), c, func() ([]byte, error) { return content, nil })
		if err != nil || !bytes.Equal(got, encoded) {
			t.Fatal(c, err)
		}
	}
}
