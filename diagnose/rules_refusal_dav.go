package diagnose

// davRefusals are about the methods of WebDAV.
var davRefusals = []refusal{
	{
		id: "malformed-depth", level: Warning, status: 400, section: "RFC 4918 §10.2",
		summary: "Depth is not a value that the method takes",
		explains: "Depth says how much of a collection a request is about: 0, 1 or infinity. DELETE and MOVE take a collection with all that is " +
			"in it, so they know infinity alone, and COPY knows 0 and infinity. A value that was not understood could make a request " +
			"take more than was meant, so it is refused.",
		request: "DELETE /notes/ HTTP/1.1\nHost: www.example.org\nDepth: 0",
		fix: []string{
			"Client: leave Depth out, or send one that the method takes.",
		},
	},
	{
		id: "infinite-depth", level: Good, status: 403, section: "RFC 4918 §9.1.1",
		summary: "A PROPFIND of a whole tree is not answered",
		explains: "With Depth: infinity, or without Depth, PROPFIND asks for the properties of all that is in a collection, at any depth. That " +
			"can be everything there is, so servers may refuse it, and this one does (propfind-finite-depth).",
		request: "PROPFIND / HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: send Depth: 1, and ask again for each collection that is found.",
		},
	},
	{
		id: "malformed-xml", level: Warning, status: 400, section: "RFC 4918 §8.2",
		summary: "The content of the request is not the XML that the method takes",
		explains: "The content is not well-formed, uses a prefix that it does not declare, or its element is not the one that the method takes " +
			"(propfind, propertyupdate, lockinfo). The detail says what is wrong, and where.",
		request: "PROPFIND /notes/ HTTP/1.1\nHost: www.example.org\nDepth: 1\n\n<propfind><allprop/></propfind>",
		fix: []string{
			"Client: correct the document. Elements of WebDAV are in the namespace \"DAV:\".",
		},
	},
	{
		id: "xml-entities", level: Warning, status: 403, section: "RFC 4918 §20.6",
		summary: "The XML in the request has a document type",
		explains: "A document type (<!DOCTYPE …>) can define entities: some that read files of the server, and some that grow to gigabytes. No " +
			"WebDAV client needs one, and none is taken (no-external-entities).",
		request: "PROPFIND /notes/ HTTP/1.1\nHost: www.example.org\nDepth: 1\n\n<!DOCTYPE p SYSTEM \"http://example.net/p.dtd\"><p/>",
		fix: []string{
			"Client: send the document without it.",
		},
	},
	{
		id: "xml-too-large", level: Warning, status: 413, section: "RFC 4918 §8.2",
		summary: "The XML in the request is too long, too deep, or has too many elements",
		explains: "Documents of requests are held in memory, so they have bounds: 1 MiB, 64 elements in each other, and 8192 elements and attributes. " +
			"The detail says which was met. Nothing was changed.",
		request: "PROPPATCH /notes/plan HTTP/1.1\nHost: www.example.org\nContent-Length: 2000000",
		fix: []string{
			"Client: ask for fewer properties, or set fewer, in one request.",
		},
	},
	{
		id: "unexpected-content", level: Warning, status: 415, section: "RFC 4918 §8.4",
		summary: "The request has content, and the method knows none",
		explains: "MKCOL, COPY and MOVE have no content that this server knows. A client that sends some may mean an extension, and " +
			"would be misled if it were passed over.",
		request: "MKCOL /notes/2026/ HTTP/1.1\nHost: www.example.org\nContent-Length: 9\n\n<members>",
		fix: []string{
			"Client: send the request without content.",
		},
	},
	{
		id: "no-parent", level: Warning, status: 409, section: "RFC 4918 §9.3.1",
		summary: "The collection that would hold the new name does not exist",
		explains: "MKCOL, COPY, MOVE and LOCK make a name in a collection that exists, and so does PUT from a client that speaks WebDAV: it has shown " +
			"that it does by a field or a method of WebDAV, now or in the last day. For other clients PUT makes the collections on the way.",
		request: "MKCOL /notes/2026/11/ HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: create the collection above first, with MKCOL.",
		},
	},
	{
		id: "destination-inside", level: Warning, status: 403, section: "RFC 4918 §9.8.5",
		summary: "Source and destination are the same, or one lies inside the other",
		explains: "A collection cannot be moved into itself, a copy of it inside itself would have no end, and whoever replaces a collection by something " +
			"in it would lose that, too.",
		request: "MOVE /notes/ HTTP/1.1\nHost: www.example.org\nDestination: /notes/old/",
		fix: []string{
			"Client: choose a destination outside of the source.",
		},
	},
	{
		id: "malformed-overwrite", level: Warning, status: 400, section: "RFC 4918 §10.6",
		summary: "Overwrite is neither T nor F",
		explains: "Overwrite says whether COPY and MOVE may replace what is at the destination. A value that was not understood could make them replace " +
			"what was to be kept, so it is refused.",
		request: "MOVE /notes/plan HTTP/1.1\nHost: www.example.org\nDestination: /notes/old\nOverwrite: false",
		fix: []string{
			"Client: send T or F, or leave the field out, which means T.",
		},
	},
	{
		id: "properties-too-large", level: Warning, status: 507, section: "RFC 4918 §11.5",
		summary:  "The resource would have too many properties, or too long ones",
		explains: "A resource has at most 1024 properties of its own, of 64 KiB each, and of 1 MiB together. Nothing was changed.",
		request:  "PROPPATCH /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: remove properties that are not needed, or keep what is long as content.",
		},
	},
}
