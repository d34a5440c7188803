package client

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/internal/field/digest"
)

// sums holds content against its digests: as it comes, if it comes in one piece, and else when it is whole.
type sums struct {
	mu     sync.Mutex
	given  string                   // the SHA-256 in hexadecimal that the caller knows, or ""
	fields map[string]digest.Fields // of the answer, by the name of the field
	asSent bool                     // fields are of the content before a coding was taken off
	stream *hashes                  // nil if the content does not come in one piece
	at     int64                    // how far stream has come
}

// hashes are those of one content.
type hashes struct{ sha256, sha512 hash.Hash }

func (h *hashes) Write(b []byte) (int, error) {
	h.sha256.Write(b)
	if h.sha512 != nil {
		h.sha512.Write(b)
	}
	return len(b), nil
}

// newHashes has a SHA-512 only if a field does.
func (s *sums) newHashes() *hashes {
	h := &hashes{sha256: sha256.New()}
	for _, f := range s.fields {
		if f.Has512 {
			h.sha512 = sha512.New()
		}
	}
	return h
}

// expect begins with an answer: a 200 that is read from its beginning, if stream is set. A field that
// cannot be read says nothing (RFC 8941 §4.2).
func (s *sums) expect(repr, content []string, asSent, stream bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fields, s.asSent, s.stream, s.at = map[string]digest.Fields{}, asSent, nil, 0
	for name, lines := range map[string][]string{"Repr-Digest": repr, "Content-Digest": content} {
		if f, err := digest.Parse(lines); err == nil && !f.Empty() {
			s.fields[name] = f
		}
	}
	if stream && (len(s.fields) > 0 || s.given != "" && !asSent) {
		s.stream = s.newHashes()
	}
}

// write sees content on its way to the file. Out of order it is of no use.
func (s *sums) write(at int64, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != nil && !s.asSent && at == s.at {
		s.stream.Write(b)
		s.at += int64(len(b))
	}
}

// leave ends the sum as it comes: the content comes in several pieces.
func (s *sums) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream = nil
}

// tee sees content before a coding is taken off.
func (s *sums) tee(r io.Reader) io.Reader {
	if s.stream == nil {
		return r
	}
	return io.TeeReader(r, s.stream)
}

// check holds the whole file against all that is known, and returns the names of what that was. The error is
// ErrDamaged, or that of reading the file.
func (s *sums) check(f *os.File, size int64) (verified []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fields) == 0 && s.given == "" {
		return nil, nil
	}
	ofFile := s.stream
	if s.asSent || s.stream == nil || s.at != size {
		ofFile = nil
	}
	if ofFile == nil && (s.given != "" || !s.asSent) {
		ofFile = s.newHashes()
		if _, err := io.Copy(ofFile, io.NewSectionReader(f, 0, size)); err != nil {
			return nil, err
		}
	}
	asSent := ofFile
	if s.asSent {
		asSent = s.stream
	}
	for name, field := range s.fields {
		if err := checkField(field, name, asSent); err != nil {
			return nil, err
		}
		verified = append(verified, name)
	}
	if s.given != "" {
		if sum := hex.EncodeToString(ofFile.sha256.Sum(nil)); !strings.EqualFold(sum, s.given) {
			return nil, &givenError{fmt.Errorf("%w: its SHA-256 is %s, and should be %s", ErrDamaged, sum, strings.ToLower(s.given))}
		}
		verified = append(verified, "SHA256")
	}
	return verified, nil
}

// givenError: the content is not what the caller knows. To read it again would not help.
type givenError struct{ error }

func (e *givenError) Unwrap() error { return e.error }

func checkField(f digest.Fields, name string, h *hashes) error {
	if sum := h.sha256.Sum(nil); f.Has256 && !bytes.Equal(sum, f.SHA256[:]) {
		return fmt.Errorf("%w: the SHA-256 in %s is %x, and that of the content %x", ErrDamaged, name, f.SHA256, sum)
	}
	if f.Has512 {
		if sum := h.sha512.Sum(nil); !bytes.Equal(sum, f.SHA512[:]) {
			return fmt.Errorf("%w: the SHA-512 in %s is %x, and that of the content %x", ErrDamaged, name, f.SHA512, sum)
		}
	}
	return nil
}
