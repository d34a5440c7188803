package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

// TestDetection reads every capture as every format: only its own may be found out by
// itself.
func TestDetection(t *testing.T) {
	for _, format := range Formats() {
		want, err := ParseFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range captures(t, format) {
			b := &builder{name: path, limits: DefaultLimits}
			_ = b.read(open(t, path), Unknown) // TestReadings judges that
			if b.format != want {
				t.Errorf("%s is taken for %s, want %s", path, b.format, want)
			}
		}
	}
}

func TestUnknownFormats(t *testing.T) {
	for _, c := range []struct{ what, input, says string }{
		{"nothing", "", "is empty"},
		{"blanks", " \n\t\n", "nothing but blanks"},
		{"IIS log", "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time\n", "fourtwelve logs"},
		{"nginx log", `192.0.2.1 - - [03/Nov/2026:09:15:40 +0000] "GET / HTTP/1.1" 412 0 "-" "curl"` + "\n", "fourtwelve logs"},
		{"Caddy log", `{"level":"info","ts":1,"msg":"handled request","request":{"method":"PUT"}}` + "\n", "fourtwelve logs"},
		{"JSON", `{"a": {"log": 1}}`, "not a HAR"},
		{"JSON array", `[1]`, "not a HAR"},
		{"web page", "<!DOCTYPE html><html><title>412</title>", "not the page"},
		{"other XML", "<?xml version=\"1.0\"?><configuration/>", "XML, but not"},
		{"event log", "ElfFile\x00\x00", "fr000001.xml"},
		{"binary", "\x00\x01\x02\x03", "binary"},
		{"prose", "The server says 412 and I do not know why.\n", "name the format"},
	} {
		xs, err := readString(c.input, Options{})
		if !errors.Is(err, ErrUnknownFormat) || len(xs) > 0 {
			t.Errorf("%s: %d exchanges, error %v", c.what, len(xs), err)
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q does not say %q", c.what, err, c.says)
		}
		if e, ok := errors.AsType[*ReadError](err); !ok || e.File != "test" || e.Detail == "" {
			t.Errorf("%s: the error is %#v", c.what, err)
		}
	}
}

func TestErrorNamesStandardInput(t *testing.T) {
	_, err := Read(strings.NewReader("x"), "-", Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "standard input: ") {
		t.Errorf("error %v", err)
	}
}

func TestFormatCanBeNamed(t *testing.T) {
	curl, err := os.ReadFile("testdata/curl/apache-412.txt")
	if err != nil {
		t.Fatal(err)
	}
	// Standard output first, as when content was flushed early, hides what it is.
	mixed := "HTTP/1.1 200 OK\n\n" + string(curl)
	if xs, _ := readString(mixed, Options{}); len(xs) == 0 || xs[0].Source.Format != Raw {
		t.Fatal("the case is not one of a misleading beginning any more")
	}
	xs, err := readString(mixed, Options{Format: Curl})
	if err != nil || len(xs) != 1 || xs[0].Response.Status != 412 {
		t.Errorf("as curl -v: %s", describe(xs, err))
	}
	if _, err := readString("PUT / HTTP/1.1\n\n", Options{Format: SAZ}); !errors.Is(err, ErrMalformed) {
		t.Errorf("text as an archive: error %v", err)
	}
	if _, err := readString("PUT / HTTP/1.1\n\n", Options{Format: HAR}); !errors.Is(err, ErrMalformed) {
		t.Errorf("text as a HAR: error %v", err)
	}
}

// TestEncodings reads the same capture in other encodings and packed.
func TestEncodings(t *testing.T) {
	const capture = "GET /ä HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"😀\"\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: \"😀\"\r\n\r\n"
	xs, err := readString(capture, Options{})
	want := describe(xs, err)
	for name, data := range map[string][]byte{
		"UTF-8 with mark": append([]byte("\xef\xbb\xbf"), capture...),
		"UTF-16LE":        toUTF16(capture, false),
		"UTF-16BE":        toUTF16(capture, true),
		"gzip":            gzipped([]byte(capture)),
		"gzip of UTF-16":  gzipped(toUTF16(capture, false)),
	} {
		for _, r := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data)),
			iotest.DataErrReader(bytes.NewReader(data))} {
			xs, err := Read(r, "test", Options{})
			if got := describe(xs, err); got != want {
				t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, want)
			}
		}
	}
}

func toUTF16(s string, big bool) []byte {
	b := []byte{}
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestBrokenUTF16(t *testing.T) {
	// A lone surrogate, half a pair and half a unit at the end.
	data := append(toUTF16("GET / HTTP/1.1\nIf-Match: \"", false), 0x00, 0xd8, '"', 0, 0x00, 0xdc, '\n', 0, 0x3d, 0xd8)
	xs, err := Read(bytes.NewReader(data), "test", Options{})
	if err != nil || len(xs) != 1 {
		t.Fatalf("%s", describe(xs, err))
	}
	if got, want := xs[0].Request.Header.Get("If-Match"), "\"\ufffd\"\ufffd"; got != want {
		t.Errorf("If-Match is %q, want %q", got, want)
	}
}

// TestReaderErrors lets the reader fail at every place of every capture: what was read before
// is returned, and the error is that of the reader.
func TestReaderErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, path := range []string{"raw/wire-pair.txt", "curl/http2-put.txt", "har/firefox.har", "freb/fr-arr.xml", "saz/archive"} {
		data, err := io.ReadAll(open(t, "testdata/"+path))
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(data); n += 1 + len(data)/100 {
			r := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))
			if _, err := Read(r, path, Options{}); !errors.Is(err, broken) {
				t.Errorf("%s fails at byte %d: error %v", path, n, err)
			}
		}
	}
}

// TestTruncation cuts every capture at every place: there is never a panic, and never
// an exchange more than in the whole.
func TestTruncation(t *testing.T) {
	for _, path := range []string{"raw/wire-pair.txt", "curl/apache-412.txt", "har/firefox.har", "freb/fr-arr.xml", "saz/archive"} {
		data, err := io.ReadAll(open(t, "testdata/"+path))
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := Read(bytes.NewReader(data), path, Options{})
		format := whole[0].Source.Format
		limits := Limits{Content: 4096}
		for n := 0; n < len(data); n += 1 + len(data)/300 {
			xs, err := Read(bytes.NewReader(data[:n]), path, Options{Format: format, Limits: limits})
			if len(xs) > len(whole) {
				t.Errorf("%s cut at byte %d has %d exchanges of %d", path, n, len(xs), len(whole))
			}
			if (format == HAR || format == FREB) && err == nil && n < len(bytes.TrimSpace(data)) {
				t.Errorf("%s cut at byte %d is no error", path, n)
			}
		}
	}
}
