package listing

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// jsonMember is a member's JSON form. The order of its fields is kept.
type jsonMember struct {
	Name       string     `json:"name"`
	Href       string     `json:"href"`
	Collection bool       `json:"collection,omitempty"`
	Size       *int64     `json:"size,omitempty"`
	Modified   *time.Time `json:"modified,omitempty"`
	Type       string     `json:"type,omitempty"`
}

// JSON returns the listing of the collection with this name as JSON, one member a
// line. members are the collection's, in any order.
func JSON(name string, members []store.Info) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteString(`{"name":`)
	encode(&b, e, path(name))
	b.WriteString(`,"members":[`)
	for i, m := range membersOf(members) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		encode(&b, e, m.json())
	}
	b.WriteString("\n]}\n")
	return b.Bytes()
}

// encode writes v without the line feed that an Encoder puts after it.
func encode(b *bytes.Buffer, e *json.Encoder, v any) {
	if err := e.Encode(v); err != nil {
		panic("listing: " + err.Error()) // there is nothing in v that cannot be encoded
	}
	b.Truncate(b.Len() - 1)
}

func (m member) json() jsonMember {
	j := jsonMember{Name: m.Name, Href: m.Href, Collection: m.Collection, Type: m.Type}
	if !m.Collection {
		j.Size = &m.Size
	}
	if !m.Modified.IsZero() {
		j.Modified = &m.Modified
	}
	return j
}
