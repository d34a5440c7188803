package etag

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// This file reads the tags that are a digest, of the content or of something else.

// hexDigest returns what s, of digits digits, stands for.
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

func (c candidate) digest(algorithm string, digest []byte, found []Reading) []Reading {
	if digest == nil {
		return found
	}
	r := c.reading()
	r.Digest, r.Algorithm = digest, algorithm
	return append(found, r)
}

func readMD5(c candidate, found []Reading) []Reading {
	return c.digest("md5", hexDigest(c.text, 32), found)
}

// readSpring reads "0", which is the start of its format, and an MD5.
func readSpring(c candidate, found []Reading) []Reading {
	digits, ok := strings.CutPrefix(c.text, "0")
	if !ok {
		return found
	}
	return c.digest("md5", hexDigest(digits, 32), found)
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

// decodeStrict decodes base64 whose unused bits are zero, as encoders write it; nil if s is not
// that.
func decodeStrict(enc *base64.Encoding, s string) []byte {
	b, err := enc.Strict().DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// partCount is what Parts calls the number of parts of an upload.
const partCount = "number of parts"

// readMultipart reads the MD5 of the MD5s of parts, and their number.
func readMultipart(c candidate, found []Reading) []Reading {
	digits, count, ok := strings.Cut(c.text, "-")
	if !ok {
		return found
	}
	digest := hexDigest(digits, 32)
	parts, ok := decimal(count, 1, 5)
	if digest == nil || !ok || parts == 0 || parts > maxParts {
		return found
	}
	r := c.reading()
	r.Digest, r.Algorithm = digest, "md5 of the md5 of each part"
	r.Parts = map[string]string{partCount: count}
	r.readParts(parts, c.known)
	return append(found, r)
}

// maxParts is the largest number of parts S3 accepts.
const maxParts = 10000

// readParts says how long the parts are, as far as the size of the whole tells, and tries to prove it with
// the content.
func (r *Reading) readParts(parts int64, f *Facts) {
	if f.Size <= 0 {
		return
	}
	least := (f.Size + parts - 1) / parts
	r.Parts["size of a part"] = "at least " + strconv.FormatInt(least, 10) + " bytes"
}
