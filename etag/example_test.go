package etag_test

import (
	"fmt"

	"github.com/fourtwelve/fourtwelve/etag"
)

// A tag keeps its quotes and its weakness, and there are two ways to compare it.
func ExampleParse() {
	stored := etag.MustParse(`"xyzzy"`)
	sent, err := etag.Parse(`W/"xyzzy"`)
	fmt.Println(sent, err)
	fmt.Println("If-None-Match:", sent.WeakEqual(stored))
	fmt.Println("If-Match:", sent.StrongEqual(stored))
	// Output:
	// W/"xyzzy" <nil>
	// If-None-Match: true
	// If-Match: false
}

// The error says what is wrong and what to write instead.
func ExampleParse_malformed() {
	_, err := etag.Parse(`xyzzy`)
	fmt.Println(err)
	// Output: malformed entity tag "xyzzy" at byte 0: entity tags need quotes: "abc"
}

// The same bytes have the same tag, wherever and whenever it is made.
func ExampleOf() {
	fmt.Println(etag.Of([]byte("Hello World!\n")))
	// Output: "A7ogTlDRJuRnTABeBNguhA"
}

// All field lines make one list. What is malformed does not hide what follows.
func ExampleMembers() {
	field := []string{`"v1", W/"v2,final"`, `v3, "v4"`}
	for m := range etag.Members(field) {
		if m.Fault != etag.None {
			fmt.Printf("%s is no tag: %s\n", m.Raw, m.Fault)
			continue
		}
		fmt.Println(m.Tag)
	}
	// Output:
	// "v1"
	// W/"v2,final"
	// v3 is no tag: entity tags need quotes: "abc"
	// "v4"
}

// A representation in a content coding is another one and has its own tag.
func ExampleTag_WithCoding() {
	identity := etag.MustParse(`"xyzzy"`)
	gzip := identity.WithCoding("gzip")
	fmt.Println(gzip)
	fmt.Println(gzip.SplitCoding())
	// Output:
	// "xyzzy-gzip"
	// "xyzzy" gzip true
}

// A revision number tells two times of the same content apart.
func ExampleTag_WithRevision() {
	content := etag.MustParse(`"xyzzy"`)
	fmt.Println(content.WithRevision(41), content.WithRevision(43))
	// Output: "15.xyzzy" "17.xyzzy"
}

// The zero Tag is no tag, which differs from the tag with no characters.
func ExampleTag_IsZero() {
	var none etag.Tag
	empty := etag.MustParse(`""`)
	fmt.Println(none.IsZero(), empty.IsZero(), none == empty)
	// Output: true false false
}
