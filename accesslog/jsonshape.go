package accesslog

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// A jsonShape is a kind of log that writes JSON objects, as a program or service is known to write
// them. One table serves them all: where each value stands, as a path of names with dots between
// them, and what it means. A value that may stand at one of several places has their paths with "|"
// between them. A path that ends in "*" is that of field lines, whose names stand for the star.
type jsonShape struct {
	name, server string
	time         string // its path
	// status, if not nil, reads what the shape has in place of a status code; ok is false for what
	// is no request.
	status func(raw []byte) (code int16, ok bool)
	// needs are paths that every entry has, beside that of the status: they tell the shape from others.
	needs   []string
	columns []column // their names are the paths
}

// jsonShapes are tried in this order.
var jsonShapes = []jsonShape{
	{
		name: "traefik", server: "Traefik", time: "StartUTC|StartLocal|time", needs: []string{"RequestMethod", "RequestPath"},
		columns: []column{
			{name: "ClientAddr", field: Client, unescape: withoutPort, rank: -1}, {name: "ClientHost", field: Client},
			{name: "ClientUsername", field: User},
			{name: "RequestMethod", field: Method}, {name: "RequestPath", field: Target}, {name: "RequestProtocol", field: Protocol},
			{name: "RequestHost", field: Host}, {name: "DownstreamStatus", field: Status}, {name: "DownstreamContentSize", field: ContentSent},
			{name: "Duration", field: Duration, unit: time.Nanosecond}, {name: "OriginStatus", field: UpstreamStatus},
			{name: "ServiceAddr", field: Upstream},
			{name: "request_*"}, {name: "downstream_*"}, {name: "origin_Etag|origin_ETag|origin_etag", field: UpstreamETag},
		},
	},
	{
		name: "azure-frontdoor", server: "Azure Front Door", time: "time",
		needs: []string{"properties.httpMethod", "properties.requestUri", "properties.clientIp"},
		columns: []column{
			{name: "properties.clientIp", field: Client}, {name: "properties.httpMethod", field: Method},
			{name: "properties.requestUri", field: Target},
			{name: "properties.httpStatusCode", field: Status}, {name: "properties.responseBytes", field: BytesSent},
			{name: "properties.hostName", field: Host},
			{name: "properties.timeTaken", field: Duration, unit: time.Second}, {name: "properties.userAgent", field: UserAgent},
			{name: "properties.cacheStatus", field: Cache}, {name: "properties.trackingReference", field: RequestID},
			{name: "properties.pop", field: Node},
			{name: "properties.referer", field: Referer},
		},
	},
	{
		name: "azure-gateway", server: "Azure Application Gateway", time: "timeStamp",
		needs: []string{"properties.httpMethod", "properties.requestUri", "properties.clientIP"},
		columns: []column{
			{name: "properties.clientIP", field: Client}, {name: "properties.httpMethod", field: Method},
			{name: "properties.requestUri", field: Path},
			{name: "properties.requestQuery", field: Query}, {name: "properties.httpStatus", field: Status},
			{name: "properties.sentBytes", field: BytesSent},
			{name: "properties.timeTaken", field: Duration, unit: time.Second}, {name: "properties.userAgent", field: UserAgent},
			{name: "properties.host", field: Host},
			{name: "properties.serverRouted", field: Upstream}, {name: "properties.serverStatus", field: UpstreamStatus},
			{name: "properties.WAFMode", field: WAF},
		},
	},
	{
		name: "azure-appservice", server: "IIS", time: "time", needs: []string{"properties.CsMethod", "properties.CsUriStem"},
		columns: []column{
			{name: "properties.CIp", field: Client, unescape: withoutPort}, {name: "properties.CsMethod", field: Method},
			{name: "properties.CsUriStem", field: Path},
			{name: "properties.CsUriQuery", field: Query, unescape: iisQuery}, {name: "properties.ScStatus", field: Status},
			{name: "properties.ScSubStatus", field: SubStatus},
			{name: "properties.ScWin32Status", field: Win32Status}, {name: "properties.CsUsername", field: User},
			{name: "properties.CsHost", field: Host},
			{name: "properties.UserAgent", field: UserAgent}, {name: "properties.Referer", field: Referer},
			{name: "properties.ScBytes", field: BytesSent},
			{name: "properties.CsBytes", field: BytesReceived}, {name: "properties.TimeTaken", field: Duration, unit: time.Millisecond},
			{name: "properties.ComputerName", field: Node}, {name: "properties.Cookie", secret: true},
		},
	},
	{
		name: "azure-storage", server: "Azure Storage", time: "time", needs: []string{"operationName", "uri"},
		columns: []column{
			{name: "callerIpAddress", field: Client, unescape: withoutPort}, {name: "operationName", field: Method, unescape: operation},
			{name: "uri", field: Target},
			{name: "statusCode", field: Status}, {name: "durationMs", field: Duration, unit: time.Millisecond},
			{name: "correlationId", field: RequestID},
			{name: "identity.requester.objectId", field: User}, {name: "properties.userAgentHeader", field: UserAgent},
			{name: "properties.etag", field: ETag},
			{name: "properties.responseBodySize", field: ContentSent}, {name: "properties.lastModifiedTime", field: LastModified},
		},
	},
	{
		name: "google-lb", server: "Google Cloud load balancer", time: "timestamp",
		needs: []string{"httpRequest.requestMethod", "httpRequest.requestUrl"},
		columns: []column{
			{name: "httpRequest.remoteIp", field: Client, unescape: withoutPort}, {name: "httpRequest.requestMethod", field: Method},
			{name: "httpRequest.requestUrl", field: Target}, {name: "httpRequest.protocol", field: Protocol},
			{name: "httpRequest.status", field: Status},
			{name: "httpRequest.responseSize", field: BytesSent}, {name: "httpRequest.userAgent", field: UserAgent},
			{name: "httpRequest.referer", field: Referer},
			{name: "httpRequest.serverIp", field: Upstream, unescape: withoutPort},
		},
	},
	{
		name: "fastly", server: "Fastly", time: "timestamp", needs: []string{"request_method", "url", "fastly_server"},
		columns: []column{
			{name: "client_ip", field: Client}, {name: "request_method", field: Method}, {name: "url", field: Target},
			{name: "request_protocol", field: Protocol},
			{name: "host", field: Host}, {name: "response_status", field: Status}, {name: "response_body_size", field: ContentSent},
			{name: "request_referer", field: Referer}, {name: "request_user_agent", field: UserAgent}, {name: "response_state", field: Cache},
			{name: "fastly_server", field: Node},
		},
	},
	{
		name: "cloudflare", server: "Cloudflare", time: "EdgeStartTimestamp", needs: []string{"ClientRequestMethod"},
		columns: []column{
			{name: "ClientIP", field: Client}, {name: "ClientRequestMethod", field: Method},
			{name: "ClientRequestURI|ClientRequestPath", field: Target},
			{name: "ClientRequestProtocol", field: Protocol}, {name: "ClientRequestHost", field: Host}, {name: "EdgeResponseStatus", field: Status},
			{name: "EdgeResponseBytes", field: BytesSent}, {name: "ClientRequestUserAgent", field: UserAgent},
			{name: "ClientRequestReferer", field: Referer},
			{name: "CacheCacheStatus", field: Cache}, {name: "OriginResponseStatus", field: UpstreamStatus}, {name: "OriginIP", field: Upstream},
			{name: "RayID", field: RequestID}, {name: "EdgeColoCode", field: Node},
			{name: "RequestHeaders.*"}, {name: "ResponseHeaders.*"}, // which custom fields add
		},
	},
	{
		name: "akamai", server: "Akamai DataStream 2", time: "reqTimeSec", needs: []string{"reqMethod", "reqPath", "cliIP"},
		columns: []column{
			{name: "cliIP", field: Client}, {name: "reqMethod", field: Method}, {name: "reqPath", field: Path, unescape: fromRoot},
			{name: "queryStr", field: Query},
			{name: "reqHost", field: Host}, {name: "statusCode", field: Status}, {name: "rspContentLen", field: ContentSent},
			{name: "UA", field: UserAgent},
			{name: "referer", field: Referer}, {name: "range", field: Range}, {name: "reqId", field: RequestID}, {name: "edgeIP", field: Node},
			{name: "turnAroundTimeMSec", field: Duration, unit: time.Millisecond}, {name: "xForwardedFor", field: ForwardedFor},
		},
	},
	{
		name: "minio", server: "MinIO", time: "time", needs: []string{"api.name", "requestPath"},
		columns: []column{
			{name: "remotehost", field: Client, unescape: withoutPort}, {name: "api.name", field: Method, unescape: operation},
			{name: "requestPath", field: Path},
			{name: "requestHost", field: Host}, {name: "api.statusCode", field: Status}, {name: "api.tx", field: ContentSent},
			{name: "userAgent", field: UserAgent},
			{name: "requestID", field: RequestID}, {name: "accessKey", field: User}, {name: "requestHeader.*"}, {name: "responseHeader.*"},
		},
	},
	{
		name: "minio-trace", server: "MinIO", time: "time|request.time", needs: []string{"api", "callStats"},
		columns: []column{
			{name: "client|request.client", field: Client, unescape: withoutPort}, {name: "api", field: Method, unescape: operation},
			{name: "path|request.path", field: Path}, {name: "query|request.rawQuery", field: Query},
			{name: "statusCode|response.statusCode", field: Status}, {name: "host", field: Node},
			{name: "callStats"}, {name: "callStats.duration", field: Duration, unit: time.Nanosecond},
			{name: "request.headers.*"}, {name: "response.headers.*"},
		},
	},
	{
		name: "cloudtrail", server: "Amazon S3", time: "eventTime", status: cloudTrailStatus,
		needs: []string{"eventSource", "eventName", "requestParameters.key"},
		columns: []column{
			{name: "errorCode", field: Status}, {name: "sourceIPAddress", field: Client},
			{name: "userIdentity.arn|userIdentity.principalId", field: User},
			{name: "eventSource"}, {name: "eventName", field: Method, unescape: operation},
			{name: "requestParameters.key", field: Path, unescape: fromRoot},
			{name: "requestParameters.bucketName", field: Host}, {name: "userAgent", field: UserAgent}, {name: "requestID", field: RequestID},
			{name: "additionalEventData.bytesTransferredOut", field: ContentSent},
			{name: "additionalEventData.bytesTransferredIn", field: ContentLength},
		},
	},
	{
		name: "nextcloud", server: "Nextcloud", time: "time", status: sabreStatus, needs: []string{"reqId", "method", "url"},
		columns: []column{
			{name: "exception.Exception|message.Exception|Exception", field: Status}, {name: "remoteAddr", field: Client},
			{name: "user", field: User}, {name: "method", field: Method},
			{name: "url", field: Target}, {name: "userAgent", field: UserAgent}, {name: "reqId", field: RequestID},
			{name: "exception.Message|message.Message|Message", field: Reason},
		},
	},
	{
		name: "api-gateway", server: "Amazon API Gateway", time: "requestTime", needs: []string{"httpMethod"},
		columns: []column{
			{name: "ip", field: Client}, {name: "user", field: User}, {name: "httpMethod", field: Method},
			{name: "path|resourcePath|routeKey", field: Target},
			{name: "status", field: Status}, {name: "protocol", field: Protocol}, {name: "responseLength", field: ContentSent},
			{name: "requestId", field: RequestID},
			{name: "domainName", field: Host}, {name: "userAgent", field: UserAgent}, {name: "integrationStatus", field: UpstreamStatus},
		},
	},
	{
		name: "envoy-json", server: "Envoy", time: "start_time", needs: []string{"response_code", "method", "path"},
		columns: []column{
			{name: "downstream_remote_address|downstream_direct_remote_address", field: Client, unescape: withoutPort},
			{name: "x_forwarded_for|x-forwarded-for|forwarded_for", field: ForwardedFor}, {name: "method", field: Method},
			{name: "path|uri_path", field: Target},
			{name: "protocol", field: Protocol}, {name: "response_code", field: Status}, {name: "response_flags", field: Reason},
			{name: "bytes_sent", field: ContentSent},
			{name: "bytes_received", field: ContentLength}, {name: "duration", field: Duration, unit: time.Millisecond},
			{name: "user_agent", field: UserAgent},
			{name: "request_id", field: RequestID}, {name: "authority", field: Host}, {name: "upstream_host", field: Upstream},
		},
	},
	{
		name: "kong", server: "Kong", time: "started_at", needs: []string{"request.method", "response.status", "latencies"},
		columns: []column{
			{name: "client_ip", field: Client}, {name: "request.method", field: Method}, {name: "request.uri", field: Target},
			{name: "request.size", field: BytesReceived},
			{name: "response.status", field: Status}, {name: "response.size", field: BytesSent}, {name: "latencies"},
			{name: "request.id", field: RequestID},
			{name: "latencies.request", field: Duration, unit: time.Millisecond}, {name: "authenticated_entity.id", field: User},
			{name: "request.headers.*"}, {name: "response.headers.*"},
		},
	},
	{
		name: "pino", server: "pino-http", time: "time", needs: []string{"req.method", "req.url"},
		columns: []column{
			{name: "req.remoteAddress", field: Client}, {name: "req.method", field: Method}, {name: "req.url", field: Target},
			{name: "res.statusCode", field: Status},
			{name: "responseTime", field: Duration, unit: time.Millisecond}, {name: "hostname", field: Node}, {name: "req.id", field: RequestID},
			{name: "req.headers.*"}, {name: "res.headers.*"},
		},
	},
	{
		name: "ecs", server: "", time: "@timestamp", needs: []string{"http.request.method", "url.path"},
		columns: []column{
			{name: "source.ip", field: Client}, {name: "client.ip", field: Client}, {name: "user.name", field: User},
			{name: "http.request.method", field: Method},
			{name: "url.path", field: Path}, {name: "url.query", field: Query}, {name: "url.domain", field: Host},
			{name: "http.response.status_code", field: Status},
			{name: "http.response.body.bytes", field: ContentSent}, {name: "http.request.id", field: RequestID},
			{name: "http.request.referrer", field: Referer},
			{name: "user_agent.original", field: UserAgent}, {name: "event.duration", field: Duration, unit: time.Nanosecond},
			{name: "host.name", field: Node},
		},
	},
}

// newShaped returns the layout of a shape.
func newShaped(shape *jsonShape, in *time.Location) *layout {
	var b jsonBuilder
	root := jsonObject{}
	when := root.putAll(shape.time, b.add(column{name: shape.time}))
	at := map[string]int8{shape.time: when}
	for _, c := range shape.columns {
		if path, isFields := strings.CutSuffix(c.name, "*"); isFields {
			root.putFields(path, &b)
			continue
		}
		column := root.putAll(c.name, b.add(c))
		for path := range strings.SplitSeq(c.name, "|") {
			at[path] = column
		}
	}
	l := &layout{columns: b.columns, absent: jsonAnything, sparse: true, clock: anyTime(in), when: []int8{when}, statusOf: shape.status}
	l.index()
	status := l.column[Status]
	var needed []int8
	for _, path := range shape.needs {
		if i, ok := at[path]; ok {
			needed = append(needed, i)
		}
	}
	l.splitter = &jsonTree{root, func(line []byte, spans []span) bool {
		for _, i := range needed {
			if spans[i].end == 0 {
				return false
			}
		}
		if shape.status == nil {
			return spans[status].end > 0
		}
		_, ok := shape.status(line[spans[status].start:spans[status].end])
		return ok
	}}
	return l
}

// putAll adds a member at paths that are alternatives, with "|" between them, and returns its column.
func (o jsonObject) putAll(paths string, m jsonMember) int8 {
	for path := range strings.SplitSeq(paths, "|") {
		o.put(strings.Split(path, "."), m)
		m.second = true
	}
	return m.column
}

// put adds a member at a path. A name with dots in it may also stand for the path, as some write it.
func (o jsonObject) put(path []string, m jsonMember) {
	if len(path) > 1 {
		o[strings.Join(path, ".")] = m
	}
	parent, name := o.object(path[:len(path)-1]), path[len(path)-1]
	if old := parent[name]; old.object != nil {
		m.object = old.object
	}
	parent[name] = m
}

// object returns the object at a path.
func (o jsonObject) object(path []string) jsonObject {
	for _, name := range path {
		m, known := o[name]
		if m.object == nil {
			if !known {
				m.column = noColumn
			}
			m.object = jsonObject{}
			o[name] = m
		}
		o = m.object
	}
	return o
}

// putFields adds the field lines of a message, whose names may be in any usual case and stand
// behind path: that of an object with a dot behind it, or the beginning of a name.
func (o jsonObject) putFields(path string, b *jsonBuilder) {
	d := request
	if lower := strings.ToLower(path); strings.HasPrefix(lower, "res") || strings.HasPrefix(lower, "downstream") {
		d = response
	}
	names := strings.Split(path, ".")
	at, prefix := o.object(names[:len(names)-1]), names[len(names)-1]
	for name, m := range b.headers(d) {
		spellings := []string{name, strings.ToLower(name)}
		if name == "Etag" {
			spellings = append(spellings, "ETag") // as it is written but for net/http
		}
		for _, spelling := range spellings {
			if _, taken := at[prefix+spelling]; !taken {
				at[prefix+spelling] = m
			}
		}
	}
}

// shapeSpec is the format of the shape with this name.
func shapeSpec(name string) formatSpec {
	shape := &jsonShapes[slices.IndexFunc(jsonShapes, func(s jsonShape) bool { return s.name == name })]
	return formatSpec{shape.name, shape.server, "", func(_ string, in *time.Location) (*dialect, error) {
		return layoutDialect(newShaped(shape, in), nil)
	}}
}

// operations are the first words of the names of operations, and the methods that they are sent with.
var operations = []struct{ word, method string }{
	{"Get", "GET"}, {"Head", "HEAD"}, {"List", "GET"}, {"Put", "PUT"}, {"Copy", "PUT"}, {"Set", "PUT"}, {"Upload", "PUT"}, {"Create", "PUT"},
	{"Append", "PUT"}, {"Lease", "PUT"}, {"Snapshot", "PUT"}, {"Delete", "DELETE"}, {"Complete", "POST"}, {"New", "POST"},
	{"Initiate", "POST"},
	{"Select", "POST"}, {"Restore", "POST"}, {"Post", "POST"},
}

// methodOf is the method of an operation, or the operation if its method is not known.
func methodOf(name []byte) []byte {
	name = bytes.TrimPrefix(name, []byte("s3.")) // of a trace of MinIO
	if bytes.HasSuffix(name, []byte("Properties")) && bytes.HasPrefix(name, []byte("GetBlob")) {
		return []byte("HEAD")
	}
	for _, o := range operations {
		if bytes.HasPrefix(name, []byte(o.word)) {
			return []byte(o.method)
		}
	}
	return name
}

// cloudTrailStatus is the status of an event by its errorCode, which successful ones lack.
func cloudTrailStatus(code []byte) (int16, bool) {
	if len(code) == 0 || string(code) == "null" {
		return 200, true
	}
	if status := s3Statuses[string(code)]; status != 0 {
		return status, true
	}
	return 400, true
}

// s3Statuses are those of the error codes of S3; others are 400.
var s3Statuses = map[string]int16{
	"PreconditionFailed": 412, "ConditionalRequestConflict": 409, "OperationAborted": 409, "NotModified": 304, "NoSuchKey": 404,
	"NoSuchBucket": 404,
	"NoSuchUpload": 404, "NoSuchVersion": 404, "AccessDenied": 403, "SignatureDoesNotMatch": 403, "MethodNotAllowed": 405, "InvalidRange": 416,
	"MissingContentLength": 411, "InternalError": 500, "SlowDown": 503, "ServiceUnavailable": 503, "NotImplemented": 501,
}

// sabreStatus is the status that an exception of Nextcloud's WebDAV server, by its name with what
// stands before it, leads to.
func sabreStatus(name []byte) (int16, bool) {
	for _, s := range sabreStatuses {
		if bytes.HasSuffix(name, []byte(`\`+s.name)) {
			return s.status, true
		}
	}
	return 0, false
}

var sabreStatuses = []struct {
	name   string
	status int16
}{
	{"PreconditionFailed", 412}, {"NotFound", 404}, {"Forbidden", 403}, {"NotAuthenticated", 401}, {"Conflict", 409}, {"Locked", 423},
	{"FileLocked", 423},
	{"MethodNotAllowed", 405}, {"BadRequest", 400}, {"InsufficientStorage", 507}, {"ServiceUnavailable", 503},
	{"RequestedRangeNotSatisfiable", 416},
}
