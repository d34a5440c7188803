package diagnose

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
)

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
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   normalisedTime,
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
		Since: "0.1",
		check: sameSecond,
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
		Needs:   []Evidence{FromHistory, FromProbe},
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
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromHistory, FromProbe},
		Probe:   []string{"curl -s -D - URL"},
		Since:   "0.1",
		check:   tooNarrow,
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
		Needs:   []Evidence{FromExchange, FromHistory},
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
		Summary: "The object store sent the tag of one part, and not that of the object",
		Explanation: "An object that was uploaded in parts can be read part by part, with partNumber in the URL. Amazon S3 answers with the tag of the whole " +
			"object; some stores that imitate it answer with the tag of the part. If the client uses that as If-Match for the other " +
			"parts, or for the object, it never matches.",
		Example: "HEAD /bucket/dump.sql?partNumber=1 HTTP/1.1\n\nHTTP/1.1 206 Partial Content\nx-amz-mp-parts-count: 12\nETag: \"9b2cf535f27731c974343645a3985328\"",
		Fix: []string{
			"Client: take the tag from a HEAD of the object without partNumber.",
			"Store: update; the tag of a multipart object ends in a hyphen and the number of parts.",
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
		Needs:   []Evidence{FromExchange},
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
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   starMatch,
	},
}

// sameWish reports whether two requests ask for the same representation, as far as their
// fields tell.
func (e *examination) sameWish(p *examination) bool {
	for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Authorization"} {
		if e.req(name) != p.req(name) {
			return false
		}
	}
	return true
}

// shows reports whether the response is a whole representation, or would be if it were not for HEAD.
func (e *examination) shows() bool { return e.reads() && e.status() == 200 }

// sameRepresentation reports whether two reads were answered with representations that may well be the same.
func (e *examination) sameRepresentation(p *examination) bool {
	return p.shows() && sameCoding(e, p)
}

// sameCoding reports whether two reads ask for the same, and were answered in the same content coding.
func sameCoding(a, b *examination) bool {
	return a.sameWish(b) && a.resp("Content-Encoding") == b.resp("Content-Encoding")
}

// readBefore returns the latest earlier read of the same representation whose tag is, or is not, the one of this
// response, unless something was written in between; or nil.
func (e *examination) readBefore(sameTag bool) *examination {
	if !e.shows() || etagOf(e).IsZero() {
		return nil
	}
	for _, p := range slices.Backward(e.earlier) {
		switch {
		case p.writes() && p.succeeded():
			return nil
		case e.sameRepresentation(p) && !etagOf(p).IsZero() && (etagOf(p) == etagOf(e)) == sameTag:
			return p
		}
	}
	return nil
}

// A change is a pair of tags for one resource that were to be the same.
type change struct {
	from, to string
	relation etag.Relation
	evidence []Fact
}

// changes returns the pairs of tags to ask why they differ: the one that was sent in a precondition and the
// current one, and those of two reads.
func (e *examination) changes() []change {
	var list []change
	for _, c := range e.verdict.Tags {
		if c.Relation.Kind > etag.SameButForm {
			list = append(list, change{c.Sent, c.Current, c.Relation, []Fact{e.sent(c.Field), e.current(), e.answered()}})
		}
	}
	if p := e.readBefore(false); p != nil && len(list) == 0 {
		from, to := p.facts(), e.facts()
		from.Content, to.Content = nil, nil
		r := etag.Relate(p.resp("ETag"), e.resp("ETag"), from, to)
		if r.Kind > etag.SameButForm {
			list = append(list, change{p.resp("ETag"), e.resp("ETag"), r, []Fact{p.got("ETag"), p.got("Last-Modified"), e.got("ETag"), e.got("Last-Modified")}})
		}
	}
	return list
}

// farmSkew is about copies whose times are less than a second apart, and about tags that alternate.
func farmSkew(e *examination) []Finding {
	for _, c := range e.changes() {
		apart := c.relation.Elapsed.Abs()
		if c.relation.Kind == etag.FarmCopies && apart > 0 {
			return one(Likely, fmt.Sprintf("%s and %s hold times that are %s apart: copies of one file, written one after the other", clip(c.from), clip(c.to), apart), c.evidence...)
		}
		if back := e.readBefore(true); back != nil && c.relation.Kind == etag.OtherTime && e.between(back) {
			return one(Likely, fmt.Sprintf("%s was the tag, then %s, and now the first one again, with times that are %s apart: two copies answer in turn", clip(c.to), clip(c.from), apart),
				append(c.evidence, back.got("ETag"))...)
		}
		if c.relation.Kind > etag.SameButForm && c.relation.Elapsed < 0 && e.conditional() && (e.status() == 412 || e.status() == 200) {
			return one(Possible, fmt.Sprintf("the time in the current tag is %s earlier than in the one that was sent: another copy answers, or an older version was put back", apart), c.evidence...)
		}
	}
	return nil
}

// between reports whether, after p, there was a read with another tag.
func (e *examination) between(p *examination) bool {
	other := e.readBefore(false)
	return other != nil && slices.Index(e.earlier, other) > slices.Index(e.earlier, p)
}

// node names the node of a CDN that answered, "" if nothing tells.
func (e *examination) node() (name, field string) {
	for _, field := range []string{"X-Served-By", "X-Amz-Cf-Pop", "X-Cache-Node", "CDN-RequestPullCode", "X-Edge-Location"} {
		if v := e.resp(field); v != "" {
			return v, field
		}
	}
	if _, colo, ok := strings.Cut(e.resp("CF-Ray"), "-"); ok {
		return colo, "CF-Ray"
	}
	return "", ""
}

func cdnNodes(e *examination) []Finding {
	p := e.last(func(p *examination) bool {
		return p.reads() && (p.status() == 200 || p.status() == 206) && !etagOf(p).IsZero() && sameCoding(e, p)
	})
	if p == nil || !e.reads() || e.status() != 200 && e.status() != 206 || etagOf(e).IsZero() {
		return nil
	}
	here, field := e.node()
	there, _ := p.node()
	if here == "" || there == "" || here == there || e.resp("Last-Modified") == "" || e.resp("Last-Modified") != p.resp("Last-Modified") {
		return nil
	}
	a, _ := p.representation()
	b, _ := e.representation()
	kind := etag.Relate(p.resp("ETag"), e.resp("ETag"), etag.Facts{}, etag.Facts{}).Kind
	if a != b || kind == etag.Identical || kind == etag.SameButForm {
		return nil
	}
	return one(Likely, fmt.Sprintf("%s and %s have the same Last-Modified and length, and the tags %s and %s", clip(there), clip(here), clip(p.resp("ETag")), clip(e.resp("ETag"))),
		p.got("ETag"), p.got(field), e.got("ETag"), e.got(field), e.got("Last-Modified"))
}

func iisChangeNumber(e *examination) []Finding {
	for _, c := range e.changes() {
		from, number, _ := strings.Cut(opaque(c.from), ":")
		to, other, _ := strings.Cut(opaque(c.to), ":")
		if from == to && number != other && len(from) >= 8 && isHex(from) && isHex(number) && isHex(other) {
			return one(Certain, fmt.Sprintf("both tags have the time %s, and only the change numbers %s and %s differ", from, number, other), c.evidence...)
		}
	}
	return nil
}

func inodeInTag(e *examination) []Finding {
	for _, c := range e.changes() {
		from, to, ok := inodes(c)
		if !ok {
			continue
		}
		f := finding(Certain, fmt.Sprintf("both tags have the same size and time, and only the inodes %s and %s differ", from, to), c.evidence...)
		if _, ok := e.has("apache"); ok {
			f.Config = []Config{{Server: "Apache httpd", Where: "in the virtual host or the directory", Text: "FileETag MTime Size"}}
		}
		return []Finding{f}
	}
	return nil
}

// inodes returns the inodes of two tags that differ in nothing else, and whether they do. In the tag of LiteSpeed
// the inode comes last, in those of Apache and uhttpd first.
func inodes(c change) (from, to string, ok bool) {
	a, b := c.relation.Sent, c.relation.Current
	if a.Dialect != nil && a.Dialect == b.Dialect && a.Size == b.Size && a.Time.Equal(b.Time) && !a.Time.IsZero() {
		from, to = a.Parts["inode"], b.Parts["inode"]
		return from, to, from != "" && to != "" && from != to
	}
	return "", "", false
}

// opaque is the text of a tag between its quotes, or the text itself if it has none.
func opaque(tag string) string { return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) }

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }

// redeployed is about tags with different times for the same content.
func redeployed(e *examination) []Finding {
	for _, c := range e.changes() {
		if c.relation.Kind != etag.OtherTime || c.relation.Elapsed <= 0 || e.readBefore(true) != nil {
			continue
		}
		if p := e.readBefore(false); p != nil && equalContent(p, e) {
			return one(Likely, fmt.Sprintf("the content is the same byte by byte, and the time in the tag is %s later", c.relation.Elapsed), append(c.evidence, e.gap(p))...)
		}
		if e.status() == 412 || len(e.fields.IfRange) > 0 {
			return one(Possible, fmt.Sprintf("the size in the tags is the same, and the time is %s later: written anew, or changed without changing its length", c.relation.Elapsed), c.evidence...)
		}
	}
	return nil
}

// equalContent and unequalContent compare what two responses sent; neither holds if it is not
// known.
func equalContent(a, b *examination) bool {
	return bothComplete(a, b) && bytes.Equal(a.x.Response.Content.Data, b.x.Response.Content.Data)
}

func unequalContent(a, b *examination) bool {
	return bothComplete(a, b) && !bytes.Equal(a.x.Response.Content.Data, b.x.Response.Content.Data)
}

func bothComplete(a, b *examination) bool {
	return a.method() == "GET" && b.method() == "GET" && a.x.Response.Content.Complete() && b.x.Response.Content.Complete()
}

// twin returns the latest earlier response with the same strong tag, without a content coding, if it had other
// content, or nil. A weak tag may stay the same.
func (e *examination) twin() *examination {
	tag := etagOf(e)
	if e.status() != 200 || tag.IsZero() || tag.IsWeak() || e.coded() {
		return nil // the same data can be compressed in several ways
	}
	p := e.last(func(p *examination) bool {
		return p.method() == "GET" && p.status() == 200 && etagOf(p) == tag && !p.coded()
	})
	if p == nil || !unequalContent(p, e) || len(p.x.Response.Content.Data) == 0 || len(e.x.Response.Content.Data) == 0 {
		return nil // where one is empty it was not sent, as by status-override-hides-304
	}
	return p
}

// normalTimes are the constants that builds give to files, in seconds since 1970.
var normalTimes = map[int64]string{
	0:         "the first second of 1970",
	1:         "the second second of 1970, as of the Nix store",
	315532800: "the first of January 1980, the earliest that a zip archive can hold",
	315532801: "the first of January 1980, the earliest that a zip archive can hold",
	315532802: "the first of January 1980, the earliest that a zip archive can hold",
	499162500: "the date of all files in packages of npm",
	946684800: "the first of January 2000",
}

// normalTime returns the constant that the time in the tag is, or, if there is no tag, Last-Modified.
func (e *examination) normalTime() (time.Time, string) {
	at := parseDate(e.resp("Last-Modified"))
	if e.resp("ETag") != "" {
		r, ok := e.reading()
		if !ok || r.Time.IsZero() {
			return time.Time{}, ""
		}
		at = r.Time
	}
	if at.IsZero() || at.Nanosecond() != 0 {
		return time.Time{}, ""
	}
	return at, normalTimes[at.Unix()]
}

// reading returns the best reading of the tag of the response, and whether there is one that the facts do not
// speak against. It does not digest content.
func (e *examination) reading() (etag.Reading, bool) {
	known := e.facts()
	known.Content = nil
	rs := etag.Recognise(e.resp("ETag"), known)
	if len(rs) == 0 || rs[0].Fit == etag.Contradicted {
		return etag.Reading{}, false
	}
	return rs[0], true
}

func normalisedTime(e *examination) []Finding {
	if !e.reads() || e.status() != 200 && e.status() != 304 {
		return nil
	}
	at, what := e.normalTime()
	if what == "" {
		return nil
	}
	evidence := []Fact{e.got("ETag"), e.got("Last-Modified"), e.fact("time of the file", at.Format(time.RFC3339)), e.answered()}
	if p := e.twin(); p != nil {
		return one(Certain, "two different contents of equal length have this tag, whose time is "+what, append(evidence, p.got("ETag"))...)
	}
	return one(Likely, "the time of the file is "+what+": a constant, so only the size tells versions apart", evidence...)
}

func sameSecond(e *examination) []Finding {
	p := e.twin()
	if p == nil || len(p.x.Response.Content.Data) != len(e.x.Response.Content.Data) {
		return nil
	}
	r, ok := e.reading()
	if _, normal := e.normalTime(); !ok || normal != "" || r.Time.IsZero() || r.Resolution < time.Second {
		return nil
	}
	return one(Certain, fmt.Sprintf("two different contents of %d bytes have the tag %s, which holds the time in units of %s", len(e.x.Response.Content.Data), clip(e.resp("ETag")), r.Resolution),
		p.got("ETag"), e.got("ETag"), e.got("Last-Modified"), e.gap(p))
}

// freshFile is about a weak tag whose time is that of the response.
func freshFile(e *examination) []Finding {
	date, tag := parseDate(e.resp("Date")), etagOf(e)
	if date.IsZero() || !tag.IsWeak() {
		return nil
	}
	r, ok := e.reading()
	if !ok || !strings.HasPrefix(r.Dialect.ID, "apache") || r.Time.IsZero() {
		return nil
	}
	if age := date.Sub(r.Time.Truncate(time.Second)); age < 0 || age > time.Second {
		return nil
	}
	return one(Likely, fmt.Sprintf("the file was changed at %s, in the second of the response or in the one before, so Apache made its tag weak", r.Time.Format("15:04:05.000000")),
		e.got("ETag"), e.got("Last-Modified"), e.got("Date"))
}

// maxUnstable is how many reads are looked at, and manyTags how many different tags in a row show that they
// change by themselves.
const (
	maxUnstable = 8
	manyTags    = 3
)

func unstableTag(e *examination) []Finding {
	if !e.shows() || etagOf(e).IsZero() {
		return nil
	}
	if r, ok := e.reading(); ok && !r.Time.IsZero() {
		return nil // the file may be copied, or changed
	}
	reads := e.readsInRow()
	if len(reads) < manyTags {
		return nil
	}
	first := reads[len(reads)-1]
	took, timed := e.since(first)
	evidence := []Fact{first.got("ETag"), reads[1].got("ETag"), e.got("ETag"), e.gap(first)}
	says := fmt.Sprintf("%d reads in a row, with no write between them, have %d different tags", len(reads), len(reads))
	switch {
	case equalContent(first, e):
		return one(Likely, says+", and the first and last have the same content", evidence...)
	case timed && took <= 10*time.Second:
		return one(Likely, says+", within "+took.String(), evidence...)
	case timed && took > 10*time.Minute:
		return nil
	}
	return one(Possible, says, evidence...)
}

// readsInRow returns this read and those right before it, latest first, as long as each has another
// tag; none if a tag came again.
func (e *examination) readsInRow() []*examination {
	list, tags := []*examination{e}, []etag.Tag{etagOf(e)}
	for _, p := range slices.Backward(e.earlier) {
		if len(list) == maxUnstable || p.writes() && p.succeeded() {
			break
		}
		tag := etagOf(p)
		if tag.IsZero() || !e.sameRepresentation(p) || !e.sameClient(p) {
			continue
		}
		if slices.Contains(tags, tag) {
			return nil
		}
		list, tags = append(list, p), append(tags, tag)
	}
	return list
}

func tooNarrow(e *examination) []Finding {
	p := e.twin()
	if p == nil || isPlaceholder(etagOf(e).Opaque()) {
		return nil
	}
	if r, ok := e.reading(); ok && !r.Time.IsZero() {
		return nil // see same-second-same-size-collision and mtime-normalised-collision
	}
	return one(Certain, fmt.Sprintf("two different contents, of %d and %d bytes, have the strong tag %s", len(p.x.Response.Content.Data), len(e.x.Response.Content.Data), clip(e.resp("ETag"))),
		p.got("ETag"), e.got("ETag"), e.gap(p))
}

// isPlaceholder reports whether the text of a tag stands for "no version".
func isPlaceholder(text string) bool {
	switch strings.ToLower(text) {
	case "", "null", "nil", "none", "undefined", "nan", "unknown":
		return true
	}
	return strings.Trim(text, "0") == "" || strings.Trim(text, "0-") == "" && len(text) == len("00000000-0000-0000-0000-000000000000")
}

func placeholderTag(e *examination) []Finding {
	tag, err := etag.Parse(e.resp("ETag"))
	if err != nil || !isPlaceholder(tag.Opaque()) {
		return nil
	}
	evidence := []Fact{e.got("ETag"), e.sent("If-None-Match"), e.sent("If-Match"), e.answered()}
	switch p := e.twin(); {
	case p != nil:
		return one(Certain, fmt.Sprintf("two different contents have the tag %s", tag), append(evidence, p.got("ETag"))...)
	case tag.Opaque() == "0":
		return one(Possible, `the tag is "0", which may be a version or stand for none`, evidence...)
	}
	return one(Likely, fmt.Sprintf("the tag is %s, which names no version", tag), evidence...)
}

func duplicateTags(e *examination) []Finding {
	lines := e.x.Response.Header.Named("ETag")
	if len(lines) > 1 {
		return one(Certain, fmt.Sprintf("the response has %d ETag fields, and may have one", len(lines)), e.got("ETag"))
	}
	if len(lines) == 0 || lines[0].Cut || etagOf(e) != (etag.Tag{}) {
		return nil
	}
	n := 0
	for m := range etag.Members([]string{lines[0].Value}) {
		if m.Fault != etag.None || m.Any {
			return nil
		}
		n++
	}
	if n < 2 {
		return nil
	}
	return one(Certain, fmt.Sprintf("the ETag field has %d tags joined by commas, and may have one", n), e.got("ETag"))
}

func twoOwners(e *examination) []Finding {
	for _, c := range e.verdict.Tags {
		read := e.minted(c.Sent)
		if c.Relation.Kind != etag.OtherLayer || read == nil || !read.reads() || !e.witnessed {
			continue
		}
		return one(Likely, fmt.Sprintf("the server sent %s, %s, with a read, and now compares with %s, %s", clip(c.Sent), maker(c.Relation.Sent), clip(c.Current), maker(c.Relation.Current)),
			read.got("ETag"), read.got("Server"), e.sent(c.Field), e.current(), e.answered(), e.gap(read))
	}
	return e.ownersTakeTurns()
}

// ownersTakeTurns is about a read that shows a tag again after a refusal had shown another one, without any
// write in between.
func (e *examination) ownersTakeTurns() []Finding {
	if !e.shows() || etagOf(e).IsZero() || len(e.earlier) < 2 {
		return nil
	}
	refused, before := e.earlier[len(e.earlier)-1], e.earlier[len(e.earlier)-2]
	if refused.status() != 412 || !refused.witnessed || !e.sameRepresentation(before) || etagOf(before) != etagOf(e) {
		return nil
	}
	r := etag.Relate(e.resp("ETag"), refused.resp("ETag"), etag.Facts{}, etag.Facts{})
	if r.Kind != etag.OtherLayer && r.Kind != etag.Unrelated && r.Kind != etag.OtherContent {
		return nil
	}
	return one(Likely, fmt.Sprintf("reads before and after the 412 have %s, and the 412 has %s: two layers, each with its own tag", clip(e.resp("ETag")), clip(refused.resp("ETag"))),
		before.got("ETag"), refused.sent("If-Match"), refused.got("ETag"), e.got("ETag"))
}

// maker says who makes tags of the dialect of a reading.
func maker(r etag.Reading) string {
	if r.Dialect == nil {
		return "whose form is not known"
	}
	return fmt.Sprintf("which looks like %s (%s)", r.Dialect.By, r.Dialect.Tells)
}

func tagOfPart(e *examination) []Finding {
	_, query, _ := strings.Cut(e.x.Request.Target, "?")
	values, _ := url.ParseQuery(query)
	tag := etagOf(e).Opaque()
	if !e.reads() || !e.succeeded() || !values.Has("partNumber") || len(tag) != 32 || !isHex(tag) {
		return nil
	}
	n := e.resp("x-amz-mp-parts-count")
	r, err := byterange.ParseContentRange(e.resp("Content-Range"))
	if (n == "" || n == "1") && (err != nil || r.Range.Length == r.Size) {
		return nil // the object has that one part
	}
	return one(Likely, "the object has several parts, and the tag has no number of parts at its end: it is that of this part", e.asked(), e.got("ETag"),
		e.got("x-amz-mp-parts-count"), e.got("Content-Range"))
}

func multipartTag(e *examination) []Finding {
	for _, c := range e.verdict.Tags {
		sent, current := opaque(c.Sent), opaque(c.Current)
		digest, parts, ok := strings.Cut(current, "-")
		if len(sent) != 32 || !isHex(strings.ToLower(sent)) || !ok || len(digest) != 32 || !isHex(digest) || strings.Trim(parts, "0123456789") != "" {
			continue
		}
		if digest == sent || e.minted(c.Sent) != nil {
			continue // the mark was cut off, or the object had that tag before
		}
		return one(Likely, fmt.Sprintf("%s is the form of an MD5, and the object was uploaded in %s parts, whose tag is no MD5 of the content", clip(c.Sent), parts),
			e.sent(c.Field), e.current(), e.answered())
	}
	return nil
}

// isAzure reports whether a sign or the form of the tag says that the server is Azure storage.
func (e *examination) isAzure(tag string) bool {
	if strings.Contains(e.resp("Server"), "Windows-Azure") || e.req("x-ms-version") != "" || e.resp("x-ms-version") != "" {
		return true
	}
	return len(tag) == 17 && strings.HasPrefix(tag, "0x8") && isHex(strings.ToLower(tag[2:]))
}

// bare returns the first tag without quotes in a field, as sent, and the fact of that field.
func (e *examination) bare() (string, Fact) {
	for _, field := range []string{"If-Match", "If-None-Match", "If-Range"} {
		if isDate(e.req(field)) || field == "If-Range" && meantAsDate(e.req(field)) {
			continue
		}
		for _, m := range e.members(field) {
			if lacksQuotes(m) {
				return m.Raw, e.sent(field)
			}
		}
	}
	lines := e.x.Response.Header.Named("ETag")
	if len(lines) != 1 || lines[0].Cut || e.blindResponse() {
		return "", Fact{}
	}
	for m := range etag.Members([]string{lines[0].Value}) {
		if lacksQuotes(m) {
			return lines[0].Value, e.got("ETag")
		}
	}
	return "", Fact{}
}

// lacksQuotes reports whether a member is a tag but for its quotes. What was escaped, or stands for no value,
// is another matter.
func lacksQuotes(m etag.Member) bool {
	switch m.Fault {
	case etag.Unquoted, etag.SingleQuoted, etag.Unterminated, etag.LowerCaseW:
		noValue := isPlaceholder(m.Raw) && strings.Trim(m.Raw, "0-") != ""
		return !noValue && !isEscaped(m.Raw) && !strings.Contains(m.Raw, "://") && !strings.Contains(strings.ToLower(m.Raw), "ignore")
	}
	return false
}

// isDate reports whether the value of a field for tags is a date, or is meant as one.
func isDate(value string) bool {
	return strings.Count(value, ":") == 2 && isWeekday(value) && strings.Contains(value, " ")
}

func unquotedTag(e *examination) []Finding {
	tag, where := e.bare()
	if tag == "" || e.isAzure(tag) {
		return nil
	}
	return one(Certain, fmt.Sprintf("%s has %s, which lacks the double quotes around its text", where.Name, clip(tag)), where, e.current(), e.answered())
}

func azureQuotes(e *examination) []Finding {
	tag, where := e.bare()
	if tag == "" || !e.isAzure(tag) {
		return nil
	}
	return one(Certain, fmt.Sprintf("%s has %s without quotes, as Azure allows and the standard does not", where.Name, clip(tag)), where, e.answered())
}

// isEscaped reports whether a tag has, within its quotes, others in some notation.
func isEscaped(tag string) bool {
	for _, mark := range []string{`\"`, "&quot;", "&#34;", "&#x22;", "%22"} {
		if strings.Contains(tag, mark) {
			return true
		}
	}
	inner := strings.TrimPrefix(tag, "W/")
	return len(inner) > 4 && strings.HasPrefix(inner, `""`) && strings.HasSuffix(inner, `""`)
}

func escapedTag(e *examination) []Finding {
	for _, c := range e.verdict.Tags {
		if c.Relation.Kind == etag.SameButForm && isEscaped(c.Sent) != isEscaped(c.Current) {
			return one(Certain, fmt.Sprintf("%s and %s are the same tag once the additional quotes and their escaping are undone", clip(c.Sent), clip(c.Current)),
				e.sent(c.Field), e.current(), e.answered())
		}
	}
	for _, field := range []string{"If-Match", "If-None-Match", "If-Range"} {
		if value := e.req(field); isEscaped(value) && len(e.x.Request.Header.Named(field)) == 1 {
			return one(Likely, fmt.Sprintf("%s has quotes within quotes, or escaped ones: %s", field, clip(value)), e.sent(field), e.current(), e.answered())
		}
	}
	if tag := e.resp("ETag"); isEscaped(tag) && len(e.x.Response.Header.Named("ETag")) == 1 {
		return one(Likely, "the ETag field has quotes within quotes, or escaped ones: "+clip(tag), e.got("ETag"))
	}
	return nil
}

func comparesUnquoted(e *examination) []Finding {
	if e.status() != 412 || !e.alonePrecondition("If-Match") {
		return nil
	}
	shown := e.resp("ETag")
	for _, m := range e.members("If-Match") {
		text := m.Tag.Opaque()
		switch {
		case m.Fault != etag.None || m.Tag.IsWeak() || text == "":
		case shown == text:
			return one(Likely, fmt.Sprintf("the client sent %s with its quotes; the server has the same text without", m.Tag), e.sent("If-Match"), e.got("ETag"), e.answered())
		case shown == "" && len(text) >= 8 && strings.Contains(e.body(), strings.ToLower(text)):
			return one(Possible, fmt.Sprintf("the client sent %s, and the content of the 412 has the same text without quotes", m.Tag), e.sent("If-Match"),
				e.fact("content of the response", "… "+text+" …"), e.answered())
		}
	}
	return nil
}

func wrongKind(e *examination) []Finding {
	for _, field := range []string{"If-Match", "If-None-Match"} {
		value := e.req(field)
		if value == "" || len(e.x.Request.Header.Named(field)) != 1 || len(value) > maxTag {
			continue
		}
		if isDate(value) {
			return one(Certain, fmt.Sprintf("%s has a date, which belongs in %s", field, map[string]string{"If-Match": "If-Unmodified-Since", "If-None-Match": "If-Modified-Since"}[field]),
				e.sent(field), e.current(), e.answered())
		}
		if text := opaque(value); strings.Contains(text, "://") && strings.Contains(strings.ToLower(text), "sync") {
			return one(Likely, fmt.Sprintf("%s has a sync token, which is of a collection and no tag", field), e.sent(field), e.current(), e.answered())
		}
	}
	for _, c := range e.verdict.Tags {
		sent, current := c.Relation.Sent.Dialect, c.Relation.Current.Dialect
		if sent == nil || current == nil || c.Relation.Kind <= etag.SameButForm || e.reads() {
			continue
		}
		if sent.ID == "onedrive-ctag" && current.ID == "onedrive-etag" {
			return one(Likely, fmt.Sprintf("%s has the cTag of the item, which is of its content; the service compares with its eTag", c.Field), e.sent(c.Field), e.current(), e.answered())
		}
		if c.Relation.Kind == etag.OtherLayer && e.minted(c.Sent) == nil && e.status() == 412 {
			return one(Possible, fmt.Sprintf("the client sent %s, %s, and the current tag is %s, %s", clip(c.Sent), maker(c.Relation.Sent), clip(c.Current), maker(c.Relation.Current)),
				e.sent(c.Field), e.current(), e.answered())
		}
	}
	return nil
}

func headUnlikeGet(e *examination) []Finding {
	if !e.shows() || e.blindResponse() {
		return nil
	}
	p := e.last(func(p *examination) bool { return p.shows() || p.writes() && p.succeeded() })
	if p == nil || !p.shows() || p.method() == e.method() || !e.sameWish(p) || p.blindResponse() {
		return nil
	}
	here, there := e.resp("ETag"), p.resp("ETag")
	evidence := []Fact{p.asked(), p.got("ETag"), p.got("Last-Modified"), e.asked(), e.got("ETag"), e.got("Last-Modified"), e.gap(p)}
	if here == there {
		return nil
	}
	if here == "" || there == "" {
		has, lacks := p, e
		if there == "" {
			has, lacks = e, p
		}
		return one(Likely, fmt.Sprintf("the response to %s has a tag, that to %s has none", has.method(), lacks.method()), evidence...)
	}
	says := fmt.Sprintf("%s has %s, %s has %s", p.method(), clip(there), e.method(), clip(here))
	again := e.last(func(q *examination) bool { return q.shows() && q.method() == e.method() && q != p })
	if again != nil && again.resp("ETag") == here && slices.Index(e.earlier, again) < slices.Index(e.earlier, p) {
		return one(Likely, says+", and the same before", append(evidence, again.got("ETag"))...)
	}
	switch etag.Relate(there, here, etag.Facts{}, etag.Facts{}).Kind {
	case etag.SameButForm, etag.OtherLayer:
		return one(Likely, says, evidence...)
	}
	if d, ok := e.since(p); ok && d <= 2*time.Second {
		return one(Possible, says+", within "+d.String(), evidence...)
	}
	return nil
}

func starMatch(e *examination) []Finding {
	members := e.members("If-Match")
	if len(members) != 1 || !members[0].Any || e.method() != "PUT" && e.method() != "PATCH" || !e.succeeded() {
		return nil
	}
	return one(Certain, fmt.Sprintf("this %s replaced whatever version there was", e.method()), e.asked(), e.sent("If-Match"), e.answered())
}
