package byterange_test

import (
	"errors"
	"fmt"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// What a Range field asks for depends on how long the representation is.
func ExampleResolve() {
	for _, field := range []string{
		"bytes=0-499",
		"bytes=-500",
		"bytes=0-0,-1",
		"bytes=500-700,601-999",
		"bytes=10000-",
		"bytes=5-2",
		"lines=1-20",
	} {
		plan := byterange.Resolve([]string{field}, 10000)
		fmt.Println(field, "->", plan.Kind.Status(), plan.Reason)
		if value := plan.ContentRange(); value != "" {
			fmt.Println("  Content-Range:", value)
		}
		for _, part := range plan.Parts {
			fmt.Println("  part:", part.ContentRange(plan.Size))
		}
	}
	// Output:
	// bytes=0-499 -> 206 satisfiable
	//   Content-Range: bytes 0-499/10000
	// bytes=-500 -> 206 satisfiable
	//   Content-Range: bytes 9500-9999/10000
	// bytes=0-0,-1 -> 206 satisfiable
	//   part: bytes 0-0/10000
	//   part: bytes 9999-9999/10000
	// bytes=500-700,601-999 -> 206 satisfiable
	//   Content-Range: bytes 500-999/10000
	// bytes=10000- -> 416 none-satisfiable
	//   Content-Range: bytes */10000
	// bytes=5-2 -> 200 malformed
	// lines=1-20 -> 200 other-unit
}

// A Plan that ignores a field can say what is wrong with it.
func ExamplePlan_err() {
	plan := byterange.Resolve([]string{"bytes=0-99, 0 - 99"}, 10000)
	fmt.Println(plan.Kind, plan.Reason)
	fmt.Println(plan.Err)
	fmt.Println("see RFC 9110, section", plan.Reason.Section())
	// Output:
	// whole malformed
	// Range "bytes=0-99, 0 - 99": malformed at offset 13: want a digit or "-"
	// see RFC 9110, section 14.1.1
}

// A client makes its Range field from the bytes it is missing.
func ExampleNewSet() {
	fmt.Println(byterange.NewSet(byterange.From(1048576)))
	fmt.Println(byterange.NewSet(byterange.Interval(0, 499), byterange.Suffix(1)))
	// Output:
	// bytes=1048576-
	// bytes=0-499,-1
}

func ExampleParse() {
	set, err := byterange.Parse("Bytes= 0-499, 9500-, -1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range set.Len() {
		spec := set.At(i)
		part, ok := spec.Resolve(2000)
		fmt.Println(spec, ok, part)
	}
	// Output:
	// 0-499 true {0 500}
	// 9500- false {0 0}
	// -1 true {1999 1}
}

// A client reads from Content-Range where the bytes it gets belong, and what the
// length of the whole is.
func ExampleParseContentRange() {
	for _, value := range []string{"bytes 42-1233/1234", "bytes 42-1233/*", "bytes */1234", "bytes 42-1234/1234"} {
		c, err := byterange.ParseContentRange(value)
		switch {
		case errors.Is(err, byterange.ErrSyntax):
			fmt.Println("do not use the content:", err)
		case c.Unsatisfied():
			fmt.Println("the whole is", c.Size, "bytes long")
		default:
			fmt.Println(c.Range.Length, "bytes from", c.Range.Start, "of", c.Size)
		}
	}
	// Output:
	// 1192 bytes from 42 of 1234
	// 1192 bytes from 42 of -1
	// the whole is 1234 bytes long
	// do not use the content: Content-Range "bytes 42-1234/1234": malformed at offset 6: want a complete length above the last position
}
