package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
)

// part is what has been read of a representation, and what is known of it.
type part struct {
	target string
	mode   os.FileMode // of the file that is replaced; 0 if there is none
	file   *os.File
	gone   bool // it was taken away

	mu       sync.Mutex
	state    partState
	saved    time.Time
	synced   time.Time
	verified []string
}

// partState is kept beside the part, in JSON.
type partState struct {
	// URL is what was asked for.
	URL string `json:"url"`
	// Tag is the entity tag, if it is strong; else Date, if there is no tag, and that is a strong
	// validator. Without either nobody goes on from here.
	Tag  string    `json:"etag,omitempty"`
	Date time.Time `json:"lastModified,omitzero"`
	// Coding is the Content-Encoding, and Total the length of the whole, -1 if that is not known.
	Coding string `json:"coding,omitempty"`
	Total  int64  `json:"total"`
	// Repr are the lines of Repr-Digest.
	Repr []string `json:"reprDigest,omitempty"`
	// Segments are what is being read, and Synced the same as it was last on the disk.
	Segments []*segment `json:"segments"`
	Synced   []segment  `json:"synced,omitempty"`
	// Boot tells one start of the system from another: after that, only what was synced is there.
	Boot string `json:"boot,omitempty"`
}

// segment is a range of the content, To not included and -1 if it is the end, of which Done bytes are there.
type segment struct{ From, To, Done int64 }

func (s segment) isWhole() bool { return s.To >= 0 && s.From+s.Done >= s.To }

// openPart opens or makes the part of a file.
func openPart(target string, mode os.FileMode) (*part, error) {
	perm := os.FileMode(0o666)
	if mode != 0 {
		perm = mode | 0o600
	}
	f, err := os.OpenFile(target+".part", os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s.part: %w", target, err)
	}
	return &part{target: target, mode: mode, file: f, state: partState{Total: -1}}, nil
}

func (p *part) close() { p.file.Close() }

func (p *part) statePath() string { return p.target + ".part.json" }

// load takes over what an earlier download of the same URL has left, and returns how many bytes that is.
func (p *part) load(url string) int64 {
	p.state.URL = url
	content, err := os.ReadFile(p.statePath())
	var s partState
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	if s.Boot != bootID() || s.Boot == "" {
		s.Segments = nil
		for _, g := range s.Synced {
			s.Segments = append(s.Segments, &g)
		}
	}
	info, statErr := p.file.Stat()
	if err != nil || statErr != nil || s.URL != url || !s.fits(info.Size()) {
		p.reset()
		return 0
	}
	p.state = s
	if last := s.Segments[len(s.Segments)-1]; len(p.pending()) == 0 && last.Done > 0 {
		last.Done-- // one byte is asked for, to know whether the rest is current
	}
	return p.size()
}

// fits reports whether a state makes sense, and the file has as many bytes as it says.
func (s partState) fits(size int64) bool {
	if s.Tag == "" && s.Date.IsZero() || len(s.Segments) == 0 {
		return false
	}
	if t, err := etag.Parse(s.Tag); s.Tag != "" && (err != nil || t.IsWeak()) {
		return false
	}
	at := int64(0)
	for i, g := range s.Segments {
		last := i == len(s.Segments)-1
		switch {
		case g == nil, g.From != at, g.Done < 0, g.Done > 0 && g.Done > size-g.From:
			return false
		case g.To < 0 && (g.To != -1 || !last), g.To >= 0 && g.Done > g.To-g.From:
			return false
		}
		at = g.To
	}
	return at == s.Total
}

// reset forgets what is there.
func (p *part) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = partState{URL: p.state.URL, Total: -1}
	p.verified = nil
	os.Remove(p.statePath()) // before the content: what is there must never be taken for another version
	p.file.Truncate(0)       //nolint:errcheck // the file is overwritten from the beginning, and cut at its end
}

// save keeps the state; with sync, what was read is brought to the disk before. An error costs only what
// another download would have had to read less.
func (p *part) save(sync bool) {
	p.mu.Lock()
	s := p.state
	s.Segments = nil
	synced := []segment{}
	for _, g := range p.state.Segments {
		copied := *g
		s.Segments, synced = append(s.Segments, &copied), append(synced, copied)
	}
	p.saved = time.Now()
	p.mu.Unlock()
	if p.gone || s.Tag == "" && s.Date.IsZero() || len(s.Segments) == 0 {
		return
	}
	if sync && p.file.Sync() == nil {
		p.mu.Lock()
		p.state.Synced, s.Synced, p.synced = synced, synced, time.Now()
		p.mu.Unlock()
	}
	s.Boot = bootID()
	content, err := json.Marshal(s)
	if err != nil {
		return
	}
	if temporary := p.statePath() + ".new"; os.WriteFile(temporary, content, 0o600) == nil {
		os.Rename(temporary, p.statePath()) //nolint:errcheck // see above
	}
}

// The time between two savings of the state: without and with what was read brought to the disk.
const (
	saveEvery = time.Second
	syncEvery = 30 * time.Second
)

// tick saves the state if it is time.
func (p *part) tick() {
	p.mu.Lock()
	if p.synced.IsZero() {
		p.synced = time.Now()
	}
	save, sync := time.Since(p.saved) >= saveEvery, time.Since(p.synced) >= syncEvery
	p.mu.Unlock()
	if save || sync {
		p.save(sync)
	}
}

// progress is how much there is, and of how much.
func (p *part) progress() (done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.state.Segments {
		done += g.Done
	}
	return done, p.state.Total
}

// begin returns the segments that are not whole, after it has made the first one if there is none.
func (p *part) begin() []*segment {
	p.mu.Lock()
	if len(p.state.Segments) == 0 {
		p.state.Segments = []*segment{{To: -1}}
	}
	p.mu.Unlock()
	return p.pending()
}

// wanted is what is to be asked for.
type wanted struct {
	from, to, total int64
	validator       string
}

func (p *part) describe(s *segment) wanted {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := wanted{from: s.From + s.Done, to: s.To, total: p.state.Total, validator: p.state.Tag}
	if w.validator == "" && !p.state.Date.IsZero() {
		w.validator = p.state.Date.UTC().Format(http.TimeFormat)
	}
	return w
}

// know takes over what a 200 says. Content that is changed on its way to the file has no validator: nobody could
// go on from there.
func (p *part) know(a *answer, changed bool) {
	r := Representation{Exists: true}
	r.setValidators(a.Header, time.Now())
	p.mu.Lock()
	s := partState{URL: p.state.URL, Total: a.ContentLength, Coding: a.Header.Get("Content-Encoding"), Repr: a.Header["Repr-Digest"]}
	s.Segments = p.state.Segments
	switch {
	case changed:
		s.Total = -1
	case !r.Tag.IsZero() && !r.Tag.IsWeak():
		s.Tag = r.Tag.String()
	case r.RawTag == "" && r.dateIsStrong():
		s.Date = r.LastModified
	}
	if s.Total < 0 {
		s.Total = -1
	}
	s.Segments[0].To = s.Total
	p.state = s
	p.mu.Unlock()
	p.save(false)
}

// ends says that a segment whose end was not known ends where it is now.
func (p *part) ends(s *segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.To < 0 {
		s.To = s.From + s.Done
		p.state.Total = s.To
	}
}

// accepts reports whether what a 206 carries belongs behind what the segment has.
func (p *part) accepts(s *segment, r byterange.ContentRange, a *answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.isOf(a), r.Unsatisfied(), r.Range.Start != s.From+s.Done, r.Size < 0:
		return false
	case a.ContentLength >= 0 && a.ContentLength != r.Range.Length:
		return false
	}
	if p.state.Total < 0 {
		s.To, p.state.Total = r.Size, r.Size
	}
	return r.Size == p.state.Total && r.Range.Start+r.Range.Length <= r.Size
}

// isOf reports whether an answer is of the version that is there, and says so.
func (p *part) isOf(a *answer) bool {
	r := Representation{}
	r.setValidators(a.Header, time.Now())
	if p.state.Tag != "" && r.Tag.String() != p.state.Tag || p.state.Tag == "" && !r.LastModified.Equal(p.state.Date) {
		return false
	}
	return a.Header.Get("Content-Encoding") == p.state.Coding
}

// endsAt reports whether an answer says that the representation ends where the segment has come to, and ends
// it there.
func (p *part) endsAt(s *segment, size int64, a *answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Representation{}
	r.setValidators(a.Header, time.Now())
	if p.state.Tag == "" || r.Tag.String() != p.state.Tag || s.From+s.Done != size || s.To >= 0 {
		return false
	}
	s.To, p.state.Total = size, size
	return true
}

// forgetValidator makes the next request one for the whole.
func (p *part) forgetValidator() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Tag, p.state.Date = "", time.Time{}
}

// room is where the next bytes of a segment belong, and how many of n there is room for.
func (p *part) room(s *segment, n int) (at int64, fit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at = s.From + s.Done
	if s.To >= 0 {
		n = int(min(int64(n), s.To-at))
	}
	return at, n
}

// add counts bytes that were written, and reports whether the segment is whole.
func (p *part) add(s *segment, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Done += int64(n)
	return s.isWhole()
}

// split divides what is left of a segment, if that is worth it, and returns the new ones: n bytes took a time.
func (p *part) split(s *segment, parts int, n int64, took time.Duration, t tuning) []*segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := s.From + s.Done
	left := s.To - at
	if p.state.Tag == "" || s.To < 0 || left < t.worthBytes || float64(left)*took.Seconds() < t.worthTime.Seconds()*float64(n) {
		return nil
	}
	// What was read ahead into a buffer is still of this segment.
	size := max(bufferSize, left/int64(parts))
	end := s.To
	s.To = at + size
	i := slices.Index(p.state.Segments, s)
	var more []*segment
	for from := s.To; from < end; from += size {
		to := min(from+size, end)
		if end-to < size/2 {
			to = end
		}
		more = append(more, &segment{From: from, To: to})
		if to == end {
			break
		}
	}
	p.state.Segments = slices.Insert(p.state.Segments, i+1, more...)
	return more
}

// pending returns the segments that are not whole.
func (p *part) pending() []*segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.state.Segments), func(g *segment) bool { return g.isWhole() })
}

func (p *part) size() int64 {
	done, _ := p.progress()
	return done
}

// publish puts the part in the place of the file, so that it is there after a loss of power, too.
func (p *part) publish() error {
	if err := p.file.Truncate(p.size()); err != nil {
		return err
	}
	if p.mode != 0 {
		if err := p.file.Chmod(p.mode); err != nil {
			return err
		}
	}
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := p.rename(); err != nil {
		return err
	}
	os.Remove(p.statePath())
	return syncDir(filepath.Dir(p.target))
}

// leave keeps what another download can go on from, and takes away what none can.
func (p *part) leave() {
	if w := p.describe(&segment{}); w.validator == "" || p.size() == 0 {
		p.remove()
		return
	}
	p.save(true)
}

// remove takes the part away, for good.
func (p *part) remove() {
	p.gone = true
	os.Remove(p.statePath())
	os.Remove(p.target + ".part")
}

// syncDir brings a renaming to the disk. Where a directory cannot be synced, that is not asked for.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrInvalid) && !isUnsupported(err) {
		return err
	}
	return nil
}

// bootID tells one start of the system from another; "" where that is not known.
var bootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(b)
})
