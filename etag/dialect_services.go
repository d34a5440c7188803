package etag

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// This file reads the tags that applications, databases and web services make.

// readAzure reads .NET ticks in UTC.
func readAzure(c candidate, found []Reading) []Reading {
	digits, ok := strings.CutPrefix(c.text, "0x")
	if !ok || len(digits) != 15 || !only(digits, "0-9A-F") {
		return found
	}
	ticks, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		return found
	}
	t, ok := ticksTime(ticks, dotnetEpoch)
	if !ok {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution = t, 100*time.Nanosecond
	return append(found, r)
}

// readAzureTable reads a time in ISO 8601, whose colons are sent percent-encoded.
func readAzureTable(c candidate, found []Reading) []Reading {
	stamp, ok := strings.CutPrefix(c.text, "datetime'")
	stamp, ok2 := strings.CutSuffix(stamp, "'")
	if !ok || !ok2 {
		return found
	}
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution = t.UTC(), 100*time.Nanosecond
	return append(found, r)
}

// readCosmos reads a UUID whose third part from the end is 0000 and whose last one starts with a time in
// seconds.
func readCosmos(c candidate, found []Reading) []Reading {
	if !isUUID(c.text) || !strings.HasPrefix(c.text[18:], "-0000-") || !strings.HasSuffix(c.text, "0000") {
		return found
	}
	n, ok := hexadecimal(c.text[24:32], 8, 8)
	if !ok {
		return found
	}
	t, ok := fileTime(n, time.Second)
	if !ok {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution = t, time.Second
	return append(found, r)
}

// setUUIDTime sets the time of a UUID of version 1, in 100 ns since 1582, or 7, in ms since
// 1970.
func (r *Reading) setUUIDTime(s string) {
	text := strings.ReplaceAll(s, "-", "")
	switch s[14] {
	case '7':
		ms, err := strconv.ParseInt(text[:12], 16, 64)
		if t, ok := fileTime(ms, time.Millisecond); err == nil && ok {
			r.Time, r.Resolution = t, time.Millisecond
		}
	case '1':
		const gregorian = 12219292800 // seconds from 1582-10-15 to 1970
		n, err := strconv.ParseInt(text[13:16]+text[8:12]+text[:8], 16, 64)
		if t, ok := ticksTime(n, gregorian); err == nil && ok {
			r.Time, r.Resolution = t, 100*time.Nanosecond
		}
	}
}

// readGCS reads a message of Protocol Buffers: field 1 is the generation, which is the time of the
// write in µs, and field 2 the metageneration, which counts changes of the metadata alone.
func readGCS(c candidate, found []Reading) []Reading {
	if len(c.text)%4 != 0 || len(c.text) > 32 || !strings.HasPrefix(c.text, "C") {
		return found
	}
	message := decodeStrict(base64.StdEncoding, c.text)
	generation, rest, ok := protobufField(message, 1)
	metageneration, rest, ok2 := protobufField(rest, 2)
	if !ok || !ok2 || len(rest) != 0 {
		return found
	}
	t, ok := fileTime(generation, time.Microsecond)
	if !ok {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution, r.Revision = t, time.Microsecond, metageneration
	r.Parts = map[string]string{"generation": strconv.FormatInt(generation, 10)}
	return append(found, r)
}

// protobufField reads field number n, a varint that is not negative, at the start of b.
func protobufField(b []byte, n byte) (value int64, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != n<<3 {
		return 0, nil, false
	}
	v, length := binary.Uvarint(b[1:])
	if length <= 0 || v>>63 != 0 {
		return 0, nil, false
	}
	return int64(v), b[1+length:], true
}

// readVersion reads a number that counts versions. Longer ones are more often something else.
func readVersion(c candidate, found []Reading) []Reading {
	n, ok := decimal(c.text, 1, 5)
	if !ok {
		return found
	}
	r := c.reading()
	r.Revision = n
	return append(found, r)
}

// readDataverse reads a row version. Its documentation says that a later one need not be higher, so
// that it is no revision.
func readDataverse(c candidate, found []Reading) []Reading {
	if _, ok := decimal(c.text, 4, 19); !ok || !c.weak {
		return found
	}
	r := c.reading()
	r.Parts = map[string]string{"row version": c.text}
	return append(found, r)
}

// partItem is what Parts calls the item that a tag is about, where it says that.
const partItem = "item"

// readSharePoint reads a GUID and a version; c: is before that of the content alone.
func readSharePoint(c candidate, found []Reading) []Reading {
	text, content := strings.CutPrefix(c.text, "c:")
	guid, version, ok := strings.Cut(text, ",")
	n, ok2 := decimal(version, 1, 10)
	if strings.HasPrefix(guid, "{") && strings.HasSuffix(guid, "}") {
		guid = guid[1 : len(guid)-1]
	}
	if !ok || !ok2 || !isUUID(guid) {
		return found
	}
	r := c.reading()
	r.Revision = n
	r.Parts = map[string]string{partItem: strings.ToUpper(guid)}
	if content {
		r.Parts["kind"] = "cTag"
	}
	return append(found, r)
}

// readOneDriveETag reads the item and its version, which are behind an "a" in base64url.
func readOneDriveETag(c candidate, found []Reading) []Reading {
	item, version, ok := strings.Cut(oneDriveText(c.text), ".")
	n, ok2 := decimal(version, 1, 10)
	if !ok || !ok2 || !isOneDriveItem(item) {
		return found
	}
	r := c.reading()
	r.Revision = n
	r.Parts = map[string]string{partItem: item}
	return append(found, r)
}

// readOneDriveCTag reads the item and the time of its content in .NET ticks; other versions have a
// number there.
func readOneDriveCTag(c candidate, found []Reading) []Reading {
	text := oneDriveText(c.text)
	if !strings.HasPrefix(text, "t:") && !strings.HasPrefix(text, "c:") {
		return found
	}
	item, version, ok := strings.Cut(text[2:], ".")
	n, ok2 := decimal(version, 1, 19)
	if !ok || !ok2 || !isOneDriveItem(item) {
		return found
	}
	r := c.reading()
	r.Parts = map[string]string{partItem: item}
	if t, ok := ticksTime(n, dotnetEpoch); ok {
		r.Time, r.Resolution = t, 100*time.Nanosecond
	} else {
		r.Revision = n
	}
	return append(found, r)
}

func oneDriveText(s string) string {
	digits, ok := strings.CutPrefix(s, "a")
	if !ok {
		return ""
	}
	digits = strings.TrimRight(digits, "=")
	text := decodeStrict(base64.RawURLEncoding, digits)
	if text == nil {
		text = decodeStrict(base64.RawStdEncoding, digits)
	}
	return string(text)
}

func isOneDriveItem(s string) bool {
	drive, number, ok := strings.Cut(s, "!")
	return ok && only(drive, "0-9A-F") && only(number, "0-9a-z")
}

// readExchange reads a change key, whose first bytes are a kind and a length.
func readExchange(c candidate, found []Reading) []Reading {
	if !c.weak || len(c.text) < 22 || !only(c.text, "A-Za-z0-9+/=") ||
		!strings.HasPrefix(c.text, "CQAAAB") && !strings.HasPrefix(c.text, "ZlnW") {
		return found
	}
	return append(found, c.reading())
}

// readBusinessCentral reads base64 of text that starts with an apostrophe, a number and a
// semicolon.
func readBusinessCentral(c candidate, found []Reading) []Reading {
	kind, _, ok := strings.Cut(strings.TrimPrefix(quotedBase64(c), "'"), ";")
	if !ok || !only(kind, "0-9") {
		return found
	}
	return append(found, c.reading())
}

// readPlanner reads base64 of text such as '1-Task.
func readPlanner(c candidate, found []Reading) []Reading {
	kind, rest, ok := strings.Cut(strings.TrimPrefix(quotedBase64(c), "'"), "-")
	if !ok || !only(kind, "0-9") || rest == "" || !only(rest[:1], "A-Z") {
		return found
	}
	return append(found, c.reading())
}

// quotedBase64 decodes a weak tag that is base64 of text starting with an apostrophe; "" if it is
// none.
func quotedBase64(c candidate) string {
	if !c.weak || !strings.HasPrefix(c.text, "J") {
		return ""
	}
	text := decodeStrict(base64.RawStdEncoding, strings.TrimRight(c.text, "="))
	if len(text) == 0 || text[0] != '\'' {
		return ""
	}
	return string(text)
}

// readCouchDB reads the generation and the identifier of a revision.
func readCouchDB(c candidate, found []Reading) []Reading {
	generation, id, ok := strings.Cut(c.text, "-")
	n, ok2 := decimal(generation, 1, 10)
	digest := hexDigest(id, 32)
	if !ok || !ok2 || digest == nil {
		return found
	}
	r := c.reading()
	r.Revision, r.Digest, r.Algorithm = n, digest, "identifier of the revision"
	return append(found, r)
}

// readMilliseconds reads a time in ms, which has had 13 digits since 2001.
func readMilliseconds(c candidate, found []Reading) []Reading {
	n, ok := decimal(c.text, 13, 13)
	if !ok {
		return found
	}
	t, ok := fileTime(n, time.Millisecond)
	if !ok {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution = t, time.Millisecond
	return append(found, r)
}

// readSolid reads a time in ms, and the media type behind it if the content was converted.
func readSolid(c candidate, found []Reading) []Reading {
	stamp, kind, converted := strings.Cut(c.text, "-")
	c.text = stamp
	from := len(found)
	found = readMilliseconds(c, found)
	if converted && kind != "" && len(found) > from {
		found[from].Parts = map[string]string{"media type": kind}
	}
	return found
}

// readUniqid reads what PHP's uniqid makes: 8 digits of seconds and 5 of µs.
func readUniqid(c candidate, found []Reading) []Reading {
	if len(c.text) != 13 || !only(c.text, lowerHex) {
		return found
	}
	sec, err := strconv.ParseInt(c.text[:8], 16, 64)
	micros, err2 := strconv.ParseInt(c.text[8:], 16, 64)
	t, ok := fileTime(sec, time.Second)
	if err != nil || err2 != nil || !ok || micros >= 1e6 {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution = t.Add(time.Duration(micros)*time.Microsecond), time.Microsecond
	return append(found, r)
}

// readAkamai reads an MD5 and a time in seconds.
func readAkamai(c candidate, found []Reading) []Reading {
	digits, stamp, ok := strings.Cut(c.text, ":")
	seconds, fraction, hasFraction := strings.Cut(stamp, ".")
	n, ok2 := decimal(seconds, 9, 10)
	digest := hexDigest(digits, 32)
	if !ok || !ok2 || digest == nil || hasFraction && !only(fraction, "0-9") {
		return found
	}
	t, ok := fileTime(n, time.Second)
	if !ok {
		return found
	}
	r := c.reading()
	r.Digest, r.Algorithm, r.Time, r.Resolution = digest, "md5", t, time.Second
	return append(found, r)
}

// readGoogleAPI reads two texts of base64url with a slash between.
func readGoogleAPI(c candidate, found []Reading) []Reading {
	const base64url = "A-Za-z0-9_-"
	a, b, ok := strings.Cut(c.text, "/")
	if !ok || len(a) < 20 || !only(a, base64url) || !only(b, base64url) {
		return found
	}
	return append(found, c.reading())
}

// readFirebase reads a SHA-1 in base64, or null_etag, which stands for "there is nothing".
func readFirebase(c candidate, found []Reading) []Reading {
	if c.text == "null_etag" {
		r := c.reading()
		r.note = "it says that there is nothing at that place"
		return append(found, r)
	}
	if len(c.text) != 28 {
		return found
	}
	return c.digest("digest of 160 bits", decodeStrict(base64.StdEncoding, c.text), found)
}

// readSeafile reads the 40 digits of an object's SHA-1; 40 zeros stand for none.
func readSeafile(c candidate, found []Reading) []Reading {
	digest := hexDigest(c.text, 40)
	if digest == nil {
		return found
	}
	r := c.reading()
	r.Digest, r.Algorithm = digest, "SHA-1 of its object in the store"
	if strings.Trim(c.text, "0") == "" {
		r.note = "its zeros stand for no version at all"
	}
	return append(found, r)
}
