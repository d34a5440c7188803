package coding

import (
	"bytes"
	stdgzip "compress/gzip"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew; then raise the generation of each coding that changed")

// corpus is content of several kinds, the same on every machine.
func corpus() []namedContent {
	return []namedContent{
		{"empty", nil},
		{"one byte", []byte("x")},
		{"words 300", words(300)},
		{"words 5000", words(5000)},
		{"words 200000", words(200_000)},
		{"words 600000", words(600_000)},
		{"rows 100000", rows(100_000)},
		{"zeros 1000000", make([]byte, 1_000_000)},
		{"noise 10000", noise(10_000)},
	}
}

type namedContent struct {
	name    string
	content []byte
}

func source() *rand.Rand { return rand.New(rand.NewPCG(412, 428)) }

// words is text, common words being more frequent than others.
func words(size int) []byte {
	vocabulary := strings.Fields(`the of and a to in is it that was for on are with as his they be at one have this
		from or had by hot but some what there we can out other were all your when up use word how said an each
		precondition representation validator revision conditional entity selected origin cache`)
	r, b := source(), []byte(nil)
	for len(b) < size {
		i := r.IntN(len(vocabulary))
		b = append(b, vocabulary[r.IntN(i+1)]...)
		b = append(b, " \n"[r.IntN(12)/11])
	}
	return b[:size]
}

// rows is a table of numbers as JSON.
func rows(size int) []byte {
	r, b := source(), []byte("[")
	for len(b) < size {
		b = fmt.Appendf(b, `{"id":%d,"value":%d,"ok":%v},`, len(b), r.IntN(10000), r.IntN(3) == 0)
	}
	return b[:size]
}

func noise(size int) []byte {
	r, b := source(), make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestGolden pins every byte that the encoders make. The entity tag of a coded
// representation is made of the content's digest and Suffix: if the encoded bytes
// changed under the same suffix, two representations would share a strong tag. So
// when this test fails, after an upgrade of a library or a change of a level, raise
// the generation of the coding in schemes, and only then run "go test -update".
func TestGolden(t *testing.T) {
	const file = "testdata/golden.txt"
	var got strings.Builder
	fmt.Fprintf(&got, "# suffix | content | SHA-256 of the content in that coding; see TestGolden\n\n")
	for _, coding := range order {
		for _, c := range corpus() {
			fmt.Fprintf(&got, "%-4s | %-13s | %x\n", Suffix(coding), c.name, sha256.Sum256(encode(t, coding, c.content)))
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the encoded bytes are not those of this generation: read the comment of this test\n got\n%swant\n%s", &got, want)
	}
}

func encode(t testing.TB, coding string, content []byte) []byte {
	t.Helper()
	encoded, err := Encode(coding, content)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func decode(coding string, encoded []byte, limit int64) ([]byte, error) {
	r, err := Decode(coding, bytes.NewReader(encoded), limit)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestRoundTrip(t *testing.T) {
	for _, coding := range append(order, Identity, "") {
		for _, c := range corpus() {
			size := int64(len(c.content))
			encoded := encode(t, coding, c.content)
			if got, err := decode(coding, encoded, size); err != nil || !bytes.Equal(got, c.content) {
				t.Errorf("%s of %s decodes to %d bytes, %v; want %d", coding, c.name, len(got), err, size)
			}
			if err := Verify(coding, bytes.NewReader(encoded), sha256.Sum256(c.content), size); err != nil {
				t.Errorf("%s of %s: %v", coding, c.name, err)
			}
		}
	}
}

// TestGzipHeader: RFC 1952 §2.3.1 has a time and an operating system, which would
// tell machines apart, and a name.
func TestGzipHeader(t *testing.T) {
	encoded := encode(t, Gzip, words(5000))
	r, err := stdgzip.NewReader(bytes.NewReader(encoded)) // another implementation
	if err != nil {
		t.Fatal(err)
	}
	if !r.ModTime.IsZero() || r.Name != "" || r.Comment != "" || len(r.Extra) != 0 || r.OS != 255 {
		t.Errorf("got the header %+v, want no time, no name and an unknown system (255)", r.Header)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, words(5000)) {
		t.Errorf("the other implementation reads %d bytes, %v", len(got), err)
	}
}

// TestZstdWindow: "a decoder MUST support a window size of at least 8 MB and an encoder
// MUST NOT use a larger one" is the sense of RFC 9659 §3.
func TestZstdWindow(t *testing.T) {
	for _, size := range []int{0, 100, 5000, 1 << 20, 8 << 20, 9 << 20} {
		var h zstd.Header
		if err := h.Decode(encode(t, Zstd, make([]byte, size))); err != nil {
			t.Fatal(err)
		}
		window := h.WindowSize
		if h.SingleSegment {
			window = h.FrameContentSize
		}
		if window > 8<<20 {
			t.Errorf("%d bytes are encoded with a window of %d", size, window)
		}
	}
	var larger bytes.Buffer
	w, err := zstd.NewWriter(&larger, zstd.WithWindowSize(16<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(w, bytes.NewReader(make([]byte, 9<<20)))
	w.Close()
	if _, err := decode(Zstd, larger.Bytes(), 16<<20); err == nil {
		t.Error("a frame with a window of 16 MiB, which browsers refuse, is decoded")
	}
}

// TestDecodeStops: a small input that decodes to much is read no further than the
// limit.
func TestDecodeStops(t *testing.T) {
	zeros := make([]byte, 2<<20)
	for _, coding := range append(order, Identity) {
		encoded := encode(t, coding, zeros)
		for _, limit := range []int64{0, 1, 1000, int64(len(zeros)) - 1} {
			got, err := decode(coding, encoded, limit)
			if int64(len(got)) != limit || !errors.Is(err, ErrTooLong) {
				t.Errorf("%s, limit %d: got %d bytes, %v", coding, limit, len(got), err)
			}
		}
	}
}

// TestDecodeWithoutBound: the largest limit there is bounds nothing.
func TestDecodeWithoutBound(t *testing.T) {
	content := words(800)
	for _, coding := range append(order, Identity) {
		if got, err := decode(coding, encode(t, coding, content), math.MaxInt64); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", coding, len(got), err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	content := words(800)
	sum, size := sha256.Sum256(content), int64(len(content))
	for _, coding := range order {
		whole := encode(t, coding, content)
		for what, encoded := range map[string][]byte{
			"nothing":           nil,
			"other content":     encode(t, coding, words(801)),
			"a beginning":       encode(t, coding, content[:size-1]),
			"not in the coding": content,
			"another coding":    encode(t, map[string]string{Gzip: Brotli, Brotli: Zstd, Zstd: Gzip}[coding], content),
			"something after":   append(bytes.Clone(whole), "trailing"...),
		} {
			if err := Verify(coding, bytes.NewReader(encoded), sum, size); !errors.Is(err, ErrMismatch) {
				t.Errorf("%s: %s: got %v, want a mismatch", coding, what, err)
			}
		}
		for cut := range len(whole) {
			if err := Verify(coding, bytes.NewReader(whole[:cut]), sum, size); !errors.Is(err, ErrMismatch) {
				t.Errorf("%s cut to %d of %d bytes: got %v, want a mismatch", coding, cut, len(whole), err)
			}
		}
		if err := Verify(coding, bytes.NewReader(whole), sum, size-1); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: of another size: got %v, want a mismatch", coding, err)
		}
	}
}

// TestVerifyTellsReadersFromContent: a disk that fails says nothing about the file.
func TestVerifyTellsReadersFromContent(t *testing.T) {
	content, broken := words(5000), errors.New("the disk is broken")
	for _, coding := range order {
		whole := encode(t, coding, content)
		for _, n := range []int{0, 3, len(whole) / 2} {
			r := io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken))
			err := Verify(coding, r, sha256.Sum256(content), int64(len(content)))
			if !errors.Is(err, broken) || errors.Is(err, ErrMismatch) {
				t.Errorf("%s, broken after %d bytes: got %v", coding, n, err)
			}
		}
	}
}

func TestUnknownCoding(t *testing.T) {
	for _, coding := range []string{"deflate", "GZIP", "x-gzip", "nonsense"} {
		_, encodeErr := Encode(coding, nil)
		_, decodeErr := Decode(coding, strings.NewReader(""), 1)
		verifyErr := Verify(coding, strings.NewReader(""), sha256.Sum256(nil), 0)
		for _, err := range []error{encodeErr, decodeErr, verifyErr} {
			if !errors.Is(err, ErrUnknown) || errors.Is(err, ErrMismatch) {
				t.Errorf("%s: got %v, want ErrUnknown", coding, err)
			}
		}
		if Suffix(coding) != "" || Extension(coding) != "" {
			t.Errorf("%s: has the suffix %q and the extension %q", coding, Suffix(coding), Extension(coding))
		}
	}
}

// TestNames: tags and file names are what they are in every release.
func TestNames(t *testing.T) {
	for coding, want := range map[string][2]string{
		Gzip: {"gzip", ".gz"}, Brotli: {"br", ".br"}, Zstd: {"zstd", ".zst"}, Identity: {}, "": {},
	} {
		if got := [2]string{Suffix(coding), Extension(coding)}; got != want {
			t.Errorf("%q: suffix and extension %q, want %q", coding, got, want)
		}
	}
}

// TestSuffixOfGeneration: the number comes with the second generation.
func TestSuffixOfGeneration(t *testing.T) {
	defer func(before scheme) { schemes[0] = before }(schemes[0])
	schemes[0].generation = 2
	if got, want := Suffix(schemes[0].name), schemes[0].name+"2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompressible(t *testing.T) {
	const file = "compressible.txt"
	for _, r := range table(t, file) {
		var size int64
		if _, err := fmt.Sscan(r.columns[1], &size); err != nil {
			t.Fatalf("%s:%d: %v", file, r.line, err)
		}
		if got, want := Compressible(r.columns[0], size), r.columns[2] == "yes"; got != want {
			t.Errorf("%s:%d: %s of %d bytes: got %v, want %v", file, r.line, r.columns[0], size, got, want)
		}
	}
}

// FuzzEncode: every content survives every coding, and has one form in it.
func FuzzEncode(f *testing.F) {
	for _, c := range corpus() {
		f.Add(c.content[:min(len(c.content), 5000)])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, coding := range order {
			encoded := encode(t, coding, content)
			if err := Verify(coding, bytes.NewReader(encoded), sha256.Sum256(content), int64(len(content))); err != nil {
				t.Errorf("%s: %v", coding, err)
			}
			if !bytes.Equal(encoded, encode(t, coding, content)) {
				t.Errorf("%s: encoded twice, two forms", coding)
			}
		}
	})
}

// FuzzDecode: whatever comes in, no more than the limit comes out, and what is
// accepted is what Verify accepts.
func FuzzDecode(f *testing.F) {
	for i, coding := range order {
		f.Add(byte(i), encode(f, coding, words(300)))
		f.Add(byte(i), encode(f, coding, make([]byte, 100_000)))
	}
	f.Fuzz(func(t *testing.T, which byte, encoded []byte) {
		const limit = 50_000
		coding := order[int(which)%len(order)]
		got, err := decode(coding, encoded, limit)
		if len(got) > limit {
			t.Fatalf("%s: %d bytes came out, more than %d", coding, len(got), limit)
		}
		verified := Verify(coding, bytes.NewReader(encoded), sha256.Sum256(got), int64(len(got)))
		if (err == nil) != (verified == nil) {
			t.Errorf("%s: decoding says %v, verifying %v", coding, err, verified)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, coding := range order {
		for _, size := range []int{5_000, 200_000} {
			content := words(size)
			b.Run(fmt.Sprintf("%s/%d", coding, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					encode(b, coding, content)
				}
			})
		}
	}
}
