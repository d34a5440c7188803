package cache

import (
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// Storage keeps responses. A key is any text; what is under it are the responses to one method and target that requests
// select among. Nothing that is kept needs to be there the next time. All methods may be called from any number of
// goroutines.
type Storage interface {
	// Load returns what is kept under key. The entries are shared and never changed.
	Load(key string) []*Entry
	// Store replaces all that is kept under key; no entries remove it. It takes the content of the entries over.
	Store(key string, entries []*Entry)
	// Draft returns a place for content of size bytes, or of unknown length if size is negative. The error is
	// [ErrNoRoom] if it is not to be kept.
	Draft(size int64) (Draft, error)
	// All yields all that is kept, in no order.
	All() iter.Seq2[string, []*Entry]
	// Usage says how much is kept.
	Usage() Usage
}

// Usage is how much a [Storage] keeps.
type Usage struct {
	// Keys are the targets, and Bytes the content and the fields.
	Keys, Bytes int64
	// Evicted is how many keys have given way to others.
	Evicted int64
}

// ErrNoRoom says that content is too long to be kept, or that there is no room for it now.
var ErrNoRoom = errors.New("the cache has no room for it")

// Draft is content that is being written. Write and the methods that end it are called from one goroutine, ReadAt from any
// number, for what has been written.
type Draft interface {
	io.Writer
	io.ReaderAt
	// Finish returns the content. It stays readable for as long as somebody holds it.
	Finish() (Content, error)
	// Discard gives it up, if it has not been finished.
	Discard()
	// Close is called last, when nobody reads the draft any more.
	Close() error
}

// Content is stored content, which never changes.
type Content interface {
	Size() int64
	// Open returns it for reading, from any number of goroutines at a time. It fails if it is no longer kept.
	Open() (OpenContent, error)
}

// OpenContent is content that can be read until it is closed.
type OpenContent interface {
	io.ReaderAt
	io.Closer
}

// Entry is a stored response with its content. It is never changed.
type Entry struct {
	*Stored
	// Pieces are its content in order: one piece that begins at 0, or the Parts of it.
	Pieces []Piece

	digest *digestMemo // shared by all entries with these pieces; nil of what is still coming
}

// Piece is content that begins at Start of a representation.
type Piece struct {
	Start   int64
	Content Content
}

// Length is the length of the whole content, of which not all need be there.
func (e *Entry) Length() int64 {
	if e.Parts != nil {
		return e.Size
	}
	var end int64
	for _, p := range e.Pieces {
		end = max(end, p.Start+p.Content.Size())
	}
	return end
}

// weight is what e takes of the room: its content, and an estimate of the rest.
func (e *Entry) weight() int64 {
	n := int64(512)
	for _, header := range []map[string][]string{e.Header, e.Request.Header} {
		for name, lines := range header {
			n += int64(len(name)) + 64
			for _, line := range lines {
				n += int64(len(line)) + 16
			}
		}
	}
	for _, p := range e.Pieces {
		n += p.Content.Size()
	}
	return n
}

// with returns e with another description.
func (e *Entry) with(s *Stored) *Entry { return &Entry{Stored: s, Pieces: e.Pieces, digest: e.digest} }

// joined returns e with a piece more, under a description that has its range among the Parts. Once all is there the parts are
// none any more. Pieces that lie in the new one are left out.
func (e *Entry) joined(s *Stored, p Piece) *Entry {
	pieces := slices.DeleteFunc(slices.Clone(e.Pieces), func(old Piece) bool {
		return p.Start <= old.Start && old.Start+old.Content.Size() <= p.Start+p.Content.Size()
	})
	pieces = append(pieces, p)
	slices.SortStableFunc(pieces, func(a, b Piece) int {
		return int(min(1, max(-1, a.Start-b.Start)))
	})
	whole := *s
	if _, lacks := Missing(s.Parts, s.Size); !lacks {
		whole.Parts = nil
	}
	return &Entry{Stored: &whole, Pieces: pieces, digest: new(digestMemo)}
}

// open opens the content for reading. A range that is not there fails with io.ErrUnexpectedEOF.
func (e *Entry) open() (OpenContent, error) {
	all := &openPieces{}
	for _, p := range e.Pieces {
		c, err := p.Content.Open()
		if err != nil {
			all.Close()
			return nil, err
		}
		all.pieces = append(all.pieces, openPiece{byterange.Range{Start: p.Start, Length: p.Content.Size()}, c})
	}
	return all, nil
}

type openPieces struct{ pieces []openPiece }

type openPiece struct {
	byterange.Range
	OpenContent
}

func (o *openPieces) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := o.readSome(p[n:], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readSome reads from the piece that has off.
func (o *openPieces) readSome(p []byte, off int64) (int, error) {
	i := slices.IndexFunc(o.pieces, func(q openPiece) bool { return q.Start <= off && off < q.End() })
	if i < 0 {
		if len(o.pieces) == 0 || off >= o.pieces[len(o.pieces)-1].End() {
			return 0, io.EOF
		}
		return 0, io.ErrUnexpectedEOF
	}
	q := o.pieces[i]
	n, err := readSome(q.OpenContent, p[:min(int64(len(p)), q.End()-off)], off-q.Start)
	switch {
	case n > 0:
		return n, nil
	case err == nil || err == io.EOF:
		return 0, io.ErrUnexpectedEOF
	}
	return 0, err
}

func (o *openPieces) Close() (err error) {
	for _, q := range o.pieces {
		err = errors.Join(err, q.OpenContent.Close())
	}
	return err
}
