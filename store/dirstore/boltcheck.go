package dirstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
)

// checkIndex reads a bbolt file from end to end, and returns a [*damageError] if it is not one
// that bbolt can walk through. bbolt itself takes its pages for what they say: one
// that is damaged makes it panic, run in circles until there is no stack left, or touch
// memory that is not there. A file that is not there, or is empty, is well.
//
//	file   = page*; the first two are metas
//	page   = id u64; flags u16; count u16; overflow u32; elements and their keys and values
//	meta   = magic, version, page size, flags u32; root, sequence, freelist, end, transaction, checksum u64
//	branch = position, key size u32; page u64
//	leaf   = flags, position, key size, value size u32
func checkIndex(file string) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return bare(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return bare(err)
	}
	if fi.Size() == 0 {
		return nil
	}
	w := &boltWalk{f: f, size: uint64(fi.Size())}
	m, err := w.latest()
	if err != nil {
		return err
	}
	w.pageSize, w.end = uint64(m.pageSize), m.end
	w.seen = make([]bool, w.end)
	if w.end*w.pageSize > w.size {
		return damage("%d pages of %d bytes in a file of %d", w.end, w.pageSize, w.size)
	}
	if err := w.tree(m.root, nil, nil, 0); err != nil {
		return err
	}
	return w.freelist(m.freelist)
}

func damage(format string, args ...any) error { return &damageError{fmt.Sprintf(format, args...)} }

const (
	boltMagic     = 0xED0CDAED
	boltVersion   = 2
	boltNoList    = ^uint64(0)
	boltHeader    = 16 // of a page
	boltElement   = 16
	boltMetaSize  = 64
	boltBranch    = 0x01
	boltLeaf      = 0x02
	boltFreelist  = 0x10
	boltBucket    = 0x01 // flag of a leaf element
	boltDeepest   = 64
	boltMany      = 0xFFFF // a count that is in the first element instead
	boltPageLimit = 1 << 30
)

type boltMeta struct {
	pageSize                         uint32
	root, freelist, end, transaction uint64
}

// boltWalk is one reading of a file.
type boltWalk struct {
	f                   *os.File
	size, pageSize, end uint64
	seen                []bool
}

// latest returns the meta that bbolt will use.
func (w *boltWalk) latest() (best boltMeta, err error) {
	found := false
	for _, size := range []uint64{0, 512, 1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		m, ok := w.meta(size)
		if ok && (size == 0 || uint64(m.pageSize) == size) && (!found || m.transaction > best.transaction) {
			best, found = m, true
		}
	}
	if !found {
		return best, damage("no valid meta page")
	}
	return best, nil
}

func (w *boltWalk) meta(at uint64) (m boltMeta, ok bool) {
	b := make([]byte, boltHeader+boltMetaSize)
	if _, err := w.f.ReadAt(b, int64(at)); err != nil {
		return m, false
	}
	b = b[boltHeader:]
	order := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:56])
	if order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion || order.Uint64(b[56:]) != sum.Sum64() {
		return m, false
	}
	m = boltMeta{
		pageSize: order.Uint32(b[8:]), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		end: order.Uint64(b[40:]), transaction: order.Uint64(b[48:]),
	}
	return m, m.pageSize >= 512 && m.pageSize&(m.pageSize-1) == 0 && m.end <= w.size/uint64(m.pageSize)
}

// boltPage is a page with all that runs over into the next ones.
type boltPage struct {
	id    uint64
	flags uint16
	count int
	b     []byte
}

// page reads the page id, which nobody else may refer to.
func (w *boltWalk) page(id uint64) (p boltPage, err error) {
	if id < 2 || id >= w.end || w.seen[id] {
		return p, damage("page %d is referred to twice, or is not there", id)
	}
	head := make([]byte, boltHeader)
	if err := w.read(head, id*w.pageSize); err != nil {
		return p, err
	}
	order := binary.NativeEndian
	more := uint64(order.Uint32(head[12:]))
	p = boltPage{id: id, flags: order.Uint16(head[8:]), count: int(order.Uint16(head[10:]))}
	if order.Uint64(head) != id || more >= w.end-id || (more+1)*w.pageSize > boltPageLimit {
		return p, damage("page %d says it is %d and %d more", id, order.Uint64(head), more)
	}
	for i := id; i <= id+more; i++ {
		if w.seen[i] {
			return p, damage("page %d is referred to twice", i)
		}
		w.seen[i] = true
	}
	p.b = make([]byte, (more+1)*w.pageSize)
	return p, w.read(p.b, id*w.pageSize)
}

// read reads all of b. What cannot be read is damage as well.
func (w *boltWalk) read(b []byte, at uint64) error {
	if _, err := w.f.ReadAt(b, int64(at)); err != nil && !errors.Is(err, io.EOF) {
		return damage("cannot be read at %d: %v", at, bare(err))
	} else if err != nil {
		return damage("ends before %d", at)
	}
	return nil
}

// tree walks the tree below the page id, whose keys must be from least, and below limit if
// that is not nil.
func (w *boltWalk) tree(id uint64, least, limit []byte, depth int) error {
	p, err := w.page(id)
	if err != nil {
		return err
	}
	if depth > boltDeepest {
		return damage("page %d is too deep in the tree", id)
	}
	switch p.flags {
	case boltLeaf:
		return w.leaf(p, least, limit, depth)
	case boltBranch:
		return w.branch(p, least, limit, depth)
	}
	return damage("page %d has flags %#x", id, p.flags)
}

// slice returns n bytes of p, from position at behind the element i.
func (p *boltPage) slice(i int, at, n uint32) ([]byte, bool) {
	from := uint64(boltHeader+i*boltElement) + uint64(at)
	if to := from + uint64(n); from >= uint64(boltHeader+p.count*boltElement) && to <= uint64(len(p.b)) {
		return p.b[from:to:to], true
	}
	return nil, false
}

// element returns the ith element of p.
func (p *boltPage) element(i int) ([]byte, bool) {
	from := boltHeader + i*boltElement
	if from+boltElement > len(p.b) {
		return nil, false
	}
	return p.b[from : from+boltElement], true
}

func (w *boltWalk) branch(p boltPage, least, limit []byte, depth int) error {
	order := binary.NativeEndian
	keys, pages := make([][]byte, p.count), make([]uint64, p.count)
	for i := range p.count {
		e, ok := p.element(i)
		if ok {
			pages[i] = order.Uint64(e[8:])
			keys[i], ok = p.slice(i, order.Uint32(e), order.Uint32(e[4:]))
		}
		if !ok {
			return damage("page %d, element %d is out of it", p.id, i)
		}
	}
	if p.count == 0 || !inOrder(keys, least, limit) {
		return damage("page %d is empty, or its keys are not in order", p.id)
	}
	for i, key := range keys {
		next := limit
		if i+1 < len(keys) {
			next = keys[i+1]
		}
		if err := w.tree(pages[i], key, next, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *boltWalk) leaf(p boltPage, least, limit []byte, depth int) error {
	order := binary.NativeEndian
	keys := make([][]byte, p.count)
	for i := range p.count {
		e, ok := p.element(i)
		var value []byte
		if ok {
			keys[i], ok = p.slice(i, order.Uint32(e[4:]), order.Uint32(e[8:]))
		}
		if ok {
			value, ok = p.slice(i, order.Uint32(e[4:])+order.Uint32(e[8:]), order.Uint32(e[12:]))
		}
		flags := uint32(0)
		if ok {
			flags = order.Uint32(e)
		}
		if !ok || flags > boltBucket {
			return damage("page %d, element %d is out of it", p.id, i)
		}
		if flags == boltBucket {
			if err := w.bucket(value, depth); err != nil {
				return err
			}
		}
	}
	if !inOrder(keys, least, limit) {
		return damage("page %d: its keys are not in order", p.id)
	}
	return nil
}

// bucket walks a bucket: a tree of its own, or a leaf within the value.
func (w *boltWalk) bucket(value []byte, depth int) error {
	const head = 16
	if len(value) < head {
		return damage("a bucket of %d bytes", len(value))
	}
	order := binary.NativeEndian
	if root := order.Uint64(value); root != 0 {
		return w.tree(root, nil, nil, depth+1)
	}
	b := value[head:]
	if len(b) < boltHeader || order.Uint16(b[8:]) != boltLeaf || depth > boltDeepest {
		return damage("a bucket that is not a leaf")
	}
	return w.leaf(boltPage{flags: boltLeaf, count: int(order.Uint16(b[10:])), b: b}, nil, nil, depth+1)
}

// inOrder reports whether each key is greater than the one before, and all are from least
// and, if there is one, below limit.
func inOrder(keys [][]byte, least, limit []byte) bool {
	if len(keys) == 0 {
		return true
	}
	strictly := true
	for i := 1; i < len(keys); i++ {
		strictly = strictly && bytes.Compare(keys[i-1], keys[i]) < 0
	}
	return strictly && bytes.Compare(least, keys[0]) <= 0 &&
		(limit == nil || bytes.Compare(keys[len(keys)-1], limit) < 0)
}

// freelist checks that no page is both free and in use.
func (w *boltWalk) freelist(id uint64) error {
	if id == boltNoList {
		return nil
	}
	p, err := w.page(id)
	if err != nil {
		return err
	}
	order := binary.NativeEndian
	ids, n := p.b[boltHeader:], uint64(p.count)
	if p.count == boltMany {
		n, ids = order.Uint64(ids), ids[8:]
	}
	if p.flags != boltFreelist || n > uint64(len(ids)/8) {
		return damage("page %d has flags %#x, and %d free pages", id, p.flags, n)
	}
	for i := range n {
		free := order.Uint64(ids[i*8:])
		if free < 2 || free >= w.end || w.seen[free] {
			return damage("page %d is free, and in use or not there", free)
		}
		w.seen[free] = true
	}
	return nil
}
