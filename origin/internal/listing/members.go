package listing

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/internal/field/mediatype"
	"github.com/fourtwelve/fourtwelve/store"
)

// Members are those of one collection at one time, in as little memory as may be: there
// can be hundreds of thousands. Add is for one goroutine; once the first of the
// other methods was called nothing may be added, and any number of goroutines may use them.
type Members struct {
	all    []member
	sorted sync.Once
	// people is the order of the page, as places in all.
	people     []int32
	peopleOnce sync.Once
}

// Cost is about how many bytes a member takes while a collection is listed, its name aside.
const Cost = 192

// member is what both forms say about a member.
type member struct {
	// element is the last of its name.
	element    string
	size       int64
	modified   int64 // in seconds since 1970, or noDate
	collection bool
}

const noDate = -1 << 63

// Add adds a member. It keeps nothing of info but its name.
func (m *Members) Add(info store.Info) {
	one := member{element: lastElement(info.Name), modified: noDate, collection: info.Collection}
	if !info.Modified.IsZero() {
		one.modified = info.Modified.Unix()
	}
	if !one.collection {
		one.size = info.Size
	}
	m.all = append(m.all, one)
}

// Len is the number of members.
func (m *Members) Len() int { return len(m.all) }

// inOrder returns the members in the byte order of their names.
func (m *Members) inOrder() []member {
	m.sorted.Do(func() {
		byName := func(a, b member) int { return compareNames(a, b) }
		if !slices.IsSortedFunc(m.all, byName) { // stores list in this order, or nearly
			slices.SortFunc(m.all, byName)
		}
	})
	return m.all
}

// compareNames compares the names as they are shown, with a slash after that of a collection.
func compareNames(a, b member) int {
	if !a.collection && !b.collection {
		return cmp.Compare(a.element, b.element)
	}
	return cmp.Compare(a.name(), b.name())
}

// Fingerprint is a digest of all that the listings of these members say. Members with
// the same one have the same listings.
func (m *Members) Fingerprint() (sum [sha256.Size]byte) {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 32<<10)
	var number [binary.MaxVarintLen64]byte
	put := func(n int64) { _, _ = w.Write(binary.AppendVarint(number[:0], n)) }
	for _, one := range m.inOrder() {
		put(int64(len(one.element)))
		_, _ = w.WriteString(one.element)
		put(one.size)
		put(one.modified)
		if one.collection {
			put(1)
		} else {
			put(0)
		}
	}
	_ = w.Flush() // a hash takes everything
	h.Sum(sum[:0])
	return sum
}

// Render writes the listing of the collection with this name ("" is the root) in the form of
// mediaType, [JSONType] or else [HTMLType]. It holds no more of it than a buffer.
func (m *Members) Render(w io.Writer, mediaType, name string) error {
	buffer := bufio.NewWriterSize(w, 32<<10)
	if mediaType == JSONType {
		m.renderJSON(buffer, name)
	} else {
		m.renderHTML(buffer, name)
	}
	return buffer.Flush() // the first error of all
}

// name is the element, with a slash if it is a collection.
func (m *member) name() string {
	if m.collection {
		return m.element + "/"
	}
	return m.element
}

// href is the URI reference from the collection to the member.
func (m *member) href() string {
	if m.collection {
		return reference(m.element) + "/"
	}
	return reference(m.element)
}

// mediaType is that of content, "" for a collection.
func (m *member) mediaType() string {
	if m.collection {
		return ""
	}
	return mediatype.Of(m.element)
}

func (m *member) time() time.Time { return time.Unix(m.modified, 0).UTC() }

// forPeople returns the order of the page: collections first, upper and lower case mixed.
func (m *Members) forPeople() []int32 {
	m.peopleOnce.Do(func() {
		all := m.inOrder()
		m.people = make([]int32, len(all))
		for i := range m.people {
			m.people[i] = int32(i)
		}
		slices.SortStableFunc(m.people, func(i, j int32) int { return comparePeople(&all[i], &all[j]) })
	})
	return m.people
}

func comparePeople(a, b *member) int {
	if a.collection != b.collection {
		if a.collection {
			return -1
		}
		return 1
	}
	return compareFolded(a.element, b.element)
}

// compareFolded compares a and b in lower case.
func compareFolded(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x >= utf8.RuneSelf || y >= utf8.RuneSelf {
			return strings.Compare(strings.ToLower(a[i:]), strings.ToLower(b[i:]))
		}
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}
