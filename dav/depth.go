package dav

import (
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// depth is the value of a Depth field (§10.2).
type depth uint8

const (
	depth0 depth = iota
	depth1
	infinity
)

// depthOf reads the lines of a Depth field. None is what the method says.
func depthOf(lines []string, none depth) (depth, error) {
	if len(lines) == 0 {
		return none, nil
	}
	if len(lines) == 1 {
		switch value := strings.TrimSpace(lines[0]); {
		case value == "0":
			return depth0, nil
		case value == "1":
			return depth1, nil
		case strings.EqualFold(value, "infinity"):
			return infinity, nil
		}
	}
	return 0, badDepth("Depth is none of 0, 1 and infinity")
}

func badDepth(detail string) error {
	return condhttp.NewProblem(http.StatusBadRequest, "malformed-depth", detail, "correct the field Depth, or leave it out")
}
