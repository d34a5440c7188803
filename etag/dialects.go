package etag

import "time"

// dialects are all there are. Verified ones come first, and within those the ones whose form says
// most. It is laid out by the compiler: a program that never asks pays nothing for it.
var dialects = [...]dialect{
	{Dialect: Dialect{
		ID: "iis", By: "IIS", Verified: true,
		Form:    "FILETIME of the last modification, bytes from low to high in hexadecimal without padding; a colon; the change number (0 since IIS 7)",
		Tells:   "time to 100 ns, change number",
		Example: `"c3dddcb6736bdd1:0"`,
	}, server: "microsoft-iis", read: readIIS},
	{Dialect: Dialect{
		ID: "nginx", By: "nginx", Verified: true,
		Form:    "time in seconds, a hyphen and size, hexadecimal (also OpenResty, Tengine, nginx Unit, BusyBox, H2O); weak where nginx compressed or changed the content",
		Tells:   "time to 1 s, size",
		Example: `"6ae9a5ee-bc55"`,
	}, server: "nginx", read: readNginx},
	{Dialect: Dialect{
		ID: "apache24", By: "Apache httpd 2.4", Verified: true,
		Form:    "size, a hyphen and time in µs, hexadecimal; weak if the file was changed less than a second before",
		Tells:   "time to 1 µs, size",
		Example: `"bc55-65f5bb0296fc6"`,
	}, maker: "apache", server: "apache", read: readApache24},
	{Dialect: Dialect{
		ID: "apache22", By: "Apache httpd up to 2.2, or with FileETag All", Verified: true,
		Form:    "inode, size and time in µs, hexadecimal, with hyphens between; the inode differs from server to server",
		Tells:   "time to 1 µs, size, inode",
		Example: `"1c0100-bc55-65f5bb0296fc6"`,
	}, maker: "apache", server: "apache", read: readApache22},
	{Dialect: Dialect{
		ID: "apache13", By: "Apache httpd 1.3", Verified: true,
		Form:    "inode, size and time in seconds, hexadecimal, with hyphens between",
		Tells:   "time to 1 s, size, inode",
		Example: `"3f80f-1b6-3e1cb03b"`,
	}, maker: "apache", server: "apache", read: readApache13},
	{Dialect: Dialect{
		ID: "express-stat", By: "Express, Koa and others on Node.js, for files", Verified: true,
		Form:    "size, a hyphen and time in ms, hexadecimal; weak",
		Tells:   "time to 1 ms, size",
		Example: `W/"bc55-1a1a0b02b60"`,
	}, maker: "express", server: "express", read: readExpressStat},
	{Dialect: Dialect{
		ID: "aspnetcore-static", By: "ASP.NET Core for static files", Verified: true,
		Form:    "FILETIME of the last modification in whole seconds, XOR the size, hexadecimal",
		Tells:   "time to 1 s if the size is known, size if the time is known",
		Example: `"1dd6b73b69a5755"`,
	}, server: "kestrel", read: readASPNETCore},
	{Dialect: Dialect{
		ID: "azure", By: "Azure Storage", Verified: true,
		Form:    "time of the change as .NET ticks, 0x and hexadecimal in upper case; often without quotes",
		Tells:   "time to 100 ns",
		Example: `"0x8DF398AD953DDC3"`,
	}, server: "windows-azure", slack: 2 * time.Second, read: readAzure},
	{Dialect: Dialect{
		ID: "caddy", By: "Caddy", Verified: true,
		Form:    "time in ns, a hyphen and size, base 36",
		Tells:   "time to 1 ns, size",
		Example: `"dmlgm2q97zfw-1179"`,
	}, maker: "caddy", server: "caddy", read: readCaddy},
	{Dialect: Dialect{
		ID: "fourtwelve", By: "Fourtwelve", Verified: true,
		Form:    "the first 128 bits of the SHA-256 of the content, base64url; before it the revision in base 36 and a dot, if asked for",
		Tells:   "digest, revision",
		Example: `"47DEQpj8HBSa-_TImW-5JA"`,
	}, proves: true, server: "fourtwelve", read: readFourtwelve},
	{Dialect: Dialect{
		ID: "s3-multipart", By: "Amazon S3 or a compatible store, for an upload in parts", Verified: true,
		Form:    "MD5 of the MD5s of the parts, a hyphen, number of parts",
		Tells:   "digest, number of parts",
		Example: `"9b2cf535f27731c974343645a3985328-12"`,
	}, maker: "s3", server: "amazons3", read: readMultipart},
	{Dialect: Dialect{
		ID: "spring", By: "Spring (ShallowEtagHeaderFilter)", Verified: true,
		Form:    "0 and the MD5 of the content, hexadecimal",
		Tells:   "digest",
		Example: `"0d41d8cd98f00b204e9800998ecf8427e"`,
	}, proves: true, read: readSpring},
	{Dialect: Dialect{
		ID: "s3-md5", By: "Amazon S3 or a compatible store", Verified: true,
		Form:    "MD5 of the content, hexadecimal; of something else if it is encrypted with SSE-KMS or SSE-C",
		Tells:   "digest",
		Example: `"d41d8cd98f00b204e9800998ecf8427e"`,
	}, maker: "s3", server: "amazons3", read: readMD5},
	{Dialect: Dialect{
		ID: "tomcat", By: "Tomcat",
		Form:    "size, a hyphen and time in ms, decimal; weak unless configured",
		Tells:   "time to 1 ms, size",
		Example: `W/"48213-1793697262432"`,
	}, server: "coyote", read: readDecimalStat},
}
