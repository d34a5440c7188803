package dirstore

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fourtwelve/fourtwelve/store"
)

// A disk that loses what was not synced
//
// A recorder looks at the directory of a store before each of its steps, and so knows what every
// step has written, and which syncs have succeeded. From that it makes images of
// what a disk may hold after a loss of power at any moment:
//
//   - Of content that was not synced, each sector of 512 bytes may be there or not, in any
//     version it has had since the last sync; a file may have any length it has had,
//     or end at any sector; what is missing reads as zeros.
//   - Names, times and lengths come back as they were at some moment since the last sync, as file
//     systems with a journal see to. What was synced by itself is there.
//   - A sync that fails has not written anything, and later ones do not write it either.
//   - The index is as bbolt had synced it, or with any part of the pages that were about to be
//     synced, and with a torn meta page only when those are there.
type recorder struct {
	t      *testing.T
	dir    string
	events []event
	was    tree
	last   step  // the step under way
	by     int64 // the goroutine whose step it is, if there are several
	failed bool  // it was made to fail
	errs   func(step) error

	expect expected
	trees  []string // what may be there altogether, for scripts over collections
	doing  treeStep // the change of such a script that is under way
	others bool
	told   func() told // what clients know by now, if there are any
}

// sectorSize is what a disk writes at once.
const sectorSize = 512

// tree is what is in a directory at one moment.
type tree struct {
	names map[string]uint64 // to inode number; of directories, too
	files map[uint64]simFile
	index []byte
}

type simFile struct {
	dir                bool
	data               []byte
	mtime, ctime, born int64
}

// event is what one step did.
type event struct {
	what   step
	failed bool
	after  tree
	expect map[string][]string
	trees  []string
	doing  treeStep
	others bool // another program has written, too
	by     int64
	told   told
}

func recording(t *testing.T, dir string, o Options) (*recorder, *Store) {
	r := &recorder{t: t, dir: dir, expect: expected{}}
	o.manual, o.session = true, "first boot, mount 1"+sessionPlace+"home"
	o.hook = r.hook
	s := openAt(t, dir, o)
	r.was = readTree(t, dir, nil)
	r.last = "begin"
	r.note()
	return r, s
}

// hook is called before each step, when the one before has ended.
func (r *recorder) hook(next step) error {
	if r.last == "" {
		return nil // the store is being opened
	}
	r.note()
	r.last, r.failed = next, false
	if r.errs != nil {
		if err := r.errs(next); err != nil {
			r.failed = true
			return err
		}
	}
	return nil
}

// note adds the step that has ended to the events.
func (r *recorder) note() {
	var known map[uint64]simFile
	if r.last == stepReuse {
		known = r.was.files // the store has a lease on one, which opening it would break
	}
	r.was = readTree(r.t, r.dir, known)
	e := event{
		what: r.last, failed: r.failed, after: r.was, expect: maps.Clone(r.expect), others: r.others, by: r.by, trees: r.trees, doing: r.doing,
	}
	if r.told != nil {
		e.told = r.told()
	}
	r.events = append(r.events, e)
}

// readTree reads all files but those whose content is known.
func readTree(t *testing.T, dir string, known map[uint64]simFile) tree {
	t.Helper()
	all := tree{names: map[string]uint64{}, files: map[uint64]simFile{}}
	root, err := os.OpenRoot(dir)
	check(t, err)
	defer root.Close()
	here, err := openFolder(root, ".")
	check(t, err)
	defer here.Close()
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if strings.HasSuffix(rel, "/lock") {
			return nil
		}
		if rel == stateDir+"/index" {
			all.index, err = os.ReadFile(path)
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		f := simFile{dir: d.IsDir(), mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(), born: bornAt(here, rel)}
		if old, ok := known[st.Ino]; ok {
			f.data = old.data
		} else if !f.dir {
			f.data, err = os.ReadFile(path)
		}
		all.names[rel], all.files[st.Ino] = st.Ino, f
		return err
	})
	check(t, err)
	return all
}

// perform carries out the changes, noting what may be there after each step.
func (r *recorder) perform(s *Store, changes script) {
	for i, c := range changes {
		if c.flush {
			_ = s.checkpoint(false) // may be made to fail
			continue
		}
		if c.outside {
			r.outside(c, i)
			continue
		}
		_ = r.expect.perform(s, c, i)
	}
	_ = s.checkpoint(false)
	_ = s.checkpoint(false)
	r.note()
}

// performTrees is perform for a script over collections, of which states is what it leads to.
func (r *recorder) performTrees(s *Store, script []treeStep, states []string) {
	for i, c := range script {
		r.trees, r.doing = states[i:i+2], c
		if err := c.perform(s, i); err != nil && c.do != "flush" {
			r.t.Fatalf("%v: %v", c, err)
		}
		r.trees = states[i+1 : i+2]
	}
	_ = s.checkpoint(false)
	s.clearAsides()
	_ = s.checkpoint(false)
	r.note()
}

// anything stands for content of another program, which may be lost or torn.
const anything = "anything"

// outside lets another program write a file, which it does not sync.
func (r *recorder) outside(c scripted, i int) {
	r.expect[c.name], r.others = []string{anything}, true
	path := filepath.Join(r.dir, c.name)
	check(r.t, os.MkdirAll(filepath.Dir(path), 0o777))
	check(r.t, os.WriteFile(path, []byte(c.content(i)), 0o666))
}

// platter is what is known of a disk at one event: what is there for certain, and what may be.
type platter struct {
	copied bool // the image is judged as a copy of the directory
	events []event
	at     int
	// names is the last event whose names are all there.
	names int
	// forced are names that were synced by themselves, with the folder of uploads, and
	// pending those that will be with its next sync, in the order they came about.
	forced  map[string]forcedName
	pending []forcedName
	// data are the versions content may have come from, by inode, oldest first: the
	// first is there for certain.
	data map[uint64][]version

	deaf  step         // syncs of this kind do nothing, though they succeed
	spoil func(*image) // something else goes wrong
}

// forcedName is a name that an inode has got at the event since.
type forcedName struct {
	name          string
	ino           uint64
	since, synced int
}

// version is content as it was written, sector by sector: those that were lost by a failed
// sync are not set.
type version struct {
	size    int64
	sectors map[int][]byte
}

// spin returns the platter at each event in turn.
func spin(events []event, each func(*platter)) {
	p := &platter{events: events, forced: map[string]forcedName{}, data: map[uint64][]version{}}
	for i, f := range events[0].after.files {
		p.data[i] = []version{fullVersion(f.data)}
	}
	for n := 1; n < len(events); n++ {
		p.at = n
		changed := p.write(events[n-1].after, events[n].after)
		p.rename(events[n-1].after.names, events[n].after.names)
		p.sync(events[n], changed)
		each(p)
	}
}

func fullVersion(data []byte) version {
	v := version{size: int64(len(data)), sectors: map[int][]byte{}}
	for i := 0; i*sectorSize < len(data); i++ {
		v.sectors[i] = data[i*sectorSize : min(len(data), (i+1)*sectorSize)]
	}
	return v
}

// write notes what differs between two trees as versions, and returns the inodes whose content
// does.
func (p *platter) write(before, after tree) (changed []uint64) {
	for ino, f := range after.files {
		old, there := before.files[ino]
		if f.dir || there && bytes.Equal(old.data, f.data) {
			continue
		}
		v := version{size: int64(len(f.data)), sectors: map[int][]byte{}}
		for i, sector := range fullVersion(f.data).sectors {
			if from := i * sectorSize; from+len(sector) > len(old.data) || !bytes.Equal(old.data[from:from+len(sector)], sector) {
				v.sectors[i] = sector
			}
		}
		if !there {
			p.data[ino] = []version{{}}
		}
		p.data[ino] = append(p.data[ino], v)
		changed = append(changed, ino)
	}
	return changed
}

// sync notes what e has made durable, or lost.
func (p *platter) sync(e event, changed []uint64) {
	var inodes []uint64
	switch e.what {
	case p.deaf:
	case stepSyncFS:
		inodes = slices.Collect(maps.Keys(p.data))
		if !e.failed {
			p.names = p.at
			clear(p.forced)
			p.pending = nil
		}
	case stepSync:
		inodes = p.newest(e, "/tmp/")
	case stepSyncDir:
		if !e.failed && p.treesMoved() {
			p.names, p.pending = p.at, nil
			clear(p.forced)
		} else if !e.failed {
			p.syncUploads()
		}
	case stepJournalSync:
		inodes = p.newest(e, "/journal")
	case stepJournalExtend, stepJournalForget:
		inodes = changed
	}
	for _, ino := range inodes {
		if e.failed {
			p.data[ino] = p.data[ino][:1]
		} else {
			p.data[ino] = []version{settle(p.data[ino])}
		}
	}
}

// treesMoved reports whether directories have been renamed since the last sync of all names. What
// was renamed into one of them cannot be synced without that.
func (p *platter) treesMoved() bool {
	return slices.ContainsFunc(p.events[p.names:p.at+1], func(e event) bool { return e.what == stepTree })
}

// rename notes which names came about in the folder of uploads, or were given to what was in there:
// a renaming is synced with both of its ends.
func (p *platter) rename(before, after map[string]uint64) {
	was := func(names map[string]uint64, ino uint64) bool {
		for name, i := range names {
			if i == ino && strings.HasPrefix(name, stateDir+"/tmp/") {
				return true
			}
		}
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if ino := after[name]; before[name] != ino && (was(before, ino) || was(after, ino)) {
			p.pending = append(p.pending, forcedName{name: name, ino: ino, since: p.at})
		}
	}
}

// syncUploads notes that the folder of uploads has been synced.
func (p *platter) syncUploads() {
	for _, f := range p.pending {
		maps.DeleteFunc(p.forced, func(_ string, g forcedName) bool { return g.ino == f.ino && !p.hadToo(f, g.name) })
		f.synced = p.at
		p.forced[f.name] = f
	}
	p.pending = nil
}

// hadToo reports whether the inode of f had the other name, too, when it got that of f.
func (p *platter) hadToo(f forcedName, other string) bool {
	return p.events[f.since].after.names[other] == f.ino
}

// newest returns the file of the state folder that the goroutine of e has written to last, among
// those with names like that.
func (p *platter) newest(e event, like string) []uint64 {
	var found []uint64
	latest := -1
	for name, ino := range e.after.names {
		if !strings.HasPrefix(name, stateDir+like) {
			continue
		}
		for n := p.at; n > 0; n-- {
			before, after := p.events[n-1].after.files[ino], p.events[n].after.files[ino]
			if p.events[n].by != e.by || bytes.Equal(before.data, after.data) {
				continue
			}
			if n > latest {
				found, latest = []uint64{ino}, n
			}
			break
		}
	}
	return found
}

// settle returns what all versions come to.
func settle(versions []version) version {
	v := version{size: versions[len(versions)-1].size, sectors: map[int][]byte{}}
	for _, w := range versions {
		maps.Copy(v.sectors, w.sectors)
	}
	return v
}

// An image is what a disk holds after a loss of power.
type image struct {
	names map[string]uint64
	files map[uint64]simFile
	index []byte
}

// image makes up what the disk may hold.
func (p *platter) image(r *rand.Rand) image {
	names := p.names + r.IntN(p.at-p.names+1)
	if r.IntN(3) == 0 {
		names = p.at
	}
	meta := p.events[names].after
	img := image{names: maps.Clone(meta.names), files: map[uint64]simFile{}, index: p.index(r)}
	known := maps.Clone(meta.files)
	forced := slices.SortedFunc(maps.Values(p.forced), func(a, b forcedName) int {
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.name, b.name))
	})
	for _, f := range forced {
		if f.since > names {
			maps.DeleteFunc(img.names, func(name string, ino uint64) bool { return ino == f.ino && !p.hadToo(f, name) })
			img.names[f.name] = f.ino
			known[f.ino] = p.lastSeen(f)
			then := p.events[f.since].after // the directories above are synced with it
			for dir := filepath.Dir(f.name); dir != "."; dir = filepath.Dir(dir) {
				if ino, made := then.names[dir]; made && img.names[dir] == 0 {
					img.names[dir], known[ino] = ino, then.files[ino]
				}
			}
		}
	}
	style := r.IntN(4)
	for _, name := range slices.Sorted(maps.Keys(img.names)) {
		ino := img.names[name]
		if _, done := img.files[ino]; done {
			continue
		}
		f := known[ino]
		if !f.dir {
			f.data = tear(r, style, p.data[ino])
		}
		img.files[ino] = f
	}
	if p.spoil != nil {
		p.spoil(&img)
	}
	return img
}

// lastSeen returns what the file of f was like when its name was synced, or before it was removed.
func (p *platter) lastSeen(f forcedName) simFile {
	for n := f.synced; n > f.since; n-- {
		if file, there := p.events[n].after.files[f.ino]; there {
			return file
		}
	}
	return p.events[f.since].after.files[f.ino]
}

// tear makes up content from versions: all old, all new, or by sector.
func tear(r *rand.Rand, style int, versions []version) []byte {
	take := func(version) bool { return r.IntN(2) == 0 }
	size := versions[r.IntN(len(versions))].size
	switch {
	case style == 0 || style == 2 && r.IntN(2) == 0:
		take, size = func(version) bool { return false }, versions[0].size
	case style == 1 || style == 2:
		take, size = func(version) bool { return true }, versions[len(versions)-1].size
	case r.IntN(4) == 0:
		size = min(size, int64(sectorSize*r.IntN(1+int(size)/sectorSize)))
		size = max(size, versions[0].size)
	}
	data := make([]byte, size)
	for i, v := range versions {
		for _, n := range slices.Sorted(maps.Keys(v.sectors)) {
			sector := v.sectors[n]
			if at := n * sectorSize; at < len(data) && (i == 0 || take(v)) {
				copy(data[at:], sector)
			}
		}
	}
	return data
}

// index makes up the index: as it was before the last event, after it, or in between.
func (p *platter) index(r *rand.Rand) []byte {
	now, before := p.events[p.at].after.index, p.events[p.at-1].after.index
	if bytes.Equal(now, before) || r.IntN(3) == 0 {
		return now
	}
	page, metas := os.Getpagesize(), r.IntN(2) == 0
	b := append(slices.Clone(before), make([]byte, max(0, len(now)-len(before)))...)
	for at := 0; at < len(now); at += sectorSize {
		meta := at < 2*page
		if take := r.IntN(2) == 0; meta && metas && take || !meta && (metas || take) {
			copy(b[at:at+sectorSize], now[at:])
		}
	}
	return b
}

// put writes the image to a new directory, and lets the store see its files under their own
// inode numbers, on a device with a number that differs by shift. As a copy they have others.
func (img image) put(t *testing.T, shift uint64, copied bool) (dir string, done func()) {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "image")
	if err != nil {
		dir = t.TempDir()
	}
	type known struct {
		ino               uint64
		ctime, real, born int64
	}
	byReal := map[uint64]known{}
	for _, name := range slices.Sorted(maps.Keys(img.names)) {
		f, path := img.files[img.names[name]], filepath.Join(dir, name)
		if f.dir {
			check(t, os.MkdirAll(path, 0o777))
			continue
		}
		check(t, os.MkdirAll(filepath.Dir(path), 0o777))
		check(t, os.WriteFile(path, f.data, 0o666))
		ts := []unix.Timespec{unix.NsecToTimespec(f.mtime), unix.NsecToTimespec(f.mtime)}
		check(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, ts, 0))
		var st unix.Stat_t
		check(t, unix.Lstat(path, &st))
		byReal[st.Ino] = known{img.names[name], f.ctime, st.Ctim.Nano(), f.born}
	}
	check(t, os.WriteFile(filepath.Join(dir, stateDir, "index"), img.index, 0o600))
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(img.names))) {
		ino := img.names[name]
		if f := img.files[ino]; f.dir {
			ts := []unix.Timespec{unix.NsecToTimespec(f.mtime), unix.NsecToTimespec(f.mtime)}
			check(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(dir, name), ts, 0))
			var st unix.Stat_t
			check(t, unix.Lstat(filepath.Join(dir, name), &st))
			byReal[st.Ino] = known{ino, f.ctime, st.Ctim.Nano(), f.born}
		}
	}
	seenBorn = func(ino uint64, born int64) int64 {
		if k, ok := byReal[ino]; ok && !copied {
			return k.born
		}
		return born
	}
	seenAs = func(id fileID) fileID {
		id.dev += shift
		k, ok := byReal[id.ino]
		if !ok || copied {
			id.ino += 1 << 40
			return id
		}
		if id.ino = k.ino; id.ctime == k.real {
			id.ctime = k.ctime
		}
		return id
	}
	return dir, func() {
		seenAs, seenBorn = nil, nil
		check(t, os.RemoveAll(dir))
	}
}

// othersWrite reports whether another program has written files that it did not sync.
func (p *platter) othersWrite() bool {
	return p.events[len(p.events)-1].others
}

// judge opens the image after the loss of power, twice, and lets compare look at what is there. Some
// recoveries lose power, too.
func (p *platter) judge(t *testing.T, r *rand.Rand, compare func(*Store)) {
	t.Helper()
	img := p.image(r)
	shift, home := uint64(r.IntN(2)), "home"
	copied := r.IntN(8) == 0 && !p.othersWrite() // in a copy, a name that was lost looks like one that was removed
	if copied {
		home = "elsewhere"
	}
	dir, done := img.put(t, shift, copied)
	defer done()
	p.copied = copied
	var said bytes.Buffer
	for boot := range 3 {
		fmt.Fprintf(&said, "boot %d\n", boot)
		o := Options{Keep: 1, manual: true, session: fmt.Sprint("boot ", boot, sessionPlace, home),
			Logger: slog.New(slog.NewTextHandler(&said, nil))}
		if boot == 0 {
			if r.IntN(4) > 0 {
				continue
			}
			n := 1 + r.IntN(40)
			fail := failFrom(n)
			o.hook = func(w step) error {
				if err := fail(w); err != nil {
					fmt.Fprintln(&said, "fails:", w)
					return err
				}
				return nil
			}
		}
		s, err := Open(dir, o)
		if boot == 0 {
			if err == nil {
				s.abandon()
			}
			continue
		}
		if err != nil {
			t.Errorf("Open: %v", err)
			return
		}
		compare(s)
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if t.Failed() {
			t.Logf("at event %d, after %q; device number +%d, copied %t", p.at, p.events[p.at].what, shift, copied)
			t.Logf("%s", &said)
			img.explain(t)
			return
		}
	}
}

// explain logs what is in the image.
func (img image) explain(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(img.names)) {
		f := img.files[img.names[name]]
		if f.dir {
			continue
		}
		t.Logf("  %-30s inode %d, %d bytes %.20q, modified %d", name, img.names[name], len(f.data), f.data, f.mtime)
		j, _ := parseJournal(f.data)
		for _, b := range j.records {
			if r, err := parseRecordContent(b); err == nil {
				t.Logf("    epoch %d: %q kind %d, spare %s, inode %d replaced by %d, size %d, with content %t",
					j.epoch, r.name, r.kind, r.spare, r.old.ino, r.next.id.ino, r.next.size, r.hasBody)
			}
		}
	}
}

// compare compares s with what may be there.
func (p *platter) compare(t *testing.T, s *Store) {
	t.Helper()
	for name, possible := range p.events[p.at].expect {
		info, content, err := readCurrent(s, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
		if !slices.Contains(possible, anything) && !slices.Contains(possible, content) {
			t.Errorf("%q holds %d bytes %.30q, want one of %.30q", name, len(content), content, possible)
		}
		if stat, err := s.Stat(t.Context(), name); err == nil && stat != info {
			t.Errorf("%q: Stat says %+v, Open %+v", name, stat, info)
		}
	}
	if e := p.events[p.at]; e.trees != nil {
		wantOneOf(t, s, p.copied, e.doing, e.trees...) // a copy may have lost properties
		return
	}
	checkAfterLoss(t, s)
}

// checkAfterLoss checks what holds after any loss of power, whatever was written before.
func checkAfterLoss(t *testing.T, s *Store) {
	t.Helper()
	if left, _ := strayFiles(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	checkPlain(t, s)
	checkHistory(t, s, true)
}

// lossyEnv is for how many images are to be judged; .ci/lossydisk sets it.
const lossyEnv = "FOURTWELVE_LOSSYDISK"

// wantedImages is about how many images are judged: lossyImages, which come upon every step, or
// as many as the environment asks for, as .ci/lossydisk does.
func wantedImages(t *testing.T) int {
	t.Helper()
	wanted := os.Getenv(lossyEnv)
	if wanted == "" {
		return lossyImages
	}
	n, err := strconv.Atoi(wanted)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%s: want a number of images", lossyEnv, wanted)
	}
	return n
}

// judgeImages judges about so many images of what a disk may hold, spread over all events.
func judgeImages(t *testing.T, seed uint64, events []event, total int) (judged int) {
	r := rand.New(rand.NewPCG(seed, 412))
	each := float64(total) / float64(len(events))
	spin(events, func(p *platter) {
		for n := each; n > r.Float64() && !t.Failed(); n-- {
			p.judge(t, r, func(s *Store) { p.compare(t, s) })
			judged++
		}
	})
	return judged
}

// lossyScripts are scripts with every kind of change.
func lossyScripts() map[string]script {
	all := map[string]script{"every kind": everyKind(), "over another program's": {
		{name: "a", size: 3000, outside: true}, {name: "a", size: 1000}, {name: "a", size: 100},
		{name: "d/b", size: 70_000, outside: true}, {name: "d/b", size: 80_000}, {flush: true},
		{name: "a", size: 2000, outside: true}, {name: "a", delete: true},
		{name: "d/b", size: 1000, outside: true}, {name: "d/b", size: 1000}, {name: "a", size: 600},
	}}
	for seed := range uint64(6) {
		all[fmt.Sprint("random ", seed)] = random(seed, 25)
	}
	return all
}

// TestLossyDisk judges images of what a disk may hold after a loss of power at every step of every
// script, with the same device number, with another one, and copied elsewhere. What
// was acknowledged is there, and nothing else is.
func TestLossyDisk(t *testing.T) {
	total := 0
	for name, changes := range lossyScripts() {
		t.Run(name, func(t *testing.T) {
			dir := fastDir(t)
			r, s := recording(t, dir, Options{Keep: 1})
			r.perform(s, changes)
			total += judgeImages(t, 1, r.events, wantedImages(t)/16)
		})
	}
	t.Logf("%d images", total)
}

// TestTreesOnLossyDisk is TestLossyDisk for scripts over collections: they are there as they were
// before the change that was under way, or after it, on all names at once.
func TestTreesOnLossyDisk(t *testing.T) {
	scripts := map[string][]treeStep{"every kind": everyTreeKind()}
	for seed := range uint64(6) {
		scripts[fmt.Sprint("random ", seed)] = randomTrees(seed, 25)
	}
	total := 0
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			dir := fastDir(t)
			r, s := recording(t, dir, Options{Keep: 1})
			r.performTrees(s, script, states(t, script))
			total += judgeImages(t, 1, r.events, wantedImages(t)/16)
		})
	}
	t.Logf("%d images", total)
}

// TestLossyDiskFailsToSync is TestLossyDisk with a sync that fails, after which the disk has lost what
// was to be synced for good, and later syncs succeed.
func TestLossyDiskFailsToSync(t *testing.T) {
	total := 0
	for _, what := range []step{stepSyncFS, stepJournalSync, stepJournalExtend, stepSync, stepSyncDir} {
		for n := range 6 {
			t.Run(fmt.Sprint(what, " ", n), func(t *testing.T) {
				dir := fastDir(t)
				r, s := recording(t, dir, Options{Keep: 1})
				nth := n
				r.errs = func(w step) error {
					if w == what {
						nth--
						if nth == -1 {
							return syscall.EIO
						}
					}
					return nil
				}
				changes := everyKind()
				if n%2 == 1 {
					changes = random(uint64(n), 25)
				}
				r.perform(s, changes)
				if err := s.Health(); err != nil {
					t.Errorf("at the end the store still refuses writes: %v", err)
				}
				total += judgeImages(t, uint64(n), r.events, wantedImages(t)/60)
			})
		}
	}
	t.Logf("%d images", total)
}
