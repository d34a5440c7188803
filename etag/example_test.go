package etag_test

import (
	"fmt"
	"time"

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

// A tag can tell who made it and of what; what else is known of the response shows whether that is right.
func ExampleRecognise() {
	known := etag.Facts{LastModified: time.Date(2013, 5, 7, 4, 4, 1, 0, time.UTC)}
	for _, r := range etag.Recognise(`"60be30e8d74ace1:0"`, known) {
		fmt.Println(r)
		fmt.Println(r.Dialect.ID, r.Fit, r.Time)
	}
	// Output:
	// looks like IIS; its time fits Last-Modified to the second
	// iis confirmed 2013-05-07 04:04:01.4255712 +0000 UTC
}

// Two tags that differ have their reasons.
func ExampleRelate() {
	for _, current := range []string{`"6ae9a5ee-bc55"`, `"6ae9a5f8-bc7a"`, `"d41d8cd98f00b204e9800998ecf8427e"`} {
		r := etag.Relate(`W/"6ae9a5ee-bc55-gzip"`, current, etag.Facts{}, etag.Facts{})
		fmt.Printf("%s: %s\n", r.Kind, r)
	}
	// Output:
	// same but for form: the two tags are the same but for the prefix W/ and the mark of a content coding
	// edited: each looks like nginx: the current time, 2026-11-03 09:14:32 UTC, is 10 s later, the size was 48213 bytes and is 48250
	// other layer: two programs made them: the one sent looks like nginx, the current one looks like a program that uses an MD5 or another digest of 128 bits
}

// A row with a version that counts up needs no other tag.
func ExampleOfVersion() {
	fmt.Println(etag.OfVersion(7))
	// Output: "7"
}
