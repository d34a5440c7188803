package etag

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// partCount is what Parts calls the number of parts of an upload, and partSize the size of each
// but the last.
const (
	partCount = "number of parts"
	partSize  = "size of a part"
)

// maxParts is the largest number of parts S3 accepts.
const maxParts = 10000

// maxPartSizes is how many sizes of a part are tried with the content, which costs an MD5 of the
// whole each.
const maxPartSizes = 8

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
	r.Digest, r.Algorithm = digest, "MD5 of the MD5s of its parts"
	r.Parts = map[string]string{partCount: count}
	r.checkParts(parts, c.known)
	return append(found, r)
}

// checkParts says how long the parts are, as far as the size of the whole tells, and tries to
// prove it with the content.
func (r *Reading) checkParts(parts int64, f *Facts) {
	if f.Size <= 0 {
		return
	}
	sizes := partSizes(f.Size, parts)
	if len(sizes) == 0 {
		r.checks |= sizeDiffers
		r.note = "so many parts are more than the representation has bytes for"
		return
	}
	r.Parts[partSize] = "probably " + strconv.FormatInt(sizes[0], 10) + " bytes"
	if len(f.Content) == 0 {
		return
	}
	for _, size := range sizes {
		if bytes.Equal(r.Digest, multipart(f.Content, size)) {
			r.checks |= digestFits
			r.note = "it is the MD5 of the MD5s of parts of " + strconv.FormatInt(size, 10) + " bytes of the representation"
			r.Parts[partSize] = strconv.FormatInt(size, 10) + " bytes"
			return
		}
	}
}

// commonPartSizes are those that programs use unless told otherwise, in MiB; the commonest
// first.
var commonPartSizes = [...]int64{8, 5, 16, 64, 10, 15, 25, 32, 50, 100, 128, 256, 512, 1024, 2048, 5120}

// partSizes returns how long the parts can be if so many make the whole: common sizes, then the
// smallest one, then those in whole MiB. There are at most maxPartSizes.
func partSizes(size, parts int64) []int64 {
	const mib = 1 << 20
	var sizes []int64
	try := func(part int64) {
		fits := part > 0 && (size+part-1)/part == parts
		if fits && len(sizes) < maxPartSizes && !slices.Contains(sizes, part) {
			sizes = append(sizes, part)
		}
	}
	for _, common := range commonPartSizes {
		try(common * mib)
	}
	least := (size + parts - 1) / parts
	try(least)
	for n := range int64(maxPartSizes) {
		try(((least+mib-1)/mib + n) * mib)
	}
	return sizes
}

// multipart returns the MD5 of the MD5s of the parts of content.
func multipart(content []byte, part int64) []byte {
	var sums []byte
	for chunk := range slices.Chunk(content, int(min(part, int64(len(content))))) {
		sums = append(sums, hash(md5Sum, chunk)...)
	}
	return hash(md5Sum, sums)
}
