package diagnose

import "github.com/fourtwelve/fourtwelve/etag"

// browserRules are the causes in the caches of browsers. They belong to the group of the client.
var browserRules = []Rule{
	{
		ID:      "service-worker-replays-etag",
		Level:   Warning,
		Group:   Client,
		Summary: "The tag came from the browser's own cache or a service worker, and was old",
		Explanation: "The page read the resource before it wrote, but the request never reached the server: a service worker or the browser's cache answered it with a stored response. The page " +
			"took the old tag for the current one and sent it in If-Match. Reading again gives the same stored response, so it never gets out of this.\n\n" +
			"A request that a page makes with a precondition of its own bypasses the browser's cache, but not a service worker.",
		Example: "GET /notes/7 HTTP/1.1\n(from a service worker)\n\nHTTP/1.1 200 OK\nETag: \"1\"\n\nPUT /notes/7 HTTP/1.1\nIf-Match: \"1\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"2\"",
		Fix: []string{
			"Page: read with fetch(url, {cache: \"no-store\"}) before editing, and after each 412.",
			"Service worker: pass the requests for editable resources on to the network.",
			"Server: send Cache-Control: no-cache with what is edited.",
		},
		Section: "RFC 9111 §4.2.4",
		Needs:   []Evidence{FromHistory},
		Since:   "0.1",
		check:   replayedTag,
	},
}

// replayedTag is about a tag from a response that did not come from the server.
func replayedTag(e *examination) []Finding {
	c, ok := e.pair("If-Match")
	if e.status() != 412 || !ok || c.Relation.Kind == etag.Identical || c.Relation.Kind == etag.SameButForm {
		return nil
	}
	read := e.minted(c.Sent)
	if read == nil || read.x.Cache == "" {
		return nil
	}
	return one(Likely, "the "+read.x.Cache+" cache of the client gave "+clip(c.Sent)+" to the page, and the server has "+clip(c.Current),
		read.asked(), read.cached(), read.got("ETag"), e.sent("If-Match"), e.current(), e.gap(read))
}
