// Package s3engine keeps heads and contents of package clusterstore in a bucket of an object store
// that speaks the S3 API.
//
// Of conditions it needs one thing: that PUT of a small object with If-Match or If-None-Match: * is
// atomic. It never relies on conditional deletes, copies or completions of multipart uploads, which
// several servers accept and ignore. Package conform finds out whether the server keeps that.
//
// # Layout
//
// Below the prefix, LEVEL being the first 128 bits of the SHA-256 of everything before the last slash
// of a name, in hexadecimal, and ELEMENT what follows it:
//
//	h/LEVEL/ELEMENT      a head
//	c/LEVEL/ELEMENT/ID   a content
//	n/LEVEL              what the level is called, for whoever lists contents
//
// So one listing returns the members of one collection and no others, no key is another one's folder
// (which servers on file systems cannot have), and names of any length fit the 1024 bytes of a key.
package s3engine
