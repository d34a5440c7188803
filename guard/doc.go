// Package guard is a reverse proxy (RFC 9110 §3.7) that gives a backend which
// somebody else wrote what it lacks: entity tags that are right, conditional reads
// and ranges that never splice, conditional writes that lose nothing, and refusals
// that say why.
//
//	h, err := guard.New(guard.Options{Routes: []guard.Route{{Backend: backend}}})
//	if err != nil {
//		return err
//	}
//	defer h.Close()
//	http.ListenAndServe("127.0.0.1:8412", h)
package guard
