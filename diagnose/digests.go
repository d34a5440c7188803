package diagnose

import (
	"slices"
	"strings"
)

// digestFields are response fields with a digest of the content or of the representation (RFC 9530; Amazon S3, Azure and Google
// have their own), in lower case.
var digestFields = []string{
	"repr-digest", "content-digest", "digest", "content-md5", "x-ms-content-crc64", "x-ms-blob-content-md5", "x-goog-hash",
	"x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1", "x-amz-checksum-sha256",
}

// otherDigest returns the field whose digest differs in two whole responses of one resource in one coding, so that what was sent
// differs; ok is false if none does.
func otherDigest(a, b *examination) (field string, ok bool) {
	if !a.shows() || !b.shows() || !sameCoding(a, b) {
		return "", false
	}
	for _, name := range digestFields {
		x, y := digests(a.resp(name)), digests(b.resp(name))
		for algorithm, value := range x {
			if other, both := y[algorithm]; both && other != value && !parted(value) && !parted(other) {
				return name, true
			}
		}
	}
	return "", false
}

// parted reports whether a checksum is that of the checksums of the parts of an upload, which depends on how it was cut.
func parted(value string) bool {
	i := strings.LastIndexByte(value, '-')
	return i > 0 && i+1 < len(value) && strings.Trim(value[i+1:], "0123456789") == ""
}

// digests are the digests in a field value, by algorithm; "" for a field that has just one.
func digests(value string) map[string]string {
	m := map[string]string{}
	if value == "" || len(value) > maxTag {
		return m
	}
	if !strings.ContainsAny(strings.TrimRight(value, "="), "=,") {
		m[""] = value
		return m
	}
	for _, member := range strings.Split(value, ",") {
		algorithm, digest, ok := strings.Cut(strings.TrimSpace(member), "=")
		algorithm = strings.ToLower(algorithm)
		if ok && slices.Contains([]string{"md5", "crc32c", "sha", "sha-256", "sha-512", "sha-1", "unixsum", "unixcksum", "adler"}, algorithm) {
			m[algorithm] = digest
		}
	}
	return m
}
