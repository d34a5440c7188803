package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/fourtwelve/fourtwelve/accesslog/internal/inflate"
	"github.com/fourtwelve/fourtwelve/accesslog/internal/linewise"
)

// A source is a file to read.
type source struct {
	file    *File
	dialect *dialect // nil if there is nothing to read
	first   int64    // time of the earliest of the first entries
	// open returns the packed content from its start.
	open func() (io.ReadCloser, error)
	// once is set if that is only possible once, and reading may block: a pipe.
	once bool
	// remade, if not empty, is what was done to have lines.
	remade string
	// follow, if not nil, is how the file is read on when it grows.
	follow *follower
}

// expand returns the paths of files, those of patterns filled in, none twice.
// fromPattern has those that no one named.
func expand(paths []string) (names []string, fromPattern map[string]bool, err error) {
	seen := map[string]bool{}
	fromPattern = map[string]bool{}
	for _, path := range paths {
		found, isPattern := []string{path}, false
		if _, e := os.Stat(path); e != nil && path != "-" && strings.ContainsAny(path, "*?[") {
			isPattern = true
			if found, e = filepath.Glob(path); e != nil {
				err = errors.Join(err, fmt.Errorf("%q: %w", path, e))
			} else if len(found) == 0 {
				err = errors.Join(err, fmt.Errorf("%q: no file matches", path))
			}
		}
		if info, e := os.Stat(path); e == nil && info.IsDir() {
			isPattern = true
			if found, e = filesIn(path); e != nil {
				err = errors.Join(err, e)
			}
		}
		for _, name := range found {
			key := name
			if abs, e := filepath.Abs(name); e == nil && name != "-" {
				key = abs
			}
			if info, e := os.Stat(name); isPattern && e == nil && info.IsDir() || seen[key] {
				continue
			}
			seen[key] = true
			names = append(names, name)
			fromPattern[name] = isPattern
		}
	}
	return names, fromPattern, err
}

// maxFiles bounds the files that are looked for in a directory.
const maxFiles = 100_000

// filesIn returns the files in a directory and in those below it, but for hidden ones.
func filesIn(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != dir && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
		case entry.Type().IsRegular():
			names = append(names, path)
		}
		if len(names) > maxFiles {
			return fmt.Errorf("%s: more than %d files", dir, maxFiles)
		}
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: no files in it", dir)
	}
	return names, err
}

// siteOf is the folder of a site of IIS that a file is in, as in W3SVC1; "" if it is in none.
func siteOf(name string) string {
	folder := filepath.Base(filepath.Dir(name))
	if _, ok := parseDigits([]byte(strings.TrimPrefix(folder, "W3SVC"))); ok && strings.HasPrefix(folder, "W3SVC") {
		return folder
	}
	return ""
}

// newSource looks at the file of that name. Its error is that of the File.
func newSource(name string, o *Options) *source {
	s := &source{file: &File{name: name}}
	if err := s.find(o.Stdin); err != nil {
		s.file.err = fmt.Errorf("%s: %w", name, err)
	} else if err := s.look(o); err != nil {
		s.file.err = fmt.Errorf("%s: %w", name, err)
	}
	return s
}

// find sets open and the size of the file.
func (s *source) find(stdin io.Reader) error {
	name := s.file.name
	if name == "-" {
		if stdin == nil {
			stdin = os.Stdin
		}
		s.openOnce(io.NopCloser(stdin))
		return nil
	}
	info, err := os.Stat(name)
	var path *os.PathError
	switch {
	case errors.As(err, &path):
		return path.Err
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("is a directory now")
	case info.Mode().IsRegular():
		s.file.size, s.file.changed = info.Size(), info.ModTime()
		s.open = func() (io.ReadCloser, error) { return os.Open(name) }
		return nil
	}
	f, err := os.Open(name) // a pipe
	if err == nil {
		s.openOnce(f)
	}
	return err
}

// openOnce makes open return r at first, and then again with what has been read of it.
func (s *source) openOnce(r io.ReadCloser) {
	s.once = true
	head := &bytes.Buffer{}
	s.open = func() (io.ReadCloser, error) {
		s.open = func() (io.ReadCloser, error) { return joined{io.MultiReader(head, r), r}, nil }
		return io.NopCloser(io.TeeReader(r, head)), nil
	}
}

type joined struct {
	io.Reader
	io.Closer
}

// look reads the beginning of the file and finds out how to read it.
func (s *source) look(o *Options) error {
	r, err := s.content(nil)
	if err != nil {
		return err
	}
	defer r.Close()
	sample := make([]byte, sampleSize)
	n, err := io.ReadFull(r, sample)
	whole := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if sample = sample[:n]; n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if o.Format == (Format{}) {
		s.dialect, err = detect(sample, whole, o.Location)
	} else {
		s.dialect, err = detectGiven(o.Format, sample, whole, o.Location)
	}
	if err != nil || s.dialect == nil {
		return err
	}
	s.file.format, s.file.notes, s.file.guessed = s.dialect.format, s.dialect.notes, s.dialect.guessed
	if s.remade != "" {
		s.file.notes = append(slices.Clip(s.file.notes), s.remade)
	}
	first := linesOf(sample, whole)
	s.first = s.dialect.firstTime(first)
	all, note := s.dialect.lookProxied(first)
	if s.file.proxied = (proxied{all, o.Proxies}); note != "" {
		s.file.notes = append(slices.Clip(s.file.notes), note)
	}
	return nil
}

// firstTime is the time of the earliest entry in lines, or 0.
func (d *dialect) firstTime(lines [][]byte) int64 {
	first := int64(math.MaxInt64)
	d.eachEntry(lines, func(e *Entry) { first = min(first, e.at) })
	if first == math.MaxInt64 {
		return 0
	}
	return first
}

// eachEntry calls see with each entry in lines.
func (d *dialect) eachEntry(lines [][]byte, see func(e *Entry)) {
	p, state := newLineParser(), d.start
	for _, line := range lines {
		if directive := d.w3c.isDirective(line); directive != nil {
			state = d.w3c.directive(state, directive)
		} else if p.parse(state.layout, state.layout.inner(bytes.Clone(line))) == isEntry {
			see(&p.entry)
		}
	}
}

// content opens the file and unpacks it. The bytes read are added to read, unless that
// is nil.
func (s *source) content(read *atomic.Int64) (io.ReadCloser, error) {
	if s.follow != nil && read != nil {
		return s.follow.open(s.file.name)
	}
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	if read != nil {
		f = measured{f, read}
	}
	z, err := inflate.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	r, note := linewise.NewReader(z)
	s.remade = note
	return &content{r, z, f}, nil
}

type content struct {
	io.Reader
	packed, file io.Closer
}

func (c *content) Close() error {
	c.packed.Close()
	return c.file.Close()
}

// measured counts the bytes that are read from a file.
type measured struct {
	io.ReadCloser
	n *atomic.Int64
}

func (m measured) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.n.Add(int64(n))
	return n, err
}

func isPlain(head []byte) bool { return inflate.KindOf(head) == inflate.Plain }
