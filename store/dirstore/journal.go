package dirstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

// The journal makes a change durable before it is carried out. Changes that
// come at the same time are written in one group and share one sync; after that
// the plain file is renamed into place without a sync of its own. When a
// checkpoint has made the plain files durable, the records are of no more use.
//
// There are two files, used in turn, one for each epoch: while a checkpoint
// disposes of the last epoch, the current one goes on. A file is filled
// with zeros before records are written over them, and used again as it is: a
// sync then has data to write but no metadata, and does not wait for the file
// system's own journal.
//
//	file   = header record*
//	header = "412 journal" version; epoch u64; session string; CRC u32
//	record = length u32; CRC u32 of the rest; epoch u64; content
//
// The CRC of a record goes on from that of the record before it. So a wrong CRC
// or another epoch than the file's is where the last use of the file ended, and
// what is left of a group that could not be written never continues a later one.
const (
	journalMagic   = "412 journal\x01"
	journalHeader  = 4096 // where records begin
	recordOverhead = 16   // of length, CRC and epoch

	journalFirst = 64 << 10  // how much a file is extended by at first
	journalStep  = 4 << 20   // and at most
	journalSoft  = 16 << 20  // a checkpoint is called for
	journalHard  = 128 << 20 // writers wait for one

	// maxRecord bounds the content of a record: small content or all properties of one
	// resource, twice, and what goes with them.
	maxRecord = inlineSize + 2*store.MaxPropertiesSize + 64<<10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type journal struct {
	sync    bool // groups are made durable
	step    func(step) error
	session string
	files   [2]*os.File
	// failures counts syncs of the file system that have failed, if anybody does.
	failures func() uint64

	mu      sync.Mutex
	next    *group // gathers what is to be written next
	writing bool   // somebody is writing a group
	company bool   // somebody else had a record written with the last group, or at the time

	// epochs are those the files are of, 0 if a file is not in use, and ends is how far
	// they were written; of the active file, pos is. brand is what the headers
	// say of the session.
	epochs [2]uint64
	ends   [2]int64
	brand  string

	// What follows belongs to the one who is writing; and to rotate, which
	// comes when nobody is.
	active int
	epoch  uint64
	pos    int64    // where the next group goes; set under mu too
	sum    uint32   // CRC of the last record
	size   [2]int64 // how far the files are filled
	fresh  bool     // the header is not known to be durable
}

// group is records written and made durable together.
type group struct {
	buf  []byte
	size int           // how many records
	lead chan struct{} // has a token when one of the group is to write it
	done chan struct{} // closed when it is written, or err says why not
	err  error
}

var groupBuffers = sync.Pool{New: func() any { return new([]byte) }}

func newGroup() *group {
	return &group{
		buf:  (*groupBuffers.Get().(*[]byte))[:0],
		lead: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
}

// errJournal wraps what keeps a record from being written. Whether it is
// nevertheless found after a crash is then certain (it is not), unless the
// error is also store.ErrUnknown.
var errJournal = errors.New("the journal cannot be written")

// openJournal opens the journal files in the folder state. Nothing can be
// appended before rotate has begun an epoch.
func openJournal(state *os.Root, session string, sync bool, step func(step) error) (*journal, error) {
	j := &journal{sync: sync, step: step, session: session, brand: session, next: newGroup()}
	for i := range j.files {
		f, err := state.OpenFile(fmt.Sprintf("journal%d", i), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, errors.Join(err, j.close())
		}
		j.files[i] = f
		if j.size[i], err = f.Seek(0, io.SeekEnd); err != nil {
			return nil, errors.Join(err, j.close())
		}
	}
	return j, nil
}

func (j *journal) close() error {
	var errs []error
	for _, f := range j.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// append writes a record and returns when it is as durable as it is to be. Of
// those who wait at the same time one writes for all; nobody waits for others
// to come, but who has company lets those go first who are ready to run.
func (j *journal) append(content []byte) error {
	j.mu.Lock()
	g := j.next
	g.buf = appendRecord(g.buf, content)
	g.size++
	leads, company := !j.writing, j.company
	j.writing = true
	j.mu.Unlock()
	if !leads {
		select {
		case <-g.done:
			return g.err
		case <-g.lead:
		}
	}
	if company {
		// Those of the last group are running again. If all are let go first that are ready to, and they come back
		// with another record, it is one sync for them and not two. Nobody waits for what is not ready.
		runtime.Gosched()
	}
	j.writeGroup()
	return g.err
}

// writeGroup writes the group that has gathered, which is the caller's.
func (j *journal) writeGroup() {
	j.mu.Lock()
	g := j.next
	j.next = newGroup()
	j.mu.Unlock()

	g.err = j.write(g.buf)
	buf := g.buf
	g.buf = nil
	close(g.done)
	if cap(buf) <= 1<<20 {
		groupBuffers.Put(&buf)
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	j.company = g.size > 1 || j.next.size > 0
	if len(j.next.buf) > 0 {
		j.next.lead <- struct{}{}
	} else {
		j.writing = false
	}
}

// appendRecord frames content; seal completes it.
func appendRecord(b []byte, content []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
	b = append(b, make([]byte, recordOverhead-4)...)
	return append(b, content...)
}

// seal sets the epoch and the CRC of each record in b, and returns the last CRC.
func seal(b []byte, epoch uint64, sum uint32) uint32 {
	for len(b) > 0 {
		end := recordOverhead + int(binary.LittleEndian.Uint32(b))
		binary.LittleEndian.PutUint64(b[8:], epoch)
		sum = crc32.Update(sum, castagnoli, b[8:end])
		binary.LittleEndian.PutUint32(b[4:], sum)
		b = b[end:]
	}
	return sum
}

// write writes a group behind the last one. If that fails, the next group goes
// to the same place.
func (j *journal) write(b []byte) error {
	if err := j.extend(j.pos + int64(len(b))); err != nil {
		return fmt.Errorf("%w: %w", errJournal, err)
	}
	sum := seal(b, j.epoch, j.sum)
	begun, err := j.writeSynced(b)
	if err == nil {
		j.fresh = false
		j.mu.Lock()
		defer j.mu.Unlock()
		j.pos, j.sum = j.pos+int64(len(b)), sum
		return nil
	}
	if begun {
		// The records may be there, or may come to be there. Zeros in the place
		// of the first make sure that they are not.
		if _, voidErr := j.writeSynced(make([]byte, recordOverhead)); voidErr != nil {
			return fmt.Errorf("%w: %w: %w", store.ErrUnknown, errJournal, err)
		}
	}
	return fmt.Errorf("%w: %w", errJournal, err)
}

// writeSynced writes b at the place of the next group and makes it durable. begun
// says that some of it may have been written.
func (j *journal) writeSynced(b []byte) (begun bool, err error) {
	if err := j.step(stepJournal); err != nil {
		return false, err
	}
	f, before := j.files[j.active], j.failed()
	if j.fresh {
		// A sync that failed may have lost the header, and the next would not tell.
		if _, err := f.WriteAt(journalHead(j.epoch, j.brand), 0); err != nil {
			return false, bare(err)
		}
	}
	if n, err := f.WriteAt(b, j.pos); err != nil {
		return n > 0, bare(err)
	}
	if !j.sync {
		return true, nil
	}
	if err := j.step(stepJournalSync); err != nil {
		return true, err
	}
	if err := syncData(f); err != nil {
		return true, err
	}
	if j.failed() != before {
		return true, fmt.Errorf("%w: a sync of the file system has failed meanwhile, and may have lost it", store.ErrUnavailable)
	}
	return true, nil
}

func (j *journal) failed() uint64 {
	if j.failures == nil {
		return 0
	}
	return j.failures()
}

// extend fills the active file with zeros up to end and some way beyond.
func (j *journal) extend(end int64) error {
	have := j.size[j.active]
	if end <= have {
		return nil
	}
	if err := j.step(stepJournalExtend); err != nil {
		return err
	}
	add := max(end-have, min(max(have, journalFirst), journalStep))
	f := j.files[j.active]
	if _, err := f.WriteAt(make([]byte, add), have); err != nil {
		return bare(err)
	}
	if j.sync {
		if err := f.Sync(); err != nil {
			return bare(err)
		}
	}
	j.size[j.active] = have + add
	return nil
}

// rotate begins the given epoch in the other file. No append is under way. The
// header need not be durable before the first group is, which syncs it too.
func (j *journal) rotate(epoch uint64) error {
	if err := j.step(stepJournalNew); err != nil {
		return err
	}
	was := j.active
	j.active = 1 - j.active
	err := j.extend(journalHeader)
	if err == nil {
		_, err = j.files[j.active].WriteAt(journalHead(epoch, j.brand), 0)
	}
	if err != nil {
		j.active = was
		return bare(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ends[was] = j.pos
	j.epochs[j.active] = epoch
	j.epoch, j.pos, j.sum, j.fresh = epoch, journalHeader, 0, true
	return nil
}

// journalHead returns the header of a file.
func journalHead(epoch uint64, session string) []byte {
	h := make([]byte, 0, journalHeader)
	h = append(h, journalMagic...)
	h = binary.LittleEndian.AppendUint64(h, epoch)
	h = appendString(h, session)
	h = binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	return h[:journalHeader]
}

// forget makes sure that the records of all files but the active one, or of all if
// there is no epoch yet, are never read again, with or without the index.
func (j *journal) forget() error {
	for i, f := range j.files {
		if j.epochs[i] == 0 || j.epoch != 0 && i == j.active {
			continue
		}
		if err := j.step(stepJournalForget); err != nil {
			return err
		}
		if _, err := f.WriteAt(make([]byte, journalHeader), 0); err != nil {
			return bare(err)
		}
		if j.sync {
			if err := syncData(f); err != nil {
				return bare(err)
			}
		}
		j.mu.Lock()
		j.epochs[i] = 0
		j.mu.Unlock()
	}
	return nil
}

// used returns how many bytes the current epoch takes.
func (j *journal) used() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.pos
}

// journalFile is what a journal file contains.
type journalFile struct {
	epoch   uint64
	session string
	records [][]byte
}

// read reads both files, the older epoch first. Files without a valid header
// are left out.
func (j *journal) read() ([]journalFile, error) {
	var all []journalFile
	for i, f := range j.files {
		b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
		if err != nil {
			return nil, bare(err)
		}
		if file, ok := parseJournal(b); ok {
			all = append(all, file)
			if j.epoch == 0 {
				j.epochs[i], j.ends[i] = file.epoch, file.end()
			}
		}
	}
	if len(all) == 2 && all[0].epoch > all[1].epoch {
		all[0], all[1] = all[1], all[0]
	}
	return all, nil
}

// parseJournal takes a journal file apart; ok is false if its header is not
// valid. The records share b's memory.
func parseJournal(b []byte) (file journalFile, ok bool) {
	if len(b) < journalHeader || string(b[:len(journalMagic)]) != journalMagic {
		return journalFile{}, false
	}
	d := decoder{b: b[len(journalMagic):journalHeader]}
	epoch := d.bytes(8)
	session := d.string()
	if d.bad {
		return journalFile{}, false
	}
	sum := crc32.Checksum(b[:journalHeader-len(d.b)], castagnoli)
	if got := d.bytes(4); d.bad || binary.LittleEndian.Uint32(got) != sum {
		return journalFile{}, false
	}
	file.epoch, file.session = binary.LittleEndian.Uint64(epoch), string(session)
	b = b[journalHeader:]
	for sum = 0; ; {
		content, size := parseRecord(b, file.epoch, sum)
		if size == 0 {
			return file, true
		}
		file.records = append(file.records, content)
		sum = binary.LittleEndian.Uint32(b[4:])
		b = b[size:]
	}
}

// parseRecord returns the content of the record b begins with and its size
// including the frame, or 0 if b does not begin with a record of the epoch that
// follows the one with CRC sum.
func parseRecord(b []byte, epoch uint64, sum uint32) (content []byte, size int) {
	if len(b) < recordOverhead {
		return nil, 0
	}
	n := binary.LittleEndian.Uint32(b)
	if n == 0 || n > maxRecord || int(n) > len(b)-recordOverhead {
		return nil, 0
	}
	size = recordOverhead + int(n)
	if binary.LittleEndian.Uint64(b[8:]) != epoch ||
		binary.LittleEndian.Uint32(b[4:]) != crc32.Update(sum, castagnoli, b[8:size]) {
		return nil, 0
	}
	return b[recordOverhead:size], size
}
