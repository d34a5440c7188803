// Package davxml reads the XML of WebDAV requests and writes that of answers (RFC 4918 §14).
//
// What is read comes from strangers: [Parse] bounds its length, depth and number of elements, and takes no
// document type, so that no entity can grow. What is written is a stream: [Writer] holds one buffer, however many
// resources a multistatus has.
//
// Values of properties are kept as the client wrote them ([Element.Fragment]): with the prefixes and the language
// that were in scope, each a small document of its own that can be put into any answer (§4.3).
package davxml
