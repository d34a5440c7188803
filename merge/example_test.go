package merge_test

import (
	"fmt"

	"github.com/fourtwelve/fourtwelve/merge"
)

func ExampleText() {
	base := []byte("milk\nbread\neggs\n")
	mine := []byte("oat milk\nbread\neggs\n")
	theirs := []byte("milk\nbread\n12 eggs\n")
	r, err := merge.Text(base, mine, theirs, merge.Options{})
	fmt.Printf("%d conflicts, %v\n%s", r.Conflicts, err, r.Content)
	// Output:
	// 0 conflicts, <nil>
	// oat milk
	// bread
	// 12 eggs
}
