package patch_test

import (
	"errors"
	"fmt"

	"github.com/fourtwelve/fourtwelve/internal/content/patch"
)

// The document keeps its order, its spelling and its indentation.
func ExampleMergePatch() {
	document := `{
  "title": "Shopping",
  "price": 12.50,
  "tags": ["food", "weekly"]
}
`
	changed, err := patch.MergePatch([]byte(document), []byte(`{"title": "Groceries", "done": true}`))
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(string(changed))
	// Output:
	// {
	//   "title": "Groceries",
	//   "price": 12.50,
	//   "tags": ["food", "weekly"],
	//   "done": true
	// }
}

// A failing test refuses the whole patch.
func ExampleJSONPatch() {
	_, err := patch.JSONPatch([]byte(`{"stock": 3}`), []byte(`[
		{"op": "test", "path": "/stock", "value": 4},
		{"op": "replace", "path": "/stock", "value": 5}
	]`))
	fmt.Println(errors.Is(err, patch.ErrTest))
	fmt.Println(err)
	// Output:
	// true
	// a test of the patch failed: operation 0: "/stock" has another value
}

func ExampleChanges() {
	before := []byte(`{"title": "Shopping", "items": ["milk", "bread"]}`)
	after := []byte(`{"title": "Shopping", "items": ["milk", "eggs", "bread"]}`)
	c, _ := patch.Changes("application/json", before, after)
	fmt.Println(string(c.JSON))

	c, _ = patch.Changes("text/plain", []byte("milk\nbread\n"), []byte("milk\neggs\nbread\n"))
	fmt.Print(c.Text)
	// Output:
	// [{"op":"add","path":"/items/1","value":"eggs"}]
	// --- before
	// +++ after
	// @@ -1,2 +1,3 @@
	//  milk
	// +eggs
	//  bread
}
