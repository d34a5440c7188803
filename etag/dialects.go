package etag

import "time"

// dialects are all there are. Verified ones come first, and within those the ones whose form says
// most. The table is laid out by the compiler: a program that never asks pays nothing for it.
var dialects = [...]dialect{

	// Files.

	{Dialect: Dialect{
		ID: "iis", By: "IIS", Verified: true,
		Form:    "the FILETIME of the last modification, its bytes from low to high in hexadecimal without padding; a colon; the change number, 0 since IIS 7",
		Tells:   "time to 100 ns, change number",
		Example: `"c3dddcb6736bdd1:0"`,
	}, file: true, servers: "microsoft-iis", read: readIIS},
	{Dialect: Dialect{
		ID: "nginx", By: "nginx", Verified: true,
		Form:    "time in seconds, a hyphen and size, hexadecimal; weak where nginx compressed or changed the content; also OpenResty, Tengine, nginx Unit, H2O, BusyBox and GitHub Pages",
		Tells:   "time to 1 s, size",
		Example: `"6ae9a5ee-bc55"`,
	}, file: true, servers: "nginx openresty tengine unit/ h2o/ github.com", read: readNginx},
	{Dialect: Dialect{
		ID: "apache24", By: "Apache httpd 2.4", Verified: true,
		Form:    "size, a hyphen and time in µs, hexadecimal; weak while the file is younger than a second",
		Tells:   "time to 1 µs, size",
		Example: `"bc55-65f5bb0296fc6"`,
	}, maker: "apache", file: true, servers: "apache", read: readApache24},
	{Dialect: Dialect{
		ID: "apache22", By: "Apache httpd with FileETag All (the default up to 2.2)", Verified: true,
		Form:    "inode, size and time in µs, hexadecimal, with hyphens between",
		Tells:   "time to 1 µs, size, inode",
		Example: `"1c0100-bc55-65f5bb0296fc6"`,
	}, maker: "apache", file: true, servers: "apache", read: readApache22},
	{Dialect: Dialect{
		ID: "apache-negotiated", By: "Apache httpd for a negotiated file", Verified: true,
		Form:    "the tag of the file, a semicolon and that of the list of variants",
		Tells:   "time to 1 µs, size, list of variants",
		Example: `"bc55-65f5bb0296fc6;65f5bb02a1b00"`,
	}, maker: "apache", file: true, servers: "apache", read: readApacheNegotiated},
	{Dialect: Dialect{
		ID: "apache13", By: "Apache httpd 1.3", Verified: true,
		Form:    "inode, size and time in seconds, hexadecimal, with hyphens between",
		Tells:   "time to 1 s, size, inode",
		Example: `"3f80f-1b6-3e1cb03b"`,
	}, maker: "apache", file: true, servers: "apache", read: readApache13},
	{Dialect: Dialect{
		ID: "uhttpd", By: "uhttpd (OpenWrt)", Verified: true,
		Form:    "inode, size and time in seconds, hexadecimal, with hyphens between",
		Tells:   "time to 1 s, size, inode",
		Example: `"42-417-5e132e20"`,
	}, file: true, servers: "uhttpd", read: readApache13},
	{Dialect: Dialect{
		ID: "litespeed", By: "LiteSpeed", Verified: true,
		Form:    "size, time in seconds and inode, hexadecimal, with hyphens between; newer versions seem to put ;;; or ;gz or ;br behind it",
		Tells:   "time to 1 s, size, inode, coding",
		Example: `"bc55-6ae9a5ee-1c0100;;;"`,
	}, file: true, servers: "litespeed", read: readLiteSpeed},
	{Dialect: Dialect{
		ID: "express-stat", By: "Express, Koa and others on Node.js for files", Verified: true,
		Form:    "size, a hyphen and time in ms, hexadecimal; weak",
		Tells:   "time to 1 ms, size",
		Example: `W/"bc55-1a1a0b02b60"`,
	}, maker: "express", file: true, read: readExpressStat},
	{Dialect: Dialect{
		ID: "tomcat", By: "Tomcat", Verified: true,
		Form:    "size, a hyphen and time in ms, decimal; weak unless configured otherwise",
		Tells:   "time to 1 ms, size",
		Example: `W/"48213-1793697262432"`,
	}, file: true, servers: "coyote tomcat", read: readTomcat},
	{Dialect: Dialect{
		ID: "node-old-static", By: "old Express and Connect for files", Verified: true,
		Form:    "size, a hyphen and time in ms, decimal",
		Tells:   "time to 1 ms, size",
		Example: `"3368-1416384949000"`,
	}, maker: "express", file: true, read: readDecimalStat},
	{Dialect: Dialect{
		ID: "aspnetcore-static", By: "ASP.NET Core or Katana for static files", Verified: true,
		Form:    "the FILETIME of the last modification in whole seconds, XOR the size, hexadecimal",
		Tells:   "time to 1 s if the size is known, size if the time is known",
		Example: `"1dd6b73b69a5755"`,
	}, file: true, servers: "kestrel microsoft-iis microsoft-httpapi", read: readASPNETCore},
	{Dialect: Dialect{
		ID: "caddy", By: "Caddy", Verified: true,
		Form:    "time in ns, a hyphen and size, base 36",
		Tells:   "time to 1 ns, size",
		Example: `"dmlgm2q97zfw-1179"`,
	}, maker: "caddy", file: true, servers: "caddy", read: readCaddy},
	{Dialect: Dialect{
		ID: "go-webdav", By: "golang.org/x/net/webdav", Verified: true,
		Form:    "time in ns and size, hexadecimal, with nothing between; also rclone serve and other programs with that package",
		Tells:   "time to 1 ns, size",
		Example: `"18e93cb2cce807151f3a"`,
	}, file: true, servers: "rclone caddy", read: readGoWebDAV},
	{Dialect: Dialect{
		ID: "jetty", By: "Jetty", Verified: true,
		Form:    "time in ms and size, each XOR a hash of the name, in 11 characters of base64; weak; --gzip behind it when compressed",
		Tells:   "time to 1 ms if the size is known",
		Example: `W/"6S8mMg0o5Vc6S8nk62YcmI"`,
	}, file: true, servers: "jetty", read: readJetty},
	{Dialect: Dialect{
		ID: "werkzeug", By: "Flask or Werkzeug for files", Verified: true,
		Form:    "time in seconds with a fraction, size and a checksum of the name, decimal, with hyphens between",
		Tells:   "time to 1 µs, size",
		Example: `"1793697262.4321988-48213-1220871982"`,
	}, file: true, servers: "werkzeug", read: readWerkzeug},

	// Services and databases.

	{Dialect: Dialect{
		ID: "azure", By: "Azure Storage", Verified: true,
		Form:    "the time of the change in .NET ticks, as 0x and hexadecimal in upper case; often without quotes",
		Tells:   "time to 100 ns",
		Example: `"0x8DF398AD953DDC3"`,
	}, servers: "windows-azure", slack: 2 * time.Second, read: readAzure},
	{Dialect: Dialect{
		ID: "azure-table", By: "Azure Table Storage", Verified: true,
		Form:    "the time of the change, percent-encoded; weak",
		Tells:   "time to 100 ns",
		Example: `W/"datetime'2026-11-03T09%3A14%3A22.4321987Z'"`,
	}, servers: "windows-azure", slack: 2 * time.Second, read: readAzureTable},
	{Dialect: Dialect{
		ID: "fourtwelve", By: "Fourtwelve", Verified: true,
		Form:    "the first 128 bits of the SHA-256 of the content, base64url; before it the revision in base 36 and a dot, if wanted",
		Tells:   "digest, revision",
		Example: `"ungWv48Bz-pBQUDeXa4iIw"`,
	}, proves: true, servers: "fourtwelve", read: readFourtwelve},
	{Dialect: Dialect{
		ID: "s3-multipart", By: "Amazon S3 or a store like it (upload in parts)", Verified: true,
		Form:    "the MD5 of the MD5s of the parts, a hyphen and the number of parts",
		Tells:   "digest, number of parts",
		Example: `"9b2cf535f27731c974343645a3985328-12"`,
	}, maker: "s3", servers: "amazons3 minio ceph tigris", read: readMultipart},
	{Dialect: Dialect{
		ID: "couchdb", By: "CouchDB or PouchDB", Verified: true,
		Form:    "the generation of the document, a hyphen and an MD5 that identifies the revision",
		Tells:   "revision",
		Example: `"1-967a00dff5e02add41819138abb3284d"`,
	}, servers: "couchdb", read: readCouchDB},
	{Dialect: Dialect{
		ID: "gcs-json", By: "Google Cloud Storage (JSON API)", Verified: true,
		Form:    "generation and metageneration as a Protocol Buffers message in base64, without quotes in JSON",
		Tells:   "time to 1 µs (the generation), revision of the metadata",
		Example: `"CKih16GjycICEAE="`,
	}, servers: "uploadserver gse", slack: 2 * time.Second, read: readGCS},
	{Dialect: Dialect{
		ID: "onedrive-ctag", By: "OneDrive for the content of an item", Verified: true,
		Form:    "a, then t: or c:, the item, a dot and the time in .NET ticks, base64url",
		Tells:   "time to 100 ns, item",
		Example: `"adDoxRDY0MUNGQUUwNTU3OUE0ITExMC42MzU2NjM1OTIwNzkyMDAwMDA"`,
	}, maker: "onedrive", slack: 2 * time.Second, read: readOneDriveCTag},
	{Dialect: Dialect{
		ID: "onedrive-etag", By: "OneDrive for an item", Verified: true,
		Form:    "a, then the item, a dot and its version, base64url",
		Tells:   "revision, item",
		Example: `"aMUQ2NDFDRkFFMDU1NzlBNCExMTAuMw"`,
	}, maker: "onedrive", read: readOneDriveETag},
	{Dialect: Dialect{
		ID: "nextcloud-file", By: "Nextcloud or ownCloud for files", Verified: true,
		Form:    "the time of the change from PHP's uniqid: 8 digits of seconds and 5 of µs, hexadecimal; for local storage 32 digits instead",
		Tells:   "time to 1 µs, of the change and not of the file",
		Example: `"5f3d2c1ab4e7d"`,
	}, undated: true, read: readUniqid},
	{Dialect: Dialect{
		ID: "kinto", By: "Kinto or Cliquet", Verified: true,
		Form:    "time in ms, decimal",
		Tells:   "time to 1 ms",
		Example: `"1453892512932"`,
	}, read: readMilliseconds},
	{Dialect: Dialect{
		ID: "solid-css", By: "Community Solid Server", Verified: true,
		Form:    "time in ms, decimal; a hyphen and the media type behind it if the content was converted",
		Tells:   "time to 1 ms",
		Example: `"1635520727000-text/turtle"`,
	}, read: readSolid},

	// Digests.

	{Dialect: Dialect{
		ID: "spring", By: "Spring (ShallowEtagHeaderFilter)", Verified: true,
		Form:    "0 and the MD5 of the content, hexadecimal",
		Tells:   "digest",
		Example: `"0d41d8cd98f00b204e9800998ecf8427e"`,
	}, proves: true, read: readSpring},
	{Dialect: Dialect{
		ID: "express-body", By: "Express and others on Node.js for what they generate", Verified: true,
		Form:    "size, hexadecimal; a hyphen; the SHA-1 of the content in base64 without padding; weak for Express",
		Tells:   "size, digest",
		Example: `W/"2-vyGp6PvFo4RvsFtPoIWeCReyIC8"`,
	}, maker: "express", proves: true, read: readExpressBody},
	{Dialect: Dialect{
		ID: "hash-32", By: "a program that uses an MD5 or another digest of 128 bits", Verified: true,
		Form:    "32 digits, hexadecimal",
		Tells:   "digest",
		Example: `"d41d8cd98f00b204e9800998ecf8427e"`,
	}, read: readHex32},
	{Dialect: Dialect{
		ID: "s3-md5", By: "Amazon S3 or a store like it", Verified: true,
		Form:    "the MD5 of the content, hexadecimal; of something else with SSE-KMS or SSE-C; also R2, MinIO, Ceph, Swift",
		Tells:   "digest",
		Example: `"9e107d9d372bb6826bd81d3542a419d6"`,
	}, maker: "s3", servers: "amazons3 minio ceph tigris uploadserver", read: readHex32},
	{Dialect: Dialect{
		ID: "rails", By: "Rack::ETag or Rails", Verified: true,
		Form:    "the first 32 digits of the SHA-256 of the content or of a cache key, hexadecimal; an MD5 in old versions; weak",
		Tells:   "digest",
		Example: `W/"e4d909c290d0fb1ca068ffaddf22cbd0"`,
	}, read: readRack},
	{Dialect: Dialect{
		ID: "sabre-dav", By: "SabreDAV for calendars and contacts", Verified: true,
		Form:    "the MD5 of the stored text, hexadecimal; also Nextcloud, Baïkal and ownCloud",
		Tells:   "digest",
		Example: `"f96b697d7cb7938d525a2f31aaf161d0"`,
	}, read: readHex32},
	{Dialect: Dialect{
		ID: "django", By: "Django (ConditionalGetMiddleware)", Verified: true,
		Form:    "the MD5 of the content, hexadecimal; weak if GZipMiddleware compressed it",
		Tells:   "digest",
		Example: `"c3fcd3d76192e4007dfb496cca67e13b"`,
	}, proves: true, servers: "wsgiserver", read: readHex32},
	{Dialect: Dialect{
		ID: "vercel", By: "Vercel", Verified: true,
		Form:    "the MD5 of the content, hexadecimal, the same one when compressed",
		Tells:   "digest",
		Example: `"d040e95ab7ab5295e98d5f5e12a2f879"`,
	}, servers: "vercel", read: readHex32},
	{Dialect: Dialect{
		ID: "starlette", By: "Starlette or FastAPI for files", Verified: true,
		Form:    "the MD5 of the time and the size as text, hexadecimal",
		Tells:   "whether a time of whole seconds and a size are those it was made of",
		Example: `"d3a854aefef125b0507ad9e37fa9567b"`,
	}, file: true, servers: "uvicorn hypercorn", read: readStarlette},
	{Dialect: Dialect{
		ID: "hash-40", By: "a program that uses a SHA-1 or another digest of 160 bits", Verified: true,
		Form:    "40 digits, hexadecimal",
		Tells:   "digest",
		Example: `"da39a3ee5e6b4b0d3255bfef95601890afd80709"`,
	}, servers: "werkzeug", read: readHex40},
	{Dialect: Dialect{
		ID: "seafdav", By: "SeafDAV", Verified: true,
		Form:    "the SHA-1 of an object, hexadecimal; 40 zeros stand for none",
		Tells:   "digest",
		Example: `"2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"`,
	}, servers: "seafdav wsgidav", read: readSeafile},
	{Dialect: Dialect{
		ID: "hash-64", By: "a program that uses a SHA-256 or another digest of 256 bits", Verified: true,
		Form:    "64 digits, hexadecimal",
		Tells:   "digest",
		Example: `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`,
	}, read: readHex64},
	{Dialect: Dialect{
		ID: "hash-56", By: "a program that uses a SHA-224", Verified: true,
		Form:    "56 digits, hexadecimal",
		Tells:   "digest",
		Example: `"d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"`,
	}, read: readHex56},
	{Dialect: Dialect{
		ID: "hash-96", By: "a program that uses a SHA-384", Verified: true,
		Form:    "96 digits, hexadecimal",
		Tells:   "digest",
		Example: `"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"`,
	}, read: readHex96},
	{Dialect: Dialect{
		ID: "hash-128", By: "a program that uses a SHA-512", Verified: true,
		Form:    "128 digits, hexadecimal",
		Tells:   "digest",
		Example: `"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"`,
	}, read: readHex128},
	{Dialect: Dialect{
		ID: "fastify-etag", By: "@fastify/etag", Verified: true,
		Form:    "the SHA-1 of the content, or another digest by configuration, in base64 with padding",
		Tells:   "digest",
		Example: `"2czu9t/7iQWuQwIPuI2CkNjIrHM="`,
	}, read: readFastify},
	{Dialect: Dialect{
		ID: "hash-base64", By: "a program that uses a digest in base64", Verified: true,
		Form:    "22, 27, 43, 64 or 86 characters of base64 or base64url, and padding if wanted",
		Tells:   "digest",
		Example: `"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="`,
	}, vague: true, read: readBase64},
	{Dialect: Dialect{
		ID: "uuid", By: "a program that uses a UUID", Verified: true,
		Form:    "8, 4, 4, 4 and 12 digits, hexadecimal, with hyphens between",
		Tells:   "time, if it is of version 1 or 7",
		Example: `"0190163d-8694-739b-aea5-966c26f8ad91"`,
	}, undated: true, read: readUUID},

	// Forms that many tags have.

	{Dialect: Dialect{
		ID: "caddy-old", By: "Caddy 2.0 to 2.7", Verified: true,
		Form:    "time in seconds and size, base 36, with nothing between",
		Tells:   "time to 1 s, size",
		Example: `"tnx5ny1179"`,
	}, maker: "caddy", file: true, servers: "caddy", vague: true, read: readCaddyOld},
	{Dialect: Dialect{
		ID: "apache-mtime-only", By: "Apache httpd for what is no plain file", Verified: true,
		Form:    "time in µs, hexadecimal",
		Tells:   "time to 1 µs",
		Example: `"65f5bb0296fc6"`,
	}, maker: "apache", file: true, servers: "apache", vague: true, read: readApacheTime},
	{Dialect: Dialect{
		ID: "version", By: "an application that counts versions (Spring Data REST and others)", Verified: true,
		Form:    "a number of at most 5 digits, decimal",
		Tells:   "revision",
		Example: `"42"`,
	}, vague: true, read: readVersion},
	{Dialect: Dialect{
		ID: "lighttpd", By: "lighttpd", Verified: true,
		Form:    "a hash of 32 bits of inode, size and time, decimal",
		Example: `"237394403"`,
	}, file: true, servers: "lighttpd", vague: true, read: readLighttpd},
	{Dialect: Dialect{
		ID: "dataverse", By: "Dataverse or Dynamics 365", Verified: true,
		Form:    "a row version, decimal; weak, and yet meant for If-Match; a later one need not be higher",
		Tells:   "row version",
		Example: `W/"470867"`,
	}, vague: true, read: readDataverse},
	// Known from hearsay only.

	{Dialect: Dialect{
		ID: "sharepoint", By: "SharePoint or OneDrive for Business",
		Form:    "a GUID in braces, a comma and the version; c: before that of the content alone",
		Tells:   "revision, item",
		Example: `"{8E6A3C1F-5B7D-4E2A-9C40-1D2F3A4B5C6D},4"`,
	}, read: readSharePoint},
	{Dialect: Dialect{
		ID: "cosmos", By: "Azure Cosmos DB",
		Form:    "a UUID with 0000 in its fourth part; the last one seems to start with the time in seconds, hexadecimal",
		Tells:   "time to 1 s",
		Example: `"0000d986-0000-0700-0000-5b29af7f0000"`,
	}, read: readCosmos},
	{Dialect: Dialect{
		ID: "akamai-netstorage", By: "Akamai NetStorage",
		Form:    "the MD5 of the content, hexadecimal; a colon; a time in seconds, decimal",
		Tells:   "digest, time to 1 s",
		Example: `"b0d2c2a2a7f0f2a3ddc9c0a5a9b6c2f1:1413312345"`,
	}, servers: "akamainetstorage", undated: true, read: readAkamai},
	{Dialect: Dialect{
		ID: "netlify", By: "Netlify",
		Form:    "a digest of 128 bits, hexadecimal; -ssl over TLS; -df behind that when compressed",
		Tells:   "digest, coding",
		Example: `"5f4dcc3b5aa765d61d8327deb882cf99-ssl-df"`,
	}, servers: "netlify", read: readNetlify},
	{Dialect: Dialect{
		ID: "github-api", By: "the REST API of GitHub",
		Form:    "a digest of 128 or 256 bits, hexadecimal, that differs by token and Accept; weak",
		Tells:   "digest",
		Example: `W/"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"`,
	}, servers: "github.com", read: readGitHub},
	{Dialect: Dialect{
		ID: "graph-exchange", By: "Microsoft Graph for mail and calendars",
		Form:    "a change key of Exchange, base64; weak",
		Example: `W/"CQAAABYAAAB8nXtl1yPCRbvnPCvFrdXWAAAAAAJJ"`,
	}, vague: true, read: readExchange},
	{Dialect: Dialect{
		ID: "business-central", By: "Dynamics 365 Business Central",
		Form:    "base64 of an apostrophe, a number, a semicolon and more; weak",
		Example: `W/"JzQ0O0FBQUExK3h5ejsxOyc="`,
	}, vague: true, read: readBusinessCentral},
	{Dialect: Dialect{
		ID: "planner", By: "Microsoft Planner",
		Form:    "base64 of text such as '1-Task  @...'; weak",
		Example: `W/"JzEtVGFzayAgQEBAQEBAQEBAQEBAQEBAVCc="`,
	}, vague: true, read: readPlanner},
	{Dialect: Dialect{
		ID: "google-api", By: "APIs of Google",
		Form:    "two texts in base64url with a slash between",
		Example: `"l66ggWbucbkBw9Lpos72oziyefE/ZrZBeCtnk2S6mzTTWnVwYKnGZH4"`,
	}, vague: true, servers: "esf gse", read: readGoogleAPI},
	{Dialect: Dialect{
		ID: "firebase-rtdb", By: "Firebase Realtime Database",
		Form:    "28 characters of base64, or null_etag where there is nothing; sent only when asked for with X-Firebase-ETag",
		Tells:   "whether there is anything",
		Example: `"null_etag"`,
	}, vague: true, read: readFirebase},
	{Dialect: Dialect{
		ID: "crc32", By: "a program that uses a CRC-32",
		Form:    "8 digits, hexadecimal",
		Tells:   "digest",
		Example: `"414fa339"`,
	}, vague: true, read: readHex8},
}
