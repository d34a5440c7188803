// Package qvalue walks the weighted lists of proactive negotiation, such as
// Accept and Accept-Encoding (RFC 9110 §12.4.2, §12.5).
//
//	for m := range qvalue.Members(r.Header["Accept-Encoding"]) {
//		fmt.Println(m.Value, m.Weight) // gzip 1000, br 500
//	}
package qvalue
