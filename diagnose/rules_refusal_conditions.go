package diagnose

// conditionRefusals are about preconditions. A name is the field and the reason of the decision.
var conditionRefusals = []refusal{
	{
		id: "if-match-none-matched", level: Good, status: 412, section: "RFC 9110 §13.1.1",
		summary: "None of the tags in If-Match is the current one",
		explains: "The client names the version that it knows, and the resource has another by now: somebody else has changed it since " +
			"the client read it. Nothing was written, so that other change is not lost. This is what If-Match is for.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"old\"",
		fix: []string{
			"Client: GET the resource again, apply the change to what comes back, and send it with the new tag in If-Match.",
			"Client: if a program cannot merge the two, show the person both; the members \"since\" and \"changes\" tell what " +
				"happened meanwhile, if the earlier version is still kept.",
			"Client: never send the write again without its precondition.",
		},
	},
	{
		id: "if-match-weak-tag", level: Warning, status: 412, section: "RFC 9110 §13.1.1",
		summary: "The tag in If-Match is the current one, but weak",
		explains: "If-Match takes the strong comparison: a weak tag, one with W/ before it, never matches, not even itself. The tags " +
			"of fourtwelve are strong, so something between client and server has marked it, most often a proxy that compressed " +
			"the response, or the server behind the guard gives out weak tags only.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: W/\"a\"",
		fix: []string{
			"Find out what adds the W/: a proxy that compresses on the way is the usual one. Let it leave the content as it is, " +
				"or let the server compress.",
			"Server: --lenient-tags takes a weakened tag for the strong one that it was made of.",
			"Client: do not make tags up or change them; send what ETag had.",
		},
	},
	{
		id: "if-match-no-tag", level: Good, status: 412, section: "RFC 9110 §13.1.1",
		summary: "The client names a tag, and the resource has none",
		explains: "The resource exists, but has no entity tag, so that no tag in If-Match can be that of the current version. The " +
			"client has its tag from elsewhere, or from a time when there were tags.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"",
		fix: []string{
			"Client: GET the resource again, and use the validator that comes with it: Last-Modified in If-Unmodified-Since if " +
				"there is no ETag.",
			"Server: give the resource an entity tag.",
		},
	},
	{
		id: "if-match-empty-list", level: Warning, status: 412, section: "RFC 9110 §13.1.1",
		summary: "If-Match has no tags in it",
		explains: "An empty list of tags matches nothing, so the condition is false whatever the state of the resource. Most often the " +
			"client built the field from a variable that was empty, because the ETag of the response before was not read or did " +
			"not reach it.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match:",
		fix: []string{
			"Client: find out where the tag got lost, and send no write without one.",
			"Page in a browser: across origins a script sees ETag only with Access-Control-Expose-Headers: ETag.",
		},
	},
	{
		id: "if-match-no-representation", level: Good, status: 412, section: "RFC 9110 §13.1.1",
		summary: "If-Match wants a version, and the resource does not exist",
		explains: "A tag or \"*\" in If-Match is true only if there is a current representation. There is none: the resource was " +
			"deleted or renamed since the client read it, or the path is wrong. Nothing was created.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"",
		fix: []string{
			"Client: look whether the resource is there under another name.",
			"Client: to create it anew, send the PUT with If-None-Match: * in place of If-Match.",
		},
	},
	{
		id: "if-match-malformed", level: Warning, status: 400, section: "RFC 9110 §13.1.1",
		summary: "If-Match has a member that is not an entity tag",
		explains: "An entity tag is text in double quotes. A condition that cannot be read could be ignored, and then the write would " +
			"go through unguarded: it is refused. A read is answered 412.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: abc",
		fix: []string{
			"Client: send the tag as it came in ETag, with its quotes: If-Match: \"abc\".",
			"Shell: quote the quotes, as in curl -H 'If-Match: \"abc\"'.",
			"Server: --lenient-tags takes tags without quotes, for clients that cannot be mended.",
		},
	},
	{
		id: "if-match-mixed-any", level: Warning, status: 400, section: "RFC 9110 §13.1.1",
		summary: "If-Match has \"*\" beside other members",
		explains: "By the grammar the value is either \"*\" or a list of tags. Both at once may mean \"any version\" or \"this " +
			"version\", so a write with it is refused instead of guessed at. Often two layers of a client each add a field line, " +
			"and both arrive.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: *, \"a\"",
		fix: []string{
			"Client: send the tag alone if the write is for that version, or \"*\" alone if any will do.",
			"Look for a library that adds its own If-Match to yours.",
		},
	},
	{
		id: "if-none-match-exists", level: Good, status: 412, section: "RFC 9110 §13.1.2",
		summary: "If-None-Match: * wants no resource there, and there is one",
		explains: "With If-None-Match: * the client asks to create and never to overwrite. The resource exists: somebody was first, " +
			"the name was taken long ago, or this very request was performed before and its answer was lost. If the content is " +
			"the same, the reason says already-applied.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-None-Match: *",
		fix: []string{
			"Client: choose another name, or GET the resource, merge the change, and send it with If-Match and its tag.",
			"Client: after a lost answer, GET and compare before you call it a conflict.",
		},
	},
	{
		id: "if-none-match-matched", level: Good, status: 412, section: "RFC 9110 §13.1.2",
		summary: "A tag in If-None-Match is the current one, and the method is a write",
		explains: "If-None-Match says: only if the current version is none of these. For GET, HEAD and QUERY that is a 304; for any other " +
			"method it is a 412. On a write the client usually meant If-Match.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-None-Match: \"a\"",
		fix: []string{
			"Client: to change the version that you know, send its tag in If-Match.",
			"Client: to create only, send If-None-Match: * instead of a tag.",
		},
	},
	{
		id: "if-none-match-coding-matched", level: Good, status: 412, section: "RFC 9110 §13.1.2",
		summary: "A tag in If-None-Match is that of the current version in another content coding",
		explains: "Each content coding of a version has a tag of its own, and all of them name that version. The one that was sent is " +
			"current, so a write that wants \"none of these\" is refused.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-None-Match: \"a-gzip\"",
		fix: []string{
			"Client: to change the version that you know, send its tag in If-Match; the tag of any coding will do.",
		},
	},
	{
		id: "if-none-match-mixed-any", level: Warning, status: 400, section: "RFC 9110 §13.1.2",
		summary: "If-None-Match has \"*\" beside other members",
		explains: "By the grammar the value is either \"*\" or a list of tags. Both at once on a write may mean \"only create\" or " +
			"\"only if it is not this version\", so it is refused instead of guessed at.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-None-Match: *, \"a\"",
		fix: []string{
			"Client: send \"*\" alone to create and never overwrite.",
			"Look for a library that adds its own If-None-Match to yours.",
		},
	},
	{
		id: "if-unmodified-since-modified", level: Good, status: 412, section: "RFC 9110 §13.1.4",
		summary: "The resource was modified after the date in If-Unmodified-Since",
		explains: "The client names the Last-Modified that it knows, and the resource was changed after that. Nothing was written. A " +
			"date has a resolution of one second, so that of two changes within a second it cannot tell the second one: a tag in " +
			"If-Match can.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Unmodified-Since: Tue, 03 Nov 2026 09:14:22 GMT",
		fix: []string{
			"Client: GET the resource again, apply the change, and send it with If-Match and the tag that comes with it.",
			"Client: send Last-Modified back as it came. A date from your own clock is another question.",
		},
	},
	{
		id: "if-unmodified-since-no-date", level: Good, status: 412, section: "RFC 9110 §13.1.4",
		summary: "If-Unmodified-Since names a date, and the resource has none",
		explains: "Whether the resource was modified since the date cannot be told, as it has no modification date. By the standard " +
			"the field is then ignored, and the write would be performed unguarded; where writes have to be guarded, it is " +
			"refused.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Unmodified-Since: Tue, 03 Nov 2026 09:14:22 GMT",
		fix: []string{
			"Client: send the tag of the version you know in If-Match.",
			"Server: send Last-Modified or ETag with the resource.",
		},
	},
	{
		id: "if-range-none-matched", level: Good, status: 412, section: "RFC 9110 §13.1.5",
		summary: "The part that If-Range belongs to is of another version",
		explains: "The client has the beginning of a version that is not current any more. As the server runs with " +
			"--stale-if-range=412, it says so in place of sending the whole, which is what the standard asks for.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=100-\nIf-Range: \"old\"",
		fix: []string{
			"Client: throw away the part, and fetch the resource from the beginning without Range.",
		},
	},
	{
		id: "if-range-weak-tag", level: Good, status: 412, section: "RFC 9110 §13.1.5",
		summary: "If-Range has a weak tag, which guards no part",
		explains: "Two versions under one weak tag may differ in bytes, so their parts must not be joined: If-Range takes the strong " +
			"comparison, and a weak tag never matches. As the server runs with --stale-if-range=412, it refuses in place of " +
			"sending the whole.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=100-\nIf-Range: W/\"a\"",
		fix: []string{
			"Client: fetch the resource whole, without Range, or send the strong tag.",
			"Find out what weakens the tag on its way: usually a proxy that compresses.",
		},
	},
	{
		id: "if-range-no-tag", level: Good, status: 412, section: "RFC 9110 §13.1.5",
		summary: "If-Range names a tag, and the resource has none",
		explains: "Whether the part is of the current version cannot be told, as the resource has no entity tag. As the server runs " +
			"with --stale-if-range=412, it refuses in place of sending the whole.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=100-\nIf-Range: \"a\"",
		fix: []string{
			"Client: fetch the resource whole, without Range.",
		},
	},
	{
		id: "if-range-malformed", level: Warning, status: 412, section: "RFC 9110 §13.1.5",
		summary: "If-Range has neither an entity tag nor a date",
		explains: "The value is one entity tag, in double quotes, or one HTTP-date. Anything else names no version, so the range " +
			"cannot be served safely. As the server runs with --stale-if-range=412, it refuses in place of sending the whole.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=100-\nIf-Range: abc",
		fix: []string{
			"Client: send the value of ETag as it came, with its quotes: If-Range: \"abc\".",
		},
	},
	{
		id: "if-range-no-date", level: Good, status: 412, section: "RFC 9110 §13.1.5",
		summary: "If-Range names a date, and the resource has none",
		explains: "Whether the part is of the current version cannot be told, as the resource has no modification date. As the server " +
			"runs with --stale-if-range=412, it refuses in place of sending the whole.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=100-\nIf-Range: Tue, 03 Nov 2026 09:14:22 GMT",
		fix: []string{
			"Client: use the tag in If-Range, or fetch the resource whole, without Range.",
		},
	},
	{
		id: "if-range-date-not-strong", level: Good, status: 412, section: "RFC 9110 §13.1.5",
		summary: "The date in If-Range is the current one, but its second has not passed",
		explains: "Within the second that the date names the resource may change once more, and both versions would have this date. So " +
			"it does not tell yet which of them the part is of (RFC 9110 §8.8.2.2). As the server runs with " +
			"--stale-if-range=412, it refuses in place of sending the whole.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=100-\nIf-Range: Tue, 03 Nov 2026 09:14:22 GMT",
		fix: []string{
			"Client: use the tag in If-Range, or ask again in a second.",
		},
	},
	{
		id: "precondition-required", level: Good, status: 428, section: "RFC 6585 §3",
		summary: "The write has no precondition, and could overwrite what somebody else wrote",
		explains: "A write without a precondition replaces whatever is there, seen or not. The server asks for one: --require and the " +
			"member require of a route say where. A field that guards nothing, such as a date that cannot be read, does not " +
			"count.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: GET the resource, make the change, and send it with the ETag that came in If-Match.",
			"Client: to create, send If-None-Match: *.",
			"Server: --require=never takes writes without a precondition, and with them lost updates.",
		},
	},
	{
		id: "already-applied", level: Good, status: 412, section: "RFC 9110 §13.1.1",
		summary: "The write was refused, but its content is what is stored",
		explains: "The precondition does not hold any more, and yet the current content is byte for byte what this request would have " +
			"stored. Most often the request was performed before, its answer was lost, and the client or a library sent it " +
			"again. There is nothing left to do.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"old\"",
		fix: []string{
			"Client: take it for a success, with the ETag of this answer as the current one.",
			"Server: --accept-replay answers such a request with success, as RFC 9110 §13.1.1 allows.",
		},
	},
	{
		id: "none-satisfiable", level: Good, status: 416, section: "RFC 9110 §15.5.17",
		summary: "All ranges that were asked for begin past the end",
		explains: "The representation is shorter than the first byte that the client asks for. The client has all of it, or its part " +
			"is of another version. Content-Range says how long the representation is.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=999999-",
		fix: []string{
			"Client: compare the length with what you have; if they are the same and the tag is, you are done.",
			"Client: otherwise fetch the resource whole, without Range; resume with If-Range in future.",
		},
	},
	{
		id: "range-not-satisfiable", level: Good, status: 416, section: "RFC 9110 §15.5.17",
		summary: "No range that was asked for lies within the representation",
		explains: "The representation is shorter than the first byte that the client asks for. The client has all of it, or its part " +
			"is of another version. Content-Range says how long the representation is.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org\nRange: bytes=999999-",
		fix: []string{
			"Client: compare the length with what you have; if they are the same and the tag is, you are done.",
			"Client: otherwise fetch the resource whole, without Range; resume with If-Range in future.",
		},
	},
}
