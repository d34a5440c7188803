package etag

import (
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

const (
	partChange = "change number"
	partInode  = "inode"
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
		r.size = f.Size
	}
	if r.Size < 0 && !f.LastModified.IsZero() {
		filetime := (f.LastModified.Unix() + windowsEpoch) * 1e7
		if size := value ^ filetime; size >= 0 && size < 1<<36 {
			r.setMixed(filetime, size)
		}
	}
	return append(found, r)
}

// setMixed sets the time and size of an ASP.NET Core tag, if that time is of whole seconds, as it is by chance
// once in ten millions.
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
func readApache24(c candidate, found []Reading) []Reading    { return apacheLayout.read(c, found) }
func readExpressStat(c candidate, found []Reading) []Reading { return expressLayout.read(c, found) }
func readDecimalStat(c candidate, found []Reading) []Reading { return decimalLayout.read(c, found) }
func readCaddy(c candidate, found []Reading) []Reading       { return caddyLayout.read(c, found) }

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

// readAzure reads .NET ticks in UTC.
func readAzure(c candidate, found []Reading) []Reading {
	digits, ok := strings.CutPrefix(c.text, "0x8")
	if !ok || len(digits) != 14 || !only(digits, "0-9A-F") {
		return found
	}
	ticks, err := strconv.ParseInt("8"+digits, 16, 64)
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
