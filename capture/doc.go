// Package capture holds HTTP requests with their responses, as somebody captured them, and reads
// them from the files in which people have them: raw HTTP text, the output of curl, HAR, the failed
// request traces of IIS, Fiddler's archives, packet captures, and what many programs print or log
// of their requests.
//
//	xs, err := capture.Read(os.Stdin, "-", capture.Options{})
//	for _, x := range xs {
//		fmt.Println(x.Source, x.Request.Method, x.URL(), x.Response.Status)
//		fields := precondition.FieldsOf(x.Request.Header.Map())
//		…
//	}
//
// The format is recognised by the content. What a capture does not show is as
// important as what it shows: see Exchange.Gaps.
//
// # Credentials
//
// An Exchange holds no credentials of its header sections and URLs. Header.Add replaces
// the values of Authorization, Cookie and the like, and RedactURL the parameters of a URL
// that grant access. What remains is that they were there. So nothing that prints an
// Exchange can print them. The exception is Content, which is evidence to compare and to
// search, not to show.
//
// # Bounds
//
// Memory does not depend on the size of the input: see Limits. What does not fit is
// cut, and the exchange says so.
package capture
