package logs

import "github.com/fourtwelve/fourtwelve/accesslog"

// A set of fields that a log has to have, beside client, method, target and status.
const (
	anyFields  = accesslog.Fields(0)
	sentTag    = accesslog.Fields(1 << accesslog.IfMatch)
	currentTag = accesslog.Fields(1 << accesslog.ETag)
	bothTags   = sentTag | currentTag
	cachedTag  = accesslog.Fields(1<<accesslog.IfNoneMatch) | currentTag
	conditions = accesslog.Fields(1<<accesslog.IfMatch | 1<<accesslog.IfNoneMatch | 1<<accesslog.IfUnmodifiedSince)
	ranges     = accesslog.Fields(1<<accesslog.Range | 1<<accesslog.IfRange)
)

// proofs are the fields with which a log shows best that a rule applies. Rules that are not here need no more than each log has.
var proofs = map[string]accesslog.Fields{
	"stale-etag-concurrent-edit": bothTags, "create-if-absent-exists": accesslog.FieldsOf(accesslog.IfNoneMatch),
	"if-match-on-missing-resource": sentTag,
	"upload-staging-path-if-match": sentTag, "webdav-overwrite-f-target-exists": accesslog.FieldsOf(accesslog.Overwrite),
	"webdav-overwrite-header-wrong": accesslog.FieldsOf(accesslog.Overwrite, accesslog.If),
	"webdav-if-header-unmet":        accesslog.FieldsOf(accesslog.If),
	"webdav-lock-ended":             accesslog.FieldsOf(accesslog.If), "webdav-if-malformed": accesslog.FieldsOf(accesslog.If),
	"if-match-guards-source-not-destination": accesslog.FieldsOf(accesslog.IfMatch, accesslog.If, accesslog.Destination),
	"object-changed-mid-download":            accesslog.FieldsOf(accesslog.IfMatch, accesslog.Range),
	"lock-object-held":                       accesslog.FieldsOf(accesslog.IfNoneMatch),
	"retry-after-lost-response":              accesslog.FieldsOf(accesslog.Problem), "client-loops-on-stale-etag": sentTag,
	"own-write-not-tracked":     bothTags,
	"metadata-write-bumps-etag": sentTag, "stale-etag-from-cache-or-replica": bothTags | accesslog.FieldsOf(accesslog.Age),
	"s3-409-not-retried": accesslog.FieldsOf(accesslog.Reason), "dummy-conditional-header": accesslog.FieldsOf(accesslog.IfNoneMatch),
	"false-conflict-without-304": cachedTag, "lock-store-not-shared": accesslog.FieldsOf(accesslog.If, accesslog.Node),
	"retried-without-condition":       conditions,
	"compression-suffix-not-stripped": bothTags, "proxy-weakens-etag": accesslog.FieldsOf(accesslog.UpstreamETag) | currentTag,
	"weak-etag-in-if-match": sentTag,
	"proxy-strips-etag":     accesslog.FieldsOf(accesslog.UpstreamETag) | currentTag, "not-modified-etag-differs": cachedTag,
	"cdn-miss-drops-conditional": accesslog.FieldsOf(accesslog.IfNoneMatch, accesslog.Cache, accesslog.RequestID),
	"cdn-ignores-client-etag":    cachedTag | accesslog.FieldsOf(accesslog.Cache),
	"gateway-drops-precondition": sentTag | accesslog.FieldsOf(accesslog.RequestID), "cors-etag-not-exposed": sentTag,
	"farm-mtime-skew":          bothTags,
	"cdn-nodes-different-etag": currentTag, "iis-changenumber-differs": bothTags, "apache-inode-in-etag": bothTags,
	"redeploy-changes-etag":     currentTag,
	"unstable-etag-per-request": currentTag, "empty-etag-matches-itself": currentTag, "front-and-backend-mint-different-etags": bothTags,
	"multipart-etag-not-md5": bothTags,
	"unquoted-etag":          bothTags, "double-quoted-or-escaped-etag": bothTags, "wrong-tag-kind": sentTag,
	"subsecond-mtime-vs-httpdate": accesslog.FieldsOf(accesslog.IfUnmodifiedSince, accesslog.LastModified),
	"http-date-not-gmt":           accesslog.FieldsOf(accesslog.IfUnmodifiedSince),
	"ims-evaluated-despite-inm":   cachedTag | accesslog.FieldsOf(accesslog.IfModifiedSince), "412-for-inm-on-get": conditions,
	"strong-compare-accepts-weak": sentTag,
	"inm-compared-strongly":       cachedTag, "check-then-act-race": bothTags,
	"412-for-missing-resource": accesslog.FieldsOf(accesslog.IfNoneMatch),
	"if-range-ignored":         ranges | currentTag, "if-range-etag-unsupported": ranges | currentTag, "if-range-weak": ranges,
	"range-ignored-when-compressed": ranges | accesslog.FieldsOf(accesslog.ContentEncoding), "client-appends-200": ranges,
	"content-range-offset-mismatch": accesslog.FieldsOf(accesslog.Range, accesslog.ContentRange),
	"resume-of-complete-file":       accesslog.FieldsOf(accesslog.Range, accesslog.ContentRange),
	"stored-412":                    conditions | accesslog.FieldsOf(accesslog.Cache, accesslog.Age),
	"revalidated-by-range":          ranges,
	"no-validator-resume":           ranges, "unexpected-412-static-get": sentTag,
	"waf-block-as-412":             conditions | accesslog.FieldsOf(accesslog.WAF),
	"csrf-or-session-check-as-412": conditions, "already-exists-as-412": conditions, "app-state-as-412": conditions,
	"refused-as-designed":      bothTags,
	"full-content-as-designed": ranges | currentTag, "answer-against-standard": bothTags,

	"304-for-write": anyFields, "428-required": anyFields, "webdav-locked": anyFields, "webdav-lock-conflict": anyFields,
	"webdav-failed-dependency": anyFields,
	"insufficient-evidence":    anyFields,
}

// A Proof is what shows best in a log that a rule applies.
type Proof struct {
	// Fields are the names of what a log has to have beside client, method, target and status; none if these suffice.
	Fields []string
	// AsTheyAre are the formats whose logs have them without any configuration, and MadeTo those that can be made to.
	AsTheyAre, MadeTo []string
}

// ProofOf returns the proof of the rule with this ID.
func ProofOf(rule string) (p Proof) {
	fields := proofs[rule]
	for f := range fields.All() {
		p.Fields = append(p.Fields, f.String())
	}
	p.AsTheyAre, p.MadeTo = accesslog.FormatsWith(fields)
	if fields.Has(accesslog.Problem) { // which is fourtwelve's own
		p.MadeTo = nil
	}
	return p
}
