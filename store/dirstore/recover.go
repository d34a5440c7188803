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

	"github.com/fourtwelve/fourtwelve/store"
)

// recover opens index and journal, finishes or undoes the changes a crash
// interrupted, and removes what it left behind.
func (s *Store) recover() error {
	for _, dir := range []string{"tmp", "kept"} {
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
	now := s.opts.session
	if now == "" {
		now = session(s.top)
	}
	s.journal, err = openJournal(s.stateRoot, now, s.opts.Sync == SyncFull, s.step)
	if err != nil {
		return writeError("", err)
	}
	s.seq.Store(m.seq)
	s.clock.floor.Store(m.revisions)
	s.clock.given.Store(m.revisions)
	s.keptBytes.Store(m.keptBytes)
	rebooted, err := s.replay(m)
	if err != nil {
		return writeError("", err)
	}
	if rebooted {
		return s.sweep(0) // what was removed may be there again
	}
	return s.sweep(m.seq)
}

// replay works through the records the index does not include yet, and begins a
// new epoch. It reports whether what was not synced may have been lost since the
// store was last open.
func (s *Store) replay(m meta) (rebooted bool, err error) {
	log, err := s.readJournal(m.epoch)
	if err != nil {
		return false, err
	}
	if err := s.repeat(log.chains(), m.seq); err != nil {
		return false, err
	}
	// When all that the records speak of is durable, they are no longer needed.
	if err := s.syncPlain(); err != nil {
		return false, err
	}
	c := &s.checkpoints
	c.epoch, c.settled, c.seq = log.epoch+1, log.epoch+1, m.seq
	if err := s.flush(false); err != nil {
		return false, err
	}
	return log.rebooted, s.journal.rotate(c.epoch)
}

// history is what the journal says, oldest first.
type history struct {
	records []*record
	epoch   uint64 // the greatest there was
	// rebooted says that this is another session than that of the last epoch.
	// crashed says the same of an epoch whose records are needed: changes that
	// were not made durable by themselves may have been lost.
	rebooted, crashed bool
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
		for _, b := range f.records {
			r, err := parseRecordContent(b)
			if err != nil {
				return h, fmt.Errorf("the journal has a record this version cannot read: %w", err)
			}
			h.records = append(h.records, r)
			s.seq.Store(max(s.seq.Load(), r.seq))
		}
	}
	return h, nil
}

// A chain is the changes of one name since the last checkpoint, oldest first,
// without those that were withdrawn.
type chain struct {
	records []*record
	crashed bool

	// What is to be done again: records' last, by exchanging or renaming the
	// file spare of the state folder. Empty if nothing is.
	spare string
}

func (c *chain) last() *record { return c.records[len(c.records)-1] }

func (h history) chains() []*chain {
	void := make(map[uint64]bool)
	for _, r := range h.records {
		if r.kind == recordVoid {
			void[r.seq] = true
		}
	}
	var chains []*chain
	byName := make(map[string]*chain)
	for _, r := range h.records {
		if r.kind == recordVoid || void[r.seq] {
			continue
		}
		c := byName[r.name]
		if c == nil {
			c = &chain{crashed: h.crashed}
			byName[r.name] = c
			chains = append(chains, c)
		}
		c.records = append(c.records, r)
	}
	return chains
}

// repeat brings the changes of each name to an end. Only the last one of a name
// can have been interrupted. After a loss of power the file may be that of any
// state since the last checkpoint, and all that must be written again is made
// durable together before any of it is put in its place. Files numbered above
// synced may have been lost.
func (s *Store) repeat(chains []*chain, synced uint64) error {
	if len(chains) == 0 {
		return nil
	}
	s.opts.Logger.Info("looking through the changes of a run that was interrupted", "names", len(chains), "crashed", chains[0].crashed)
	again := false
	for _, c := range chains {
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
	return nil
}

// settle finds out whether the last change of c was carried out. If not, it
// either removes it from the chain or prepares to do it again.
func (s *Store) settle(c *chain) error {
	r := c.last()
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
	case r.exposed(spare):
		// What came out of the place was not what had been expected there, and
		// the process ended before it was put back.
		c.withdraw()
		return s.unsettle(r, p, current)
	case !c.crashed && !r.carriedOut(current, spare):
		c.withdraw()
		return nil
	case !c.crashed, s.isWhole(r, current), !c.stale(current):
		return nil // the last: another program has been here since
	}
	return s.prepareAgain(c, current, spare)
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

// withdraw takes the last record off c. The spare file stays until sweep, when
// the record is settled: it shows what there is to be done should recovery be
// interrupted.
func (c *chain) withdraw() { c.records = c.records[:len(c.records)-1] }

// exposed reports whether the spare file of r is neither the old nor the new
// one: another program's.
func (r *record) exposed(spare found) bool {
	return spare != nil && r.existed && !spare.id.sameFile(r.old) &&
		!(r.kind == recordPut && spare.id.sameFile(r.next.id))
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

// isWhole reports whether current is the result of r: the file it put in place
// with all its content, or none.
func (s *Store) isWhole(r *record, current found) bool {
	if r.kind == recordDelete {
		return current == nil
	}
	if current == nil || current.id.size != r.next.size || current.id.mtime != r.next.id.mtime {
		return false
	}
	if !r.hasBody && current.id.sameFile(r.next.id) {
		return true // it was durable before it was put there
	}
	seen, err := s.hashName(context.Background(), r.name)
	return err == nil && seen.digest == r.next.digest
}

// stale reports whether what was found is a state the chain has led away from.
// A file of ours that was torn by the loss of power is one, whatever its length.
func (c *chain) stale(current found) bool {
	return slices.ContainsFunc(c.records, func(r *record) bool {
		if current == nil {
			return !r.existed || r.kind == recordDelete
		}
		if r.existed && current.id.sameContent(r.old) {
			return true
		}
		return r.kind == recordPut && current.id.ino == r.next.id.ino && current.id.mtime == r.next.id.mtime
	})
}

// prepareAgain makes the file that the last change of c is done again with.
func (s *Store) prepareAgain(c *chain, current, spare found) error {
	r := c.last()
	switch {
	case r.kind == recordDelete:
		c.spare = keptFile(r.seq)
		return s.makeShard(r.seq)
	case r.hasBody:
		c.spare = "tmp/" + strconv.FormatUint(r.seq, 16)
		if err := s.writeNew(c.spare, r.body, current); err != nil {
			return err
		}
		return setModifiedAt(s.state, c.spare, r.next.id.mtime)
	case spare != nil && spare.id.sameFile(r.next.id):
		c.spare = r.spare // durable since before r was logged
	default:
		s.opts.Logger.Error("a change is lost: its file is gone", "name", r.name, "sync", s.opts.Sync.String())
	}
	return nil
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
	n, err := s.nodes.take(context.Background(), c.last().name)
	if err != nil {
		return err
	}
	defer s.nodes.release(n)
	e := s.lastKnown(n)
	for _, r := range c.records {
		e = s.advance(e, r)
	}
	if c.crashed {
		if e, err = s.restoreKept(e, c, synced); err != nil {
			return err
		}
	}
	s.publish(n, s.identified(e))
	return nil
}

// restoreKept checks the kept revisions of e that may have been lost, and writes
// them again if the journal has their content, or forgets them.
func (s *Store) restoreKept(e *entry, c *chain, synced uint64) (*entry, error) {
	for _, k := range e.kept {
		if k.seq <= synced || k.size > inlineSize || s.intact(k) {
			continue
		}
		e, _ = e.withoutKept(k.seq)
		s.keptBytes.Add(-k.size)
		if err := s.remove(keptFile(k.seq)); err != nil {
			return nil, err
		}
		body, ok := c.body(k.revision)
		if !ok {
			continue
		}
		if err := s.writeKept(k.seq, body, nil); err != nil {
			return nil, err
		}
		st, err := statAt(s.state, keptFile(k.seq))
		if err != nil {
			return nil, err
		}
		k.id = st.id
		e = e.withKept(k)
		s.keptBytes.Add(k.size)
	}
	return e, nil
}

// intact reports whether the file of k has the content of k.
func (s *Store) intact(k kept) bool {
	f, err := openFile(s.state, keptFile(k.seq))
	if err != nil {
		return false
	}
	defer f.Close()
	seen := sighting{id: fileID{size: k.size}}
	return seen.read(context.Background(), f) == nil && seen.digest == k.digest
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

// again carries out the last change of c.
func (s *Store) again(c *chain) error {
	r := c.last()
	s.opts.Logger.Info("a change is carried out again", "name", r.name, "delete", r.kind == recordDelete)
	p, err := s.placeOf(r.name, r.kind == recordPut)
	if err != nil {
		return err
	}
	defer p.close()
	current, err := findAt(p.dir, p.base)
	if err != nil {
		return err
	}
	if r.kind == recordDelete {
		return renameAt(p.dir, p.base, s.state, c.spare)
	}
	if current != nil {
		err := exchangeAt(s.state, c.spare, p.dir, p.base)
		if err == nil && c.spare != r.spare {
			return s.replaceTorn(r, c.spare)
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return renameAt(s.state, c.spare, p.dir, p.base)
}

// replaceTorn gives the old file, now under the name rel, the name it would have
// after r. What is there is a torn copy of the new one.
func (s *Store) replaceTorn(r *record, rel string) error {
	if err := s.makeShard(r.seq); err != nil {
		return err
	}
	return renameAt(s.state, rel, s.state, r.spare)
}

// advance returns what is known of a name after r, when e was known before.
func (s *Store) advance(e *entry, r *record) *entry {
	if e.includes(r) {
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
	displaced, err := findAt(s.state, r.spare)
	if err != nil || displaced == nil || !displaced.id.sameContent(r.old) {
		return next // pushed out already, or lost
	}
	old := &entry{info: r.last.info(r.name)}
	next.kept = s.retire(&change{last: old, seq: r.seq, spare: r.spare, displaced: displaced}, next.kept)
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
		s.discard(file)
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
