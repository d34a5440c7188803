package diagnose

// cutAnswers are what serve says of an answer that it did not complete.
var cutAnswers = []refusal{
	{
		id: "content-changed", level: Good, status: 200, section: "RFC 9112 §8", logged: true,
		summary: "The answer was cut, because its content changed while it was sent",
		explains: "Another program changed the file in place during a download. What was sent so far and what would have followed are " +
			"of two versions, and a complete answer would have joined them without a word.",
		request: "GET /videos/trip.mp4 HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: ask again; a resume with If-Range gets the whole of the new version.",
			"Whoever writes the file: write a new one beside it and rename it into place, which no download notices.",
		},
	},
}

// storeRefusals are about what the store of serve can do at the moment.
var storeRefusals = []refusal{
	{
		id: "busy", level: Good, status: 503, section: "RFC 9110 §15.6.4",
		summary: "The resource is being changed too fast, or too many ask for it at once",
		explains: "What is read must be of one version. If the resource changes again each time before it was read, or too many writes " +
			"to it wait already, it is better to say so than to mix versions or to let everybody wait.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: try again after Retry-After, or in a second.",
			"Look for a program that writes the resource all the time.",
		},
	},
	{
		id: "no-space", level: Error, status: 507, section: "RFC 4918 §11.5",
		summary: "There is no space left to store the content",
		explains: "The disk is full, or a quota is, so the content could not be stored. Nothing was changed: what was there is still " +
			"there. Behind the guard it is the room in which it holds content to be checked, and the status is 503.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: make room, or keep less of the past with --keep.",
		},
	},
	{
		id: "store-unavailable", level: Error, status: 503, section: "RFC 9110 §15.6.4",
		summary: "The storage accepts no writes at present",
		explains: "A sync of the disk has failed, so what was written lately may not be on it. The server writes it again, from its " +
			"journal into new files, and accepts no writes until that has succeeded. Nothing was changed; reads go on.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: try again later.",
			"Server: look at the disk and at the log of the kernel; the server's own log says when writes are accepted again.",
		},
	},
	{
		id: "store-read-only", level: Error, status: 500, section: "RFC 9110 §15.6.1",
		summary: "The storage cannot be written to",
		explains: "The system lets the server read its directory, and not write to it: the file system is mounted read-only, or the " +
			"rights are another user's. Nothing was changed.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: look at the mount and the rights of the directory; the log has the error of the system.",
		},
	},
	{
		id: "outcome-unknown", level: Error, status: 502, section: "RFC 9110 §15.6.3",
		summary: "The write may or may not have been performed",
		explains: "The write was under way when the connection to the server behind broke, no answer came in time, or the disk failed " +
			"while it was written. Nobody can say whether it took place, and to claim either would be a guess. The status is 502 " +
			"or 504 behind the guard, and 500 of serve.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"",
		fix: []string{
			"Client: GET the resource and look, before you send the write again.",
			"Client: with If-Match a repeated write does no harm: it is performed once at most.",
		},
	},
	{
		id: "shutting-down", level: Good, status: 503, section: "RFC 9110 §15.6.4",
		summary:  "The server is shutting down",
		explains: "The server was told to end. It finishes what is under way and begins nothing new. Nothing was changed.",
		request:  "PUT /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: try again in a moment; a server that is restarted is back soon.",
		},
	},
	{
		id: "internal-error", level: Error, status: 500, section: "RFC 9110 §15.6.1",
		summary: "Something went wrong inside the server",
		explains: "An error came up that has no name of its own. What it was is for the log of the server, and not for everyone who " +
			"asks.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: the log has the error, with the method and the path.",
			"Client: try again; after a write look first whether it took place.",
		},
	},
}

// gatewayRefusals are about the server behind the guard.
var gatewayRefusals = []refusal{
	{
		id: "cannot-check", level: Error, status: 502, section: "RFC 9110 §15.6.3",
		summary: "The guard cannot find out the current state, so it lets no write through",
		explains: "To evaluate the precondition of a write, the guard asks the server behind for the current representation, with the " +
			"credentials of the client. That failed, or the answer does not tell the state. Not knowing, the guard fails closed: " +
			"nothing was written.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"",
		fix: []string{
			"Find out why a GET of this resource with these credentials fails; the detail says how it did.",
			"If the resource cannot be fetched by GET at all, write it without a precondition.",
		},
	},
	{
		id: "no-lock", level: Error, status: 503, section: "RFC 9110 §15.6.4",
		summary: "The lock on the resource cannot be had",
		explains: "Between the evaluation of a precondition and the write nobody else may write. So the guard locks the resource, and " +
			"here it did not get the lock. Nothing was changed.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"",
		fix: []string{
			"Client: try again later.",
			"Server: look whether whatever keeps the locks can be reached.",
		},
	},
	{
		id: "backend-unreachable", level: Error, status: 502, section: "RFC 9110 §15.6.3",
		summary: "The server behind the guard cannot be reached",
		explains: "No connection could be made, so nothing was sent and nothing changed: the server is down, its address is wrong, or " +
			"something in between does not let the guard through.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: look whether the server behind runs and listens where the guard asks for it; the log of the guard has the " +
				"error.",
		},
	},
	{
		id: "backend-timeout", level: Error, status: 504, section: "RFC 9110 §15.6.5",
		summary: "The server behind the guard does not answer in time",
		explains: "The request was sent on, and within the time that the guard waits there was no answer. A write that may have been " +
			"performed is called outcome-unknown instead.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: find out why the server behind is slow, or let the guard wait longer.",
		},
	},
	{
		id: "backend-incomplete", level: Error, status: 502, section: "RFC 9110 §15.6.3",
		summary: "The server behind the guard broke off its answer",
		explains: "The answer ended before its end: the connection was cut, or fewer bytes came than were announced. What came is not " +
			"passed on as if it were whole.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: look into the log of the server behind; often it crashed, or hit a limit of time or memory.",
		},
	},
	{
		id: "backend-nonsense", level: Error, status: 502, section: "RFC 9110 §15.6.3",
		summary: "The server behind the guard answered what was not asked",
		explains: "The guard asked without preconditions or ranges, and got an answer that only those can have, such as a 304 or a " +
			"206. Such an answer cannot be passed on: the client would take it for its own.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: look for a cache or a plugin behind the guard that answers by itself.",
		},
	},
	{
		id: "backend-failed", level: Error, status: 502, section: "RFC 9110 §15.6.3",
		summary: "The server behind the guard did not answer as HTTP wants it",
		explains: "What came is no HTTP response, or one that breaks the rules of the protocol so that it cannot be trusted: a " +
			"malformed header, contradicting lengths, too many field lines.",
		request: "GET /notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Server: the log of the guard has the error; ask the server behind with curl -v and compare.",
		},
	},
	{
		id: "backend-refused", level: Error, status: 502, section: "RFC 9110 §15.6.3",
		summary: "The server behind the guard refused a precondition that holds",
		explains: "The guard has evaluated the precondition just before, and it held; the server behind answered 412 all the same. " +
			"Either somebody wrote around the guard in between, or that server does not judge its own tags rightly. The guard " +
			"will not pass it conditions again.",
		request: "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"",
		fix: []string{
			"Client: try again: the guard then evaluates alone.",
			"Server: let all writers come through the guard.",
		},
	},
}
