package diagnose

// mintingRules are the causes in how tags are made and deployed.
var mintingRules = []Rule{
	{
		ID:      "farm-mtime-skew",
		Level:   Error,
		Group:   Minting,
		Summary: "Copies of one file on several servers have different times, and so different tags",
		Explanation: "Most servers make the tag of a file from its modification time. When a deployment writes the same bytes to several " +
			"machines one after the other, each copy gets a time of its own, and each machine another tag. A client that reads from one and is " +
			"answered by another next time never gets a 304, cannot resume a download, and is refused with 412 though nobody changed anything. " +
			"With n machines about 1 − 1/n of the conditional requests go wrong.\n\n" +
			"Last-Modified does not show it if the copies were made within the same second; a tag with a finer time, as that of IIS, Apache, " +
			"Caddy or Go, does.",
		Example: "HTTP/1.1 200 OK\nLast-Modified: Tue, 07 May 2013 04:04:01 GMT\nETag: \"80ceefe7d74ace1:0\"\n\n" +
			"HTTP/1.1 200 OK\nLast-Modified: Tue, 07 May 2013 04:04:01 GMT\nETag: \"60be30e8d74ace1:0\"",
		Fix: []string{
			"Keep modification times when deploying: rsync -t, cp -p, robocopy /COPY:DAT, tar with its times.",
			"Better, have the tag made of the content, by the build or the application.",
			"Until then, send each client to the same machine (sticky sessions), at least for the resources that are edited.",
		},
		Section: "RFC 9110 §8.8.3.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog, FromProbe},
		Probe: []string{
			"curl -sI -H 'Connection: close' URL URL URL URL URL URL",
			"curl -sI --connect-to ::ADDRESS-OF-ONE-MACHINE: URL",
		},
		Since: "0.1",
		check: farmSkew,
	},
	{
		ID:      "cdn-nodes-different-etag",
		Level:   Warning,
		Group:   Minting,
		Summary: "Nodes of one CDN send different tags for the same version",
		Explanation: "A CDN keeps copies in many places. If they were fetched from different origins, compressed by each place itself or " +
			"tagged by it, the same version has several tags. A client that was connected to one place and is now connected to another is sent " +
			"the whole content again, and a resumed download begins anew.\n\n" +
			"It shows in two responses of different nodes with equal Last-Modified and length and different tags.",
		Example: "HTTP/1.1 200 OK\nX-Served-By: cache-fra-1\nLast-Modified: Tue, 03 Nov 2026 09:14:22 GMT\nETag: \"a1\"\n\n" +
			"HTTP/1.1 200 OK\nX-Served-By: cache-iad-7\nLast-Modified: Tue, 03 Nov 2026 09:14:22 GMT\nETag: \"b7\"",
		Fix: []string{
			"Have the origin send a tag that is made of the content, and the CDN pass it on as it is.",
			"Let the nodes fetch from one origin, or through one shield.",
			"A client that resumes may use Last-Modified in If-Range if the CDN sends no tag at all.",
		},
		Section: "RFC 9110 §8.8.3.1",
		Needs:   []Evidence{FromHistory, FromLog, FromProbe},
		Probe:   []string{"curl -sI --resolve HOST:443:ADDRESS-OF-ONE-NODE URL"},
		Since:   "0.1",
		check:   cdnNodes,
	},
	{
		ID:      "iis-changenumber-differs",
		Level:   Error,
		Group:   Minting,
		Summary: "Two IIS servers have the same file with different change numbers in the tag",
		Explanation: "The tag of a static file in IIS is its modification time, a colon and a change number. In IIS 5 and 6 the change number " +
			"counts changes of the configuration of that one server; it differs between the members of a farm, and after a restart. The part before the " +
			"colon is the same, so the file is the same, and yet the tag differs: no 304, no resumed download, and 412 for writes.\n\n" +
			"From IIS 7 on the change number is always 0.",
		Example: "HTTP/1.1 200 OK\nETag: \"704349d01ce1c61:d05\"\n\nHTTP/1.1 200 OK\nETag: \"704349d01ce1c61:b86\"",
		Fix: []string{
			"Set the metabase property MD_ETAG_CHANGENUMBER (2039) to the same value on all servers.",
			"Move the site to IIS 7 or later.",
		},
		Section: "RFC 9110 §8.8.3.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -sI -H 'Connection: close' URL URL URL URL"},
		Since:   "0.1",
		check:   iisChangeNumber,
	},
	{
		ID:      "apache-inode-in-etag",
		Level:   Error,
		Group:   Minting,
		Summary: "The tag contains the inode number, which differs on each server",
		Explanation: "Up to version 2.2 Apache made the tag of a file from its inode number, its size and its modification time, and other " +
			"servers still do. The inode is the place of the file in the file system of one machine: a copy has another one, and so has " +
			"the same file after it was replaced. Size and time are the same in both tags, so the file did not change.",
		Example: "HTTP/1.1 200 OK\nETag: \"1c0100-bc55-65f5bb0296fc6\"\n\nHTTP/1.1 200 OK\nETag: \"2d0413-bc55-65f5bb0296fc6\"",
		Fix: []string{
			"Apache: FileETag MTime Size. That is the default since 2.3.14.",
			"Then keep the modification times of the copies equal, too.",
		},
		Section: "RFC 9110 §8.8.3.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -sI -H 'Connection: close' URL URL URL URL"},
		Since:   "0.1",
		check:   inodeInTag,
	},
	{
		ID:      "redeploy-changes-etag",
		Level:   Warning,
		Group:   Minting,
		Summary: "A deployment gave unchanged files new times, and so new tags",
		Explanation: "A checkout, an image layer or a build artefact is written anew with each deployment, and its files get the time of that. " +
			"The bytes are the same, the tags are not: all clients and caches fetch everything again, downloads that are under way cannot " +
			"be resumed, and a tag that an editor remembers is refused.\n\n" +
			"In a log the tags of all URLs change at one instant.",
		Example: "HTTP/1.1 200 OK\nETag: \"6ae9a5ee-bc55\"\n\nHTTP/1.1 200 OK\nETag: \"6aeaf0aa-bc55\"\n\n(with the same content)",
		Fix: []string{
			"Have the tag made of the content.",
			"Or set the time of each file to that of the last change of its content before deploying.",
		},
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		check:   redeployed,
	},
	{
		ID:      "mtime-normalised-collision",
		Level:   Error,
		Group:   Minting,
		Summary: "All builds give the file the same fixed time, so another version can have the same tag",
		Explanation: "Reproducible builds set the time of every file to a constant: 0, 1, the first of January 1980 or the value of " +
			"SOURCE_DATE_EPOCH. A tag made of time and size then changes only when the size does. A new version of equal length " +
			"has the old tag and the old Last-Modified: clients get a 304 for a version they have never seen, and go on " +
			"using the old one until somebody empties their caches.",
		Example: "GET /app.js HTTP/1.1\nIf-None-Match: \"12cea600-bc55\"\n\nHTTP/1.1 304 Not Modified\nLast-Modified: Tue, 01 Jan 1980 00:00:00 GMT\nETag: \"12cea600-bc55\"",
		Fix: []string{
			"Have the tag made of the content: Apache 2.4.43 and later with FileETag Digest, Caddy with etag_file_extensions and tags that the build makes.",
			"Or put a hash of the content into the name of each file.",
			"Or switch off tag and Last-Modified for these files, so that nothing wrong is believed.",
		},
		Section:  "RFC 9110 §8.8.1",
		Needs:    []Evidence{FromExchange, FromHistory},
		Probe:    []string{"curl -sI URL"},
		Since:    "0.1",
		check:    normalisedTime,
		corrects: collided,
	},
	{
		ID:      "same-second-same-size-collision",
		Level:   Error,
		Group:   Minting,
		Summary: "A second change in the same second with equal length kept the tag",
		Explanation: "A tag that holds a time in whole seconds and a size cannot tell two versions apart that were written within one second and " +
			"are equally long. The later version goes by the tag of the earlier one: a write guarded by it overwrites a change unseen, a " +
			"304 keeps an old version, and a resumed download joins two files.\n\n" +
			"Such a tag is weak by definition, and has to be marked with W/, unless the server waits until the second is over.",
		Example: "HTTP/1.1 200 OK\nETag: \"6ae9a5ee-5\"\n\nfirst\n\nHTTP/1.1 200 OK\nETag: \"6ae9a5ee-5\"\n\nother",
		Fix: []string{
			"Have the tag made of the content, or of a version number.",
			"Or use a server whose tags hold the time in finer units.",
		},
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromHistory, FromProbe},
		Probe: []string{
			"curl -s -D - URL --next -s -X PUT --data-binary @OTHER-CONTENT-OF-EQUAL-LENGTH URL --next -s -D - URL",
		},
		Since:    "0.1",
		check:    sameSecond,
		corrects: collided,
	},
	{
		ID:      "fresh-file-weak-etag",
		Level:   Warning,
		Group:   Minting,
		Summary: "Apache marks the tag of a file weak that changed less than a second ago",
		Explanation: "If a file was changed less than a second before the request, Apache puts W/ before its tag, since the file could change once more " +
			"within the resolution of its time. A moment later the same file has the same tag without W/. A client that " +
			"reads right after a write gets the weak tag, and its next If-Match with that is refused, because If-Match takes strong tags only.",
		Example: "HTTP/1.1 200 OK\nDate: Tue, 03 Nov 2026 09:14:22 GMT\nServer: Apache\nLast-Modified: Tue, 03 Nov 2026 09:14:22 GMT\nETag: W/\"bc55-65f5bb0296fc6\"",
		Fix: []string{
			"Client: if a tag is weak right after a write, GET again two seconds later, and use the strong one.",
			"Server: have the application that stores files send tags of its own, made of the content.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange, FromHistory},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   freshFile,
	},
	{
		ID:      "unstable-etag-per-request",
		Level:   Warning,
		Group:   Minting,
		Summary: "Each response has another tag, though nothing was changed",
		Explanation: "The tag is a digest of a page that contains something new each time: a token against forged requests, a nonce, the time, the " +
			"members of an object in random order. So If-None-Match never matches and saves nothing, while If-Match always " +
			"fails, however quickly the client is.",
		Example: "GET /account HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: W/\"686897696a7c876b7e7e\"\n\nGET /account HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: W/\"0c4a81f2b1d5e9a0a7f3\"",
		Fix: []string{
			"Make the tag of the version of the data (a column, a counter), and not of the rendered page.",
			"Render in a fixed order, and fetch tokens separately.",
			"If a response really differs each time, send no tag, and Cache-Control: no-store.",
		},
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromHistory, FromLog, FromProbe},
		Probe:   []string{"curl -sI URL URL URL"},
		Since:   "0.1",
		check:   unstableTag,
	},
	{
		ID:      "etag-too-narrow",
		Level:   Error,
		Group:   Minting,
		Summary: "The tag stayed the same, though what was sent changed",
		Explanation: "The tag covers only a part of what the representation is made of: the record and not the records it refers to, the " +
			"template and not its includes, the document and not the rights of the one who reads. When another part changes, the tag does not. Clients get a 304 " +
			"and keep the old version, and If-Match lets a write pass that should be refused.",
		Example: "HTTP/1.1 200 OK\nETag: \"v7\"\n\n{\"title\":\"Plan\",\"owner\":\"Ana\"}\n\nHTTP/1.1 200 OK\nETag: \"v7\"\n\n{\"title\":\"Plan\",\"owner\":\"Ben\"}",
		Fix: []string{
			"Let the tag cover everything the representation shows, or make it of the content that is sent.",
			"If the difference does not matter to anybody, mark the tag as weak with W/.",
			"If it depends on a field of the request, name that in Vary and make the tag of it, too.",
		},
		Section:  "RFC 9110 §8.8.1",
		Needs:    []Evidence{FromHistory, FromProbe},
		Probe:    []string{"curl -s -D - URL"},
		Since:    "0.1",
		check:    tooNarrow,
		corrects: collided,
	},
	{
		ID:      "etag-shared-across-urls",
		Level:   Info,
		Group:   Minting,
		Summary: "Different resources have the same tag",
		Explanation: "A tag tells versions of one resource apart, and the standard allows two resources to have the same one. But some clients take a " +
			"tag for the name of the content, whatever the URL, and mix the resources up: builders of images and mirrors do. It also happens by " +
			"mistake, when the tag is made of the version of the program and not of the data.",
		Example: "GET /v3/binary/linux HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: \"a1b2\"\n\nGET /v3/binary/windows HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: \"a1b2\"",
		Fix: []string{
			"Make the tag of the content, or mix the identity of the resource into it.",
			"Client: keep tags with the URL they came from.",
		},
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromProbe},
		Probe:   []string{"curl -sI URL OTHER-URL"},
		Since:   "0.1",
	},
	{
		ID:      "empty-etag-matches-itself",
		Level:   Error,
		Group:   Minting,
		Summary: "The tag is empty or a placeholder for \"no version\", and matches every other such tag",
		Explanation: "The text of the tag was to come from a version that was not there: the tag is \"\", \"null\", or all zeros. It is well formed, so " +
			"clients store it and send it back, and it matches as long as the server still knows no version, whatever the content is by then. " +
			"The client gets a 304 and keeps what it has.",
		Example: "GET /errors HTTP/1.1\nIf-None-Match: \"\"\n\nHTTP/1.1 304 Not Modified\nETag: \"\"",
		Fix: []string{
			"Send no ETag field if there is no version.",
			"Find out why there is none; often the value is computed before the data are loaded.",
		},
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   placeholderTag,
	},
	{
		ID:      "duplicate-etag-fields",
		Level:   Error,
		Group:   Minting,
		Summary: "The response has two ETag values",
		Explanation: "Two layers each added a tag: an application and the server before it, or two modules of one server. The field holds a " +
			"single tag, so a recipient may take the first, the last, or both joined by a comma, which is no tag at all. What the client sends " +
			"back may match one of them, or neither.",
		Example: "HTTP/1.1 200 OK\nETag: \"686897696a7c876b7e\"\nETag: \"6ae9a5ee-bc55\"",
		Fix: []string{
			"Let one layer own the tag: switch it off in the other (nginx: etag off; Apache: FileETag None; or remove the field in the proxy).",
			"The owner should be the layer that evaluates If-Match.",
		},
		Section: "RFC 9110 §5.3",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   duplicateTags,
	},
	{
		ID:      "front-and-backend-mint-different-etags",
		Level:   Error,
		Group:   Minting,
		Summary: "Reads show the tag of one layer, and another layer compares with a tag of its own",
		Explanation: "Two layers each have a tag for the same resource. A GET is answered by the front server, with its tag for the file; a PUT is passed on to the application, " +
			"which compares with the tag from its database. These can never be equal, so each guarded write is " +
			"refused, at once and for ever, while nobody has changed anything.\n\n" +
			"It shows in the form of the tags: one is made of time and size, the other is a digest or a number.",
		Example: "GET /calendar/1.ics HTTP/1.1\n\nHTTP/1.1 200 OK\nServer: nginx\nETag: \"6ae9a5ee-bc55\"\n\n" +
			"PUT /calendar/1.ics HTTP/1.1\nIf-Match: \"6ae9a5ee-bc55\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"d41d8cd98f00b204e9800998ecf8427e\"",
		Fix: []string{
			"Let one layer own the tag. Pass reads of editable resources to the application, too, or switch off the tag of the front server there.",
			"Pass preconditions on to the owner only.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromHistory, FromLog},
		Probe:   []string{"curl -sI URL", "curl -sI --connect-to ::BACK-END: URL"},
		Since:   "0.1",
		check:   twoOwners,
	},
	{
		ID:      "per-part-etag",
		Level:   Warning,
		Group:   Minting,
		Summary: "The server sent the tag of one part, and not that of the whole",
		Explanation: "An object that was uploaded in parts can be read part by part, with partNumber in the URL. Amazon S3 answers with the tag of the whole " +
			"object; some stores that imitate it answer with the tag of the part. If the client uses that as If-Match for the other " +
			"parts, or for the object, it never matches.\n\n" +
			"A layer that makes tags of what it sends does so with every range: the part that a 206 holds gets a tag of its own. A client that compares it with " +
			"the tag of its first part takes the download for one of another version. A 206 has the ETag that a 200 would have.",
		Example: "HEAD /bucket/dump.sql?partNumber=1 HTTP/1.1\n\nHTTP/1.1 206 Partial Content\nx-amz-mp-parts-count: 12\nETag: \"9b2cf535f27731c974343645a3985328\"",
		Fix: []string{
			"Client: take the tag from a HEAD of the object without partNumber.",
			"Store: update; the tag of a multipart object ends in a hyphen and the number of parts.",
			"Server: make the tag of the representation before a part is cut from it.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -sI URL", "curl -sI 'URL?partNumber=1'"},
		Since:   "0.1",
		check:   tagOfPart,
	},
	{
		ID:      "multipart-etag-not-md5",
		Level:   Error,
		Group:   Minting,
		Summary: "The client sends the MD5 of the content, but the tag of a multipart upload is none",
		Explanation: "The tag of an object that was stored in one piece without a key of the customer or of KMS is the MD5 of its content, and many programs rely on that. An object " +
			"that was uploaded in parts has another tag: the MD5 of the MD5s of its parts, a hyphen and their number. " +
			"The client computes the plain MD5, and that never matches.",
		Example: "PUT /bucket/dump.sql HTTP/1.1\nIf-Match: \"9b2cf535f27731c974343645a3985328\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"2f8c70d1a5e94f10b6d3ed34a7ba1a31-12\"",
		Fix: []string{
			"Client: remember the tag that the store sent with the upload or with a HEAD, and never compute it.",
			"To compare content, use the checksums of the store, or Repr-Digest.",
		},
		Section: "RFC 9110 §8.8.3.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   multipartTag,
	},
	{
		ID:      "unquoted-etag",
		Level:   Error,
		Group:   Minting,
		Summary: "A tag was sent without its quotes",
		Explanation: "The quotes belong to the tag: an entity tag is a text between double quotes, with or without W/ before them. Without them, or with others, it is malformed. " +
			"Some recipients add the quotes, some ignore the field so that the request is unconditional, some refuse " +
			"it with 400 or 412, and proxies such as nginx and Cloudflare drop such a tag from responses.",
		Example: "PUT /notes/7 HTTP/1.1\nIf-Match: 5d8c72a5\n\nHTTP/1.1 412 Precondition Failed\nETag: \"5d8c72a5\"",
		Fix: []string{
			"Client: store and send the value of ETag as it came, with its quotes.",
			"Server: write the tag between double quotes.",
			"A tag that came inside a document or in a field of some library is often without quotes: add them before sending it.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   unquotedTag,
	},
	{
		ID:      "double-quoted-or-escaped-etag",
		Level:   Error,
		Group:   Minting,
		Summary: "The tag was quoted twice or escaped on its way through a program",
		Explanation: "A tag has its quotes and nothing else around it. On the way through JSON, XML, a shell or a URL it can get a second pair, " +
			"backslashes, &quot; or %22, and if these are not taken off again, what comes back is another tag. There is no escaping " +
			"in entity tags: a backslash is an ordinary character.",
		Example: "PUT /cal/1.ics HTTP/1.1\nIf-Match: \"\\\"5d8c72a5\\\"\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"5d8c72a5\"",
		Fix: []string{
			"Decode the document or URL the tag came in with a proper reader, and send the tag as it was in the field.",
			"Do not add quotes to a tag that has them.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   escapedTag,
	},
	{
		ID:      "backend-compares-unquoted",
		Level:   Error,
		Group:   Minting,
		Summary: "The server compares the tag with quotes against its own without",
		Explanation: "The client sends the tag rightly between quotes. The server has it without, in its database or in the answer of its storage layer, and " +
			"compares the two texts as they are. That is never equal, so each guarded write is refused. It shows when the " +
			"server gives away its own text somewhere, in a property, a document or a malformed ETag field.",
		Example: "PUT /cal/1.ics HTTP/1.1\nIf-Match: \"5d8c72a5\"\n\nHTTP/1.1 412 Precondition Failed\nETag: 5d8c72a5",
		Fix: []string{
			"Server: keep the tag with its quotes everywhere, or parse the field into a tag before comparing.",
		},
		Section: "RFC 9110 §8.8.3.2",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -si -X PUT -H 'If-Match: \"CURRENT-TAG\"' --data-binary @CURRENT-CONTENT URL"},
		Since:   "0.1",
		check:   comparesUnquoted,
	},
	{
		ID:      "wrong-tag-kind",
		Level:   Error,
		Group:   Minting,
		Summary: "What the client sent as a tag is another kind of value",
		Explanation: "Services have several values that look alike: an eTag that changes with any property and a cTag that changes with the content only, " +
			"versions of a collection and of its members, sync tokens, version identifiers, dates. If-Match and If-None-Match take the " +
			"entity tag of the resource in the target URI, and nothing else.",
		Example: "PUT /doc HTTP/1.1\nIf-Match: Tue, 03 Nov 2026 09:14:22 GMT\n\nHTTP/1.1 412 Precondition Failed\nETag: \"5d8c72a5\"",
		Fix: []string{
			"Client: send the value of the ETag field of a GET of this very URL.",
			"A date belongs in If-Unmodified-Since or If-Modified-Since.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   wrongKind,
	},
	{
		ID:      "head-get-mismatch",
		Level:   Warning,
		Group:   Minting,
		Summary: "HEAD and GET send different tags, or only one of them sends one",
		Explanation: "A response to HEAD should have the fields of the response to GET. If the tag is made of the content that was sent, HEAD has the tag of no " +
			"content or none at all; if two layers answer, each method shows another one. A client that asks by HEAD, then uses the tag in If-Match or " +
			"If-None-Match, never matches.",
		Example: "HEAD /page HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: \"d41d8cd98f00b204e9800998ecf8427e\"\n\nGET /page HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: \"9b2cf535f27731c974343645a3985328\"",
		Fix: []string{
			"Server: make the tag before it is decided whether content is sent.",
			"Client: take tags from GET.",
		},
		Section: "RFC 9110 §9.3.2",
		Needs:   []Evidence{FromHistory, FromProbe},
		Probe:   []string{"curl -sI URL", "curl -s -o /dev/null -D - URL"},
		Since:   "0.1",
		check:   headUnlikeGet,
	},
	{
		ID:      "azure-quotes-optional",
		Level:   Info,
		Group:   Minting,
		Summary: "Azure takes and sends tags without quotes; others do not",
		Explanation: "Libraries for Azure storage show tags without their quotes, as 0x8DF398AD953DDC3, and the service accepts them so. The standard does not: " +
			"a proxy, a cache or an emulator on the way may drop such a tag, or never find it equal to the quoted one. It works as long as " +
			"nothing but Azure reads it.",
		Example: "PUT /container/blob HTTP/1.1\nIf-Match: 0x8DF398AD953DDC3",
		Fix: []string{
			"Send the tag between double quotes; Azure takes that, too.",
			"Compare tags after adding the quotes to both.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   azureQuotes,
	},
	{
		ID:      "if-match-star-misuse",
		Level:   Info,
		Group:   Minting,
		Summary: "If-Match: * accepts any version, so it guards against no lost update",
		Explanation: "The star says only that the resource must exist. A write with it replaces whatever is there, the changes of others included. That is right for " +
			"\"replace it, but do not create it\". It is wrong as a way to get rid of 412: each of those was a change by " +
			"somebody that is now overwritten without anybody noticing.",
		Example: "PUT /doc HTTP/1.1\nIf-Match: *\n\nHTTP/1.1 204 No Content",
		Fix: []string{
			"Send the tag of the version that the change is based on.",
			"On 412 read again, merge and send the new tag.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   starMatch,
	},
}
