package diagnose

import (
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
)

// standardPreconditions are those of HTTP (RFC 9110 §13.1), in lower case.
var standardPreconditions = []string{
	"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range",
}

// otherPreconditions are fields of WebDAV and of vendors that make a request conditional, in
// lower case.
var otherPreconditions = []string{
	"if", "overwrite", // RFC 4918 §10.4, §10.6
	"if-schedule-tag-match",                                    // RFC 6638 §8.3
	"if-none-exist",                                            // FHIR
	"if-unmodified-since-version", "if-modified-since-version", // Zotero
	"x-if-unmodified-since", "x-if-modified-since", // Mozilla's storage service
	"x-ms-lease-id", "x-ms-blob-condition-maxsize", "x-ms-blob-condition-appendpos", // Azure
}

// vendorPrefixes begin the names of the conditional fields of object stores, in lower case.
var vendorPrefixes = []string{
	"x-ms-if-", "x-ms-source-if-", "x-goog-if-", "x-goog-copy-source-if-", "x-amz-copy-source-if-", "x-amz-if-match-",
}

// queryPreconditions are parameters of a URL that make a request conditional, in lower
// case: those of the JSON interface of Google Cloud Storage.
var queryPreconditions = []string{
	"ifgenerationmatch", "ifgenerationnotmatch", "ifmetagenerationmatch", "ifmetagenerationnotmatch",
	"ifsourcegenerationmatch", "ifsourcegenerationnotmatch", "ifsourcemetagenerationmatch", "ifsourcemetagenerationnotmatch",
}

// preconditionsOf returns what makes the request conditional, in the order sent; those in the
// URL first.
func preconditionsOf(x *capture.Exchange) []capture.Line {
	lines := queryConditions(x.Request.Target)
	for l := range x.Request.Header.Lines() {
		if isPrecondition(l.Name) && !isOverwriteT(l) {
			lines = append(lines, l)
		}
	}
	return lines
}

func queryConditions(target string) []capture.Line {
	_, query, _ := strings.Cut(target, "?")
	var lines []capture.Line
	for parameter := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		if slices.Contains(queryPreconditions, strings.ToLower(name)) {
			lines = append(lines, capture.Line{Name: name, Value: value})
		}
	}
	return lines
}

// isOverwriteT reports whether l is the default of Overwrite, which is no condition.
func isOverwriteT(l capture.Line) bool {
	return strings.EqualFold(l.Name, "Overwrite") && strings.EqualFold(l.Value, "T")
}

func isPrecondition(name string) bool {
	return isStandard(name) || isForeign(name)
}

// isStandard reports whether HTTP defines the precondition.
func isStandard(name string) bool {
	return slices.Contains(standardPreconditions, strings.ToLower(name))
}

// isForeign reports whether WebDAV or a vendor does.
func isForeign(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(otherPreconditions, name) ||
		slices.ContainsFunc(vendorPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// foreign returns the preconditions that our evaluation does not cover.
func (e *examination) foreign() []capture.Line {
	return slices.DeleteFunc(slices.Clone(e.verdict.Preconditions), func(l capture.Line) bool { return isStandard(l.Name) })
}
