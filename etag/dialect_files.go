package etag

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file reads the tags that servers make of the metadata of a file: its time of
// modification, size and inode.

// readIIS reads the FILETIME of a file, whose 8 bytes are printed from the lowest to the highest, each
// in hexadecimal and without padding. A byte below 0x10 takes one digit, so that the digits can be
// cut in several ways; behind the colon is the metabase's change number.
func readIIS(c candidate, found []Reading) []Reading {
	digits, change, ok := strings.Cut(c.text, ":")
	if !ok || len(digits) < 8 || len(digits) > 16 || !only(digits, lowerHex) || len(change) > 8 || !only(change, lowerHex) {
		return found
	}
	from := len(found)
	for _, ticks := range cutFiletimes(nil, digits, 0, 0) {
		t, ok := ticksTime(ticks, windowsEpoch)
		if !ok {
			continue
		}
		r := c.reading()
		r.Time, r.Resolution = t, 100*time.Nanosecond
		r.Parts = map[string]string{partChange: change}
		found = append(found, r)
	}
	// Of several times, one without a fraction of a second is hardly an accident.
	slices.SortStableFunc(found[from:], func(a, b Reading) int {
		return min(a.Time.Nanosecond(), 1) - min(b.Time.Nanosecond(), 1)
	})
	return found
}

// Parts that depend on the machine.
const (
	partChange = "change number"
	partInode  = "inode"
	partName   = "checksum of the name"
)

// cutFiletimes appends each value of 8 bytes that digits can be cut into; the bytes below
// index are read, and make value. There are at most 70.
func cutFiletimes(values []int64, digits string, index uint, value int64) []int64 {
	if index == 8 {
		if digits == "" && value > 0 && !slices.Contains(values, value) {
			values = append(values, value)
		}
		return values
	}
	left := 8 - int(index)
	if len(digits) < left || len(digits) > 2*left {
		return values
	}
	if digits[0] != '0' && len(digits) > 1 {
		two := int64(hexDigit(digits[0])<<4 | hexDigit(digits[1]))
		values = cutFiletimes(values, digits[2:], index+1, value|two<<(8*index))
	}
	one := int64(hexDigit(digits[0]))
	return cutFiletimes(values, digits[1:], index+1, value|one<<(8*index))
}

// coarse is how far off the time of an ASP.NET Core tag may be while the size mixed into it is not
// known: the size of a file of 4 GiB, in units of 100 ns.
const coarse = 430 * time.Second

// readASPNETCore reads a FILETIME in whole seconds, XOR the size. What is known of one gives the
// other.
func readASPNETCore(c candidate, found []Reading) []Reading {
	value, ok := hexadecimal(c.text, 15, 15)
	if !ok {
		return found
	}
	r := c.reading()
	near, ok := ticksTime(value, windowsEpoch)
	if !ok {
		return found
	}
	r.Time, r.Resolution = near.Truncate(time.Minute), coarse
	r.note = "its time is mixed with its size, and known to the second when one of them is known"
	f := c.known
	if f.Size > 0 && !r.setMixed(value^f.Size, f.Size) {
		r.checks |= sizeDiffers
	}
	if r.Size < 0 && !f.LastModified.IsZero() {
		filetime := (f.LastModified.Unix() + windowsEpoch) * 1e7
		if size := value ^ filetime; size >= 0 && size < 1<<36 {
			r.setMixed(filetime, size)
		}
	}
	return append(found, r)
}

// setMixed sets the time and size of an ASP.NET Core tag, if that time is of whole seconds, as it
// is by chance once in ten millions.
func (r *Reading) setMixed(filetime, size int64) bool {
	t, ok := ticksTime(filetime, windowsEpoch)
	if !ok || t.Nanosecond() != 0 {
		return false
	}
	r.Time, r.Resolution, r.Size, r.note = t, time.Second, size, ""
	r.checks |= mixFits
	return true
}

// A layout says in which order a tag has its numbers and how they are written.
type layout struct {
	base       int64
	unit       time.Duration
	timeFirst  bool
	minDigits  int // of the time, in a tag that is not of a normalised time
	timeDigits int // at most
}

var (
	nginxLayout   = layout{base: 16, unit: time.Second, timeFirst: true, minDigits: 8, timeDigits: 8}
	apacheLayout  = layout{base: 16, unit: time.Microsecond, minDigits: 12, timeDigits: 13}
	expressLayout = layout{base: 16, unit: time.Millisecond, minDigits: 10, timeDigits: 11}
	decimalLayout = layout{base: 10, unit: time.Millisecond, minDigits: 12, timeDigits: 13}
	caddyLayout   = layout{base: 36, unit: time.Nanosecond, timeFirst: true, minDigits: 12, timeDigits: 12}
)

func readNginx(c candidate, found []Reading) []Reading       { return nginxLayout.read(c, found) }
func readExpressStat(c candidate, found []Reading) []Reading { return expressLayout.read(c, found) }

// readTomcat reads a weak tag; a strong one is as likely of old Node.js programs, unless Tomcat
// is named.
func readTomcat(c candidate, found []Reading) []Reading {
	if !c.weak && !names(c.known.Server, "coyote tomcat") {
		return found
	}
	return decimalLayout.read(c, found)
}

func readDecimalStat(c candidate, found []Reading) []Reading { return decimalLayout.read(c, found) }
func readCaddy(c candidate, found []Reading) []Reading       { return caddyLayout.read(c, found) }

// fresh is the age of a file below which Apache makes its tag weak, and the second that Date
// does not show.
const fresh = 2 * time.Second

// readApache24 also says why the tag is weak, if that is because the file was too young.
func readApache24(c candidate, found []Reading) []Reading {
	from := len(found)
	found = apacheLayout.read(c, found)
	for i := from; i < len(found); i++ {
		r, date := &found[i], c.known.Date
		if c.weak && !date.IsZero() && date.Sub(r.Time).Abs() < fresh {
			r.note = "it is probably weak because the file was changed less than a second before, and strong soon after"
		}
	}
	return found
}

// read reads two numbers with a hyphen between them.
func (l *layout) read(c candidate, found []Reading) []Reading {
	a, b, ok := strings.Cut(c.text, "-")
	if !ok {
		return found
	}
	if l.timeFirst {
		a, b = b, a
	}
	r := c.reading()
	if !l.readInto(&r, c, a, b) {
		return found
	}
	return append(found, r)
}

// maxSizeDigits allows every size that a file system does.
const maxSizeDigits = 15

func (l *layout) readInto(r *Reading, c candidate, size, stamp string) bool {
	n, ok := number(size, l.base, 1, maxSizeDigits)
	m, ok2 := number(stamp, l.base, 1, l.timeDigits)
	if !ok || !ok2 {
		return false
	}
	t, ok := fileTime(m, l.unit)
	if !ok || len(stamp) < l.minDigits && !c.known.LastModified.Equal(t) {
		return false // "1-2" is too little to go by
	}
	r.Size, r.Time, r.Resolution = n, t, l.unit
	return true
}

func readApache22(c candidate, found []Reading) []Reading { return apacheLayout.readInode(c, found) }
func readApache13(c candidate, found []Reading) []Reading { return nginxLayout.readInode(c, found) }

// readInode reads an inode, then size and time.
func (l *layout) readInode(c candidate, found []Reading) []Reading {
	inode, size, stamp, ok := cut3(c.text, "-")
	if !ok {
		return found
	}
	if _, ok := hexadecimal(inode, 1, 16); !ok {
		return found
	}
	r := c.reading()
	if !l.readInto(&r, c, size, stamp) {
		return found
	}
	r.Parts = map[string]string{partInode: inode}
	return append(found, r)
}

// readApacheTime reads a time alone.
func readApacheTime(c candidate, found []Reading) []Reading {
	n, ok := hexadecimal(c.text, apacheLayout.minDigits, apacheLayout.timeDigits)
	if !ok {
		return found
	}
	t, ok := fileTime(n, apacheLayout.unit)
	if !ok {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution = t, apacheLayout.unit
	return append(found, r)
}

// readApacheNegotiated reads the tag of a negotiated file: its own, a semicolon and that of the
// list of variants.
func readApacheNegotiated(c candidate, found []Reading) []Reading {
	file, list, ok := strings.Cut(c.text, ";")
	if !ok {
		return found
	}
	if _, ok := hexadecimal(list, 1, 16); !ok {
		return found
	}
	c.text = file
	from := len(found)
	found = readApache22(c, readApache24(c, found))
	for i := from; i < len(found); i++ {
		if found[i].Parts == nil {
			found[i].Parts = map[string]string{}
		}
		found[i].Parts["list of variants"] = list
	}
	return found
}

// readLiteSpeed reads size, time and inode, with a mark in newer versions.
func readLiteSpeed(c candidate, found []Reading) []Reading {
	size, stamp, inode, ok := cut3(strings.TrimSuffix(c.text, ";"), "-")
	if !ok || c.mark != "" && c.mark[0] != ';' {
		return found
	}
	if _, ok := hexadecimal(inode, 1, 16); !ok {
		return found
	}
	r := c.reading()
	if !nginxLayout.readInto(&r, c, size, stamp) {
		return found
	}
	r.Parts = map[string]string{partInode: inode}
	return append(found, r)
}

// readLighttpd reads a hash of 32 bits, which says nothing.
func readLighttpd(c candidate, found []Reading) []Reading {
	n, ok := decimal(c.text, 6, 10)
	if !ok || c.weak || n > math.MaxUint32 {
		return found
	}
	return append(found, c.reading())
}

// readCaddyOld reads the time in seconds and the size with nothing between. Six digits of base 36 are a
// time from 1972 to 2038.
func readCaddyOld(c candidate, found []Reading) []Reading {
	const digits = 6
	if len(c.text) <= digits {
		return found
	}
	r := c.reading()
	layout := layout{base: 36, unit: time.Second, minDigits: digits, timeDigits: digits}
	if len(c.text) > digits+8 || !layout.readInto(&r, c, c.text[digits:], c.text[:digits]) {
		return found
	}
	return append(found, r)
}

// readGoWebDAV reads the time in ns and the size with nothing between. Since 2006 such times have 16
// digits.
func readGoWebDAV(c candidate, found []Reading) []Reading {
	const digits = 16
	if len(c.text) <= digits || len(c.text) > digits+10 {
		return found
	}
	r := c.reading()
	layout := layout{base: 16, unit: time.Nanosecond, minDigits: digits, timeDigits: digits}
	if !layout.readInto(&r, c, c.text[digits:], c.text[:digits]) {
		return found
	}
	return append(found, r)
}

// jettyCoarse is how far off the time in a Jetty tag may be while the size mixed into it is not
// known: the size of a file of 256 MiB, in ms.
const jettyCoarse = 75 * time.Hour

// readJetty reads two numbers of 8 bytes, each in 11 characters of base64: the time in ms, and the
// size, both XOR a hash of the file's name. The XOR of the two is without the name.
func readJetty(c candidate, found []Reading) []Reading {
	if len(c.text) != 22 {
		return found
	}
	a := decodeStrict(base64.RawStdEncoding, c.text[:11])
	b := decodeStrict(base64.RawStdEncoding, c.text[11:])
	if a == nil || b == nil {
		return found
	}
	mixed := int64(binary.BigEndian.Uint64(a) ^ binary.BigEndian.Uint64(b))
	r := c.reading()
	if size := c.known.Size; size > 0 {
		t, ok := fileTime(mixed^size, time.Millisecond)
		if !ok {
			return found
		}
		r.Time, r.Resolution = t, time.Millisecond
		return append(found, r)
	}
	near, ok := fileTime(mixed, time.Millisecond)
	if !ok {
		return found
	}
	r.Time, r.Resolution = near.Truncate(time.Hour), jettyCoarse
	r.note = "its time is mixed with its size, and known to the millisecond when the size is known"
	return append(found, r)
}

// readWerkzeug reads the time as Python prints it, the size and a checksum of the file's name.
func readWerkzeug(c candidate, found []Reading) []Reading {
	stamp, size, name, ok := cut3(c.text, "-")
	if !ok {
		return found
	}
	seconds, fraction, ok := strings.Cut(stamp, ".")
	sec, ok2 := decimal(seconds, 1, 10)
	n, ok3 := decimal(size, 1, maxSizeDigits)
	_, ok4 := decimal(name, 1, 10)
	if !ok || !ok2 || !ok3 || !ok4 || len(fraction) > 9 || !only(fraction, "0-9") {
		return found
	}
	nanos, err := strconv.ParseInt((fraction + "00000000")[:9], 10, 64)
	t, ok := fileTime(sec, time.Second)
	if err != nil || !ok {
		return found
	}
	r := c.reading()
	r.Time, r.Resolution, r.Size = t.Add(time.Duration(nanos)), time.Microsecond, n
	r.Parts = map[string]string{partName: name}
	return append(found, r)
}
