package accesslog

import (
	"fmt"
	"strings"
)

// Advice says how to make a server log what a diagnosis needs.
type Advice struct {
	// Server is the program the advice is for, as in "nginx".
	Server string `json:"server"`
	// Where tells where Config belongs.
	Where string `json:"where"`
	// Config is what to add to the configuration, one or more lines, without a line
	// feed at the end; "" if nothing can be added.
	Config string `json:"config,omitempty"`
	// Note is what else there is to know.
	Note string `json:"note,omitempty"`
}

// String returns all of it as text of several lines.
func (a Advice) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", a.Server, a.Where)
	if a.Config != "" {
		b.WriteString("\n    " + strings.ReplaceAll(a.Config, "\n", "\n    ") + "\n")
	}
	if a.Note != "" {
		b.WriteString("\n" + a.Note + "\n")
	}
	return b.String()
}

// Advice says, for each server that may have written a log of this format, how to log
// what is missing of DiagnosisFields; see File.Missing. Where fields are configured one
// by one, it names the missing ones, or all if missing is empty.
func (f Format) Advice(missing Fields) []Advice {
	if missing == 0 {
		missing = DiagnosisFields
	}
	switch f.name {
	case "iis", "iis-native":
		return []Advice{iisAdvice(missing)}
	case "httperr":
		return []Advice{httperrAdvice}
	case "caddy":
		return []Advice{caddyAdvice}
	case "haproxy":
		return []Advice{haproxyAdvice}
	case "s3":
		return []Advice{s3Advice}
	case "cloudfront":
		return []Advice{cloudfrontAdvice}
	case "fourtwelve":
		return []Advice{fourtwelveAdvice}
	}
	switch f.server {
	case "nginx":
		return []Advice{nginxAdvice}
	case "Apache":
		return []Advice{apacheAdvice}
	}
	return []Advice{nginxAdvice, apacheAdvice}
}

// iisNames are the field lines behind DiagnosisFields.
var iisNames = []struct {
	field  Field
	name   string
	source string
}{
	{IfMatch, "If-Match", "RequestHeader"},
	{IfNoneMatch, "If-None-Match", "RequestHeader"},
	{IfModifiedSince, "If-Modified-Since", "RequestHeader"},
	{IfUnmodifiedSince, "If-Unmodified-Since", "RequestHeader"},
	{IfRange, "If-Range", "RequestHeader"},
	{Range, "Range", "RequestHeader"},
	{AcceptEncoding, "Accept-Encoding", "RequestHeader"},
	{ETag, "ETag", "ResponseHeader"},
	{LastModified, "Last-Modified", "ResponseHeader"},
	{ContentEncoding, "Content-Encoding", "ResponseHeader"},
}

func iisAdvice(missing Fields) Advice {
	var b strings.Builder
	b.WriteString("<customFields>\n")
	for _, n := range iisNames {
		if missing.Has(n.field) {
			fmt.Fprintf(&b, "  <add logFieldName=%q sourceName=%q sourceType=%q />\n", n.name, n.name, n.source)
		}
	}
	b.WriteString("</customFields>")
	return Advice{
		Server: "IIS", Config: b.String(),
		Where: "from IIS 8.5, in applicationHost.config, into <site> <logFile logFormat=\"W3C\"> of the site (IIS Manager: Logging, Select Fields, Add Field)",
		Note:  "The log gets a new #Fields line and \"_x\" in its name. Among the standard fields also choose sc-bytes and cs-bytes, which tell retries and what revalidation saves, and on a farm s-computername.",
	}
}

var nginxAdvice = Advice{
	Server: "nginx",
	Where:  "in nginx.conf, into http { }",
	Config: `log_format fourtwelve escape=json '{"time":"$time_iso8601","client":"$remote_addr","user":"$remote_user","method":"$request_method","target":"$request_uri",'
  '"protocol":"$server_protocol","host":"$host","status":"$status","content_sent":"$body_bytes_sent","duration_s":"$request_time","content_length":"$content_length",'
  '"if_match":"$http_if_match","if_none_match":"$http_if_none_match","if_modified_since":"$http_if_modified_since","if_unmodified_since":"$http_if_unmodified_since",'
  '"if_range":"$http_if_range","range":"$http_range","if":"$http_if","overwrite":"$http_overwrite","destination":"$http_destination","accept_encoding":"$http_accept_encoding",'
  '"etag":"$sent_http_etag","last_modified":"$sent_http_last_modified","content_encoding":"$sent_http_content_encoding","content_range":"$sent_http_content_range",'
  '"node":"$hostname","upstream":"$upstream_addr","upstream_status":"$upstream_status","upstream_etag":"$upstream_http_etag","cache":"$upstream_cache_status",'
  '"request_id":"$request_id","user_agent":"$http_user_agent","referer":"$http_referer"}';
access_log /var/log/nginx/fourtwelve.log fourtwelve;`,
	Note: "The log is recognised as it is.",
}

var apacheAdvice = Advice{
	Server: "Apache",
	Where:  "into the server configuration or a <VirtualHost>",
	Config: `LogFormat "{\"time\":\"%{%Y-%m-%dT%H:%M:%S%z}t\",\"client\":\"%a\",\"user\":\"%u\",\"request\":\"%r\",\"host\":\"%{Host}i\",\"status\":\"%>s\",\"content_sent\":\"%B\",\"duration_us\":\"%D\",\"content_length\":\"%{Content-Length}i\",\"if_match\":\"%{If-Match}i\",\"if_none_match\":\"%{If-None-Match}i\",\"if_modified_since\":\"%{If-Modified-Since}i\",\"if_unmodified_since\":\"%{If-Unmodified-Since}i\",\"if_range\":\"%{If-Range}i\",\"range\":\"%{Range}i\",\"if\":\"%{If}i\",\"overwrite\":\"%{Overwrite}i\",\"destination\":\"%{Destination}i\",\"accept_encoding\":\"%{Accept-Encoding}i\",\"etag\":\"%{ETag}o\",\"last_modified\":\"%{Last-Modified}o\",\"content_encoding\":\"%{Content-Encoding}o\",\"content_range\":\"%{Content-Range}o\",\"upstream\":\"%{BALANCER_WORKER_NAME}e\",\"request_id\":\"%{UNIQUE_ID}e\",\"user_agent\":\"%{User-Agent}i\",\"referer\":\"%{Referer}i\"}" fourtwelve
CustomLog ${APACHE_LOG_DIR}/fourtwelve.log fourtwelve`,
	Note: "The log is recognised as it is. request_id needs mod_unique_id, and joins it with the error log of ModSecurity.",
}

var caddyAdvice = Advice{
	Server: "Caddy",
	Where:  "nothing to add: the log directive writes all header fields",
	Note:   "If fields are missing, a filter encoder of the log deletes them.",
}

// haproxyCapturesAdvised are those of haproxyAdvice, for ParseFormat.
const haproxyCapturesAdvised = "If-Match:256,If-None-Match:256,If-Modified-Since:64,If-Unmodified-Since:64,If-Range:256,Range:64,Accept-Encoding:128|" +
	"ETag:256,Last-Modified:64,Content-Encoding:32"

var haproxyAdvice = Advice{
	Server: "HAProxy",
	Where:  "into the frontend, in this order; and \"len 8192\" to the log line of the global section, as in: log 127.0.0.1 len 8192 local0",
	Config: `option httplog
capture request header If-Match len 256
capture request header If-None-Match len 256
capture request header If-Modified-Since len 64
capture request header If-Unmodified-Since len 64
capture request header If-Range len 256
capture request header Range len 64
capture request header Accept-Encoding len 128
capture response header ETag len 256
capture response header Last-Modified len 64
capture response header Content-Encoding len 32`,
	Note: "These are recognised as they are. For other captures say which, in the order of their declaration: --format 'haproxy:" + haproxyCapturesAdvised + "'",
}

var s3Advice = Advice{
	Server: "Amazon S3",
	Where:  "nothing can be added: server access logs have no header fields",
	Note:   "Log the requests where they are made (the wire log of the SDK), or at a proxy in front.",
}

var cloudfrontAdvice = Advice{
	Server: "CloudFront",
	Where:  "nothing can be added: standard logs have no conditional fields and no ETag",
	Note:   "Log them at the origin.",
}

var httperrAdvice = Advice{
	Server: "HTTP.sys",
	Where:  "nothing can be added: the requests in this log never reached IIS",
	Note:   "Read the site's log (W3SVC) together with this one.",
}

var fourtwelveAdvice = Advice{
	Server: "fourtwelve",
	Where:  "nothing to add: the access log has what was decided, and why",
}
