package accesslog

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Format says how the lines of a log are to be read. The zero Format means that this
// is to be found out. Formats compare with ==.
type Format struct {
	name   string // "" for the zero Format
	arg    string // a log_format, a LogFormat, field names or captures
	server string // "" if not known
}

// A formatSpec is what is known of the formats of one name.
type formatSpec struct {
	name, server string
	// arg says what may follow the name and ":", "" for nothing.
	arg   string
	build func(arg string, in *time.Location) (*dialect, error)
}

// A dialect reads the lines of one file.
type dialect struct {
	format Format
	// w3c, if not nil, understands directives, and start is the state before the first.
	w3c   *w3cDialect
	start w3cState
	notes []string
	// guessed is set if columns are taken for what they hold.
	guessed bool
}

// layoutDialect is the dialect of a format whose lines are all alike.
func layoutDialect(l *layout, err error) (*dialect, error) {
	if err != nil {
		return nil, err
	}
	return &dialect{start: w3cState{layout: l}}, nil
}

// w3cDialectOf begins with the given fields, for logs without a directive.
func w3cDialectOf(w *w3cDialect, fields string) (*dialect, error) {
	l, err := w.compile(strings.Fields(fields), "")
	return &dialect{w3c: w, start: w3cState{layout: l, fields: fields}}, err
}

// formatSpecs are all formats, in the order in which they are listed.
var formatSpecs = []formatSpec{
	{"iis", "IIS", "field names as in #Fields", func(arg string, _ *time.Location) (*dialect, error) {
		return w3cDialectOf(newIIS(), orDefault(arg, iisDefaultFields))
	}},
	{"iis-native", "IIS", "", func(_ string, in *time.Location) (*dialect, error) { return layoutDialect(newNative(in), nil) }},
	{"httperr", "HTTP.sys", "field names as in #Fields", func(arg string, _ *time.Location) (*dialect, error) {
		return w3cDialectOf(newIIS(), orDefault(arg, httperrFields))
	}},
	{"nginx", "nginx", "a log_format; combined if there is none", func(arg string, _ *time.Location) (*dialect, error) {
		return layoutDialect(parseNginx(orDefault(arg, nginxCombined)))
	}},
	{"apache", "Apache", "a LogFormat; combined if there is none", func(arg string, in *time.Location) (*dialect, error) {
		return layoutDialect(parseApache(orDefault(arg, apacheCombined), in))
	}},
	{"common", "", "", apacheSpec(apacheCommon)},
	{"combined", "", "", apacheSpec(apacheCombined)},
	{"combined_more", "", "", apacheSpec(apacheCombinedMore)},
	{"vhost_combined", "Apache", "", apacheSpec(apacheVhostCombined)},
	{"common_more", "", "", apacheSpec(apacheCommon + " %{more}n")},
	{"vhost_common", "Apache", "", apacheSpec("%v:%p " + apacheCommon)},
	{"caddy", "Caddy", "", func(_ string, in *time.Location) (*dialect, error) { return layoutDialect(newCaddy(in), nil) }},
	{"caddy-console", "Caddy", "", func(_ string, in *time.Location) (*dialect, error) { return layoutDialect(newCaddyConsole(in), nil) }},
	{"haproxy", "HAProxy", "captured fields, as in If-Match:256,If-None-Match|ETag", func(arg string, in *time.Location) (*dialect, error) {
		return layoutDialect(newHAProxy(arg, in))
	}},
	{"s3", "Amazon S3", "", func(string, *time.Location) (*dialect, error) { return layoutDialect(newS3(), nil) }},
	{"cloudfront", "CloudFront", "field names as in #Fields", func(arg string, _ *time.Location) (*dialect, error) {
		return w3cDialectOf(newCloudFront(), orDefault(arg, cloudfrontFields))
	}},
	{"json", "", "FIELD=PATH,…, or the names of the members that are wanted, with commas; those of the first lines if there are none", newJSONDialect},
	{"csv", "", "the names of the columns, with commas; those in the first line if there are none", newCSVDialect},
	{"logfmt", "", "the names that are wanted, with commas; those in the first lines if there are none", pairSpec(logfmtPairs)},
	{"ltsv", "", "the labels that are wanted, with commas; those in the first lines if there are none", pairSpec(ltsvPairs)},
	{"fourtwelve", "fourtwelve", "", func(string, *time.Location) (*dialect, error) { return layoutDialect(newFourtwelve(), nil) }},
	{"envoy", "Envoy", "", templateSpec(envoyLog)},
	{"istio", "Istio", "", templateSpec(istioLog)},
	{"alb", "AWS load balancer", "", templateSpec(albLog)},
	{"elb", "AWS classic load balancer", "", templateSpec(elbLog)},
	{"azure-storage-classic", "Azure Storage", "", func(string, *time.Location) (*dialect, error) {
		return layoutDialect(newAzureClassic(), nil)
	}},
	{"minio-text", "MinIO", "", func(_ string, in *time.Location) (*dialect, error) { return layoutDialect(newMinIOText(in), nil) }},
	{"squid", "Squid", "", func(string, *time.Location) (*dialect, error) { return layoutDialect(newSquid(), nil) }},
	{"uvicorn", "uvicorn", "", func(string, *time.Location) (*dialect, error) { return layoutDialect(newUvicorn(false), nil) }},
	{"uvicorn-timed", "uvicorn", "", func(string, *time.Location) (*dialect, error) { return layoutDialect(newUvicorn(true), nil) }},
	{"werkzeug", "werkzeug", "", apacheSpec(werkzeugLog)},
	{"gin", "Gin", "", func(_ string, in *time.Location) (*dialect, error) { return layoutDialect(newGin(in), nil) }},
	{"runserver", "Django", "", apacheSpec(runserverLog)},
	{"morgan-dev", "morgan", "", templateSpec(morganDev)},
	{"morgan-tiny", "morgan", "", templateSpec(morganTiny)},
	{"morgan-short", "morgan", "", templateSpec(morganShort)},
	toldSpec("radicale"), toldSpec("wsgidav"), toldSpec("couchdb"), toldSpec("gitea"), toldSpec("tower"), toldSpec("actix"),
	toldSpec("gorouter"), toldSpec("php"), toldSpec("fiber"),
	shapeSpec("traefik"), shapeSpec("azure-frontdoor"), shapeSpec("azure-gateway"), shapeSpec("azure-appservice"), shapeSpec("azure-storage"),
	shapeSpec("google-lb"),
	shapeSpec("fastly"), shapeSpec("cloudflare"), shapeSpec("akamai"), shapeSpec("minio"), shapeSpec("minio-trace"), shapeSpec("cloudtrail"),
	shapeSpec("nextcloud"), shapeSpec("api-gateway"), shapeSpec("envoy-json"), shapeSpec("kong"), shapeSpec("pino"), shapeSpec("ecs"),
}

// newJSONDialect reads JSON objects by the names of members, or by paths whose meaning is given.
func newJSONDialect(arg string, in *time.Location) (*dialect, error) {
	if arg == "" {
		return &dialect{}, nil // the names come from the first lines: see detectGiven
	}
	paths, err := jsonPaths(strings.Split(arg, ",")), error(nil)
	if strings.Contains(arg, "=") {
		if paths, err = mappedPaths(arg); err != nil {
			return nil, err
		}
	}
	l, ok := newJSON(paths, in)
	if !ok {
		return nil, fmt.Errorf("the members %s are not enough: a status, and a method or target, are needed", arg)
	}
	return layoutDialect(l, nil)
}

// Logs that a log_format of nginx describes although something else writes them.
const (
	envoyLog = `[$time_iso8601] "$request" $status $response_flags $request_length $body_bytes_sent $response_ms $upstream_ms ` +
		`"$http_x_forwarded_for" "$http_user_agent" "$http_x_request_id" "$host" "$upstream_addr"`
	istioLog = `[$time_iso8601] "$request" $status $response_flags $details $termination "$failure" $request_length $body_bytes_sent $response_ms $upstream_ms ` +
		`"$http_x_forwarded_for" "$http_user_agent" "$http_x_request_id" "$host" "$upstream_addr" $cluster $rest`
	istioOldLog = `[$time_iso8601] "$request" $status $response_flags "$details" "$failure" $request_length $body_bytes_sent $response_ms $upstream_ms ` +
		`"$http_x_forwarded_for" "$http_user_agent" "$http_x_request_id" "$host" "$upstream_addr" $cluster $rest`
	elbLog = `$time_iso8601 $elb $remote_addr:$remote_port $upstream_addr $request_ms $target_ms $response_ms $status $upstream_status ` +
		`$request_length $bytes_sent "$request" "$http_user_agent" $rest`
	albLog = `$type ` + elbLog
)

func templateSpec(text string) func(string, *time.Location) (*dialect, error) {
	return func(string, *time.Location) (*dialect, error) { return layoutDialect(parseNginx(text)) }
}

func apacheSpec(text string) func(string, *time.Location) (*dialect, error) {
	return func(_ string, in *time.Location) (*dialect, error) { return layoutDialect(parseApache(text, in)) }
}

func orDefault(arg, otherwise string) string {
	if arg == "" {
		return otherwise
	}
	return arg
}

// ParseFormat reads the name of a format, and what belongs to it after a colon:
//
//	iis, httperr, cloudfront    or with field names, as in iis:date time cs-method …
//	nginx:LOG_FORMAT            the text of a log_format, or the whole directive
//	apache:LOGFORMAT            the text of a LogFormat, or the whole directive
//	nginx, apache               the combined format
//	common, combined, vhost_combined
//	combined_more               combined, and behind it more that is not read
//	haproxy:CAPTURES            captured fields in the order of their declaration
//	json:FIELD=PATH,…           members of JSON objects, as in status=response.code,target=request.uri,time=ts
//	json:NAME,…                 members whose names tell what they are
//	csv:NAME,…                  columns with commas, by the names in the first line
//	logfmt:NAME,…, ltsv:NAME,…  values behind their names
//	json, caddy, s3, fourtwelve and all others without anything behind the name
func ParseFormat(s string) (Format, error) {
	name, arg, _ := strings.Cut(strings.TrimSpace(s), ":")
	spec := specOf(name)
	if spec == nil {
		return Format{}, fmt.Errorf("unknown log format %q: choose one of %s", name, strings.Join(FormatNames(), ", "))
	}
	f := Format{name, strings.TrimSpace(arg), spec.server}
	if f.arg != "" && spec.arg == "" {
		return Format{}, fmt.Errorf("log format %q: nothing may follow the name", name)
	}
	if _, err := f.dialect(nil); err != nil {
		return Format{}, err
	}
	return f, nil
}

// FormatNames returns the names that ParseFormat knows.
func FormatNames() (names []string) {
	for _, s := range formatSpecs {
		names = append(names, s.name)
	}
	return names
}

func specOf(name string) *formatSpec {
	for i := range formatSpecs {
		if formatSpecs[i].name == name {
			return &formatSpecs[i]
		}
	}
	return nil
}

// dialect compiles the format. It is not zero.
func (f Format) dialect(in *time.Location) (*dialect, error) {
	d, err := specOf(f.name).build(f.arg, in)
	if err != nil {
		return nil, fmt.Errorf("log format %s: %w", f.name, err)
	}
	d.format = f
	return d, nil
}

// Name is the short name that ParseFormat knows, as in "iis"; "" for the zero Format.
func (f Format) Name() string { return f.name }

// Argument is what follows the name: a log_format, field names and so on.
func (f Format) Argument() string { return f.arg }

// Server is the program that writes such logs, as in "nginx", or "" if several do and
// the log does not tell.
func (f Format) Server() string { return f.server }

// String returns the name for people, with the server where the name does not tell.
func (f Format) String() string {
	switch {
	case f.name == "":
		return "unknown"
	case f.arg != "":
		return f.name + " with " + argumentNames[f.name]
	case f.server != "" && specOf(f.name).server == "":
		return f.name + " of " + f.server
	}
	return f.name
}

var argumentNames = map[string]string{
	"iis": "given fields", "httperr": "given fields", "cloudfront": "given fields", "nginx": "its own log_format",
	"apache": "its own LogFormat", "haproxy": "captures", "json": "its own members", "csv": "columns that have names",
	"logfmt": "its own names", "ltsv": "its own labels",
}

// madeToOrder are the formats in which whoever runs the server, or writes the log, decides what is
// logged.
var madeToOrder = []string{"iis", "nginx", "apache", "haproxy", "json", "csv", "logfmt", "ltsv", "traefik", "cloudflare", "minio-trace"}

// FormatsWith returns the names of the formats whose logs have all of these fields without any
// configuration, as far as there is something to log, and of those that can be made to have them.
func FormatsWith(fields Fields) (asTheyAre, madeTo []string) {
	for _, spec := range formatSpecs {
		switch d, err := (Format{name: spec.name}).dialect(nil); {
		case slices.Contains(madeToOrder, spec.name):
			madeTo = append(madeTo, spec.name)
		case err == nil && d.start.layout != nil && fields&^d.start.layout.logged == 0:
			asTheyAre = append(asTheyAre, spec.name)
		}
	}
	return asTheyAre, madeTo
}
