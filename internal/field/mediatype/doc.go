// Package mediatype tells the media type (RFC 9110 §8.3.1) of content by its name.
//
//	mediatype.Of("site/index.html") // text/html; charset=utf-8
//	mediatype.Of("data.unheard-of") // application/octet-stream
//
// It has its own table and asks no operating system, so that a name has the same
// type on every machine. Text has the parameter charset=utf-8, except where the
// format says its encoding itself (XML) or allows only one (JSON).
//
// # Looking into content
//
// [Detect] looks at the first bytes of content whose name tells nothing. It never
// makes them something that a browser would run: whoever may upload a picture
// could else upload a page that acts in the name of the site's other users. So a
// nameless page, script or SVG is text/plain, and only names make them more.
// Whoever serves either type must also send X-Content-Type-Options: nosniff, or
// a browser would look for itself.
package mediatype
