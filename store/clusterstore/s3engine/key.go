package s3engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// maxElement bounds the last element of a name, in bytes.
const maxElement = store.MaxElementLen

// key returns a key below the prefix.
func (e *Engine) key(rest string) string {
	if e.Prefix == "" {
		return rest
	}
	return e.Prefix + "/" + rest
}

// split cuts a name before its last element: "r/docs/a" is "r/docs" and "a", "r/" is "r" and "".
func split(name string) (level, element string) {
	i := strings.LastIndexByte(name, '/')
	return name[:max(i, 0)], name[i+1:]
}

// hash is what a level is called in keys.
func hash(level string) string {
	sum := sha256.Sum256([]byte(level))
	return hex.EncodeToString(sum[:16])
}

// escape returns an element as a part of a key: never empty, and in the same order. An empty one is "!", and what
// begins with a byte up to "!" has another "!" before it.
func escape(element string) string {
	if element == "" || element[0] <= '!' {
		return "!" + element
	}
	return element
}

// unescape returns the element that escape was given.
func unescape(part string) string { return strings.TrimPrefix(part, "!") }

// headKey returns the key of a head.
func (e *Engine) headKey(name string) (string, error) {
	level, element := split(name)
	if len(element) > maxElement {
		return "", fmt.Errorf("%w: its last element has %d bytes, and at most %d are possible", store.ErrName, len(element), maxElement)
	}
	return e.key("h/" + hash(level) + "/" + escape(element)), nil
}

// contentFolder returns the beginning of the keys of a head's contents.
func (e *Engine) contentFolder(head string) string {
	level, element := split(head)
	return e.key("c/" + hash(level) + "/" + escape(element) + "/")
}
