package diagnose

import (
	"net/url"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// This file knows services that have rules of their own: what of a URL names the operation and not the resource, where weak tags
// may match, and where the content of a refusal names the tags.

// hostOf is the name in the authority of the request, in lower case.
func (e *examination) hostOf() string {
	host := strings.ToLower(e.x.Request.Host)
	if u, err := url.Parse("//" + host); err == nil {
		return u.Hostname()
	}
	return host
}

// odata reports whether the service follows OData, where a weak tag in If-Match is compared as a strong one is
// (OData 4.01 Protocol §8.2.4).
func (e *examination) odata() bool {
	if e.req("OData-Version")+e.resp("OData-Version")+e.req("DataServiceVersion")+e.resp("DataServiceVersion")+
		e.req("OData-MaxVersion") != "" {
		return true
	}
	if sign.OData(e.hostOf(), e.x.Request.Target) {
		return true
	}
	for _, kind := range []string{e.resp("Content-Type"), e.req("Content-Type"), e.req("Accept")} {
		if strings.Contains(strings.ToLower(kind), "odata") {
			return true
		}
	}
	_, said := e.contains(`"@odata.`, `"odata.error"`, `"odata.metadata"`, "schemas.microsoft.com/ado/")
	return said
}

// weakByOData reports whether all tags in If-Match are weak, and the service may compare them all the same.
func (e *examination) weakByOData() bool { return e.odata() && !e.anyStrong("If-Match") }

// sharePoint reports whether the service is SharePoint, whose servers their customers do not configure.
func (e *examination) sharePoint() bool {
	return e.x.Response.Header.Has("MicrosoftSharePointTeamServices") || e.x.Response.Header.Has("X-SharePointHealthScore") ||
		strings.HasSuffix(e.hostOf(), ".sharepoint.com") || strings.Contains(e.x.Request.Target, "/_api/")
}

// toldTags are sentences in which a refusal names the tag that was sent and the current one.
var toldTags = []*lazyregexp.Regexp{
	lazyregexp.New(`request ETag value '(.{1,200}?)' does not match the object's ETag value '(.{1,200}?)'`), // SharePoint
	lazyregexp.New(`(?i)if-match[^.{}<>]{0,40}?["'\[( ]+((?:W/)?\\?"[^"\\]{1,120}\\?")[^.{}<>]{0,60}?` +
		`(?:current|actual|expected|but (?:is|was|found))[^".{}<>]{0,30}?((?:W/)?\\?"[^"\\]{1,120}\\?")`),
}

// toldTag returns the current tag if the content of a refusal names it beside the one that was sent.
func (e *examination) toldTag() string {
	if e.status() != 412 && e.status() != 409 || len(e.fields.IfMatch) == 0 {
		return ""
	}
	data := e.x.Response.Content.Data
	text := string(data[:min(len(data), maxSearched)])
	text = strings.NewReplacer(`\"`, `"`, `\u0022`, `"`, "&quot;", `"`, `\u0027`, "'", "&#39;", "'", "&apos;", "'").Replace(text)
	if tag := otherQuoted(string(data[:min(len(data), maxSearched)]), e.req("If-Match")); tag != "" {
		return tag
	}
	for _, re := range toldTags {
		if m := re.FindStringSubmatch(text); m != nil && strings.Contains(e.req("If-Match"), strings.Trim(m[1], `"\`)) {
			return strings.ReplaceAll(m[2], `\`, "")
		}
	}
	return ""
}

// quotedTag is a tag within a text that is itself quoted, in JSON or XML.
var quotedTag = lazyregexp.New(`(W/)?(?:\\"|&quot;|\\u0022)([!#-%'-\[\]-~]{1,200}?)(?:\\"|&quot;|\\u0022)`)

// otherQuoted returns the one tag in a text that was not sent, if the only other one in it was.
func otherQuoted(text, sent string) string {
	var tags []string
	for _, m := range quotedTag.FindAllStringSubmatch(text, 10) {
		if tag := m[1] + `"` + m[2] + `"`; !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) != 2 || !strings.Contains(strings.ToLower(text), "etag") && !strings.Contains(strings.ToLower(text), "match") {
		return ""
	}
	for i, tag := range tags {
		if tag == sent && tags[1-i] != sent {
			return tags[1-i]
		}
	}
	return ""
}

// staleTexts are how services say that a version is no longer the current one, in lower case.
var staleTexts = []string{
	"doesn't match the rowversion", "does not match the rowversion", "the version of the existing record",
	"does not match the object's etag value",
	"has been modified since", "has been changed since", "was changed by another", "has been updated by another",
	"changed since it was retrieved", "the update condition specified in the request was not satisfied", "doesn't match the current version",
	"modified by another user", "stale version", "already been changed", "has already been modified", "another user has already changed",
	"is not up-to-date",
	"errorirresolvableconflict", "concurrencyversionmismatch", "has been updated since", "the resource has changed",
	"the object has been modified",
	"optimistic concurrency", "optimistic lock", "version mismatch", "row was updated or deleted by another",
}

// version returns the number that a tag of SharePoint ends in, and what it is of: `"8"`, or `"GUID,9"`.
func version(tag string) (of, number string) {
	text := opaque(tag)
	if i := strings.LastIndexByte(text, ','); i >= 0 {
		of, text = strings.ToLower(strings.Trim(text[:i], "{}")), text[i+1:]
	}
	if text == "" || len(text) > 9 || strings.Trim(text, "0123456789") != "" {
		return of, ""
	}
	return of, text
}

// noTag returns the word that was sent in If-Match by a program that had no tag, and whether there is one.
func (e *examination) noTag() (word string, ok bool) {
	lines := e.x.Request.Header.Named("If-Match")
	if len(lines) != 1 || lines[0].Cut || lines[0].Redacted {
		return "", false
	}
	value := lines[0].Value
	return value, value == "" || value == `""` || e.minted(value) == nil && sign.WordForNone(value)
}

// inQuotes puts a word in quotes, unless it was sent in some.
func inQuotes(word string) string {
	if strings.Contains(word, `"`) {
		return clip(word)
	}
	return `"` + clip(word) + `"`
}

// crossOrigin reports whether a script of another origin made the request.
func (e *examination) crossOrigin() bool {
	origin := e.req("Origin")
	if origin == "" || strings.EqualFold(e.req("Sec-Fetch-Site"), "same-origin") {
		return false
	}
	_, authority, ok := strings.Cut(strings.ToLower(origin), "://")
	return !ok || !strings.EqualFold(authority, strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(e.x.Request.Host), ":443"), ":80"))
}

// The error pages of IIS.

var (
	detailedPage = lazyregexp.New(`(?i)IIS [\d.]+ Detailed Error - (\d{3})`)
	pageRow      = lazyregexp.New(`(?is)<t[hd][^>]*>\s*(?:<[^>]+>)*(Module|Notification|Handler|Error Code|Physical Path)\s*:?(?:</[^>]+>)*\s*</t[hd]>\s*<td[^>]*>(.{0,300}?)</td>`)
	pageTags     = lazyregexp.New(`<[^>]*>|&nbsp;|\s+`)
)

// pageEvent is what the detailed error page of IIS tells of the module that set the status; ok is false if it is none.
func pageEvent(x *capture.Exchange) (ev capture.Event, ok bool) {
	data := x.Response.Content.Data
	text := string(data[:min(len(data), maxSearched)])
	if x.Response.Status < 400 || !detailedPage.MatchString(text) {
		return ev, false
	}
	for _, m := range pageRow.FindAllStringSubmatch(text, 20) {
		value := strings.TrimSpace(pageTags.ReplaceAllString(m[2], " "))
		switch strings.ToLower(m[1]) {
		case "module":
			ev.Module = value
		case "notification":
			ev.Phase = value
		case "error code":
			ev.Error = value
		}
	}
	ev.Kind, ev.Status = capture.StatusSet, x.Response.Status
	return ev, ev.Module != ""
}

// stockPages are the texts of the error pages that IIS puts in place of what an application wrote, for 412, in lower case.
var stockPages = []string{
	"412 - precondition set by the client failed when evaluated on the web server",
	"precondition set by the client failed when evaluated on the web server",
	"the request was not completed due to preconditions that are set in the request header",
}
