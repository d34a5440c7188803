package sign

import "strings"

// LockName returns what a target names if that is what a lock is called, and "" otherwise. It is the
// last segment of the path, or the parameter name of the query.
func LockName(target string) string {
	path, query, _ := strings.Cut(target, "?")
	names := []string{path[strings.LastIndexByte(path, '/')+1:]}
	for parameter := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(parameter, "name="); ok {
			value = strings.ReplaceAll(value, "%2F", "/")
			names = append(names, value[strings.LastIndexByte(value, '/')+1:])
		}
	}
	for _, n := range names {
		lower := strings.ToLower(n)
		if strings.HasSuffix(lower, ".lock") || strings.HasSuffix(lower, ".tflock") || strings.HasSuffix(lower, ".lck") || lower == "lock" {
			return n
		}
	}
	return ""
}

// staging are parts of the targets of uploads in parts, in lower case.
var staging = []string{
	"/dav/uploads/", "-chunking-", "/chunks/", "/chunk/", "/chunking/", "uploadid=", "partnumber=", "uploadsession",
	"/upload-session", ".octransferid", ".filepart", ".part?",
}

// Staging returns what tells that a target is the place of a part of an upload, and "" otherwise.
func Staging(target string) string {
	target = strings.ToLower(target)
	for _, s := range staging {
		if strings.Contains(target, s) {
			return s
		}
	}
	if _, query, _ := strings.Cut(target, "?"); strings.Contains("&"+query+"&", "&comp=block&") {
		return "comp=block"
	}
	if strings.HasSuffix(target, ".part") {
		return ".part"
	}
	return ""
}
