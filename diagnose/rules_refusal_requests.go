package diagnose

// requestRefusals are about who asks for what, before anything is looked at.
var requestRefusals = []refusal{
	{
		id: "ambiguous-length", level: Warning, status: 400, section: "RFC 9112 §6.1",
		summary: "It is not clear where the content of the request ends",
		explains: "The request is of HTTP/1.0 and has Transfer-Encoding, which that version does not know, or its fields about the length of the " +
			"content can be read in two ways. Servers on the way may see its end in different places, and part of the content would be stored, or " +
			"taken for another request. Nothing was changed, and the connection is closed.",
		request: "PUT /notes/plan HTTP/1.0\nTransfer-Encoding: chunked",
		fix: []string{
			"Client: send Content-Length, or use HTTP/1.1.",
			"Proxy: speak HTTP/1.1 to the server behind (nginx: proxy_http_version 1.1).",
		},
	},
	{
		id: "length-required", level: Warning, status: 411, section: "RFC 9110 §15.5.12",
		summary: "A request of HTTP/1.0 says nothing of the length of its content",
		explains: "HTTP/1.0 has no other way than Content-Length to say where content ends. Without it, a write would store nothing, whatever " +
			"the client sends after the header section. Nothing was changed, and the connection is closed.",
		request: "PUT /notes/plan HTTP/1.0",
		fix: []string{
			"Client: send Content-Length, also where it is 0, or use HTTP/1.1.",
		},
	},
	{
		id: "bad-name", level: Warning, status: 400, section: "RFC 9110 §4.2.3",
		summary: "The path names nothing that could be stored",
		explains: "A path becomes a name by percent-decoding it once. What then has a dot segment, an encoded slash, a control " +
			"character, or is too long, is refused before anything is looked up, so that no two paths lead to one file.",
		request: "PUT /notes/%00 HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: choose another name. The detail says which part is in the way.",
		},
	},
	{
		id: "read-only", level: Good, status: 403, section: "RFC 9110 §15.5.4",
		summary: "This server takes no writes",
		explains: "The server runs with --read-only, or it listens where others can reach it and has no credentials, and then reads " +
			"are all that it allows.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: to take writes, start it without --read-only; where others can reach it, give it --auth with a file of " +
				"credentials.",
		},
	},
	{
		id: "purge-not-allowed", level: Good, status: 403, section: "RFC 9110 §15.5.4",
		summary: "Only some may destroy earlier revisions",
		explains: "Earlier revisions protect what was written from those who may write: from a mistake, or from a password that was " +
			"stolen. So the right to write is not the right to destroy them.",
		request: "DELETE /notes/plan?revision=earlier HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: name the users who may with serve --may-purge, or use fourtwelve purge on the machine itself.",
		},
	},
	{
		id: "revision-is-current", level: Good, status: 409, section: "RFC 9110 §15.5.10",
		summary: "The current revision cannot be purged, only earlier ones",
		explains: "What is current is what clients get and other programs see as a file. It goes away by deleting or replacing the " +
			"resource, and is an earlier revision then.",
		request: "DELETE /notes/plan?revision=7 HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: delete or replace the resource, with If-Match, and then purge the revision.",
		},
	},
	{
		id: "malformed-idempotency-key", level: Warning, status: 400, section: "draft-ietf-httpapi-idempotency-key §2.1",
		summary: "The Idempotency-Key cannot be read",
		explains: "A key is one string in quotes (RFC 9651 §3.3.3), and a bare word is taken for one. A write with a key that " +
			"cannot be read is not performed: the client counts on being able to send it again, and could not.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"\nIdempotency-Key: \"k1",
		fix: []string{
			"Client: send one key, in quotes, such as a UUID.",
		},
	},
	{
		id: "idempotency-key-required", level: Good, status: 400, section: "draft-ietf-httpapi-idempotency-key §2.7",
		summary: "Writes need an Idempotency-Key here, and this one has none",
		explains: "Whoever runs the server wants every write to be one that can be sent again when its answer was lost. Without a " +
			"key a repeated write cannot be told from a second one.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"",
		fix: []string{
			"Client: make a new key, such as a UUID, for each write, and send it again with the same write.",
			"Server: --idempotency-required (of the guard: the route's idempotency-required) asks for it.",
		},
	},
	{
		id: "idempotency-key-reused", level: Warning, status: 422, section: "draft-ietf-httpapi-idempotency-key §2.7",
		summary: "The Idempotency-Key was used for another write before",
		explains: "A key stands for one write: its method, its target, its preconditions and its content. This one came before with " +
			"another, which was performed. To give its answer would be wrong, and to perform this one would make the key worthless.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"b\"\nIdempotency-Key: \"k1\"",
		fix: []string{
			"Client: make a new key for each new write, also for one that was merged anew after a 412. Send the old key only with the very same bytes.",
		},
	},
	{
		id: "idempotency-key-in-use", level: Good, status: 409, section: "draft-ietf-httpapi-idempotency-key §2.7",
		summary: "A request with this Idempotency-Key is under way",
		explains: "The first request with the key has not been answered yet, so there is no answer to be given again, and the write " +
			"must not be performed a second time.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"\nIdempotency-Key: \"k1\"",
		fix: []string{
			"Client: send it again after Retry-After, with the same key.",
		},
	},
	{
		id: "cross-origin", level: Good, status: 403, section: "RFC 9110 §17.13",
		summary: "A page of another site had a browser send this request",
		explains: "A browser sends the credentials it has along with every request, whichever page asked for it. So a write, or a read " +
			"of what is not for everyone, that a page of another origin caused is refused: the person did not ask for it here.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nOrigin: https://other.example",
		fix: []string{
			"Send it from a page of this server, or from a program that is no browser.",
			"Server: if pages of that site are meant to do this, allow its origin.",
		},
	},
	{
		id: "unknown-host", level: Good, status: 421, section: "RFC 9110 §15.5.20",
		summary: "The server is not known by the name in Host",
		explains: "A server for this machine alone answers only to addresses and localhost. A name that leads here may be that of " +
			"another site, which has its own pages read what is on this machine (DNS rebinding).",
		request: "GET / HTTP/1.1\nHost: rebound.example",
		fix: []string{
			"Ask for the server by its address or as localhost.",
			"Server: name the host that it should be known by; the hint says with which flag.",
		},
	},
	{
		id: "credentials-missing", level: Warning, status: 401, section: "RFC 9110 §15.5.2",
		summary: "This needs credentials, and none were sent",
		explains: "The server was given a file of credentials, and the request has no Authorization. Reads may be open all the same, " +
			"with --public-read. WWW-Authenticate names the schemes that are accepted.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: send credentials, as with curl -u NAME or -H \"Authorization: Bearer TOKEN\".",
		},
	},
	{
		id: "credentials-malformed", level: Warning, status: 401, section: "RFC 9110 §11.6.2",
		summary: "The Authorization field cannot be read",
		explains: "The scheme is not one that is accepted here, or what follows it is not what the scheme asks for, such as base64 of " +
			"a name and a password for Basic. Nobody can be recognised by it.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nAuthorization: Basic !",
		fix: []string{
			"Client: see WWW-Authenticate for the schemes that are accepted, and let a library make the field.",
		},
	},
	{
		id: "credentials-wrong", level: Warning, status: 401, section: "RFC 9110 §15.5.2",
		summary: "The name, the password or the token is wrong",
		explains: "The credentials could be read, and they are of nobody who is known here. Which of name and password is wrong is not " +
			"said, so that names cannot be tried out.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nAuthorization: Basic bm86bm8=",
		fix: []string{
			"Client: correct the credentials.",
			"Server: look whether the file of credentials has this name, and was read again after it was changed.",
		},
	},
	{
		id: "too-many-logins", level: Good, status: 503, section: "RFC 9110 §15.6.4",
		summary: "Too many passwords are being checked at the moment",
		explains: "Checking a password takes time on purpose, so that guessing takes long. How many are checked at once is bounded, or " +
			"a flood of guesses would stop the server. Credentials that were right a moment ago are known again without a check.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nAuthorization: Basic bm86bm8=",
		fix: []string{
			"Client: try again after Retry-After.",
			"Client: use a token in place of a password; those are checked at once.",
		},
	},
	{
		id: "out-of-memory", level: Good, status: 503, section: "RFC 9110 §15.6.4",
		summary: "Other requests hold all the memory that there is for such requests",
		explains: "Patching and listing hold content in memory, and what all requests together may hold is bounded, so that no " +
			"crowd of them takes the server down. This one has waited for its turn in vain. Nothing was changed.",
		request: "PATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Type: application/merge-patch+json\nIf-Match: \"a\"",
		fix: []string{
			"Client: try again after Retry-After.",
			"Client: split large documents, or replace them with PUT, which holds nothing in memory.",
			"Server: if there is memory to spare, allow more of it.",
		},
	},
	{
		id: "too-many-at-once", level: Good, status: 503, section: "RFC 9110 §15.6.4",
		summary: "Too many requests are being answered at the moment",
		explains: "How many requests are answered at once is bounded, for each address and for all, so that one client cannot keep " +
			"all others out. Nothing was changed.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: try again after Retry-After, and ask for less at once.",
			"Server: if all clients come through one proxy, allow more for one address.",
		},
	},
	{
		id: "method-not-allowed", level: Warning, status: 405, section: "RFC 9110 §15.5.6",
		summary: "The method cannot be applied to this resource",
		explains: "The method is known, but not for a resource of this kind: a collection is not replaced with PUT, and nothing is " +
			"added to a resource that is none with POST. Allow has the methods that the resource has.",
		request: "POST /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: use one of the methods in Allow.",
		},
	},
	{
		id: "method-not-implemented", level: Warning, status: 501, section: "RFC 9110 §15.6.2",
		summary:  "The method is not known here",
		explains: "The server does not know what the method asks for, so it does nothing: a method that is not known may be unsafe.",
		request:  "FROB /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: look for a spelling mistake; methods are in capital letters.",
			"If it is a method of WebDAV or the like, the server has to be one that has it.",
		},
	},
	{
		id: "invalid-method", level: Warning, status: 400, section: "RFC 9110 §9.1",
		summary: "The method of the request is none",
		explains: "A method is a token: letters, digits and a few signs, without spaces or brackets. In HTTP/2 a client can send anything in " +
			":method, and a gateway that passed it on would write a request line that the server behind reads in another way.",
		request: "GE(T /notes/plan HTTP/2\n:authority: www.example.org",
		fix: []string{
			"Client: send a method such as GET or PUT.",
		},
	},
	{
		id: "no-tunnel", level: Good, status: 405, section: "RFC 9110 §9.3.6",
		summary: "CONNECT was sent to a gateway, which tunnels nothing",
		explains: "CONNECT asks a proxy for a tunnel to another machine. The guard stands in front of one server, as a gateway, and " +
			"opens no tunnels.",
		request: "CONNECT www.example.org:443 HTTP/1.1\nHost: www.example.org:443",
		fix: []string{
			"Client: do not use the guard as a proxy; ask it for what is behind it as if it were the server.",
		},
	},
	{
		id: "no-route", level: Warning, status: 404, section: "RFC 9110 §15.5.5",
		summary: "No route of the guard is for this request",
		explains: "The guard sends a request on by host and path, as its configuration says. None of the routes is for this one, so " +
			"there is nobody to ask.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: check the host and the path.",
			"Server: add a route, or one for all that is left: path: /.",
		},
	},
	{
		id: "max-forwards", level: Good, status: 405, section: "RFC 9110 §7.6.2",
		summary: "Max-Forwards is 0, so the request goes no further than the gateway",
		explains: "With TRACE and OPTIONS a client can ask how many intermediaries there are: each counts Max-Forwards down, and the " +
			"one that gets 0 has to answer itself. This gateway has nothing to say about the resource.",
		request: "OPTIONS /notes/plan HTTP/1.1\nHost: www.example.org\nMax-Forwards: 0",
		fix: []string{
			"Client: leave out Max-Forwards to ask the server behind.",
		},
	},
	{
		id: "too-many-tags", level: Warning, status: 431, section: "RFC 6585 §5",
		summary: "A list of entity tags is too long",
		explains: "Each member is compared with the current tags, so a list is bounded: without a bound one request could keep the " +
			"server busy for long.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nIf-None-Match: \"1\", \"2\", \"3\"",
		fix: []string{
			"Client: send the tags of those versions that you still have. One is enough in If-Match.",
		},
	},
	{
		id: "not-found", level: Good, status: 404, section: "RFC 9110 §15.5.5",
		summary: "There is no such resource",
		explains: "Nothing is stored under this name, or it was deleted. Names are compared byte for byte after percent-decoding: case " +
			"counts, and so do the two ways to write letters with accents in Unicode.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: list the collection to see the names.",
			"Client: to create the resource, send PUT with If-None-Match: *.",
		},
	},
	{
		id: "not-a-collection", level: Good, status: 404, section: "RFC 9110 §15.5.5",
		summary: "The path treats a resource as a collection, and it is none",
		explains: "A path that ends in a slash, or goes on behind one, names a member of a collection. What is there has content of " +
			"its own, and so no members. A write into it is answered 409.",
		request: "GET /notes/plan/ HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: leave out the slash, or choose another name.",
		},
	},
	{
		id: "is-collection", level: Good, status: 409, section: "RFC 9110 §15.5.10",
		summary: "The name is that of a collection, which has members in place of content",
		explains: "What is under this name is a collection: it is listed and not read, and to put content in its place would lose its " +
			"members.",
		request: "PUT /notes HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: name one of its members, or choose another name.",
		},
	},
	{
		id: "no-such-revision", level: Good, status: 404, section: "RFC 9110 §15.5.5",
		summary:  "The resource has had no such revision",
		explains: "The query asks for an earlier revision by its number, and this resource has never had one of that number.",
		request:  "GET /notes/plan?revision=999 HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: follow the Link field with rel=\"predecessor-version\", which names the revision before.",
		},
	},
	{
		id: "revision-gone", level: Good, status: 410, section: "RFC 9110 §15.5.11",
		summary: "The revision was there once, and is not kept any more",
		explains: "Earlier revisions are kept within bounds of number, size and age. This one was beyond them and has been removed, or " +
			"was purged.",
		request: "GET /notes/plan?revision=1 HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: fetch the resource without the query, for the current revision.",
			"Server: --keep says how much of the past is kept.",
		},
	},
}

// contentRefusals are about the content of a write.
var contentRefusals = []refusal{
	{
		id: "partial-content", level: Warning, status: 400, section: "RFC 9110 §14.5",
		summary: "The request writes a part, and this server writes whole resources only",
		explains: "A server that does not know Content-Range in a PUT would store the part in the place of the whole, and the rest " +
			"would be lost. So such a request is refused, as the standard advises.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Range: bytes 0-9/100",
		fix: []string{
			"Client: send the whole content.",
			"Client: to change a part, use PATCH with a format that the server names in Accept-Patch.",
		},
	},
	{
		id: "content-too-large", level: Warning, status: 413, section: "RFC 9110 §15.5.14",
		summary: "The content is longer than is accepted here",
		explains: "How much one write may bring is bounded, so that no client fills the disk. With Expect: 100-continue, or a " +
			"Content-Length, the refusal comes before the content is sent.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Length: 99999999999",
		fix: []string{
			"Client: send less.",
			"Server: the flag or member max-body sets the bound.",
		},
	},
	{
		id: "content-coding", level: Warning, status: 415, section: "RFC 9110 §15.5.16",
		summary: "The content is in a content coding, and is stored as it is",
		explains: "The server makes the codings of what it has itself. Content that comes in one would be stored so, and be sent as if " +
			"the coding were the content; decoding it unasked could fill the disk. Accept-Encoding says that identity is what is " +
			"taken.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Encoding: gzip",
		fix: []string{
			"Client: send the content without Content-Encoding.",
		},
	},
	{
		id: "malformed-digest", level: Warning, status: 400, section: "RFC 9530 §2",
		summary: "Content-Digest or Repr-Digest cannot be read",
		explains: "A digest is sent so that damage is noticed. One that cannot be read would notice nothing, so the write is refused " +
			"and not performed unchecked.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nRepr-Digest: abc",
		fix: []string{
			"Client: write it as a structured field: Repr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
		},
	},
	{
		id: "digest-mismatch", level: Warning, status: 400, section: "RFC 9530 §2",
		summary: "The content is not what its digest says",
		explains: "The content was hashed while it came in, and the hash is not the one that the client sent: the content was damaged " +
			"or changed on its way, or the digest is of something else. Nothing was stored.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nRepr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
		fix: []string{
			"Client: compute the digest of the very bytes that are sent, and send them again.",
			"Look for a proxy on the way that changes content.",
		},
	},
	{
		id: "incomplete-content", level: Warning, status: 400, section: "RFC 9112 §8",
		summary: "The content ended too early, or is not framed as announced",
		explains: "Fewer bytes came than Content-Length says, or the chunks are not well-formed. A cut upload changes nothing: what " +
			"was there is still there.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Length: 100",
		fix: []string{
			"Client: send it again.",
			"Look for a timeout or a limit of a proxy on the way.",
		},
	},
	{
		id: "timeout", level: Warning, status: 408, section: "RFC 9110 §15.5.9",
		summary: "The content did not arrive in time, or the request took too long",
		explains: "A client that sends nothing for long holds resources that others need, so there is a bound on the time. Nothing was " +
			"changed by the part that arrived. If the server itself was too slow, the status is 503.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Length: 100",
		fix: []string{
			"Client: send it again, over a better connection or in smaller pieces.",
			"Server: the flags about timeouts set the bounds.",
		},
	},
	{
		id: "unsupported-patch", level: Warning, status: 415, section: "RFC 5789 §2.2",
		summary: "PATCH has content of a type that is no patch known here",
		explains: "What a patch document means depends on its media type, and the server must know the type to apply it. Accept-Patch " +
			"names those it knows.",
		request: "PATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Type: text/plain",
		fix: []string{
			"Client: send one of the types in Accept-Patch, such as application/merge-patch+json or application/json-patch+json.",
		},
	},
	{
		id: "malformed-patch", level: Warning, status: 400, section: "RFC 5789 §2.2",
		summary:  "The patch document cannot be read",
		explains: "The content is not what its media type says: no JSON, or no list of operations of RFC 6902. Nothing was changed.",
		request:  "PATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Type: application/json-patch+json",
		fix: []string{
			"Client: correct the patch document; the detail says where it is wrong.",
		},
	},
	{
		id: "patch-test-failed", level: Good, status: 409, section: "RFC 5789 §2.2",
		summary: "A test inside the patch does not hold",
		explains: "JSON Patch has an operation \"test\", which says what must be so before the rest is applied. It is not so: the " +
			"document is another than the one that the patch was made for. Nothing was changed.",
		request: "PATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Type: application/json-patch+json",
		fix: []string{
			"Client: fetch the resource, and make the patch anew.",
		},
	},
	{
		id: "patch-conflict", level: Good, status: 409, section: "RFC 5789 §2.2",
		summary: "The patch does not fit the document",
		explains: "An operation is about a place that the document does not have, such as a member to be removed that is not there. " +
			"The document is another than the one that the patch was made for. Nothing was changed.",
		request: "PATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Type: application/json-patch+json",
		fix: []string{
			"Client: fetch the resource, and make the patch anew; send it with If-Match.",
		},
	},
	{
		id: "not-patchable", level: Good, status: 409, section: "RFC 5789 §2.2",
		summary: "The resource is nothing that the patch could be applied to",
		explains: "A JSON patch is for a JSON document. The content of this resource is none, or it is longer than what is patched " +
			"here. Nothing was changed.",
		request: "PATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Type: application/merge-patch+json",
		fix: []string{
			"Client: replace the resource with PUT and If-Match.",
		},
	},
	{
		id: "patch-too-large", level: Warning, status: 422, section: "RFC 5789 §2.2",
		summary: "What the patch makes is larger than is accepted here",
		explains: "A few bytes of a patch can make a large document, by copying again and again. Work and result are bounded, so that " +
			"no request takes all memory. Nothing was changed.",
		request: "PATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Type: application/json-patch+json",
		fix: []string{
			"Client: split the patch, or replace the resource with PUT.",
		},
	},
}
