package diagnose

// targetRefusals are about what a request names: its target, its host, and the destination of COPY and MOVE.
var targetRefusals = []refusal{
	{
		id: "invalid-target", level: Warning, status: 400, section: "RFC 9112 §3.2",
		summary: "The request target is none that a server may be sent",
		explains: "A server is asked for an absolute path, for a whole URI with its own scheme and host, or with OPTIONS for \"*\". A " +
			"target with another scheme, user information or a fragment is read in one way by who checks it and in another by who " +
			"acts on it, so it is refused before anything is looked up.",
		request: "PUT x:http://www.example.org/notes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: send the path alone, percent-encoded, and the host in Host.",
		},
	},
	{
		id: "invalid-host", level: Warning, status: 400, section: "RFC 9110 §7.2",
		summary: "The host of the request is no name and no address",
		explains: "Host says which site is asked for, with its port if that is not the usual one. What is neither a name nor an " +
			"address could become part of a link or of another field, so it is refused.",
		request: "GET /notes/plan HTTP/1.1\nHost: a:1;for=x",
		fix: []string{
			"Client: send the host of the URI, such as Host: www.example.org:8080.",
		},
	},
	{
		id: "ambiguous-path", level: Warning, status: 400, section: "RFC 3986 §6.2.2",
		summary: "Servers disagree about what the path names",
		explains: "Some servers decode %2F, take a backslash for a slash, drop parameters and empty elements, or do not tell upper " +
			"from lower case; others do not. The guard refuses dot segments that only some servers would resolve, and writes to a " +
			"path that would have another route if it were read in the other way: nobody could say whose rules hold.",
		request: "PUT /public/..%2Fnotes/plan HTTP/1.1\nHost: www.example.org",
		fix: []string{
			"Client: write the path as its collection lists it, without dot segments.",
			"Server: give both readings of the path one route.",
		},
	},
	{
		id: "invalid-destination", level: Warning, status: 400, section: "RFC 4918 §10.3",
		summary: "COPY or MOVE has no Destination that can be read in one way",
		explains: "Destination holds the URI of the new resource. Rules and locks are found by that, so it has to be as plain as a request " +
			"target, and it ends in a slash only if what is copied or moved is a collection.",
		request: "MOVE /notes/plan HTTP/1.1\nHost: www.example.org\nDestination: /notes/..%2Fold",
		fix: []string{
			"Client: send one Destination, with the URI or the path of the new resource, without fragment and user information.",
		},
	},
	{
		id: "destination-elsewhere", level: Warning, status: 502, section: "RFC 4918 §9.9.4",
		summary: "The destination of COPY or MOVE is on another server",
		explains: "A server copies and moves within itself. The guard hands COPY and MOVE to one backend, so a destination with a route to " +
			"another backend is as far away as one with another host, and is refused rather than left to a backend that might take it for its own.",
		request: "MOVE /notes/plan HTTP/1.1\nHost: www.example.org\nDestination: http://other.example/plan",
		fix: []string{
			"Client: fetch the resource, and PUT it there.",
			"Server: if that is the guard's own name, have the proxy in front pass on Host, or list it among trusted_proxies.",
		},
	},
	{
		id: "destination-exists", level: Good, status: 412, section: "RFC 4918 §10.6",
		summary: "There is something at the destination, and Overwrite is F",
		explains: "Overwrite: F is a precondition of COPY and MOVE: nothing may be at the destination. Fourtwelve serve holds the request to it at " +
			"the moment of the change, and so does the guard, under its lock, where require asks for preconditions.",
		request: "MOVE /notes/plan HTTP/1.1\nHost: www.example.org\nDestination: /notes/old\nOverwrite: F",
		fix: []string{
			"Client: choose another destination, or delete what is there with If-Match first.",
		},
	},
}
