package ifheader_test

import (
	"fmt"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

// A client saves a document that it has locked, if it is still the version that it read.
func ExampleEvaluate() {
	header, err := ifheader.Parse([]string{`(<urn:uuid:c0ffee> ["v1"])`})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := ifheader.Evaluate(header, "/plan.odt", func(string) ifheader.State {
		return ifheader.State{Exists: true, Tags: []etag.Tag{etag.MustParse(`"v2"`)}, Locks: []string{"urn:uuid:c0ffee"}}
	})
	fmt.Println(d.Holds, d.Reason)
	fmt.Println(d.Text())
	fmt.Println("submitted:", header.Tokens())
	// Output:
	// false tag-differs
	// the list (<urn:uuid:c0ffee> ["v1"]) does not hold: the target has another entity tag than "v1"
	// submitted: [urn:uuid:c0ffee]
}
