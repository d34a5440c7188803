package dirstore

import (
	"cmp"
	"io/fs"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// An entry is what is known of one name: the last revision seen under it, the
// file that held it, and the earlier revisions kept. Entries are immutable
// once published.
type entry struct {
	// info is the last revision; if gone, the one that was deleted.
	info store.Info
	// id is the file that held info when it was last looked at.
	id fileID
	// settled says that a file with this id can only hold this revision.
	settled bool
	// gone says that nothing exists under the name now.
	gone bool
	// unsynced says that the file, or its absence, is our doing and that the
	// journal is still needed to make it durable. It is not written to the index.
	unsynced bool
	// grown is what can be opened of a file that is growing; it is not written to the index.
	grown *grown
	// kept are the earlier revisions with content of their own, newest first.
	kept []kept
}

// kept is a revision that was replaced or deleted and whose content is in the
// state folder. seq is of the change that did it, and mostly the number of the file.
type kept struct {
	revision store.Revision
	digest   store.Digest
	size     int64
	modified int64 // Unix seconds
	seq      uint64
	file     uint64 // the number of the file, if it is that of an earlier change, else 0
	id       fileID
	// doubt says that the file is to be hashed before it is believed.
	doubt bool
	// spared says that it was replaced under store.Sparing.
	spared bool
}

// path is the file of k in the state folder.
func (k kept) path() string { return keptFile(k.number()) }

// number is that of the file of k.
func (k kept) number() uint64 { return cmp.Or(k.file, k.seq) }

func (k kept) info(name string) store.Info {
	return store.Info{
		Name: name, Revision: k.revision, Size: k.size, Digest: k.digest,
		Modified: time.Unix(k.modified, 0).UTC(),
	}
}

// exists reports whether e describes content that is there. e may be nil.
func (e *entry) exists() bool { return e != nil && !e.gone }

// current returns what e says is current, the zero Info if nothing. e may be nil.
func (e *entry) current() store.Info {
	if !e.exists() {
		return store.Info{}
	}
	return e.info
}

// asKept describes the revision of e as one of the past, which the change seq has displaced. The content
// is in the file id.
func (e *entry) asKept(seq uint64, id fileID) kept {
	return kept{
		revision: e.info.Revision, digest: e.info.Digest, size: e.info.Size,
		modified: e.info.Modified.Unix(), seq: seq, id: id,
	}
}

// pushKept returns list, the newest first, with k before it, without what limit leaves no room for,
// and that.
func pushKept(list []kept, k kept, limit int) (rest, cut []kept) {
	return cutKept(append(append(make([]kept, 0, len(list)+1), k), list...), limit)
}

// cutKept returns the first limit of list that are spared, with the first limit that are not, and
// the rest. The list is not to be used any more.
func cutKept(list []kept, limit int) (rest, cut []kept) {
	room := allowance{limit, limit}
	rest = list[:0]
	for _, k := range list {
		if room.take(k.spared) {
			rest = append(rest, k)
		} else {
			cut = append(cut, k)
		}
	}
	return rest, cut
}

// allowance is how many more there may be that are not spared, and that are.
type allowance [2]int

// take reports whether there may be another one.
func (r *allowance) take(spared bool) bool {
	i := 0
	if spared {
		i = 1
	}
	r[i]--
	return r[i] >= 0
}

// pushedOut returns the last of list that limit leaves no room for once there is one more, spared or not, or nil.
func pushedOut(list []kept, spared bool, limit int) (last *kept) {
	room := allowance{limit, limit}
	room.take(spared)
	for i := range list {
		if !room.take(list[i].spared) {
			last = &list[i]
		}
	}
	return last
}

// withoutKept returns a copy of e that does not keep what the change seq has displaced, and what is
// missing from it, nil if nothing.
func (e *entry) withoutKept(seq uint64) (*entry, *kept) {
	i := slices.IndexFunc(e.kept, func(k kept) bool { return k.seq == seq })
	if i < 0 {
		return e, nil
	}
	rest, k := *e, e.kept[i]
	rest.kept = slices.Delete(slices.Clone(e.kept), i, i+1)
	return &rest, &k
}

// withKept returns a copy of e that keeps k too.
func (e *entry) withKept(k kept) *entry {
	more := *e
	more.kept = append(slices.Clone(e.kept), k)
	slices.SortFunc(more.kept, func(a, b kept) int { return cmp.Compare(b.revision, a.revision) })
	return &more
}

// doubted returns a copy of e whose files are to be hashed before it is believed.
func (e *entry) doubted() *entry {
	unsure := *e
	unsure.settled = false
	unsure.kept = slices.Clone(e.kept)
	for i := range unsure.kept {
		unsure.kept[i].doubt = true
	}
	return &unsure
}

// findKept returns the kept revision rev of e.
func (e *entry) findKept(rev store.Revision) (kept, bool) {
	if e == nil {
		return kept{}, false
	}
	i := slices.IndexFunc(e.kept, func(k kept) bool { return k.revision == rev })
	if i < 0 {
		return kept{}, false
	}
	return e.kept[i], true
}

// fileID tells one state of one file from every other one, as far as the
// system's own marks go. Times are nanoseconds since 1970.
type fileID struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64
}

// fileStat is what one look at a file tells.
type fileStat struct {
	id       fileID
	mode     fs.FileMode // permissions; a plain file has no type bits
	uid, gid int
	links    uint64
}

// sameFile reports whether both are one file, whatever became of its content.
func (id fileID) sameFile(other fileID) bool { return id.dev == other.dev && id.ino == other.ino }

// sameContent is equality of all that a rename, a link or an unlink of the file
// leaves alone: they advance the change time.
func (id fileID) sameContent(other fileID) bool {
	id.ctime, other.ctime = 0, 0
	return id == other
}

// unsettled returns how long to wait, as of now, before the times of the file
// tell it from every later state of itself; 0 if they already do. now is of
// the file system's clock, granularity that clock's step.
//
// Both times are looked at: a change moves the change time, where the file
// system has one, and where it has none the modification time. A time that lies
// further in the future than the clocks can disagree is none of a change made
// now, and tells as much as one of the past.
func (id fileID) unsettled(now, granularity int64) time.Duration {
	if id.mtime%1e9 == 0 && id.ctime%1e9 == 0 {
		granularity = max(granularity, coarseGranularity)
	}
	var wait int64
	for _, t := range [...]int64{id.ctime, id.mtime} {
		if w := t + granularity - now; w >= 0 && w <= 3*granularity {
			wait = max(wait, w+1)
		}
	}
	return time.Duration(wait)
}

// coarseGranularity is assumed of a file system whose times are whole seconds:
// the two seconds of FAT.
const coarseGranularity = int64(2 * time.Second)
