package syncdir

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/folder"
)

// StateDir is where a directory keeps what sync remembers.
const StateDir = folder.Prefix + "sync"

const (
	stateFile   = StateDir + "/state.json"
	stateLog    = StateDir + "/state.log"
	intentsFile = StateDir + "/intents.log"
	lockFile    = StateDir + "/lock"
)

// entry is what both sides had under a name.
type entry struct {
	Name string `json:"name"`
	// Sum is the digest of the content in hexadecimal; "" in the log says that the name is forgotten.
	Sum string `json:"sha256,omitempty"`
	// Tag is the strong entity tag, or "" if it was not known.
	Tag string `json:"etag,omitempty"`
	// Size, Modified and Changed are those of the file here, to see without reading it that it is the same.
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"`
	Changed  int64     `json:"ctime,omitempty"`
}

func (e entry) sum() (s folder.Sum) {
	_, _ = hex.Decode(s[:], []byte(e.Sum))
	return s
}

func hexOf(s folder.Sum) string { return hex.EncodeToString(s[:]) }

// stamp takes what the file here looked like before it was read, or nothing.
func (e *entry) stamp(info fs.FileInfo) {
	e.Size, e.Modified, e.Changed = 0, time.Time{}, 0
	if info != nil {
		e.Size, e.Modified, e.Changed = info.Size(), info.ModTime(), changeTime(info)
	}
}

// racy is how old the times of a file must be, when it is looked at before it is read, to be told from those of a
// change made later. File systems count in ticks of some milliseconds, some in two seconds.
const racy = 20 * time.Millisecond

// settled is what a file looked like at a time, or nil if a later change might look the same.
func settled(info fs.FileInfo, seen time.Time) fs.FileInfo {
	if info == nil || seen.Sub(info.ModTime()) <= racy || seen.Sub(time.Unix(0, changeTime(info))) <= racy {
		return nil
	}
	return info
}

// looks reports whether a file looks as it did when it had this content.
func (e entry) looks(info fs.FileInfo) bool {
	return !e.Modified.IsZero() && e.Size == info.Size() && e.Modified.Equal(info.ModTime()) && e.Changed == changeTime(info)
}

// state is the base, kept in a file and a log of what came after it. It may be used from any number of goroutines.
type state struct {
	root *os.Root
	mu   sync.Mutex
	url  string
	base map[string]entry
	log  *os.File
}

type stateDocument struct {
	Version int     `json:"version"`
	URL     string  `json:"url"`
	Files   []entry `json:"files"`
}

// openState reads the state of a directory. new reports that there is none.
func openState(root *os.Root, url string) (s *state, err error) {
	s = &state{root: root, url: url, base: map[string]entry{}}
	data, err := root.ReadFile(stateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		var d stateDocument
		if err := json.Unmarshal(data, &d); err != nil || d.Version != 1 {
			return nil, fmt.Errorf("%s cannot be read (%v): remove it, and both sides are compared anew", stateFile, err)
		}
		if d.URL != url {
			return nil, fmt.Errorf("this directory is synchronised with %s: to begin with %s, remove %s", d.URL, url, StateDir)
		}
		for _, e := range d.Files {
			s.base[e.Name] = e
		}
	}
	return s, s.replay()
}

// replay adds what the log has. The end of it may be cut.
func (s *state) replay() error {
	f, err := s.root.Open(stateLog)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Name != "" {
			s.set(e)
		}
	}
	return lines.Err()
}

func (s *state) set(e entry) {
	if e.Sum == "" {
		delete(s.base, e.Name)
	} else {
		s.base[e.Name] = e
	}
}

// record remembers that both sides have this now, or, without a digest, that both have nothing.
func (s *state) record(e entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(e)
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if s.log == nil {
		if s.log, err = s.root.OpenFile(stateLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return err
		}
		if _, err = s.log.WriteString("\n"); err != nil { // the last line may be cut
			return err
		}
	}
	_, err = s.log.Write(append(line, '\n'))
	return err
}

func (s *state) get(name string) (entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.base[name]
	return e, ok
}

// save writes all into one file.
func (s *state) save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := stateDocument{Version: 1, URL: s.url, Files: []entry{}}
	for _, e := range s.base {
		d.Files = append(d.Files, e)
	}
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := s.root.OpenFile(stateFile+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.root.Rename(stateFile+".new", stateFile); err != nil {
		return err
	}
	if s.log != nil {
		s.log.Close()
		s.log = nil
	}
	if err := s.root.Remove(stateLog); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// recover looks for what a run that was killed has left: drafts go, and a file that was taken out of its place comes
// back or is kept beside it, unless it is the content that was to be replaced.
func (s *state) recover(d *folder.Dir) (kept []string, err error) {
	intents := map[string]folder.Intent{}
	data, err := s.root.ReadFile(intentsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		var i folder.Intent
		if json.Unmarshal([]byte(line), &i) == nil {
			intents[i.Aside] = i
		}
	}
	f, err := s.root.Open(StateDir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := StateDir + "/" + e.Name()
		if !strings.HasPrefix(e.Name(), folder.Prefix) || !e.Type().IsRegular() {
			continue
		}
		i, known := intents[name]
		sum, _, err := d.SumOf(name)
		switch {
		case err != nil:
			return kept, err
		case strings.HasSuffix(e.Name(), folder.PartSuffix), known && (sum == i.Want || sum == i.New):
			err = s.root.Remove(name)
		case known:
			var as string
			as, err = d.Keep(name, i.Name)
			kept = append(kept, as)
		default: // a draft that was whole and had not come to its place, or has lost its intent in a power failure
			var as string
			as, err = d.Keep(name, "recovered")
			kept = append(kept, as)
		}
		if err != nil {
			return kept, err
		}
	}
	if err := s.root.Remove(intentsFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	return kept, nil
}

// note writes down what is about to be taken out of its place.
func (s *state) note(i folder.Intent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	line, err := json.Marshal(i)
	if err != nil {
		return err
	}
	f, err := s.root.OpenFile(intentsFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
