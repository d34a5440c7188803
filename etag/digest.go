package etag

import (
	"bytes"
	"crypto/fips140"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash/crc32"
)

// algorithms are the digests that a tag can be proven with. They are looked for in tags that others
// made; nothing is protected by them.
var algorithms = [...]struct {
	id, name string
	sum      func(content []byte) []byte
}{
	{"md5", "MD5", func(c []byte) []byte { s := md5.Sum(c); return s[:] }},
	{"sha1", "SHA-1", func(c []byte) []byte { s := sha1.Sum(c); return s[:] }},
	{"sha224", "SHA-224", func(c []byte) []byte { s := sha256.Sum224(c); return s[:] }},
	{"sha256", "SHA-256", func(c []byte) []byte { s := sha256.Sum256(c); return s[:] }},
	{"sha384", "SHA-384", func(c []byte) []byte { s := sha512.Sum384(c); return s[:] }},
	{"sha512", "SHA-512", func(c []byte) []byte { s := sha512.Sum512(c); return s[:] }},
	{"crc32", "CRC-32", func(c []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(c)) }},
}

func algorithmName(id string) string {
	for i := range algorithms {
		if algorithms[i].id == id {
			return algorithms[i].name
		}
	}
	return id
}

// A prover compares digests with those of content, each of which it makes once.
type prover struct {
	content []byte
	sums    [len(algorithms)][]byte
}

// proves reports whether digest is that of the content, or the start of it.
func (p *prover) proves(algorithm string, digest []byte) bool {
	if p.content == nil || len(digest) < crc32.Size {
		return false
	}
	for i := range algorithms {
		if algorithms[i].id != algorithm {
			continue
		}
		if p.sums[i] == nil {
			// MD5 and SHA-1 are refused in programs that must use approved algorithms only.
			fips140.WithoutEnforcement(func() { p.sums[i] = algorithms[i].sum(p.content) })
		}
		return bytes.HasPrefix(p.sums[i], digest)
	}
	return false
}
