package mediatype

import (
	"net/http"
	"strings"
)

// Unknown is the type of content of which nothing is known.
const Unknown = "application/octet-stream"

const plainText = "text/plain; charset=utf-8"

// SniffLen is how many bytes of content [Detect] looks at, at most.
const SniffLen = 512

// Of returns the value of Content-Type for content with this name, whose
// elements before the last slash do not count. What its ending does not tell,
// the whole element may (README, Makefile); otherwise it is [Unknown]. Case
// does not matter. It does not allocate, save for upper case.
func Of(name string) string {
	element := name[strings.LastIndexByte(name, '/')+1:]
	if dot := strings.LastIndexByte(element, '.'); dot >= 0 {
		if t, ok := byExtension[strings.ToLower(element[dot+1:])]; ok {
			return t
		}
	}
	if t, ok := byElement[strings.ToLower(element)]; ok {
		return t
	}
	return Unknown
}

// Detect is [Of], save that for content whose name tells nothing it looks at
// head, the content's first bytes: it then returns the type of a picture, sound,
// film, font, archive or PDF, text/plain for text, or [Unknown].
func Detect(name string, head []byte) string {
	t := Of(name)
	if t != Unknown || len(head) == 0 {
		return t
	}
	t = http.DetectContentType(head)
	switch top, _, _ := strings.Cut(t, "/"); {
	case strings.HasPrefix(t, "text/"):
		return inert(t)
	case top == "image", top == "audio", top == "video", top == "font":
		return t
	case harmless[t]:
		return t
	}
	return Unknown
}

// inert returns a text type that no browser runs: pages and XML are text, in
// UTF-8 unless a byte order mark said otherwise.
func inert(t string) string {
	if strings.HasPrefix(t, "text/plain") {
		return t
	}
	return plainText
}

// harmless are the types outside of image, audio, video and font that may come
// from looking at content.
var harmless = map[string]bool{
	"application/pdf":              true,
	"application/ogg":              true,
	"application/zip":              true,
	"application/x-gzip":           true,
	"application/x-rar-compressed": true,
}
