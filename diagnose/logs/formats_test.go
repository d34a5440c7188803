package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// An event is a request that a server answered.
type event struct {
	at           time.Time
	client       int
	method       string
	status, size int
	match, none  string // If-Match and If-None-Match; "" for none
	tag          string // of the response; "" for none
	node         int    // that answered; 0 if that is not known
	cache        string // what a cache says of it
	wrong        bool   // refused by a fault of the server
}

// events are those of a server with one resource that answers by the standard, and of clients that do as they like.
func events(r *rand.Rand) (list []event) {
	now, version, made := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC), 0, 0
	tag := func(v int) string { return fmt.Sprintf(`"%x-%x"`, 0x6ae9a5ee+v, 812+v) }
	var known [3]string
	for range 60 {
		now = now.Add(time.Duration(1+r.IntN(90)) * time.Second)
		e := event{at: now, client: r.IntN(3), method: "GET", status: 200, size: 812}
		if r.IntN(2) == 0 {
			if r.IntN(2) == 0 {
				e.none = known[e.client]
			}
			if e.none == tag(version) {
				e.status, e.size = 304, 0
			}
			e.tag = tag(version)
			known[e.client] = e.tag
		} else {
			e.method, e.status, e.size = "PUT", 204, 0
			switch r.IntN(5) {
			case 0:
				e.none = "*"
			case 1:
				e.match = tag(r.IntN(made + 1))
			case 2, 3:
				e.match = known[e.client]
			}
			if e.none == "*" || e.match != "" && e.match != tag(version) {
				e.status, e.size = 412, 96
			} else {
				made++
				version = made
				if r.IntN(4) > 0 {
					known[e.client] = tag(version)
				}
			}
			e.tag = tag(version)
		}
		list = append(list, e)
	}
	return list
}

func (e event) ip() string { return fmt.Sprintf("192.0.2.%d", e.client+1) }

// or is s, or what stands for nothing.
func or(s, nothing string) string {
	if s == "" {
		return nothing
	}
	return s
}

// fields are the field lines of the request, in lower case.
func (e event) fields() map[string]string {
	m := map[string]string{"user-agent": "editor/1.0"}
	if e.match != "" {
		m["if-match"] = e.match
	}
	if e.none != "" {
		m["if-none-match"] = e.none
	}
	return m
}

func canonical(fields map[string]string) map[string][]string {
	m := map[string][]string{}
	for name, v := range fields {
		m[textproto.CanonicalMIMEHeaderKey(name)] = []string{v}
	}
	return m
}

func inJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type object map[string]any

// whole are formats whose logs say of each precondition whether it was there, with what writes an event in them.
var whole = map[string]struct {
	head, format string
	line         func(e event) string
}{
	"members": {"", "", func(e event) string {
		o := object{
			"time": e.at.Format(time.RFC3339), "client": e.ip(), "method": e.method, "target": "/plan", "status": e.status, "content_sent": e.size,
			"if_match":      e.match,
			"if_none_match": e.none, "if_modified_since": "", "if_unmodified_since": "", "if": "", "overwrite": "", "if_range": "", "range": "",
			"etag": e.tag, "user_agent": "editor/1.0",
		}
		if e.node > 0 {
			o["upstream"] = fmt.Sprintf("10.0.0.%d:8080", e.node)
		}
		if e.cache != "" {
			o["cache"] = e.cache
		}
		return inJSON(o)
	}},
	"apache": {"", `apache:%h %t "%r" %>s %b "%{If-Match}i" "%{If-None-Match}i" "%{If-Modified-Since}i" "%{If-Unmodified-Since}i" "%{If}i" "%{Overwrite}i" "%{If-Range}i" "%{Range}i" "%{ETag}o" "%{User-Agent}i"`, func(e event) string {
		quote := func(s string) string { return `"` + strings.ReplaceAll(or(s, "-"), `"`, `\"`) + `"` }
		return fmt.Sprintf(`%s [%s] "%s /plan HTTP/1.1" %d %d %s %s "-" "-" "-" "-" "-" "-" %s "editor/1.0"`, e.ip(),
			e.at.Format("02/Jan/2006:15:04:05 -0700"), e.method, e.status, e.size, quote(e.match), quote(e.none), quote(e.tag))
	}},
	"iis": {"#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem c-ip cs(User-Agent) sc-status sc-bytes If-Match If-None-Match If-Modified-Since If-Unmodified-Since If Overwrite If-Range Range ETag\n", "", func(e event) string {
		return fmt.Sprintf("%s %s /plan %s editor/1.0 %d %d %s %s - - - - - - %s", e.at.Format("2006-01-02 15:04:05"), e.method, e.ip(),
			e.status, e.size, or(e.match, "-"), or(e.none, "-"), or(e.tag, "-"))
	}},
	"caddy": {"", "", func(e event) string {
		return inJSON(object{
			"ts": float64(e.at.Unix()), "logger": "http.log.access",
			"request": object{"remote_ip": e.ip(), "method": e.method, "uri": "/plan", "headers": canonical(e.fields())},
			"status":  e.status, "size": e.size, "resp_headers": object{"Etag": []string{e.tag}},
		})
	}},
	"caddy on a terminal": {"", "", func(e event) string {
		return e.at.Format("2006/01/02 15:04:05.000") + "\tINFO\thttp.log.access\thandled request\t" + inJSON(object{
			"request": object{"remote_ip": e.ip(), "method": e.method, "uri": "/plan", "headers": canonical(e.fields())},
			"status":  e.status, "size": e.size, "resp_headers": object{"Etag": []string{e.tag}},
		})
	}},
}

// partial are formats whose logs have the preconditions that were there, and say nothing of the others.
var partial = map[string]func(e event) string{
	"pino": func(e event) string {
		return inJSON(object{
			"level": 30, "time": e.at.UnixMilli(),
			"req": object{"method": e.method, "url": "/plan", "headers": e.fields(), "remoteAddress": "::ffff:" + e.ip()},
			"res": object{"statusCode": e.status, "headers": object{"etag": e.tag}},
		})
	},
	"kong": func(e event) string {
		return inJSON(object{
			"started_at": e.at.UnixMilli(), "client_ip": e.ip(), "latencies": object{"request": 3},
			"request":  object{"method": e.method, "uri": "/plan", "headers": e.fields()},
			"response": object{"status": e.status, "headers": object{"etag": e.tag}},
		})
	},
	"traefik": func(e event) string {
		o := object{"ClientHost": e.ip(), "RequestMethod": e.method, "RequestPath": "/plan", "DownstreamStatus": e.status,
			"StartUTC": e.at.Format(time.RFC3339), "downstream_Etag": e.tag}
		for name, v := range canonical(e.fields()) {
			o["request_"+name] = v[0]
		}
		return inJSON(o)
	},
	"cloudflare": func(e event) string {
		return inJSON(object{
			"ClientIP": e.ip(), "ClientRequestMethod": e.method, "ClientRequestURI": "/plan", "EdgeResponseStatus": e.status,
			"EdgeStartTimestamp": e.at.Format(time.RFC3339),
			"RequestHeaders":     e.fields(), "ResponseHeaders": object{"etag": e.tag}, "ClientRequestUserAgent": "editor/1.0",
		})
	},
	"members in objects": func(e event) string {
		return inJSON(object{"ts": e.at.Format(time.RFC3339), "peer": object{"ip": e.ip()},
			"http": object{"request": object{"method": e.method, "url": "/plan", "headers": e.fields()},
				"response": object{"status": e.status, "headers": object{"etag": e.tag}}}})
	},
}

func written(list []event, head string, line func(e event) string) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for _, e := range list {
		b.WriteString(line(e) + "\n")
	}
	return b.Bytes()
}

func reportOf(t *testing.T, log []byte, format string) *Report {
	t.Helper()
	o := Options{Log: accesslog.Options{Workers: 1, Stdin: bytes.NewReader(log)}}
	if format != "" {
		f, err := accesslog.ParseFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		o.Log.Format = f
	}
	r, err := Analyse(context.Background(), []string{"-"}, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Files[0].Bad > 0 {
		t.Fatalf("%v", r.Files[0].BadLines)
	}
	return r
}

// TestFormatsAgree writes the same requests in each format that can hold them: the same is found in all.
func TestFormatsAgree(t *testing.T) {
	refused := int64(0)
	for seed := range uint64(12) {
		list := events(rand.New(rand.NewPCG(seed, 412)))
		want := reportOf(t, written(list, "", whole["members"].line), "")
		refused += want.Refused.Count
		for name, w := range whole {
			got := reportOf(t, written(list, w.head, w.line), w.format)
			if got.list() != want.list() {
				t.Fatalf("seed %d: %s\ngot\n%swant\n%s", seed, name, got.list(), want.list())
			}
		}
		cri := reportOf(t, written(list, "", func(e event) string { return "2026-11-03T09:15:20.1Z stdout F " + whole["members"].line(e) }), "")
		if cri.list() != want.list() {
			t.Fatalf("seed %d: in CRI\ngot\n%swant\n%s", seed, cri.list(), want.list())
		}
	}
	if refused < 120 {
		t.Errorf("only %d refusals", refused)
	}
}

// TestRightServerInEveryFormat: whatever a log does not say of a server that does right, it is not blamed.
func TestRightServerInEveryFormat(t *testing.T) {
	clients := []string{"own-write-not-tracked", "client-loops-on-stale-etag", "retry-after-lost-response", "retried-without-condition"}
	check := func(seed uint64, name string, r *Report) {
		for _, c := range r.Causes {
			if c.Rule.Level >= diagnose.Warning && !slices.Contains(clients, c.Rule.ID) {
				t.Fatalf("seed %d, %s: %s %s: %s\n%v", seed, name, c.Confidence, c.Rule.ID, c.Says, c.Evidence)
			}
		}
	}
	for seed := range uint64(12) {
		list := events(rand.New(rand.NewPCG(seed, 413)))
		for name, w := range whole {
			check(seed, name, reportOf(t, written(list, w.head, w.line), w.format))
		}
		for name, line := range partial {
			check(seed, name, reportOf(t, written(list, "", line), ""))
		}
	}
}
