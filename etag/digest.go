package etag

import (
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
	{"md5", "MD5", md5Sum},
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

// isDigest reports whether the algorithm is one that a prover knows.
func isDigest(id string) bool { return algorithmName(id) != id }

// A prover has the digests of content, each of which it makes once.
type prover struct {
	content []byte
	sums    [len(algorithms)][]byte
}

// sum returns the digest of the content; nil if there is no content or no such
// algorithm.
func (p *prover) sum(algorithm string) []byte {
	if p.content == nil {
		return nil
	}
	for i := range algorithms {
		if algorithms[i].id != algorithm {
			continue
		}
		if p.sums[i] == nil {
			p.sums[i] = hash(algorithms[i].sum, p.content)
		}
		return p.sums[i]
	}
	return nil
}

// hash calls sum also in programs that may use approved algorithms only, which MD5 and
// SHA-1 are not: nothing is protected by the result.
func hash(sum func([]byte) []byte, content []byte) (digest []byte) {
	fips140.WithoutEnforcement(func() { digest = sum(content) })
	return digest
}

func md5Sum(content []byte) []byte {
	sum := md5.Sum(content)
	return sum[:]
}
