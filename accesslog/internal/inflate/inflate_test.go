package inflate

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func packGzip(tb testing.TB, content []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func packZstd(tb testing.TB, content []byte, o ...zstd.EOption) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil, o...)
	if err != nil {
		tb.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

// packedBzip2 is three lines, by bzip2.
const packedBzip2 = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xc3\xfd\x80\x50\x00\x00\x08\xd1\x00\x00\x10\x40\x00\x23\xa5\xa0\x00\x31" +
	"\x00\x30\x23\xf5\x50\x7a\x86\x91\x1b\xa4\x6d\x1e\x5d\x2d\xaa\x5b\x0c\xbe\x2e\xe4\x8a\x70\xa1\x21\x87\xfb\x00\xa0"

func TestReader(t *testing.T) {
	text := []byte(strings.Repeat("a line of a log\n", 10_000))
	gz, zst := packGzip(t, text), packZstd(t, text)
	bz, few := []byte(packedBzip2), text[:3*len("a line of a log\n")]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name    string
		packed  []byte
		kind    Kind
		content []byte // what is read before the end or the error
		err     error  // nil: none
	}{
		{"empty", nil, Plain, nil, nil},
		{"plain", text, Plain, text, nil},
		{"short", []byte("ab"), Plain, []byte("ab"), nil},
		{"gzip", gz, Gzip, text, nil},
		{"gzip in two members", join(gz, gz), Gzip, join(text, text), nil},
		{"gzip of nothing", packGzip(t, nil), Gzip, nil, nil},
		{"gzip cut", gz[:len(gz)-3], Gzip, text, io.ErrUnexpectedEOF},
		{"gzip and garbage", join(gz, []byte("garbage and more")), Gzip, text, gzip.ErrHeader},
		{"zstd", zst, Zstd, text, nil},
		{"zstd in two frames", join(zst, zst), Zstd, join(text, text), nil},
		{"zstd after a skippable frame", join([]byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, zst), Zstd, text, nil},
		{"bzip2", bz, Bzip2, few, nil},
		{"bzip2 in two streams", join(bz, bz), Bzip2, join(few, few), nil},
		{"bzip2 cut", bz[:len(bz)-3], Bzip2, few, io.ErrUnexpectedEOF},
		{"text that begins like bzip2", []byte("BZhang - -"), Plain, []byte("BZhang - -"), nil},
		{"zstd cut", zst[:len(zst)-1], Zstd, nil, io.ErrUnexpectedEOF},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			z, err := NewReader(bytes.NewReader(test.packed))
			if err != nil {
				t.Fatal(err)
			}
			defer z.Close()
			got, err := io.ReadAll(z)
			if z.Kind() != test.kind || test.err == nil && err != nil || !errors.Is(err, test.err) {
				t.Errorf("got %v and error %v, want %v and %v", z.Kind(), err, test.kind, test.err)
			}
			if test.content != nil && !bytes.Equal(got, test.content) {
				t.Errorf("got %d bytes, want %d", len(got), len(test.content))
			}
		})
	}
}

func TestReaderRefusesBrokenHeads(t *testing.T) {
	_, err := NewReader(bytes.NewReader([]byte{0x1f, 0x8b, 8, 0}))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want an unexpected end", err)
	}
}

// TestBomb: content that grows beyond reason is refused, and only past the minimum.
func TestBomb(t *testing.T) {
	zeros := make([]byte, 32<<20)
	for name, packed := range map[string][]byte{"gzip": packGzip(t, zeros), "zstd": packZstd(t, zeros)} {
		for _, test := range []struct {
			min  int64
			want error
		}{{1 << 20, ErrExpands}, {64 << 20, nil}} {
			z, err := NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			z.minBomb = test.min
			n, err := io.Copy(io.Discard, z)
			if name == "gzip" && int64(len(zeros)/len(packed)) <= MaxRatio {
				continue // this encoder does not pack as tightly as others
			}
			if !errors.Is(err, test.want) || test.want == nil && n != int64(len(zeros)) {
				t.Errorf("%s, at least %d: got %d bytes and error %v, want %v", name, test.min, n, err, test.want)
			}
			z.Close()
		}
	}
}

func TestWindowTooLarge(t *testing.T) {
	content := make([]byte, 3*MaxWindow)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(2*MaxWindow), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if _, err := io.Copy(io.Discard, z); err == nil || !strings.Contains(err.Error(), "unpack it with zstd -d --long=31") {
		t.Errorf("got %v", err)
	}
}

// FuzzReader: damage is an error or harmless, never a panic.
func FuzzReader(f *testing.F) {
	f.Add(packGzip(f, []byte("a line of a log\n")))
	f.Add(packZstd(f, []byte("a line of a log\n")))
	f.Add([]byte("plain"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		z, err := NewReader(bytes.NewReader(packed))
		if err != nil {
			return
		}
		defer z.Close()
		got, err := io.ReadAll(io.LimitReader(z, 1<<22))
		if z.Kind() == Plain && (err != nil || !bytes.Equal(got, packed) && len(packed) <= 1<<22) {
			t.Errorf("plain content changed: %v", err)
		}
	})
}
