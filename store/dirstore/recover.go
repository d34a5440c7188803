package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// recover opens index and journal, finishes or undoes the changes a crash
// interrupted, and removes what it left behind.
func (s *Store) recover() error {
	for _, dir := range []string{"tmp", "kept", asideDir} {
		if err := s.step(stepMakeDir); err != nil {
			return writeError("", err)
		}
		if err := s.stateRoot.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return writeError("", err)
		}
	}
	var err error
	if s.tmp, err = openFolder(s.root, stateDir+"/tmp"); err != nil {
		return writeError("", err)
	}
	var m meta
	if s.index, m, err = openIndex(filepath.Join(s.root.Name(), stateDir), s.opts.Logger); err != nil {
		return writeError("", err)
	}
	s.props.index = s.index
	s.index.sections = []section{s.records, &s.props, &treeSection{s: s}}
	if err := s.index.loadSections(); err != nil {
		return writeError("", err)
	}
	now := s.opts.session
	if now == "" {
		now = session(s.top, s.state)
	}
	s.journal, err = openJournal(s.stateRoot, now, s.opts.Sync == SyncFull, s.step)
	if err != nil {
		return writeError("", err)
	}
	s.journal.failures = s.trouble.times.Load
	last, err := s.index.lastKept()
	if err != nil {
		return writeError("", err)
	}
	for _, a := range s.trees.asidesOf("") {
		last = max(last, a.seq)
	}
	s.seq.Store(max(m.seq, last)) // no journal may know of these
	s.clock.floor.Store(m.revisions)
	s.clock.given.Store(m.revisions)
	s.keptBytes.Store(m.keptBytes)
	s.sessions = m.sessions
	log, err := s.replay(m)
	if err != nil {
		return writeError("", err)
	}
	if log.rebooted {
		return s.sweep(0) // what was removed may be there again
	}
	if err := s.sweep(m.seq); err != nil {
		return err
	}
	return s.sweepSpares(log, m.seq)
}

// replay works through the records the index does not include yet, which it returns, and begins a
// new epoch.
func (s *Store) replay(m meta) (log history, err error) {
	log, err = s.readJournal(m.epoch)
	if err != nil {
		return log, err
	}
	if log.rebooted {
		s.sessions++ // what was learned of files until now is to be seen again
	}
	s.index.session = s.sessions
	err = s.redo(log, m.seq)
	if errors.Is(err, errSync) {
		// It may be what the process before has written that is lost: see trouble.
		s.opts.Logger.Error("what the journal has is written again", "error", err)
		markErr := s.journal.mark(lostIn(s.journal.session))
		log.crashed, log.lost = true, true
		if err = s.redo(log, m.seq); err != nil {
			err = errors.Join(err, markErr)
		}
	}
	if err != nil {
		return log, err
	}
	c := &s.checkpoints
	// The next epoch may have begun in a file whose header is lost, while records of it are not.
	// They must not come to life under a header that says the same number.
	c.epoch, c.settled, c.seq = log.epoch+2, log.epoch+2, m.seq
	if err := s.flush(false); err != nil {
		return log, err
	}
	if err := s.journal.forget(); err != nil {
		return log, err
	}
	s.journal.brand = s.journal.session
	return log, s.journal.rotate(c.epoch)
}

// redo brings what log speaks of to an end. When all of it is durable, the records
// are no longer needed.
func (s *Store) redo(log history, synced uint64) error {
	s.recall(log)
	if err := s.repeat(log, synced); err != nil {
		return err
	}
	return s.syncPlain()
}

// recall takes the small records and the properties of log.
func (s *Store) recall(log history) {
	void := log.voided()
	s.notes = nil
	if s.props.dropped == nil { // else it is the second time
		s.props.dropped = make(map[uint64][]byte)
	}
	for _, r := range log.records {
		switch {
		case void[r.seq] || r.group != 0 && void[r.group]:
		case r.kind == recordKeep && r.group != 0:
			s.notes.take(s, r)
		case r.kind == recordKeep && r.hasBody:
			s.keepRecord(r.name, r.body)
		case r.kind == recordKeep:
			s.records.set(r.name, nil)
		case r.kind == recordProps:
			s.props.set(r.next.id.ino, slices.Clone(r.body))
		case r.takesAway() && s.props.used.Load():
			if b := s.props.raw(r.old.ino); len(b) > 0 {
				s.props.dropped[r.seq] = b
				s.props.set(r.old.ino, nil)
			}
		}
	}
}

// takesAway reports whether r took a file out of the directory for good, so that its inode may come to
// be that of another.
func (r *record) takesAway() bool {
	if r.kind != recordPut && r.kind != recordDelete || !r.existed || r.old.sameFile(r.next.id) {
		return false
	}
	return r.after == nil || !r.old.sameFile(r.after.next.id)
}

// voided returns the changes that were announced and not carried out.
func (h history) voided() map[uint64]bool {
	void := make(map[uint64]bool)
	for _, r := range h.records {
		if r.kind == recordVoid {
			void[r.seq] = true
		}
	}
	return void
}

// history is what the journal says, oldest first.
type history struct {
	files   []journalFile // that the records are from
	records []*record
	epoch   uint64 // the greatest there was
	// rebooted says that this is another session than that of the last epoch.
	// crashed says the same of an epoch whose records are needed: changes that
	// were not made durable by themselves may have been lost. copied says that
	// the directory is not the one that the records were written in, so that its
	// files have other inode numbers. lost says that a sync has failed: what the files
	// show is not on the disk.
	rebooted, crashed, copied, lost bool
}

// readJournal returns the records of epoch first and later.
func (s *Store) readJournal(first uint64) (h history, err error) {
	files, err := s.journal.read()
	if err != nil {
		return h, err
	}
	h.epoch, h.rebooted = first, true
	for _, f := range files {
		h.epoch = max(h.epoch, f.epoch)
		h.rebooted = s.journal.session == "" || f.session != s.journal.session
		if f.epoch < first {
			continue
		}
		h.crashed = h.crashed || h.rebooted
		h.copied = h.copied || isCopy(f.session, s.journal.session)
		h.lost = h.lost || strings.HasPrefix(f.session, sessionLost)
		h.files = append(h.files, f)
		for _, b := range f.records {
			r, err := parseRecordContent(b)
			if err != nil {
				return h, fmt.Errorf("the journal has a record this version cannot read: %w", err)
			}
			for _, part := range r.flat() {
				part.renumber(s.dev)
				h.records = append(h.records, part)
				s.seq.Store(max(s.seq.Load(), r.seq, part.seq))
			}
		}
	}
	return h, nil
}

// sessionPlace begins what a session says of the state folder itself.
const sessionPlace = " at "

// isCopy reports whether the directory was another one in session was than in now:
// this one is a copy of it then.
func isCopy(was, now string) bool {
	_, old, ok := strings.Cut(was, sessionPlace)
	_, place, known := strings.Cut(now, sessionPlace)
	return ok && known && old != place
}

// A chain is the changes of one name since the last checkpoint, oldest first,
// without those that were withdrawn.
type chain struct {
	records               []*record
	crashed, copied, lost bool
	// past says that a change of trees came after: all was durable by then, and the name
	// means something else now.
	past bool
	// props are the properties that came with the last write, or later.
	props []byte

	// What is to be done again: records' last, by exchanging or renaming the
	// file spare of the state folder. Empty if nothing is.
	spare string
	seen  found // what is to be replaced by it
}

func (c *chain) last() *record { return c.records[len(c.records)-1] }

// chains returns the changes of single names, and those of trees.
func (h history) chains() (chains []*chain, trees []*record) {
	void := h.voided()
	byName := make(map[string]*chain)
	for _, r := range h.records {
		switch {
		case r.kind == recordVoid || void[r.seq] || r.group != 0 && void[r.group]:
			continue
		case r.kind == recordTree:
			trees = append(trees, r)
			for name, c := range byName {
				if r.concerns(name) {
					c.past = true
					delete(byName, name)
				}
			}
			continue
		case r.kind == recordProps:
			if c := byName[r.name]; c != nil && c.last().kind == recordPut && c.last().next.id.sameFile(r.next.id) {
				c.props = r.body
			}
			continue
		case !r.ofName():
			continue
		}
		c := byName[r.name]
		if c == nil {
			c = &chain{crashed: h.crashed, copied: h.copied, lost: h.lost}
			byName[r.name] = c
			chains = append(chains, c)
		}
		c.records, c.props = append(c.records, r), nil
	}
	return chains, trees
}

// ofName reports whether r is a change of what is under one name.
func (r *record) ofName() bool {
	return r.kind == recordPut || r.kind == recordDelete || r.kind == recordMkdir
}

// repeat brings the changes of each name to an end. Only the last one of a name
// can have been interrupted. After a loss of power the file may be that of any
// state since the last checkpoint, and all that must be written again is made
// durable together before any of it is put in its place. Files numbered above
// synced may have been lost.
func (s *Store) repeat(log history, synced uint64) error {
	chains, trees := log.chains()
	if len(chains)+len(trees) == 0 {
		return nil
	}
	s.opts.Logger.Info("looking through the changes of a run that was interrupted",
		"names", len(chains), "trees", len(trees), "crashed", log.crashed)
	for _, r := range trees {
		if err := s.repeatTree(r, log.copied); err != nil {
			return fmt.Errorf("%q: %w", r.name, err)
		}
	}
	missing, err := s.missingDirs(log)
	if err != nil {
		return err
	}
	again := false
	for _, c := range chains {
		if c.past {
			continue
		}
		if err := s.settle(c); err != nil {
			return fmt.Errorf("%q: %w", c.last().name, err)
		}
		again = again || c.spare != ""
	}
	if again {
		if err := s.syncPlain(); err != nil {
			return err
		}
	}
	for _, c := range chains {
		if err := s.conclude(c, synced); err != nil {
			return fmt.Errorf("%q: %w", c.records[0].name, err)
		}
	}
	return s.rebindDirs(missing)
}

// settle finds out whether the last change of c was carried out. If not, it
// either removes it from the chain or prepares to do it again.
func (s *Store) settle(c *chain) error {
	r := c.last()
	if r.kind == recordMkdir {
		return nil // conclude sees to it
	}
	p, current, err := s.whatIsAt(r.name)
	if err != nil {
		return err
	}
	defer p.close()
	spare, err := findAt(s.state, r.spare)
	if err != nil {
		return err
	}
	switch {
	case c.exposed(spare):
		// What came out of the place was not what had been expected there, and
		// the process ended before it was put back.
		s.withdrawFrom(c)
		return s.unsettle(r, p, current)
	case !c.crashed && !r.carriedOut(current, spare):
		if moved, err := s.movedAway(r, current); err != nil || moved {
			c.seen = current
			return errors.Join(err, s.prepareAgain(c, current, spare))
		}
		s.withdrawFrom(c)
		return nil
	case !c.crashed, s.isWhole(c, p, current), !s.stale(c, current) && !s.pending(c, current, spare):
		return nil // the last: another program has been here since
	}
	c.seen = current
	return s.prepareAgain(c, current, spare)
}

// movedAway reports whether r deletes what was moved, and is there yet although it has arrived.
func (s *Store) movedAway(r *record, current found) (bool, error) {
	if r.after == nil || current == nil {
		return false, nil
	}
	p, arrived, err := s.whatIsAt(r.after.name)
	if err != nil {
		return false, err
	}
	defer p.close()
	spare, err := findAt(s.state, r.after.spare)
	return err == nil && r.after.carriedOut(arrived, spare), err
}

// found is what a look found: nil if nothing.
type found = *fileStat

// findAt is statAt that takes absence for an answer.
func findAt(dir folder, rel string) (found, error) {
	st, err := statAt(dir, rel)
	if isAbsent(err) {
		return nil, nil
	}
	return &st, err
}

// whatIsAt looks at the place of name. If its directory is not there, the place
// is the zero one.
func (s *Store) whatIsAt(name string) (place, found, error) {
	p, err := s.placeOf(name, false)
	if isAbsent(err) || errors.Is(err, store.ErrNotCollection) {
		return place{}, nil, nil
	}
	if err != nil {
		return place{}, nil, err
	}
	current, err := findAt(p.dir, p.base)
	if err != nil {
		p.close()
	}
	return p, current, err
}

// withdrawFrom takes the last record off c. The spare file stays until sweep, when
// the record is settled: it shows what there is to be done should recovery be
// interrupted.
func (s *Store) withdrawFrom(c *chain) {
	r := c.last()
	c.records, c.props = c.records[:len(c.records)-1], nil
	s.notes.withdraw(s, r)
	if b := s.props.dropped[r.seq]; len(b) > 0 {
		s.props.set(r.old.ino, b)
	}
}

// exposed reports whether the spare file of c's last change is neither the old nor the
// new one: another program's. One that an earlier change put in the place is not,
// either: a recovery that was interrupted has taken it out. In a copy of the
// directory none of this can be told.
func (c *chain) exposed(spare found) bool {
	r := c.last()
	if c.copied || spare == nil || !r.existed || spare.id.sameFile(r.old) {
		return false
	}
	if r.kind == recordPut && spare.id.sameFile(r.next.id) {
		return false
	}
	return !c.ledThrough(spare)
}

// ledThrough reports whether f is in a state that c speaks of, or an earlier one of the same
// file, or one of its own that is torn. In a copy of the directory the inode number tells
// nothing, but the modification time, in nanoseconds, does.
func (c *chain) ledThrough(f found) bool {
	is := func(known fileID) bool {
		if c.copied {
			return f.id.mtime == known.mtime
		}
		return f.id.stateOf(known)
	}
	return slices.ContainsFunc(c.records, func(r *record) bool {
		return r.existed && is(r.old) || r.kind == recordPut && is(r.next.id)
	})
}

// hashAt hashes the first size bytes of the file rel in dir.
func hashAt(dir folder, rel string, size int64) (store.Digest, error) {
	f, err := openFile(dir, rel)
	if err != nil {
		return store.Digest{}, err
	}
	defer f.Close()
	seen := sighting{id: fileID{size: size}}
	err = seen.read(context.Background(), f)
	return seen.digest, err
}

// carriedOut reports whether r had been carried out when its process died, if
// nothing was lost.
func (r *record) carriedOut(current, spare found) bool {
	if r.kind == recordPut {
		return spare == nil || !spare.id.sameFile(r.next.id)
	}
	return spare != nil || current == nil || !current.id.sameFile(r.old)
}

// unsettle puts back a file of another program that r took out of its place,
// unless what is there now is newer.
func (s *Store) unsettle(r *record, p place, current found) error {
	switch {
	case r.kind == recordPut && current != nil && current.id.sameFile(r.next.id):
		return exchangeAt(s.state, r.spare, p.dir, p.base)
	case r.kind == recordDelete && current == nil && p != place{}:
		if err := s.put(r.spare, p); err != nil && !errors.Is(err, errMoved) {
			return err
		}
	}
	return nil
}

// isWhole reports whether current is the result of c: the file its last change
// put in place with all its content, or none.
func (s *Store) isWhole(c *chain, p place, current found) bool {
	r := c.last()
	if r.kind == recordDelete {
		return current == nil
	}
	if current == nil || !current.mode.IsRegular() || current.id.size != r.next.size || current.id.mtime != r.next.id.mtime {
		return false
	}
	if !r.hasBody && current.id.sameFile(r.next.id) {
		return true // it was durable before it was put there
	}
	if r.hasBody && c.lost {
		return false
	}
	got, err := hashAt(p.dir, p.base, r.next.size)
	return err == nil && got == r.next.digest
}

// stale reports whether what was found is a state the chain has led away from.
// A file that was torn by the loss of power is one, whatever its length, and so
// is one that is in a state from before the change that replaced it.
func (s *Store) stale(c *chain, current found) bool {
	if current != nil {
		return c.ledThrough(current)
	}
	return slices.ContainsFunc(c.records, func(r *record) bool { return !r.existed || r.kind == recordDelete }) ||
		!c.copied && s.isBefore(c.records[0])
}

// pending reports whether the last change of c is still to be carried out, where nothing is now. The
// new file has the name that it had before: so the disk has nothing of what came after
// that, another program's removal of it included. Or a recovery that was interrupted had come
// to that conclusion, and made the file to do it with; what it did for
// others may have changed what isBefore looks at.
func (s *Store) pending(c *chain, current, spare found) bool {
	r := c.last()
	if current != nil || r.kind != recordPut || c.copied {
		return false
	}
	if spare != nil && spare.id.sameFile(r.next.id) {
		return true
	}
	again, err := findAt(s.state, againFile(r.seq))
	return r.hasBody && err == nil && again != nil
}

// againFile is the file in the state folder that the change seq is done again with.
func againFile(seq uint64) string { return "tmp/" + strconv.FormatUint(seq, 16) }

// isBefore reports whether nothing has happened since r, a change that replaced something, in
// the directory it was to be carried out in. What was replaced may have been another
// program's file, whose name is lost with all that came after.
func (s *Store) isBefore(r *record) bool {
	for dir := r.name; r.kind == recordPut; {
		dir = path.Dir(dir)
		d, err := openFolder(s.root, dir)
		if err != nil && dir != "." && isAbsent(err) {
			continue // it is lost, too, or was removed from the one above
		}
		if err != nil {
			return false
		}
		st, err := statAt(d, ".")
		return errors.Join(err, d.Close()) == nil && st.id.ctime < r.next.id.ctime
	}
	return false
}

// stateOf reports whether id is known, an earlier state of it, or a torn one. Nobody but the
// system sets the change time.
func (id fileID) stateOf(known fileID) bool {
	return id.sameFile(known) && (id.mtime == known.mtime || id.ctime <= known.ctime)
}

// prepareAgain makes the file that the last change of c is done again with.
func (s *Store) prepareAgain(c *chain, current, spare found) error {
	r := c.last()
	switch {
	case r.kind == recordDelete:
		c.spare = keptFile(r.seq)
		return s.makeShard(r.seq)
	case r.hasBody:
		c.spare = againFile(r.seq)
		if err := s.remove(c.spare); err != nil { // of a recovery that was interrupted
			return err
		}
		if _, err := s.writeNew(c.spare, r.body, current, r.next.id.mtime); err != nil || !c.lost {
			return err
		}
		return s.syncSpare(c.spare)
	case s.isStaged(r, spare):
		c.spare = r.spare // durable since before r was logged, but for its time
		return setModifiedAt(s.state, c.spare, r.next.id.mtime)
	default:
		s.opts.Logger.Error("a change is lost: its file is gone", "name", r.name, "sync", s.opts.Sync.String())
	}
	return nil
}

// isStaged reports whether spare is the file that r was to put in its place.
func (s *Store) isStaged(r *record, spare found) bool {
	if spare == nil || !spare.mode.IsRegular() || spare.id.size != r.next.size {
		return false
	}
	got, err := hashAt(s.state, r.spare, r.next.size)
	return err == nil && got == r.next.digest
}

// conclude does again what settle has prepared, and brings the entry up to date.
func (s *Store) conclude(c *chain, synced uint64) error {
	if c.spare != "" {
		if err := s.again(c); err != nil {
			return err
		}
	}
	if len(c.records) == 0 {
		return nil
	}
	if c.crashed {
		if err := s.rebind(c); err != nil {
			return err
		}
	}
	if c.last().kind == recordMkdir && c.crashed && !c.past {
		if err := s.makeAgain(c); err != nil {
			return err
		}
	}
	n, err := s.nodes.take(context.Background(), c.last().name)
	if err != nil {
		return err
	}
	defer s.nodes.release(n)
	e := s.lastKnown(n)
	for _, r := range c.records {
		e = s.advance(e, r)
	}
	if c.crashed && e != nil {
		if e, err = s.restoreKept(e, c, synced); err != nil {
			return err
		}
	}
	switch {
	case e == nil:
		return nil // a directory, of which nothing is known
	case c.crashed:
		e = e.doubted() // what is there now is to be seen first
	case !c.past:
		e = s.identified(e)
	}
	s.publish(n, e)
	return nil
}

// restoreKept checks the kept revisions of e that may have been lost, and writes
// them again if the journal has their content, or forgets them.
func (s *Store) restoreKept(e *entry, c *chain, synced uint64) (*entry, error) {
	for _, k := range e.kept {
		if k.seq <= synced || k.size > inlineSize {
			continue
		}
		body, ok := c.body(k.revision)
		if (!ok || !c.lost) && s.intact(k) {
			continue
		}
		e, _ = e.withoutKept(k.seq)
		s.keptBytes.Add(-k.size)
		s.keptFiles.Add(-1)
		if err := s.remove(k.path()); err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		// Under a number of its own: under that of a change, it would look like another
		// program's file to a recovery after this one.
		k.seq, k.file = s.seq.Add(1), 0
		if err := s.remove(k.path()); err != nil {
			return nil, err
		}
		st, err := s.writeKept(k.seq, body, nil, 0)
		if err != nil {
			return nil, err
		}
		k.id = st.id
		e = e.withKept(k)
		s.keptBytes.Add(k.size)
		s.keptFiles.Add(1)
	}
	return e, nil
}

// intact reports whether the file of k has the content of k.
func (s *Store) intact(k kept) bool {
	got, err := hashAt(s.state, k.path(), k.size)
	return err == nil && got == k.digest
}

// body returns the content of a revision, if the journal has it.
func (c *chain) body(rev store.Revision) ([]byte, bool) {
	for _, r := range c.records {
		if r.kind == recordPut && r.hasBody && r.next.revision == rev {
			return r.body, true
		}
	}
	return nil, false
}

// again carries out the last change of c, unless another program has been there since it
// was prepared.
func (s *Store) again(c *chain) error {
	r := c.last()
	s.opts.Logger.Info("a change is carried out again", "name", r.name, "delete", r.kind == recordDelete)
	p, err := s.placeOf(r.name, r.kind == recordPut)
	if err != nil {
		return err
	}
	defer p.close()
	current, err := findAt(p.dir, p.base)
	switch {
	case err != nil:
		return err
	case !sameFound(current, c.seen):
		return s.dropAgain(c)
	case r.kind == recordDelete:
		return renameAt(p.dir, p.base, s.state, c.spare)
	case current == nil:
		if err = s.put(c.spare, p); errors.Is(err, errMoved) {
			return s.dropAgain(c)
		}
		return err
	}
	err = exchangeAt(s.state, c.spare, p.dir, p.base)
	if errors.Is(err, errors.ErrUnsupported) {
		return renameAt(s.state, c.spare, p.dir, p.base)
	}
	if err != nil {
		return err
	}
	return s.displaceAgain(c, p)
}

func sameFound(a, b found) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.id.sameContent(b.id)
}

// dropAgain removes the file that was prepared for c and is not needed.
func (s *Store) dropAgain(c *chain) error {
	if c.spare == c.last().spare {
		return nil // the next start sees to it
	}
	return s.remove(c.spare)
}

// displaceAgain sees to what came out when the last change of c was carried out again: the
// old file gets the name it would have had after it; a torn copy of the new one, or
// an earlier one yet, goes. If it is another program's, it is put back.
func (s *Store) displaceAgain(c *chain, p place) error {
	r := c.last()
	out, err := findAt(s.state, c.spare)
	switch {
	case err != nil || out == nil:
		return err
	case !out.id.sameContent(c.seen.id):
		return exchangeAt(s.state, c.spare, p.dir, p.base)
	case !r.existed || !out.id.sameContent(r.old):
		return s.remove(c.spare)
	case c.spare == r.spare:
		return nil
	}
	if err := s.makeShard(r.seq); err != nil {
		return err
	}
	return renameAt(s.state, c.spare, s.state, r.spare)
}

// advance returns what is known of a name after r, when e was known before.
func (s *Store) advance(e *entry, r *record) *entry {
	if r.kind == recordMkdir || e.includes(r) {
		return e
	}
	next := &entry{info: r.info(), id: r.next.id, unsynced: true}
	if r.kind == recordDelete {
		next.info, next.id, next.gone = r.last.info(r.name), r.last.id, true
	}
	if e != nil {
		next.kept = e.kept
	}
	if !r.existed {
		return next
	}
	next.kept = s.withoutFile(next.kept, r.spare)
	displaced, err := findAt(s.state, r.spare)
	if err != nil || displaced == nil || !displaced.id.sameContent(r.old) {
		return next // pushed out already, or lost
	}
	old := &entry{info: r.last.info(r.name)}
	next.kept = s.retire(&change{last: old, seq: r.seq, spare: r.spare, spared: r.spared, displaced: displaced}, next.kept)
	return next
}

// includes reports whether e came about with r or after it.
func (e *entry) includes(r *record) bool {
	switch {
	case e == nil:
		return false
	case r.kind == recordDelete:
		return e.info.Revision > r.last.revision || e.info.Revision == r.last.revision && e.gone
	}
	return e.info.Revision >= r.next.revision
}

// identified returns e with the identity its file has now, if it is there and
// the same.
func (s *Store) identified(e *entry) *entry {
	if e.gone {
		return e
	}
	id, err := s.identify(e.info.Name)
	if err != nil || id.size != e.id.size || id.mtime != e.id.mtime {
		return e
	}
	same := *e
	same.id = id
	same.settled = id.stamped() || s.unsettled(id, fileClock()) == 0
	return &same
}

// sweep removes what no entry refers to: uploads, and kept files numbered above
// last.
func (s *Store) sweep(last uint64) error {
	uploads, err := s.stateFiles("tmp")
	if err != nil {
		return err
	}
	for _, file := range uploads {
		if err := s.removeTree(file); err != nil {
			s.discard(file)
		}
	}
	if err := s.sweepAside(); err != nil {
		return err
	}
	shards, err := s.stateFiles("kept")
	if err != nil {
		return err
	}
	for _, shard := range shards {
		n, err := strconv.ParseUint(path.Base(shard), 16, 64)
		if err == nil && n < last>>shardBits {
			continue
		}
		if err := s.sweepShard(shard, last); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) sweepShard(shard string, last uint64) error {
	files, err := s.stateFiles(shard)
	if err != nil {
		return err
	}
	for _, file := range files {
		seq, err := strconv.ParseUint(path.Base(file), 16, 64)
		if err == nil && seq <= last {
			continue
		}
		wanted := false
		if err == nil {
			if wanted, err = s.index.refersTo(seq); err != nil {
				return err
			}
			s.seq.Store(max(s.seq.Load(), seq))
		}
		if !wanted {
			s.discard(file)
		}
	}
	return nil
}

// sweepSpares removes the files of changes of log that were those of kept revisions before, numbered up to last,
// if no entry refers to them.
func (s *Store) sweepSpares(log history, last uint64) error {
	for _, r := range log.records {
		file, ok := keptNumber(r.spare)
		if !ok || file > last {
			continue
		}
		wanted, err := s.index.refersTo(file)
		if err != nil {
			return err
		}
		if !wanted {
			s.discard(r.spare)
		}
	}
	return nil
}

// stateFiles lists the folder dir of the state folder.
func (s *Store) stateFiles(dir string) ([]string, error) {
	f, err := s.stateRoot.Open(dir)
	if err != nil {
		return nil, readError("", err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, readError("", err)
	}
	for i := range names {
		names[i] = path.Join(dir, names[i])
	}
	return names, nil
}
