package accesslog_test

import (
	"context"
	"fmt"
	"log"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// Tell requests that carried no precondition from those of which the log cannot say.
func ExampleReader_Entries() {
	r, err := accesslog.Open([]string{"testdata/iis/custom.log"}, accesslog.Options{
		Each: accesslog.Select(accesslog.StatusOf(412), false),
	})
	if err != nil {
		log.Fatal(err)
	}
	for e := range r.Entries(context.Background()) {
		fmt.Println(e.Text(accesslog.Method), e.Text(accesslog.Path), e.Text(accesslog.IfMatch), "but", e.Text(accesslog.ETag))
		fmt.Println("If-None-Match:", e.State(accesslog.IfNoneMatch), "- If-Range:", e.State(accesslog.IfRange))
	}
	if r.Err() != nil {
		log.Fatal(r.Err())
	}
	// Output:
	// PUT /dav/plan.docx "c3dddcb6736bdd1:0" but "795d517746bdd1:0"
	// If-None-Match: absent - If-Range: not logged
	// PUT /dav/plan.docx "a", W/"b+c/d" but "795d517746bdd1:0"
	// If-None-Match: absent - If-Range: not logged
}

// Say which line of configuration would log what a diagnosis lacks.
func ExampleFormat_Advice() {
	r, err := accesslog.Open([]string{"testdata/iis/advanced.log"}, accesslog.Options{Each: accesslog.CountOnly})
	if err != nil {
		log.Fatal(err)
	}
	for range r.Entries(context.Background()) {
	}
	for _, f := range r.Files() {
		fmt.Println(f.Missing())
		fmt.Println(f.Format().Advice(f.Missing())[0].Config)
	}
	// Output:
	// if_modified_since if_unmodified_since accept_encoding content_encoding
	// <customFields>
	//   <add logFieldName="If-Modified-Since" sourceName="If-Modified-Since" sourceType="RequestHeader" />
	//   <add logFieldName="If-Unmodified-Since" sourceName="If-Unmodified-Since" sourceType="RequestHeader" />
	//   <add logFieldName="Accept-Encoding" sourceName="Accept-Encoding" sourceType="RequestHeader" />
	//   <add logFieldName="Content-Encoding" sourceName="Content-Encoding" sourceType="ResponseHeader" />
	// </customFields>
}

// Count by client in all cores, with a map for each worker and no lock.
func ExampleOptions_each() {
	const workers = 2
	var bytes [workers]map[string]int64
	for w := range workers {
		bytes[w] = map[string]int64{}
	}
	r, err := accesslog.Open([]string{"testdata/apache/com*.log"}, accesslog.Options{
		Workers: workers,
		Each: func(worker int, e *accesslog.Entry) bool {
			n, _ := e.Sent()
			bytes[worker][string([]byte(e.Text(accesslog.Client)))] += n // a copy: the text does not live on
			return false
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for range r.Entries(context.Background()) {
	}
	fmt.Println(bytes[0]["192.0.2.9"]+bytes[1]["192.0.2.9"], "bytes for 192.0.2.9 of", r.Stats().Entries, "requests")
	// Output: 196 bytes for 192.0.2.9 of 8 requests
}
