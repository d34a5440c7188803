// Package cacheadmin is how the cache of a running guard is looked into and purged: JSON over HTTP, on the listener of the metrics.
//
//	POST /cache/purge    a [Purge], answered by a [Purged]
//	POST /cache/list     a [List], answered by a [Listed]
//	POST /cache/explain  an [Explain], answered by an [Explained]
//
// An error is a problem (RFC 9457) with a "reason" that is stable. Every request is a POST of application/json, which no page of another
// site can make a browser send. [Client] asks, and the functions of this package that write say the answer to people.
package cacheadmin
