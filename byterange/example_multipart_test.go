package byterange_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// The content of a 206 that holds several ranges, and how long it is.
func ExampleMultipart() {
	content := strings.NewReader("abcdefghijklmnopqrstuvwxyz")
	plan := byterange.Resolve([]string{"bytes=0-4,-3"}, content.Size())

	m, err := byterange.NewMultipart(plan.Parts, plan.Size, "text/plain", "THIS_STRING_SEPARATES")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Content-Type:", m.ContentType())
	fmt.Println("Content-Length:", m.Length())
	_, err = m.Send(withoutCR{os.Stdout}, func(w io.Writer, r byterange.Range) (int64, error) {
		return io.Copy(w, io.NewSectionReader(content, r.Start, r.Length))
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Content-Type: multipart/byteranges; boundary=THIS_STRING_SEPARATES
	// Content-Length: 207
	//
	// --THIS_STRING_SEPARATES
	// Content-Type: text/plain
	// Content-Range: bytes 0-4/26
	//
	// abcde
	// --THIS_STRING_SEPARATES
	// Content-Type: text/plain
	// Content-Range: bytes 23-25/26
	//
	// xyz
	// --THIS_STRING_SEPARATES--
}

// withoutCR leaves out the CR of each CRLF, for the sake of this page.
type withoutCR struct{ io.Writer }

func (w withoutCR) Write(p []byte) (int, error) {
	_, err := io.WriteString(w.Writer, strings.ReplaceAll(string(p), "\r", ""))
	return len(p), err
}

// A client puts the parts of a multipart/byteranges where they belong. It has to
// look at each Content-Range: the server may have merged, reordered or left
// out ranges (RFC 9110 §15.3.7.2).
func Example_readMultipart() {
	contentType := "multipart/byteranges; boundary=SEP"
	body := strings.NewReader("--SEP\r\n" +
		"Content-Range: bytes 5-8/10\r\n\r\nfghi\r\n" +
		"--SEP\r\n" +
		"Content-Range: bytes 0-2/10\r\n\r\nabc\r\n" +
		"--SEP--\r\n")

	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		fmt.Println(err)
		return
	}
	whole := []byte("..........")
	for reader := multipart.NewReader(body, params["boundary"]); ; {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println("cut off:", err)
			return
		}
		c, err := byterange.ParseContentRange(part.Header.Get("Content-Range"))
		if err != nil || c.Size != int64(len(whole)) {
			fmt.Println("not a part of this representation:", err)
			return
		}
		if _, err := io.ReadFull(part, whole[c.Range.Start:c.Range.End()]); err != nil {
			fmt.Println("cut off:", err)
			return
		}
	}
	fmt.Printf("%s\n", whole)
	// Output:
	// abc..fghi.
}
