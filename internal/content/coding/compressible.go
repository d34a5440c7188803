package coding

import "strings"

// MinSize and MaxSize bound the content worth encoding, in bytes. Below MinSize
// the fields a coding adds cost what it saves; above MaxSize encoding would
// take longer than a client should wait, and hold too much in memory.
const (
	MinSize = 256
	MaxSize = 16 << 20
)

// Compressible reports whether content of this media type (a Content-Type value,
// parameters ignored) and size in bytes is worth trying to encode. It says no
// to what is compressed already, as most images, audio, video and archives are.
func Compressible(mediaType string, size int64) bool {
	if size < MinSize || size > MaxSize {
		return false
	}
	t, _, _ := strings.Cut(mediaType, ";")
	t = strings.ToLower(strings.Trim(t, " \t"))
	top, sub, _ := strings.Cut(t, "/")
	switch {
	case top == "text":
		return true
	case strings.HasSuffix(sub, "+json"), strings.HasSuffix(sub, "+xml"), strings.HasSuffix(sub, "+yaml"):
		return true
	}
	return compressible[t]
}

// compressible are the types outside text/* whose format does not compress.
var compressible = map[string]bool{
	"application/dash+xml":          true,
	"application/eot":               true,
	"application/geo+json-seq":      true,
	"application/graphql":           true,
	"application/javascript":        true,
	"application/json":              true,
	"application/json-seq":          true,
	"application/jsonl":             true,
	"application/ld+json":           true,
	"application/postscript":        true,
	"application/rtf":               true,
	"application/sql":               true,
	"application/toml":              true,
	"application/vnd.apple.mpegurl": true,
	"application/vnd.ms-fontobject": true,
	"application/wasm":              true,
	"application/x-javascript":      true,
	"application/x-ndjson":          true,
	"application/x-sh":              true,
	"application/x-tar":             true,
	"application/x-tex":             true,
	"application/x-yaml":            true,
	"application/xml":               true,
	"application/xml-dtd":           true,
	"application/yaml":              true,
	"font/collection":               true,
	"font/otf":                      true,
	"font/ttf":                      true,
	"image/bmp":                     true,
	"image/vnd.microsoft.icon":      true,
	"image/x-icon":                  true,
	"message/rfc822":                true,
	"model/gltf-binary":             true,
	"model/obj":                     true,
	"model/stl":                     true,
}
