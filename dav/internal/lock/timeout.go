package lock

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ReadTimeout reads a Timeout field, given its lines (RFC 4918 §10.7): the first member that is understood counts. It
// returns 0, for as long as may be, if that is "Infinite" or if there is none. Numbers beyond those of the section are
// the greatest, since npm's webdav asks for 4,100,000,000 seconds, and others for more than fit.
func ReadTimeout(lines []string) time.Duration {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			member = strings.Trim(member, " \t")
			if strings.EqualFold(member, "Infinite") {
				return 0
			}
			if seconds, ok := cutFold(member, "Second-"); ok && isDigits(seconds) {
				return asked(seconds)
			}
		}
	}
	return 0
}

// asked is the time in seconds that a client named. None at all would be a lock that nobody can use.
func asked(seconds string) time.Duration {
	n, err := strconv.ParseUint(seconds, 10, 32)
	if err != nil {
		n = math.MaxUint32
	}
	return time.Duration(max(n, 1)) * time.Second
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
