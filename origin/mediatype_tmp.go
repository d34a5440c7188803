package origin

import (
	"mime"
	"path"
)

type mediatypePkg struct{}

var mediatype mediatypePkg

func (mediatypePkg) Of(name string) string {
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
