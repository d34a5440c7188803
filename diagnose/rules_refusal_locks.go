package diagnose

// lockRefusals are about the locks of WebDAV and its field If.
var lockRefusals = []refusal{
	{
		id: "locked", level: Good, status: 423, section: "RFC 4918 §7.5",
		summary: "Somebody has locked the resource, and the request does not name the lock",
		explains: "A write that changes a locked resource must submit the token of a lock on it, in the field If, and come from the user who " +
			"made the lock. What makes or removes " +
			"a member of a locked collection needs the collection's token, too. DAV:lock-token-submitted names what is locked, which can be a " +
			"collection above.",
		request: "PUT /plan.odt HTTP/1.1\nHost: www.example.org\nContent-Length: 5",
		fix: []string{
			"Wait until whoever has the document open closes it, or until the lock ends by itself.",
			"Client: if the lock is your own, send its token: If: (<urn:uuid:...>).",
			"If the program that made it is gone: UNLOCK with the token that PROPFIND of lockdiscovery shows, as the same user.",
		},
	},
	{
		id: "lock-conflict", level: Good, status: 423, section: "RFC 4918 §9.10.5",
		summary: "The resource cannot be locked, because a lock is on it, above it or below it",
		explains: "An exclusive lock goes together with no other, and a shared one with shared ones alone. A lock of infinite depth on a " +
			"collection covers all that is in it, so that it conflicts " +
			"with locks on members. DAV:no-conflicting-lock names what is locked.",
		request: "LOCK /plan.odt HTTP/1.1\nHost: www.example.org\nDepth: 0",
		fix: []string{
			"Open the document for reading, or wait until the other lock ends.",
			"PROPFIND of lockdiscovery shows who has it.",
		},
	},
	{
		id: "if-malformed", level: Warning, status: 400, section: "RFC 4918 §10.4.2",
		summary: "The field If of WebDAV cannot be read",
		explains: "A condition that was not understood must not let a write through, so the request is refused. The detail says what is " +
			"wrong and at which byte. (It is 412 for requests that " +
			"only read.)",
		request: "PUT /plan.odt HTTP/1.1\nHost: www.example.org\nIf: <urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>",
		fix: []string{
			"Client: put tokens and entity tags into a list in parentheses: If: (<urn:uuid:...> [\"tag\"]).",
		},
	},
	{
		id: "if-not-locked", level: Good, status: 412, section: "RFC 4918 §10.4.4",
		summary: "The resource has no lock with the token in If",
		explains: "The lock has ended: its time was over, somebody removed it, or the resource was deleted or moved, with which its locks " +
			"end. Or the token is that of a lock elsewhere. " +
			"Others may have written since. A LOCK that is to refresh the lock gets the same answer, with DAV:lock-token-matches-request-uri.",
		request: "PUT /plan.odt HTTP/1.1\nHost: www.example.org\nIf: (<urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>)",
		fix: []string{
			"Client: look whether the resource has changed since it was read (entity tag); if not, lock it again and write with the new token.",
			"Client: refresh locks before their time is over; the answer to LOCK says how long that is.",
		},
	},
	{
		id: "if-tag-differs", level: Good, status: 412, section: "RFC 4918 §10.4.4",
		summary: "The resource is not in the version that If names",
		explains: "No list in If holds. A list with an entity tag in brackets holds if the resource has that tag now, by the strong " +
			"comparison. The resource was changed, or does not exist.",
		request: "PUT /plan.odt HTTP/1.1\nHost: www.example.org\nIf: ([\"old\"])",
		fix: []string{
			"Client: read the resource again, decide what to keep, and write with the new tag.",
		},
	},
	{
		id: "if-denied-state", level: Good, status: 412, section: "RFC 4918 §10.4.3",
		summary:  "The resource has the state that If excludes with Not",
		explains: "A condition with Not holds if the resource does not have the token or entity tag. It has it.",
		request:  "PUT /plan.odt HTTP/1.1\nHost: www.example.org\nIf: (Not [\"current\"])",
		fix: []string{
			"Client: look at the resource again, and send a condition that it meets.",
		},
	},
	{
		id: "if-elsewhere", level: Warning, status: 412, section: "RFC 4918 §10.4.4",
		summary: "If names a resource that is not one of this server's",
		explains: "A list can name the resource that it is about, with an absolute URI. If the host is not the one that the request was sent " +
			"to, nothing is known of the resource, and the list " +
			"does not hold. Behind a proxy that changes Host this happens to clients that do everything right.",
		request: "PUT /plan.odt HTTP/1.1\nHost: backend:8412\nIf: <http://www.example.org/plan.odt> " +
			"(<urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>)",
		fix: []string{
			"Proxy: pass Host on as it came.",
			"Client: name the resource by its path alone.",
		},
	},
	{
		id: "lock-without-content", level: Warning, status: 400, section: "RFC 4918 §9.10.2",
		summary:  "A LOCK without content says nothing about which lock it is to refresh",
		explains: "LOCK with a lockinfo element makes a lock. Without content it refreshes one, whose token stands in If.",
		request:  "LOCK /plan.odt HTTP/1.1\nHost: www.example.org\nContent-Length: 0",
		fix: []string{
			"Client: send a lockinfo element, or If with the token.",
		},
	},
	{
		id: "no-lock-token", level: Warning, status: 400, section: "RFC 4918 §9.11.1",
		summary:  "An UNLOCK does not say which lock is to end",
		explains: "The field Lock-Token has the one token, in angle brackets. A token without them is taken, too.",
		request:  "UNLOCK /plan.odt HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: send Lock-Token: <urn:uuid:...>.",
		},
	},
	{
		id: "lock-token-unknown", level: Good, status: 409, section: "RFC 4918 §9.11.1",
		summary: "No lock with the token of an UNLOCK is on the resource",
		explains: "The lock has ended already, or was on something else (DAV:lock-token-matches-request-uri). Where it was to be ended " +
			"anyway, there " +
			"is nothing left to do.",
		request: "UNLOCK /plan.odt HTTP/1.1\nHost: www.example.org\nLock-Token: <urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>",
		fix: []string{
			"Client: send UNLOCK to the resource that was locked, or to one in its scope.",
		},
	},
	{
		id: "lock-of-another", level: Good, status: 403, section: "RFC 4918 §6.4",
		summary:  "The lock belongs to another user",
		explains: "The token of a lock is of use to the user who made it, and to nobody else: neither to write, nor to refresh or end the lock.",
		request:  "UNLOCK /plan.odt HTTP/1.1\nHost: www.example.org\nLock-Token: <urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>",
		fix: []string{
			"Ask that user, or wait until the lock ends by itself.",
		},
	},
	{
		id: "locks-busy", level: Warning, status: 503, section: "RFC 9110 §15.6.4",
		summary: "Other requests for the resource did not end in time",
		explains: "A LOCK waits for the writes under way, and a write for LOCKs that are being granted; each for ten seconds at most. " +
			"Nothing was changed.",
		request: "LOCK /plan.odt HTTP/1.1\nHost: www.example.org\nDepth: 0",
		fix: []string{
			"Client: try again.",
			"Server: find out what makes its disk slow.",
		},
	},
	{
		id: "too-many-locks", level: Warning, status: 503, section: "RFC 9110 §15.6.4",
		summary:  "The server has as many locks as it keeps",
		explains: "Locks are held in memory, so their number has a bound, 16,384. Those that nobody refreshes end by themselves.",
		request:  "LOCK /plan.odt HTTP/1.1\nHost: www.example.org\nDepth: 0",
		fix: []string{
			"Client: try again later, or write with If-Match, which needs no lock.",
		},
	},
	{
		id: "too-many-locks-of-client", level: Warning, status: 507, section: "RFC 4918 §11.5",
		summary:  "The client has as many locks as one may have",
		explains: "One user, or one address of clients that are not known by name, may have 1,024 locks, so that nobody takes the room of all.",
		request:  "LOCK /plan.odt HTTP/1.1\nHost: www.example.org\nDepth: 0",
		fix: []string{
			"Client: end locks with UNLOCK when they are no longer needed, or lock a collection once.",
		},
	},
	{
		id: "owner-too-long", level: Warning, status: 413, section: "RFC 4918 §14.17",
		summary:  "The owner element of a LOCK is too long",
		explains: "What a client says of a lock's owner is kept as it is, up to 4,096 bytes.",
		request:  "LOCK /plan.odt HTTP/1.1\nHost: www.example.org\nContent-Length: 9000",
		fix: []string{
			"Client: say less.",
		},
	},
}
