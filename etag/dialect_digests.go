package etag

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// This file reads the tags that are a digest, of the representation or of something else.

// hexDigest returns what s stands for, if it has that number of digits.
func hexDigest(s string, digits int) []byte {
	if len(s) != digits || !only(s, lowerHex) {
		return nil
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// digest appends the reading of a digest; none if it is nil.
func (c candidate) digest(algorithm string, digest []byte, found []Reading) []Reading {
	if digest == nil {
		return found
	}
	r := c.reading()
	r.Digest, r.Algorithm = digest, algorithm
	return append(found, r)
}

func readHex32(c candidate, found []Reading) []Reading {
	return c.digest("md5", hexDigest(c.text, 32), found)
}
func readHex40(c candidate, found []Reading) []Reading {
	return c.digest("sha1", hexDigest(c.text, 40), found)
}
func readHex56(c candidate, found []Reading) []Reading {
	return c.digest("sha224", hexDigest(c.text, 56), found)
}
func readHex64(c candidate, found []Reading) []Reading {
	return c.digest("sha256", hexDigest(c.text, 64), found)
}
func readHex96(c candidate, found []Reading) []Reading {
	return c.digest("sha384", hexDigest(c.text, 96), found)
}
func readHex128(c candidate, found []Reading) []Reading {
	return c.digest("sha512", hexDigest(c.text, 128), found)
}
func readHex8(c candidate, found []Reading) []Reading {
	return c.digest("crc32", hexDigest(c.text, 8), found)
}

// readBase64 reads the digests of readHex in base64 or base64url, padded or not.
func readBase64(c candidate, found []Reading) []Reading {
	algorithm := ""
	text := strings.TrimRight(c.text, "=")
	switch len(text) {
	case 22:
		algorithm = "md5"
	case 27:
		algorithm = "sha1"
	case 43:
		algorithm = "sha256"
	case 64:
		algorithm = "sha384"
	case 86:
		algorithm = "sha512"
	default:
		return found
	}
	if padding := len(c.text) - len(text); padding > 0 && len(c.text)%4 != 0 {
		return found
	}
	digest := decodeStrict(base64.RawStdEncoding, text)
	if digest == nil {
		digest = decodeStrict(base64.RawURLEncoding, text)
	}
	return c.digest(algorithm, digest, found)
}

// readFastify reads a digest in padded base64.
func readFastify(c candidate, found []Reading) []Reading {
	if !strings.HasSuffix(c.text, "=") {
		return found
	}
	return readBase64(c, found)
}

// readGitHub reads a weak tag of 32 or 64 digits.
func readGitHub(c candidate, found []Reading) []Reading {
	digest := hexDigest(c.text, 64)
	if digest == nil {
		digest = hexDigest(c.text, 32)
	}
	if !c.weak {
		return found
	}
	return c.digest("digest of what it is asked for", digest, found)
}

// decodeStrict decodes base64 as encoders write it: with unused bits that are zero, and without
// the line breaks that the decoder would skip. It returns nil if s is not that.
func decodeStrict(enc *base64.Encoding, s string) []byte {
	if strings.ContainsAny(s, "\r\n") {
		return nil
	}
	b, err := enc.Strict().DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// readRack reads a weak tag of 32 digits: the start of a SHA-256, or an MD5 before Rack 2.
func readRack(c candidate, found []Reading) []Reading {
	digest := hexDigest(c.text, 32)
	if !c.weak || digest == nil {
		return found
	}
	if bytes.Equal(digest, md5OfContent(c.known)) {
		return c.digest("md5", digest, found)
	}
	return c.digest("sha256", digest, found)
}

func md5OfContent(f *Facts) []byte {
	if f.Content == nil {
		return nil
	}
	return hash(md5Sum, f.Content)
}

// readStarlette reads the MD5 of the time, as Python prints it, a hyphen and the size, which can be
// tried when the time is one of whole seconds.
func readStarlette(c candidate, found []Reading) []Reading {
	digest := hexDigest(c.text, 32)
	if digest == nil {
		return found
	}
	r := c.reading()
	r.Digest, r.Algorithm = digest, "MD5 of time and size"
	if f := c.known; !f.LastModified.IsZero() && f.Size > 0 {
		made := strconv.FormatInt(f.LastModified.Unix(), 10) + ".0-" + strconv.FormatInt(f.Size, 10)
		if bytes.Equal(digest, hash(md5Sum, []byte(made))) {
			r.Time, r.Resolution, r.Size = f.LastModified.UTC(), time.Second, f.Size
		}
	}
	return append(found, r)
}

// readSpring reads "0", which is the start of its format, and an MD5.
func readSpring(c candidate, found []Reading) []Reading {
	digits, ok := strings.CutPrefix(c.text, "0")
	if !ok {
		return found
	}
	return c.digest("md5", hexDigest(digits, 32), found)
}

// readNetlify reads 32 digits with a mark for TLS.
func readNetlify(c candidate, found []Reading) []Reading {
	digits, ok := strings.CutSuffix(c.text, netlifyMark)
	if !ok {
		return found
	}
	return c.digest("MD5 or another digest of 128 bits", hexDigest(digits, 32), found)
}

// readExpressBody reads the size of a representation and the first 27 characters of its SHA-1 in
// base64.
func readExpressBody(c candidate, found []Reading) []Reading {
	size, digits, ok := strings.Cut(c.text, "-")
	if !ok || len(digits) != 27 {
		return found
	}
	n, ok := hexadecimal(size, 1, maxSizeDigits)
	digest := decodeStrict(base64.RawStdEncoding, digits)
	if !ok || digest == nil {
		return found
	}
	r := c.reading()
	r.Size, r.Digest, r.Algorithm = n, digest, "sha1"
	return append(found, r)
}

// readFourtwelve reads the tags of this package: the revision in base 36 and a dot, if any, 22
// characters of base64url, and a dot and 8 characters, if any, of a file that was compressed in advance.
func readFourtwelve(c candidate, found []Reading) []Reading {
	r, text := c.reading(), c.text
	if revision, rest, ok := strings.Cut(text, "."); ok && len(revision) < 22 {
		n, ok := base36(revision, 1, 13)
		if !ok {
			return found
		}
		r.Revision, text = n, rest
	}
	text, neighbour, ok := strings.Cut(text, ".")
	if ok && (len(neighbour) != 8 || decodeStrict(base64.RawURLEncoding, neighbour) == nil) {
		return found
	}
	if ok {
		r.Parts = map[string]string{"compressed file": neighbour}
	}
	if len(text) != 22 {
		return found
	}
	r.Digest, r.Algorithm = decodeStrict(base64.RawURLEncoding, text), "sha256"
	if r.Digest == nil {
		return found
	}
	return append(found, r)
}

// readUUID reads 8-4-4-4-12 digits of version 1 to 8, of which 1 and 7 have a time.
func readUUID(c candidate, found []Reading) []Reading {
	if !isUUID(c.text) || !inSet(c.text[14], "1-8") {
		return found
	}
	r := c.reading()
	r.Parts = map[string]string{"UUID version": c.text[14:15]}
	r.setUUIDTime(c.text)
	return append(found, r)
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (s[i] == '-') || !hyphen && hexDigit(s[i]) < 0 {
			return false
		}
	}
	return true
}
