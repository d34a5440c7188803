package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// conflictRules are the causes in which the 412 is right: what the client wanted and what the resource
// is do not go together.
var conflictRules = []Rule{
	{
		ID:      "stale-etag-concurrent-edit",
		Level:   Good,
		Group:   Conflict,
		Summary: "Somebody else changed the resource after the client had read it",
		Explanation: "The client read one version, and by the time it wrote, another one was current. Had the write been done, the " +
			"change in between would have been lost without anybody noticing. This is what If-Match is for, and the 412 is right.\n\n" +
			"It shows in the tags: both are made by the same program, and the current one is later. Where the capture has the other " +
			"write, or the log of the server, the answer is sure.",
		Example: "PUT /plan HTTP/1.1\nIf-Match: \"6ae9a5ee-bc55\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"6ae9a617-bc61\"",
		Fix: []string{
			"Client: GET the resource again, apply the change to what comes back, and send it with the new tag.",
			"Client: if a program cannot merge the two, show the person both versions.",
			"Client: never repeat the write with the new tag and the old content; that overwrites the other change after all.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Since:   "0.1",
		check:   staleTag,
	},
	{
		ID:      "create-if-absent-exists",
		Level:   Info,
		Group:   Conflict,
		Summary: "If-None-Match: * asks to create, and the resource is there already",
		Explanation: "With \"*\" in If-None-Match a write is done only if the resource has no current representation. It has one, so the " +
			"server refused, rightly.\n\n" +
			"The client believes the resource to be new. Either somebody else created it, or the client did so itself and forgot, as after " +
			"a lost response or a sync state that was reset. Some calendar clients send this field when they modify.",
		Example: "PUT /cal/event-1.ics HTTP/1.1\nIf-None-Match: *\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: GET what is there. If it is what was to be created, that is success.",
			"Client: to modify it, send If-Match with the tag of the GET in place of If-None-Match.",
			"Client: to create something else, choose another name.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   createExists,
	},
	{
		ID:      "if-match-on-missing-resource",
		Level:   Info,
		Group:   Conflict,
		Summary: "If-Match was sent for a resource that does not exist any more",
		Explanation: "If-Match, with a tag or with \"*\", can hold only if there is a current representation. The resource was deleted, renamed, or " +
			"never existed under this URL, so the answer is 412.\n\n" +
			"This is a conflict between an edit and a deletion. Amazon S3 and stores like it answer 404 NoSuchKey in this case.",
		Example: "PUT /files/plan.txt HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 412 Precondition Failed\n\nAn If-Match header was specified and the resource did not exist",
		Fix: []string{
			"Client: GET the resource. After 404 or 410 decide what the person wants: keep the edit as a new resource, or accept the deletion.",
			"Client: create it again with If-None-Match: *, not by leaving the precondition out.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   missingResource,
	},
	{
		ID:      "upload-staging-path-if-match",
		Level:   Warning,
		Group:   Conflict,
		Summary: "The If-Match of the final file was sent to the temporary URL of an upload in parts",
		Explanation: "An upload in parts goes to temporary resources first, and becomes the file in a last request. The client sends the " +
			"tag of the file with the parts, too. A part has no representation with that tag, or none at all yet, so every one is " +
			"refused.",
		Example: "PUT /remote.php/dav/uploads/ana/4711/00000001 HTTP/1.1\nIf-Match: \"5f3d2c1ab4e7d\"\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: send the precondition with the last request, the one that puts the parts together, and with no other.",
			"Server: ignore nothing; say in the 412 that the URL is a part's.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   stagingPath,
	},
	{
		ID:      "webdav-overwrite-f-target-exists",
		Level:   Good,
		Group:   Conflict,
		Summary: "MOVE or COPY with Overwrite: F, and the destination exists",
		Explanation: "Overwrite: F forbids to replace what is at the destination. There is something, so the server answers 412 and has done " +
			"nothing, as WebDAV demands. It has nothing to do with tags.",
		Example: "MOVE /a.txt HTTP/1.1\nDestination: https://example.com/b.txt\nOverwrite: F\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: choose another destination, or ask the person whether to replace it.",
			"Client: to replace it, send Overwrite: T, guarded by If: <destination> ([tag]).",
		},
		Section: "RFC 4918 §10.6",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   overwriteF,
	},
	{
		ID:      "webdav-overwrite-header-wrong",
		Level:   Error,
		Group:   Conflict,
		Summary: "Overwrite is malformed, or the server takes its absence for F",
		Explanation: "Overwrite is T or F, and a request without it means T (RFC 4918 §10.6). A MOVE or COPY without Overwrite and without any other " +
			"precondition was answered 412, so the server took F for the default. Or the client sent something else than T or F, of which servers " +
			"make one or the other.",
		Example: "MOVE /a.txt HTTP/1.1\nDestination: https://example.com/b.txt\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: send Overwrite: T or Overwrite: F, and do not rely on the default.",
			"Server: take a missing Overwrite for T.",
		},
		Section: "RFC 4918 §10.6",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   overwriteWrong,
	},
	{
		ID:      "webdav-if-header-unmet",
		Level:   Info,
		Group:   Conflict,
		Summary: "The If field of WebDAV does not hold: a lock token or a tag in it is not valid here",
		Explanation: "If has lists of lock tokens and tags, each list for a resource. The 412 says that no list holds: the lock has expired or was " +
			"broken, the token is for another resource, or the tag in brackets is not the current one.\n\n" +
			"A list without a resource in front of it is about the target URI. For MOVE and COPY that is the source, so a token for the " +
			"destination needs the tagged form. Some servers insist on the space after the >.",
		Example: "PUT /plan.docx HTTP/1.1\nIf: (<opaquelocktoken:1f2c>)\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: ask for the lock again (PROPFIND lockdiscovery), and refresh it before it expires.",
			"Client: name the resource, with a space after it: If: <https://example.com/b.docx> (<opaquelocktoken:1f2c>).",
			"Server with several processes: keep locks where all of them see them.",
		},
		Section: "RFC 4918 §10.4",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   davIfUnmet,
	},
	{
		ID:      "if-match-guards-source-not-destination",
		Level:   Warning,
		Group:   Conflict,
		Summary: "If-Match of a MOVE or COPY guards the source; the destination was replaced unguarded",
		Explanation: "Preconditions are about the target URI, which for MOVE and COPY is the source. The client may have meant the destination. There " +
			"is no 412; the response 204 says that something was at the destination and has been replaced, whatever it was.",
		Example: "MOVE /draft HTTP/1.1\nDestination: https://example.com/plan\nIf-Match: \"a\"\n\nHTTP/1.1 204 No Content",
		Fix: []string{
			"Client: guard the destination with WebDAV's own field: If: <https://example.com/plan> ([\"b\"]).",
			"Client: send Overwrite: F if nothing may be replaced.",
		},
		Section: "RFC 9110 §13.2.1",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   guardsSource,
	},
	{
		ID:      "object-changed-mid-download",
		Level:   Info,
		Group:   Conflict,
		Summary: "The object was replaced while it was being downloaded in parts",
		Explanation: "A download in parts takes the tag of the first part and sends it in If-Match with all others, so that parts of two versions " +
			"are never joined. In between the object was overwritten, or something else that its tag covers: on Azure writing the metadata is " +
			"enough. The 412 is right, and has prevented a mixed file.\n\n" +
			"Where the client sends neither If-Match nor If-Range, nothing prevents it: then two parts come with two tags, and only who compares these notices.",
		Example: "GET /big.bin HTTP/1.1\nRange: bytes=8388608-16777215\nIf-Match: \"a\"\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: throw away the parts, and begin again.",
			"Name a version that does not change: versionId on S3, snapshot or versionid on Azure, generation on Google Cloud Storage.",
			"Do not write metadata of objects that are being read.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		check:   changedMidDownload,
	},
	{
		ID:      "lock-object-held",
		Level:   Info,
		Group:   Conflict,
		Summary: "A lock object exists already: 412 here means that somebody holds the lock",
		Explanation: "Tools such as Terraform take a lock by creating an object that must not exist yet, with If-None-Match: * or a generation of " +
			"0. The 412 is how the store says that it exists, and so that another run holds the lock, or ended without giving it back.",
		Example: "POST /upload/storage/v1/b/state/o?ifGenerationMatch=0&name=default.tflock HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Wait for the other run; the content of the lock object says whose it is and since when.",
			"If that run is dead, break the lock with the tool's own command (terraform force-unlock), and do not delete the object by hand.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   lockHeld,
	},
	{
		ID:      "conditional-create-ambiguous",
		Level:   Info,
		Group:   Conflict,
		Summary: "If-None-Exist of FHIR found several resources that match",
		Explanation: "A FHIR server creates the resource only if its search in If-None-Exist finds none, and answers 200 with it if there is one. " +
			"With several it cannot tell which is meant, and answers 412.",
		Example: "POST /fhir/Patient HTTP/1.1\nIf-None-Exist: name=smith\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: search by an identifier that is unique, with its system.",
			"Merge the duplicates on the server.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   ambiguousCreate,
	},
}

// alonePrecondition reports whether all preconditions have one of the names, so that a
// 412 can be about nothing else.
func (e *examination) alonePrecondition(names ...string) bool {
	for _, l := range e.verdict.Preconditions {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, l.Name) }) {
			return false
		}
	}
	return len(e.verdict.Preconditions) > 0 && !e.blind()
}

// sure is Certain if nothing but the preconditions with these names can have failed, and the response
// or the trace shows that it was they; otherwise Likely. A bare 412 may also be that of a filter that
// knows nothing of preconditions.
func (e *examination) sure(names ...string) Confidence {
	by := e.refusedBy()
	if e.alonePrecondition(names...) && (e.witnessed && e.verdict.State.Exists || by == dav || by == files) {
		return Certain
	}
	return Likely
}

func staleTag(e *examination) []Finding {
	if found := e.otherResourceTag(); found != nil {
		return found
	}
	switch said := e.saidStale(); {
	case e.alreadyApplied():
		return nil // it is the client's own write
	case said != nil:
		return said
	case e.status() != 412 || e.verdict.Judgement != Right:
		return nil
	case len(e.fields.IfMatch) > 0:
		return e.staleIfMatch()
	case len(e.fields.IfUnmodifiedSince) > 0:
		return e.staleDate()
	}
	return nil
}

// resourceTag is what Office sends in If, and what SharePoint answers in the field of that name: whose version it is, and which.
var resourceTag = lazyregexp.New(`(?i)rt:([0-9a-f-]{36})@([0-9]+)`)

// otherResourceTag is about a write whose If names another version than the one in ResourceTag of the refusal.
func (e *examination) otherResourceTag() []Finding {
	sent, current := resourceTag.FindStringSubmatch(e.req("If")), resourceTag.FindStringSubmatch(e.resp("ResourceTag"))
	if e.status() != 412 || !e.writes() || sent == nil || current == nil || !strings.EqualFold(sent[1], current[1]) || sent[2] == current[2] {
		return nil
	}
	return one(Likely, fmt.Sprintf("the client has version %s of the file, and the server has version %s",
		strings.TrimLeft(sent[2], "0"), strings.TrimLeft(current[2], "0")),
		e.asked(), e.sent("If"), e.got("ResourceTag"), e.answered())
}

// saidStale is about a refusal whose content says that the version is not the current one.
func (e *examination) saidStale() []Finding {
	if e.status() != 412 || len(e.fields.IfMatch) == 0 || e.sentAgain() != nil {
		return nil
	}
	text, ok := e.contains(staleTexts...)
	c, known := e.pair("If-Match")
	sameTag := c.Relation.Kind == etag.Identical || c.Relation.Kind == etag.SameButForm || sameVersion(c)
	if !ok || known && sameTag || e.ownWrite(c.Current) != nil {
		return nil
	}
	if _, none := e.noTag(); none {
		return nil
	}
	says := "the service says that the version which the client has is not the current one"
	if known {
		says = fmt.Sprintf("the client has %s, and the current tag is %s, as the service says", clip(c.Sent), clip(c.Current))
	}
	return one(Likely, says, e.sent("If-Match"), e.current(), e.answered(), e.saying(text))
}

// sameVersion reports whether two tags of SharePoint are of the same version of the same thing, written in two ways.
func sameVersion(c Comparison) bool {
	of, number := version(c.Sent)
	ofCurrent, current := version(c.Current)
	return of != "" && of == ofCurrent && number != "" && number == current && c.Sent != c.Current
}

func (e *examination) staleIfMatch() []Finding {
	c, ok := e.pair("If-Match")
	if _, none := e.noTag(); none {
		return nil // no version was named that could be an old one
	}
	if sent, err := etag.Parse(c.Sent); !ok || err != nil || sent.IsWeak() || sameVersion(c) {
		return nil
	}
	read, own := e.minted(c.Sent), e.ownWrite(c.Current)
	says := fmt.Sprintf("the client has %s, and the current tag is %s", clip(c.Sent), clip(c.Current))
	if n := c.Relation.Revisions; n == 1 {
		says += ", the next revision"
	} else if n > 1 {
		says += fmt.Sprintf(", %d revisions later", n)
	} else if c.Relation.Elapsed > 0 {
		says += fmt.Sprintf(", made %s later", c.Relation.Elapsed.Round(time.Millisecond))
	}
	evidence := []Fact{e.sent("If-Match"), e.current(), e.answered(), e.refuserFact()}
	if other := e.othersWrite(c.Current); other != nil {
		return one(Certain, says+"; the write of another client in between made it",
			append(evidence, other.asked(), other.got("ETag"), e.gap(other))...)
	}
	switch kind := c.Relation.Kind; {
	case own != nil, e.sentAgain() != nil, e.metadataSince(read) != nil:
		return nil // see own-write-not-tracked, retry-after-lost-response and metadata-write-bumps-etag
	case kind == etag.Edited:
		return one(Likely, says, evidence...)
	case (kind == etag.Unrelated || kind == etag.OtherContent) && read != nil && read.cached().Name == "":
		return one(Likely, says+"; it was current when the client read it", append(evidence, read.got("ETag"), e.gap(read))...)
	case kind == etag.Unrelated || kind == etag.OtherContent:
		return one(Possible, says, evidence...)
	}
	return nil
}

// staleDate is about If-Unmodified-Since. A difference of less than a second is no edit.
func (e *examination) staleDate() []Finding {
	since, modified := parseDate(e.req("If-Unmodified-Since")), parseDate(e.verdict.State.LastModified)
	if since.IsZero() || modified.Sub(since) < time.Second {
		return nil
	}
	return one(Likely, fmt.Sprintf("the resource was modified %s after the date in If-Unmodified-Since", modified.Sub(since)),
		e.sent("If-Unmodified-Since"), e.got("Last-Modified"), e.answered())
}

// othersWrite returns the earlier write of another client that made the current tag, or nil.
func (e *examination) othersWrite(current string) *examination {
	return e.last(func(p *examination) bool {
		return p.writes() && p.succeeded() && p.after.ETag == current && !e.sameClient(p)
	})
}

// ownWrite returns the earlier write of this client that made the current tag, or nil.
func (e *examination) ownWrite(current string) *examination {
	return e.last(func(p *examination) bool {
		return p.writes() && p.succeeded() && !p.metadata() && p.after.ETag == current && e.sameClient(p)
	})
}

func createExists(e *examination) []Finding {
	if e.status() != 412 || e.reads() || !e.anyMember("If-None-Match") || e.lockName() != "" || e.deletedBefore() != nil {
		return nil
	}
	says := "If-None-Match: * allows the write only if the resource does not exist, and it does"
	evidence := []Fact{e.asked(), e.sent("If-None-Match"), e.answered(), e.current()}
	if p := e.last(func(p *examination) bool { return p.writes() && p.succeeded() && p.after.Exists && e.sameClient(p) }); p != nil {
		says += "; an earlier request of the same client wrote it"
		evidence = append(evidence, p.asked(), p.answered())
	}
	return one(e.sure("If-None-Match"), says, evidence...)
}

// anyMember reports whether a list is "*".
func (e *examination) anyMember(field string) bool {
	return slices.ContainsFunc(e.members(field), func(m etag.Member) bool { return m.Any })
}

// missingTexts are how servers say that the target of If-Match is not there, in lower case.
var missingTexts = []string{
	"resource did not exist", "resource does not exist", "file does not exist", "no such resource", "not exist",
}

func missingResource(e *examination) []Finding {
	if e.status() != 412 || len(e.fields.IfMatch) == 0 || e.resp("ETag") != "" {
		return nil
	}
	evidence := []Fact{e.asked(), e.sent("If-Match"), e.answered()}
	if e.anyMember("If-Match") {
		if s := e.verdict.State; s.Known && s.Exists && !e.witnessed {
			return one(Possible, "If-Match: * fails only if the resource has no current representation, and it had one before; unless it was deleted in between", append(evidence, e.current())...)
		}
		return one(e.sure("If-Match"), "If-Match: * fails only if the resource has no current representation", evidence...)
	}
	if text, ok := e.contains(missingTexts...); ok {
		return one(Likely, "the server says that there is no resource to match", append(evidence, e.saying(text))...)
	}
	if s := e.verdict.State; s.Known && !s.Exists {
		p := e.last((*examination).tells)
		return one(Likely, "the resource did not exist any more", append(evidence, p.asked(), p.answered())...)
	}
	return nil
}

func stagingPath(e *examination) []Finding {
	if e.status() != 412 || len(e.fields.IfMatch) == 0 {
		return nil
	}
	sign := e.stagingSign()
	if sign == "" {
		return nil
	}
	evidence := []Fact{e.asked(), e.sent("If-Match"), e.answered(), e.fact("sign of an upload in parts", sign)}
	if text, ok := e.contains(missingTexts...); ok {
		return one(Likely, "the target is a part of an upload, and the server says that there is nothing yet to match",
			append(evidence, e.saying(text))...)
	}
	return one(Possible, "the target looks like a part of an upload, which does not have the tag of the file", evidence...)
}

func (e *examination) stagingSign() string {
	if e.method() == "POST" || e.moves() {
		return "" // what begins an upload, or puts its parts together
	}
	return sign.Staging(e.x.Request.Target)
}

func (e *examination) moves() bool { return e.method() == "MOVE" || e.method() == "COPY" }

func overwriteF(e *examination) []Finding {
	if !e.moves() || e.status() != 412 || !strings.EqualFold(e.req("Overwrite"), "F") {
		return nil
	}
	return one(e.sure("Overwrite"), fmt.Sprintf("%s must not replace the destination, and there is something", e.method()),
		e.asked(), e.sent("Overwrite"), e.sent("Destination"), e.answered())
}

func overwriteWrong(e *examination) []Finding {
	if !e.moves() || e.blind() {
		return nil
	}
	value, sent := e.req("Overwrite"), e.x.Request.Header.Has("Overwrite")
	evidence := []Fact{e.asked(), e.sent("Overwrite"), e.sent("Destination"), e.answered()}
	switch {
	case sent && !strings.EqualFold(value, "T") && !strings.EqualFold(value, "F"):
		return one(Certain, fmt.Sprintf("Overwrite is T or F, and not %q", clip(value)), evidence...)
	case !sent && e.status() == 412 && !e.conditional():
		return one(Likely, "there is no Overwrite, which means T, and no other precondition that could have failed", evidence...)
	}
	return nil
}

func davIfUnmet(e *examination) []Finding {
	if e.otherResourceTag() != nil {
		return nil // see stale-etag-concurrent-edit
	}
	if e.status() != 412 || !e.x.Request.Header.Has("If") || e.asksIfNew() {
		return nil
	}
	if d, sure := e.ifDecision(); sure && d.Holds {
		return nil
	}
	value := e.req("If")
	says := "no list in If holds"
	switch tagged := strings.HasPrefix(value, "<"); {
	case e.moves() && !tagged:
		says += fmt.Sprintf("; without a resource in front, they are about the source of the %s and not about its destination", e.method())
	case tagged && strings.Contains(value, ">("):
		says += "; there is no space between > and (, which some servers insist on"
	}
	return one(e.sure("If"), says, e.asked(), e.sent("If"), e.sent("Destination"), e.answered(), e.current())
}

func guardsSource(e *examination) []Finding {
	if !e.moves() || e.status() != 204 || len(e.fields.IfMatch) == 0 || e.x.Request.Header.Has("If") {
		return nil
	}
	return one(Possible, fmt.Sprintf("If-Match was about the source; 204 says that the %s replaced something at the destination, and nothing guarded that", e.method()),
		e.asked(), e.sent("If-Match"), e.sent("Destination"), e.answered())
}

func changedMidDownload(e *examination) []Finding {
	if e.status() == 206 {
		return e.partsOfTwo()
	}
	if e.status() != 412 || !e.reads() || len(e.fields.IfMatch) == 0 {
		return nil
	}
	part := e.last(func(p *examination) bool {
		return (p.status() == 206 || p.status() == 200 && p.method() == "GET") && p.resp("ETag") != "" &&
			strings.Contains(e.req("If-Match"), p.resp("ETag")) && e.sameClient(p)
	})
	if part == nil || part.status() == 200 && e.rangeSent() == "" {
		return nil
	}
	evidence := []Fact{part.answered(), part.got("ETag"), part.got("Content-Range"), e.sent("If-Match"), e.sent(e.rangeSent()),
		e.answered(), e.gap(part)}
	if c, ok := e.pair("If-Match"); ok && e.witnessed {
		return e.partOfAnother(c, part, evidence)
	}
	return one(Likely, "an earlier part is of "+clip(part.resp("ETag"))+", which is no longer current", evidence...)
}

// partsOfTwo is about two parts, got one after the other without a precondition, whose tags are those of two versions.
func (e *examination) partsOfTwo() []Finding {
	p, rel, ok := e.otherPart()
	if spec, single := e.onlyRange(); !ok || single && spec.IsOpen() || e.guardsParts() || !e.sameClient(p) || e.blind() {
		return nil // see no-validator-resume
	}
	says := fmt.Sprintf("the parts have the tags %s and %s, and nothing in the requests keeps parts of two versions apart: joined they may make neither",
		clip(p.resp("ETag")), clip(e.resp("ETag")))
	switch {
	case e.tagsOfParts() != nil || e.sameDigestOtherTime(p) != nil || rel.Kind == etag.FarmCopies || rel.Kind == etag.OtherTime:
		return nil // see per-part-etag and cdn-nodes-different-etag
	case rel.Kind == etag.Edited:
		return one(Likely, says, e.partFacts(p)...)
	}
	return one(Possible, says, e.partFacts(p)...)
}

// partOfAnother judges by how the tag of an earlier part and the current one are related. Copies on several
// servers, and tags that two programs made, are no change of the object.
func (e *examination) partOfAnother(c Comparison, part *examination, evidence []Fact) []Finding {
	says := "an earlier part is of " + clip(part.resp("ETag")) + ", and the current version is " + clip(c.Current)
	switch c.Relation.Kind {
	case etag.Edited:
		return one(Certain, says, append(evidence, e.got("ETag"))...)
	case etag.Unrelated, etag.OtherContent, etag.OtherTime, etag.RolledBack:
		return one(Likely, says, append(evidence, e.got("ETag"))...)
	}
	return nil
}

// etagOf is the tag of the response; zero if it is none.
func etagOf(p *examination) etag.Tag {
	t, _ := etag.Parse(p.resp("ETag"))
	return t
}

// rangeSent is the name of the field that asks for a part, "" if none does.
func (e *examination) rangeSent() string {
	for _, name := range []string{"Range", "x-ms-range"} {
		if e.x.Request.Header.Has(name) {
			return name
		}
	}
	return ""
}

func lockHeld(e *examination) []Finding {
	if e.status() != 412 || e.reads() || !e.mustBeNew() || e.deletedBefore() != nil {
		return nil
	}
	lock := e.lockName()
	if lock == "" {
		return nil
	}
	return one(Likely, fmt.Sprintf("%q is by its name a lock, must be created anew, and exists", lock),
		append(e.preconditionFacts(), e.asked(), e.answered())...)
}

// mustBeNew reports whether a precondition demands that the resource does not exist.
func (e *examination) mustBeNew() bool {
	if e.anyMember("If-None-Match") {
		return true
	}
	for _, l := range e.verdict.Preconditions {
		name := strings.ToLower(l.Name)
		if l.Value == "0" && (name == "ifgenerationmatch" || name == "x-goog-if-generation-match") {
			return true
		}
	}
	return false
}

// lockName returns what the target names if that is what a lock is called.
func (e *examination) lockName() string { return clip(sign.LockName(e.x.Request.Target)) }

func ambiguousCreate(e *examination) []Finding {
	if e.status() != 412 || !e.x.Request.Header.Has("If-None-Exist") {
		return nil
	}
	evidence := []Fact{e.asked(), e.sent("If-None-Exist"), e.answered()}
	if text, ok := e.contains("multiple-matches", "multiple match", "more than one"); ok {
		return one(Certain, "the server says that the search in If-None-Exist finds more than one resource", append(evidence, e.saying(text))...)
	}
	return one(Likely, "the search in If-None-Exist finds more than one resource", evidence...)
}
