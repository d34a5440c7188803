// Package bytesize reads and writes numbers of bytes as people do: 512k, 10M or
// 1G, in powers of 1024.
package bytesize

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// The errors of [Parse]. They are the rest of a sentence that begins with what is
// set.
var (
	ErrSyntax = errors.New("must be a number of bytes such as 65536, 512k, 10M or 1G")
	ErrRange  = errors.New("is more than can be counted")
)

// Parse reads a decimal number of bytes with or without a unit: k, M, G or T, in
// either case, and with or without B or iB after it. The error is [ErrSyntax] or
// [ErrRange].
func Parse(text string) (int64, error) {
	digits := strings.TrimRight(text, "kKmMgGtTiIbB")
	shift, ok := units[strings.ToUpper(text[len(digits):])]
	if !ok {
		return 0, ErrSyntax
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange), n > math.MaxInt64>>shift:
		return 0, ErrRange
	case err != nil:
		return 0, ErrSyntax
	}
	return int64(n) << shift, nil
}

var units = map[string]uint{
	"": 0, "B": 0,
	"K": 10, "KB": 10, "KIB": 10,
	"M": 20, "MB": 20, "MIB": 20,
	"G": 30, "GB": 30, "GIB": 30,
	"T": 40, "TB": 40, "TIB": 40,
}

// Format writes n, which must not be negative, with the largest unit that
// divides it. Parse reads it back.
func Format(n int64) string {
	for _, unit := range [...]struct {
		shift uint
		name  string
	}{{40, "T"}, {30, "G"}, {20, "M"}, {10, "k"}} {
		if n > 0 && n%(1<<unit.shift) == 0 {
			return strconv.FormatInt(n>>unit.shift, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}
