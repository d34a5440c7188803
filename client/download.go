package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// What errors.Is finds in the errors of Download, beside others of this package.
var (
	// ErrDamaged: the content does not have the digest that the server or the caller says.
	ErrDamaged = errors.New("the content is damaged")
	// ErrChanging: the source changed again and again while it was being read.
	ErrChanging = errors.New("the source keeps changing")
	// ErrEndUnknown: the server does not say where the content ends, so that a cut cannot be told.
	ErrEndUnknown = errors.New("the server says neither the length of the content nor where it ends, so that it may have been cut")
	// ErrInUse: another process is downloading to the same file.
	ErrInUse = errors.New("another download to this file is under way")
)

// DefaultParts is how many parts Download reads at the same time, if that is worth it.
const DefaultParts = 4

// DownloadOptions are the choices of [Client.Download]. The zero value is ready.
type DownloadOptions struct {
	// SHA256 is the digest in hexadecimal that the content must have, or "" if it is not known.
	SHA256 string
	// Have are the validators of what the file has already: if they still hold, nothing is read, and the
	// file stays as it is. Only URL, Exists, RawTag and LastModified count.
	Have Representation
	// Parts bounds how many parts are read at the same time. 0 is DefaultParts, 1 is one after the
	// other. More than one are read only of a large representation with a strong tag on a server that
	// sends ranges, and only if one connection alone would take several seconds more.
	Parts int
	// AcceptUnknownEnd takes content that ends with the connection for whole. Without it, that is
	// ErrEndUnknown unless a digest proves it.
	AcceptUnknownEnd bool
	// Progress is called now and then, from one goroutine at a time, with the number of bytes that are there
	// and of all; total is -1 if that is not known. Bytes can become fewer if the source has changed.
	Progress func(done, total int64)
}

// Downloaded is what became of a download.
type Downloaded struct {
	// Representation has the validators and fields, and no Content.
	Representation
	// Size is the number of bytes of the file.
	Size int64
	// Unchanged reports that what the file had was current (304), and that the file was left alone.
	Unchanged bool
	// Resumed is how many bytes an earlier, interrupted download had left.
	Resumed int64
	// Decoded is the content coding that was taken off, because the server sent one though identity was
	// asked for; "" if none was.
	Decoded string
	// Verified names what the content was held against: "Repr-Digest", "Content-Digest", "SHA256".
	Verified []string
}

// Download reads a representation into a file, which then is one version and whole, or is not touched: the
// content is written beside it, to NAME.part, verified, brought to the disk, and renamed. What the server's
// state was is kept in NAME.part.json, so that another call goes on where an interrupted one stopped; both
// are gone after success.
//
// It goes on only from bytes that are of the same version, which If-Range with a strong validator makes sure
// (RFC 9110 §13.1.5), and each part says: its tag, its place and the length of the whole are compared. If the
// source has changed, or has no strong validator, it begins again from the first byte. The content is held
// against Repr-Digest and Content-Digest (RFC 9530), if the server sends them, and against o.SHA256; its length
// against what the server says. Memory does not depend on the size.
//
// A directory, a device or a link to nothing is an error; a link to a file has that file replaced. Permissions
// of a file that is replaced stay. When ctx ends, what was read so far is kept. The errors are those of Get,
// but for ErrTooLarge; ErrDamaged, ErrChanging, ErrEndUnknown, ErrInUse; or of the file system.
func (c *Client) Download(ctx context.Context, url, file string, o DownloadOptions) (Downloaded, error) {
	k, err := c.newCall(http.MethodGet, url)
	if err != nil {
		return Downloaded{}, err
	}
	if b, err := hex.DecodeString(o.SHA256); err != nil || len(b) != 0 && len(b) != 32 {
		return Downloaded{}, fmt.Errorf("the SHA-256 has 64 hexadecimal digits, not %s", quoteShort(o.SHA256))
	}
	target, mode, err := targetOf(file)
	if err != nil {
		return Downloaded{}, err
	}
	p, err := openPart(target, mode)
	if err != nil {
		return Downloaded{}, err
	}
	defer p.close()
	d := &download{c: c, call: k, options: o, part: p, shown: k.url.Redacted(), tune: usualTuning}
	if c.tuning != nil {
		d.tune = *c.tuning
	}
	d.sums.given = o.SHA256
	d.resumed = p.load(d.identity())
	d.sums.expect(p.state.Repr, nil, false, false)
	return d.run(ctx)
}

// targetOf is the file that is to be written, and the permissions it is to have.
func targetOf(file string) (string, os.FileMode, error) {
	info, err := os.Lstat(file)
	if err == nil && info.Mode()&os.ModeSymlink != 0 {
		if file, err = filepath.EvalSymlinks(file); err == nil {
			info, err = os.Lstat(file)
		}
		if err != nil {
			return "", 0, err
		}
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return file, 0, nil
	case err != nil:
		return "", 0, err
	case !info.Mode().IsRegular():
		return "", 0, fmt.Errorf("%s is not a file that could be replaced", file)
	}
	return file, info.Mode().Perm(), nil
}

// download is one call of Download.
type download struct {
	c       *Client
	call    *call
	shown   string
	options DownloadOptions
	part    *part
	sums    sums
	tune    tuning
	resumed int64
	damaged bool // the content did not have its digest once
	serial  bool // one part after the other
	// Of the first segment's goroutine while it runs alone.
	isSplit    bool
	decoded    string
	endUnknown bool

	mu       sync.Mutex
	header   http.Header // of the last answer with the representation
	from     string      // its URL
	read     int64       // bytes read by this call
	reported time.Time
}

func (d *download) setHeader(a *answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.header, d.from = a.Header, a.url
}

// identity says what is downloaded: a part that was left by another URL is of no use.
func (d *download) identity() string {
	u := *d.call.url
	u.User = nil
	return u.String()
}

// maxRestarts is how often a download begins again because the source has changed.
const maxRestarts = 20

// run reads until the content is whole, and puts it in its place.
func (d *download) run(ctx context.Context) (Downloaded, error) {
	restarts, failures, best := 0, 0, int64(0)
	for {
		before := d.bytesRead()
		err := d.round(ctx)
		var wait time.Duration
		switch {
		case err == nil && len(d.part.pending()) > 0: // the server sent less than it was asked for
			if d.bytesRead() == before {
				d.part.leave()
				return Downloaded{}, fmt.Errorf("%s: the server sends nothing of what it is asked for", d.shown)
			}
			continue
		case err == nil:
			if err = d.finish(); err == nil {
				return d.result(), nil
			}
			if !errors.Is(err, errRestart) {
				d.part.leave()
				return Downloaded{}, err
			}
			fallthrough
		case errors.Is(err, errRestart):
			if restarts++; restarts > maxRestarts {
				d.part.remove()
				return Downloaded{}, fmt.Errorf("%s: %w", d.shown, ErrChanging)
			}
			d.startAgain()
		case errors.Is(err, errNotModified):
			d.part.remove()
			return Downloaded{Representation: d.kept(), Unchanged: true}, nil
		default:
			if size := d.part.size(); size > best {
				failures, best = 0, size
			}
			failures++
			again := false
			if wait, again = d.c.again(err, best > 0); !again || failures >= min(readAttempts, d.c.attempts()) || ctx.Err() != nil {
				d.part.leave()
				return Downloaded{}, err
			}
		}
		if err := d.pause(ctx, err, wait, restarts+failures); err != nil {
			d.part.leave()
			return Downloaded{}, err
		}
	}
}

// pause waits before the next round.
func (d *download) pause(ctx context.Context, why error, wait time.Duration, n int) error {
	e := Event{Method: http.MethodGet, URL: d.shown, Attempt: n, Err: why}
	if wait > 0 {
		return d.c.wait(ctx, e, wait)
	}
	return d.c.backoff(ctx, e)
}

func (d *download) bytesRead() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read
}

// kept is what the file has, after a 304.
func (d *download) kept() Representation {
	r := d.options.Have
	r.refreshed(d.header)
	return r
}

// startAgain forgets what was read.
func (d *download) startAgain() {
	d.part.reset()
	d.resumed, d.isSplit, d.decoded, d.endUnknown = 0, false, "", false
}

// finish verifies what is there, and puts it in its place. The error is errRestart if it is to be read again.
func (d *download) finish() error {
	verified, err := d.sums.check(d.part.file, d.part.size())
	var given *givenError
	switch {
	case errors.As(err, &given), errors.Is(err, ErrDamaged) && d.damaged:
		d.part.remove()
		return fmt.Errorf("%s: %w", d.shown, err)
	case errors.Is(err, ErrDamaged):
		d.damaged = true
		return errRestart
	case err != nil:
		return err
	case d.endUnknown && len(verified) == 0 && !d.options.AcceptUnknownEnd:
		d.part.remove()
		return fmt.Errorf("%s: %w", d.shown, ErrEndUnknown)
	}
	d.part.verified = verified
	return d.part.publish()
}

func (d *download) result() Downloaded {
	r := Downloaded{Size: d.part.size(), Resumed: d.resumed, Decoded: d.decoded, Verified: d.part.verified}
	r.URL, r.Exists = d.from, true
	r.setValidators(d.header, time.Now())
	if r.MediaType = d.header.Get("Content-Type"); d.decoded == "" {
		r.Coding = d.header.Get("Content-Encoding")
	}
	return r
}
