// Package requestlog writes the access log: one JSON object a line for each
// request, with its conditional fields, both entity tags and what was decided.
//
//	sink, err := requestlog.OpenFile("access.log")
//	if err != nil {
//		return err
//	}
//	w := requestlog.NewWriter(sink, requestlog.Options{Logger: logger})
//	defer w.Close(time.Second)
//	handler := origin.New(origin.Options{Store: s, Observe: requestlog.Observer(w, nil)})
//
// The members of a line are a stable interface, described in docs/access-log.md.
// Credentials are never written: neither the Authorization field, nor what package secret
// finds in the target URI, the Host, the Referer and the like.
package requestlog
