package accesslog

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// A jsonShape is a kind of log that writes JSON objects, as a program or service is known to write them. One table
// serves them all: where each value stands, as a path of names with dots between them, and what it means.
type jsonShape struct {
	name, server string
	time         string // its path
	// needs are paths that every entry has, beside that of the status: they tell the shape from others.
	needs   []string
	columns []column // their names are the paths
}

// jsonShapes are tried in this order.
var jsonShapes = []jsonShape{
	{
		name: "traefik", server: "Traefik", time: "StartUTC", needs: []string{"RequestMethod", "RequestPath"},
		columns: []column{
			{name: "ClientAddr", field: Client, unescape: withoutPort, rank: -1}, {name: "ClientHost", field: Client}, {name: "ClientUsername", field: User},
			{name: "RequestMethod", field: Method}, {name: "RequestPath", field: Target}, {name: "RequestProtocol", field: Protocol},
			{name: "RequestHost", field: Host}, {name: "DownstreamStatus", field: Status}, {name: "DownstreamContentSize", field: ContentSent},
			{name: "Duration", field: Duration, unit: time.Nanosecond}, {name: "OriginStatus", field: UpstreamStatus}, {name: "ServiceAddr", field: Upstream},
			{name: "request_User-Agent", field: UserAgent}, {name: "request_If-Match", field: IfMatch}, {name: "request_If-None-Match", field: IfNoneMatch},
			{name: "request_X-Forwarded-For", field: ForwardedFor}, {name: "downstream_Etag", field: ETag}, {name: "origin_Etag", field: UpstreamETag},
		},
	},
	{
		name: "azure-frontdoor", server: "Azure Front Door", time: "time", needs: []string{"properties.httpMethod", "properties.requestUri", "properties.clientIp"},
		columns: []column{
			{name: "properties.clientIp", field: Client}, {name: "properties.httpMethod", field: Method}, {name: "properties.requestUri", field: Target},
			{name: "properties.httpStatusCode", field: Status}, {name: "properties.responseBytes", field: BytesSent}, {name: "properties.hostName", field: Host},
			{name: "properties.timeTaken", field: Duration, unit: time.Second}, {name: "properties.userAgent", field: UserAgent},
			{name: "properties.cacheStatus", field: Cache}, {name: "properties.trackingReference", field: RequestID}, {name: "properties.pop", field: Node},
			{name: "properties.referer", field: Referer},
		},
	},
	{
		name: "azure-gateway", server: "Azure Application Gateway", time: "timeStamp", needs: []string{"properties.httpMethod", "properties.requestUri", "properties.clientIP"},
		columns: []column{
			{name: "properties.clientIP", field: Client}, {name: "properties.httpMethod", field: Method}, {name: "properties.requestUri", field: Path},
			{name: "properties.requestQuery", field: Query}, {name: "properties.httpStatus", field: Status}, {name: "properties.sentBytes", field: BytesSent},
			{name: "properties.timeTaken", field: Duration, unit: time.Second}, {name: "properties.userAgent", field: UserAgent}, {name: "properties.host", field: Host},
			{name: "properties.serverRouted", field: Upstream}, {name: "properties.serverStatus", field: UpstreamStatus}, {name: "properties.WAFMode", field: WAF},
		},
	},
	{
		name: "azure-storage", server: "Azure Storage", time: "time", needs: []string{"operationName", "uri"},
		columns: []column{
			{name: "callerIpAddress", field: Client, unescape: withoutPort}, {name: "operationName", field: Method, unescape: operation}, {name: "uri", field: Target},
			{name: "statusCode", field: Status}, {name: "durationMs", field: Duration, unit: time.Millisecond}, {name: "correlationId", field: RequestID},
			{name: "identity.requester.objectId", field: User}, {name: "properties.userAgentHeader", field: UserAgent}, {name: "properties.etag", field: ETag},
			{name: "properties.responseBodySize", field: ContentSent}, {name: "properties.lastModifiedTime", field: LastModified},
		},
	},
	{
		name: "google-lb", server: "Google Cloud load balancer", time: "timestamp", needs: []string{"httpRequest.requestMethod", "httpRequest.requestUrl"},
		columns: []column{
			{name: "httpRequest.remoteIp", field: Client, unescape: withoutPort}, {name: "httpRequest.requestMethod", field: Method},
			{name: "httpRequest.requestUrl", field: Target}, {name: "httpRequest.protocol", field: Protocol}, {name: "httpRequest.status", field: Status},
			{name: "httpRequest.responseSize", field: BytesSent}, {name: "httpRequest.userAgent", field: UserAgent}, {name: "httpRequest.referer", field: Referer},
			{name: "httpRequest.serverIp", field: Upstream, unescape: withoutPort},
		},
	},
	{
		name: "fastly", server: "Fastly", time: "timestamp", needs: []string{"request_method", "url", "fastly_server"},
		columns: []column{
			{name: "client_ip", field: Client}, {name: "request_method", field: Method}, {name: "url", field: Target}, {name: "request_protocol", field: Protocol},
			{name: "host", field: Host}, {name: "response_status", field: Status}, {name: "response_body_size", field: ContentSent},
			{name: "request_referer", field: Referer}, {name: "request_user_agent", field: UserAgent}, {name: "response_state", field: Cache},
			{name: "fastly_server", field: Node},
		},
	},
	{
		name: "cloudflare", server: "Cloudflare", time: "EdgeStartTimestamp", needs: []string{"ClientRequestMethod", "ClientRequestURI"},
		columns: []column{
			{name: "ClientIP", field: Client}, {name: "ClientRequestMethod", field: Method}, {name: "ClientRequestURI", field: Target},
			{name: "ClientRequestProtocol", field: Protocol}, {name: "ClientRequestHost", field: Host}, {name: "EdgeResponseStatus", field: Status},
			{name: "EdgeResponseBytes", field: BytesSent}, {name: "ClientRequestUserAgent", field: UserAgent}, {name: "ClientRequestReferer", field: Referer},
			{name: "CacheCacheStatus", field: Cache}, {name: "OriginResponseStatus", field: UpstreamStatus}, {name: "OriginIP", field: Upstream},
			{name: "RayID", field: RequestID}, {name: "EdgeColoCode", field: Node},
		},
	},
	{
		name: "akamai", server: "Akamai DataStream 2", time: "reqTimeSec", needs: []string{"reqMethod", "reqPath", "cliIP"},
		columns: []column{
			{name: "cliIP", field: Client}, {name: "reqMethod", field: Method}, {name: "reqPath", field: Path}, {name: "queryStr", field: Query},
			{name: "reqHost", field: Host}, {name: "statusCode", field: Status}, {name: "rspContentLen", field: ContentSent}, {name: "UA", field: UserAgent},
			{name: "referer", field: Referer}, {name: "range", field: Range}, {name: "reqId", field: RequestID}, {name: "edgeIP", field: Node},
			{name: "turnAroundTimeMSec", field: Duration, unit: time.Millisecond}, {name: "xForwardedFor", field: ForwardedFor},
		},
	},
	{
		name: "minio", server: "MinIO", time: "time", needs: []string{"api.name", "requestPath"},
		columns: []column{
			{name: "remotehost", field: Client, unescape: withoutPort}, {name: "api.name", field: Method, unescape: operation}, {name: "requestPath", field: Path},
			{name: "requestHost", field: Host}, {name: "api.statusCode", field: Status}, {name: "api.tx", field: ContentSent}, {name: "userAgent", field: UserAgent},
			{name: "requestID", field: RequestID}, {name: "accessKey", field: User}, {name: "requestHeader.*", field: NoField}, {name: "responseHeader.*", field: NoField},
		},
	},
	{
		name: "pino", server: "pino-http", time: "time", needs: []string{"req.method", "req.url"},
		columns: []column{
			{name: "req.remoteAddress", field: Client}, {name: "req.method", field: Method}, {name: "req.url", field: Target}, {name: "res.statusCode", field: Status},
			{name: "responseTime", field: Duration, unit: time.Millisecond}, {name: "hostname", field: Node}, {name: "req.id", field: RequestID},
			{name: "req.headers.*", field: NoField}, {name: "res.headers.*", field: NoField},
		},
	},
	{
		name: "ecs", server: "", time: "@timestamp", needs: []string{"http.request.method", "url.path"},
		columns: []column{
			{name: "source.ip", field: Client}, {name: "client.ip", field: Client}, {name: "user.name", field: User}, {name: "http.request.method", field: Method},
			{name: "url.path", field: Path}, {name: "url.query", field: Query}, {name: "url.domain", field: Host}, {name: "http.response.status_code", field: Status},
			{name: "http.response.body.bytes", field: ContentSent}, {name: "http.request.id", field: RequestID}, {name: "http.request.referrer", field: Referer},
			{name: "user_agent.original", field: UserAgent}, {name: "event.duration", field: Duration, unit: time.Nanosecond}, {name: "host.name", field: Node},
		},
	},
}

// newShaped returns the layout of a shape.
func newShaped(shape *jsonShape, in *time.Location) *layout {
	var b jsonBuilder
	root := jsonObject{}
	at := map[string]int8{}
	when := root.put(strings.Split(shape.time, "."), b.add(column{name: shape.time}))
	for _, c := range shape.columns {
		path := strings.Split(c.name, ".")
		if path[len(path)-1] == "*" {
			root.putFields(path[:len(path)-1], &b)
			continue
		}
		at[c.name] = root.put(path, b.add(c))
	}
	l := &layout{columns: b.columns, absent: jsonAnything, sparse: true, clock: anyTime(in), when: []int8{when}}
	l.index()
	needed := []int8{l.column[Status]}
	for _, path := range shape.needs {
		needed = append(needed, at[path])
	}
	l.splitter = &jsonTree{root, func(_ []byte, spans []span) bool {
		for _, i := range needed {
			if spans[i].end == 0 {
				return false
			}
		}
		return true
	}}
	return l
}

// put adds a member at a path, and returns its column. A name with dots in it may also stand for the path, as some write it.
func (o jsonObject) put(path []string, m jsonMember) int8 {
	if len(path) > 1 {
		o[strings.Join(path, ".")] = m
	}
	o.object(path[:len(path)-1])[path[len(path)-1]] = m
	return m.column
}

// object returns the object at a path.
func (o jsonObject) object(path []string) jsonObject {
	for _, name := range path {
		if o[name].object == nil {
			o[name] = jsonMember{object: jsonObject{}}
		}
		o = o[name].object
	}
	return o
}

// putFields adds the field lines of a message, whose names may be in any usual case.
func (o jsonObject) putFields(path []string, b *jsonBuilder) {
	d := request
	if strings.HasPrefix(path[0], "res") {
		d = response
	}
	at := o.object(path)
	for name, m := range b.headers(d) {
		at[name], at[strings.ToLower(name)] = m, m
		if name == "Etag" {
			at["ETag"] = m // as it is written but for net/http
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
	{"Append", "PUT"}, {"Lease", "PUT"}, {"Snapshot", "PUT"}, {"Delete", "DELETE"}, {"Complete", "POST"}, {"New", "POST"}, {"Initiate", "POST"},
	{"Select", "POST"}, {"Restore", "POST"}, {"Post", "POST"},
}

// methodOf is the method of an operation, or the operation if its method is not known.
func methodOf(name []byte) []byte {
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
