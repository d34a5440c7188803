package accesslog

import (
	"strings"
	"testing"
)

func TestParseFormat(t *testing.T) {
	tests := []struct {
		format string
		want   string // of String, or a part of the error
		ok     bool
	}{
		{"iis", "iis", true},
		{" iis:date time cs-method cs-uri-stem sc-status ", "iis with given fields", true},
		{"iis:date time c-ip", "has no status", false},
		{"nginx", "nginx", true},
		{`nginx:$remote_addr [$time_local] "$request" $status`, "nginx with its own log_format", true},
		{`nginx:log_format x '$remote_addr ' "\"$request\" " '$status';`, "nginx with its own log_format", true},
		{`nginx:log_format x escape=json '{"s":$status}';`, "nginx with its own log_format", true},
		{`nginx:log_format x escape=xml '$status';`, "escape=xml is not one of default, json and none", false},
		{`nginx:log_format x $status;`, "expected a quoted string", false},
		{`nginx:log_format x '$status;`, "has no end", false},
		{`nginx:$remote_addr$status`, "$remote_addr and $status have nothing between them", false},
		{`nginx:$remote_addr $request`, "has no status", false},
		{`nginx:none`, "no values in the format", false},
		{"apache", "apache", true},
		{`apache:%h %>s`, "apache with its own LogFormat", true},
		{`apache:LogFormat "%h \"%r\" %>s" nick`, "apache with its own LogFormat", true},
		{`apache:CustomLog "/var/log/x.log" "%h %>s" env=!x`, "apache with its own LogFormat", true},
		{`apache:LogFormat %h`, "no quoted format", false},
		{`apache:LogFormat "%h %>s`, "has no end", false},
		{`apache:%h %{Referer %>s`, "has no }", false},
		{`apache:%h %>s %`, "is no complete directive", false},
		{`apache:%h %{%j}t %>s`, "has a conversion that cannot be read", false},
		{`apache:%h`, "has no status", false},
		{"common", "common", true},
		{"combined", "combined", true},
		{"vhost_combined", "vhost_combined", true},
		{"common:x", "nothing may follow the name", false},
		{"haproxy", "haproxy", true},
		{"haproxy:If-Match:256,Host|ETag", "haproxy with captures", true},
		{"haproxy:If-Match:x", `the length "x" of capture "If-Match" is no number above 0`, false},
		{"haproxy:" + strings.Repeat("a,", 200), "captures", false},
		{"json", "json", true},
		{"json:status,uri", "json with its own members", true},
		{"json:uri", "are not enough", false},
		{"caddy", "caddy", true}, {"s3", "s3", true}, {"cloudfront", "cloudfront", true}, {"fourtwelve", "fourtwelve", true},
		{"", "unknown log format \"\": choose one of iis, ", false},
		{"IIS", "unknown log format", false},
		{"nginx:" + strings.Repeat("$a ", 200) + "$status", "more than 100 values", false},
	}
	for _, test := range tests {
		f, err := ParseFormat(test.format)
		switch {
		case test.ok && err != nil:
			t.Errorf("%.60s: %v", test.format, err)
		case test.ok && f.String() != test.want:
			t.Errorf("%.60s: got %q, want %q", test.format, f.String(), test.want)
		case !test.ok && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%.60s: got error %v, want %q", test.format, err, test.want)
		}
	}
}

// TestOneValue reads lines that have just a status and one value.
func TestOneValue(t *testing.T) {
	tests := []struct {
		format, line string
		field        Field
		want         string
		state        State
	}{
		{`nginx:$status $http_if_match`, `412 -`, IfMatch, "", Absent},
		{`nginx:$status "$http_if_match"`, `412 ""`, IfMatch, "", Present},
		{`nginx:$status "$http_if_match"`, `412 "\x22a\x22"`, IfMatch, `"a"`, Present},
		{`nginx:escape=json $status "$http_if_match"`, `412 ""`, IfMatch, "", Absent},
		{`nginx:escape=json $status "$http_if_match"`, `412 "-"`, IfMatch, "-", Present},
		{`nginx:escape=json $status "$http_user_agent"`, `412 "\u00e9\ud83d\ude00\ud83d\t\/"`, UserAgent, "é😀\ufffd\t/", Present},
		{`nginx:escape=none $status "$http_if_match"`, `412 ""a\b""`, IfMatch, `"a\b"`, Present},
		{`nginx:$status $upstream_addr end`, `200 10.0.0.1:80, 10.0.0.2:80 : unix:/a end`, Upstream,
			"10.0.0.1:80, 10.0.0.2:80 : unix:/a", Present},
		{`nginx:$status $request end`, `200 GET /a%20b HTTP/1.1 end`, Target, "/a%20b", Present},
		{`nginx:$status ${uri}x`, `200 /ax`, Path, "/a", Present},
		{`nginx:$status $sent_http_x_cache`, `200 HIT`, Cache, "HIT", Present},
		{`nginx:$status $http_if_match`, `412 a b`, IfMatch, "a b", Present},
		{`nginx:$status $args`, `200 -`, Query, "", Absent},
		{`nginx:cost $$5 $status $uri`, `cost $$5 200 /a`, Path, "/a", Present},
		{`apache:%>s "%{If-Match}i"`, `412 "\"a\""`, IfMatch, `"a"`, Present},
		{`apache:%>s "%{If-Match}i"`, `412 "\\\"a\\"`, IfMatch, `\"a\`, Present},
		{`apache:%>s %U%q`, `200 /a?b=c`, Target, "/a?b=c", Present},
		{`apache:%>s %U %q`, `200 /a ?b=c`, Target, "/a?b=c", Present},
		{`apache:%>s %U %q`, `200 /a `, Target, "/a", Present},
		{`apache:%>s %{ms}T`, `200 17`, Duration, "17", Present},
		{`apache:%s %>s`, `200 412`, Status, "412", Present},
		{`apache:%>s %{modsec_action}n`, `412 deny`, WAF, "deny", Present},
		{`apache:%>s 100%% %{UNIQUE_ID}e`, `412 100% abc`, RequestID, "abc", Present},
		{`apache:%>s %{If-Match}^ti`, `412 x`, IfMatch, "", NotLogged},
		{`iis:sc-status If-Match`, `412 W/"a+b",+"c"`, IfMatch, `W/"a+b", "c"`, Present},
		{`iis:sc-status if-none-match`, `304 *`, IfNoneMatch, "*", Present},
		{`iis:sc-status CS(If-Match)`, `412 -`, IfMatch, "", Absent},
		{`iis:sc-status sc(ETag)`, `412 "x:0"`, ETag, `"x:0"`, Present},
		{`iis:sc-status cs(User-Agent)`, `200 a+b`, UserAgent, "a b", Present},
		{`iis:sc-status s-ip s-computername`, `200 10.0.0.1 WEB01`, Node, "WEB01", Present},
		{`iis:sc-status cs-uri-stem cs-uri-query`, `200 /a+b x=1`, Target, "/a+b?x=1", Present},
		{`iis:sc-status cs-uri-stem`, `200 /a`, Query, "", NotLogged},
		{`cloudfront:sc-status cs(User-Agent)`, "200\ta%20b%2Fc%zz", UserAgent, "a b/c%zz", Present},
		{`json:status,uri,http_if_match`, `{"status":412,"uri":"\/a","http_if_match":["\"a\"","\"b\""]}`, IfMatch, `"a", "b"`, Present},
		{`json:status,uri,http_if_match`, `{"status":412,"uri":"/a","http_if_match":null}`, IfMatch, "", Absent},
		{`json:status,uri,http_if_match`, `{"status":412,"uri":"/a"}`, IfMatch, "", NotLogged},
		{`json:status,uri,http_if_match`, `{"status":412,"uri":"/a","http_if_match":[]}`, IfMatch, "", Absent},
		{`json:status,uri,http_if_match`, `{"x":{"http_if_match":"no"},"status":"412","uri":"/a","http_if_match":"[x]"}`, IfMatch,
			"[x]", Present},
	}
	for _, test := range tests {
		f, err := ParseFormat(test.format)
		if err != nil {
			t.Errorf("%s: %v", test.format, err)
			continue
		}
		d, err := f.dialect(nil)
		if err != nil {
			t.Fatal(err)
		}
		p := newLineParser()
		if v := p.parse(d.start.layout, []byte(test.line)); v != isEntry {
			t.Errorf("%s: %q cannot be read", test.format, test.line)
			continue
		}
		if got, state := p.entry.Text(test.field), p.entry.State(test.field); got != test.want || state != test.state {
			t.Errorf("%s: %s of %q: got %q, %v, want %q, %v", test.format, test.field, test.line, got, state, test.want, test.state)
		}
	}
}

func TestBadLines(t *testing.T) {
	tests := []struct{ format, line string }{
		{"combined", ``},
		{"combined", `192.0.2.1 - - [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" 200 1 "-" "curl/8" more`},
		{"combined", `192.0.2.1 - - [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" 200 1 "-" "curl/8`},
		{"combined", `192.0.2.1 - - [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" OK 1 "-" "curl/8"`},
		{"combined", `192.0.2.1 - - [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" 2000 1 "-" "curl/8"`},
		{"combined", `192.0.2.1 - - [31/Feb/2026:09:15:40 +0100] "GET / HTTP/1.1" 200 1 "-" "curl/8"`},
		{"combined", `192.0.2.1 - - [03/Nov/2026:09:15:40] "GET / HTTP/1.1" 200 1 "-" "curl/8"`},
		{"common", `192.0.2.1 - - [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" 200 1 2`},
		{"iis:date time sc-status", "2026-11-03 09:15:40 200 1"},
		{"iis:date time sc-status", "2026-11-03 09:15:40"},
		{"iis:date time sc-status", "2026-11-03 24:15:40 200"},
		{"iis:date time sc-status", "03.11.2026 09:15:40 200"},
		{"caddy", `{"ts":1,"status":200,"request":{"method":"GET"}`},
		{"caddy", `{"ts":1,"status":200,"request":{"method":"GET"}} x`},
		{"caddy", `{"ts":"yesterday","status":200,"request":{"method":"GET"}}`},
		{"caddy", `["ts"]`},
		{"fourtwelve", `{"time":"2026-11-24T11:00:00.123456Z","remote":"192.0.2.1:50000","method":"GET","tar`},
		{"haproxy", `192.0.2.7:50412 [03/Nov/2026:09:15:40.123] in app/web01 0/0/1/30/31 412 480 - - ---- 12/12/3/1/0 0/0 "PUT /`},
		{"haproxy", `192.0.2.7:50412 [03/Nov/2026:09:15:40.123] in app/web01 0/0/1/30/31 412 480 - - ---- 12/12/3/1 0/0 "PUT / HTTP/1.1"`},
		{"haproxy", `192.0.2.7 [03/Nov/2026:09:15:40.123] in app/web01 0/0/1/30/31 412 480 - - ---- 12/12/3/1/0 0/0 "PUT / HTTP/1.1"`},
		{"haproxy", `192.0.2.7:50412 [03/Nov/2026:09:15:40.123] in app/web01 0/0/1/30/31 412 480 - - ---- 12/12/3/1/0 0/0 {a`},
		{"s3", `owner bucket [03/Nov/2026:09:15:40 +0000] 192.0.2.7 ana id REST.GET.OBJECT a "GET /a HTTP/1.1" 200 - 1 1 1 1 "-" "x"`},
		{"s3", `owner bucket [03/Nov/2026:09:15:40`},
	}
	for _, test := range tests {
		f, err := ParseFormat(test.format)
		if err != nil {
			t.Fatal(err)
		}
		d, err := f.dialect(nil)
		if err != nil {
			t.Fatal(err)
		}
		if v := newLineParser().parse(d.start.layout, []byte(test.line)); v != unreadable {
			t.Errorf("%s: %q: got verdict %d", test.format, test.line, v)
		}
	}
}

// TestWhy: of a line that does not fit it is said which column does not, and why.
func TestWhy(t *testing.T) {
	const nginx = `nginx:$remote_addr [$time_local] "$request" $status $request_time`
	tests := []struct{ format, line, want string }{
		{nginx, `192.0.2.1 [03/Nov/2026:09:15:40] "GET / HTTP/1.1" 200 0.1`, `$time_local should be 26 characters and "] \"" behind them, and there is "03/Nov/2026:09:15:40] \"GET / HTTP/1.1\" 2"…`},
		{nginx, `192.0.2.1 [31/Feb/2026:09:15:40 +0100] "GET / HTTP/1.1" 200 0.1`, `$time_local has "31/Feb/2026:09:15:40 +0100", which is no time such as 03/Nov/2026:09:15:40 +0100`},
		{nginx, `192.0.2.1 [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" OK 0.1`, `$status has "OK", which is no status`},
		{nginx, `192.0.2.1 [03/Nov/2026:09:15:40 +0100] GET / HTTP/1.1 200 0.1`, `$time_local should be 26 characters and "] \"" behind them, and there is "03/Nov/2026:09:15:40 +0100] GET / HTTP/1"…`},
		{nginx, `192.0.2.1 [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" 200 0.1 0.2`, `$request_time is the last of the format, and there is more than one word: "0.1 0.2"`},
		{nginx, `web| [03/Nov/2026:09:15:40 +0100] "GET / HTTP/1.1" 200 0.1`, `$remote_addr has "web|", which is no client`},
		{`nginx:$status "$http_if_match"`, `412 "\x22a\x22`, `$http_if_match should have "\"" behind it, and there is "\\x22a\\x22"`},
		{`nginx:$status "$http_if_match"`, `412 "a" b`, `behind $http_if_match, the last of the format, there is more: " b"`},
		{`nginx:[$time_iso8601] $status`, `[3 Nov] 412`, `$time_iso8601 has "3 Nov", which is no time such as 2026-11-03T09:15:40+01:00`},
		{`iis:date time sc-status`, `2026-11-03 09:15:40 200 1`, `it has 4 columns, and the format has 3`},
		{`csv:status,path`, `200`, `it has one column, and the format has 2`},
		{`json:status,path`, `{"status":200,"path":"/`, `its JSON is broken at byte 24`},
		{`json:status,path`, `200 /`, `it is no JSON object`},
	}
	for _, test := range tests {
		f, err := ParseFormat(test.format)
		if err != nil {
			t.Fatal(err)
		}
		d, err := f.dialect(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := newLineParser().why(d.start.layout, []byte(test.line)); got != test.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", test.format, test.line, got, test.want)
		}
	}
}

// TestAdvice: what we advise is what we can read, complete.
func TestAdvice(t *testing.T) {
	for _, name := range []string{"nginx", "apache", "combined", "common", "json", "vhost_combined"} {
		f, err := ParseFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range f.Advice(0) {
			config, _, _ := strings.Cut(a.Config, "\naccess_log ")
			config, _, _ = strings.Cut(config, "\nCustomLog ")
			read, err := ParseFormat(strings.ToLower(a.Server) + ":" + config)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			d, err := read.dialect(nil)
			if err != nil {
				t.Fatal(err)
			}
			if missing := DiagnosisFields &^ d.start.layout.logged; missing != 0 {
				t.Errorf("%s: the advice lacks %v", name, missing)
			}
		}
	}
	haproxy, err := newHAProxy(haproxyCapturesAdvised, nil)
	if err != nil {
		t.Fatal(err)
	}
	if missing := DiagnosisFields &^ haproxy.logged; missing != 0 {
		t.Errorf("haproxy: the advice lacks %v", missing)
	}
	for name := range strings.SplitSeq(strings.ReplaceAll(haproxyCapturesAdvised, "|", ","), ",") {
		header, length, _ := strings.Cut(name, ":")
		if want := " header " + header + " len " + length; !strings.Contains(haproxyAdvice.Config, want) {
			t.Errorf("haproxy: no %q in %s", want, haproxyAdvice.Config)
		}
	}
	iis := Format{name: "iis"}
	if got := iis.Advice(FieldsOf(ETag))[0].Config; got != "<customFields>\n  <add logFieldName=\"ETag\" sourceName=\"ETag\" sourceType=\"ResponseHeader\" />\n</customFields>" {
		t.Errorf("iis: got %s", got)
	}
	for f := range DiagnosisFields.All() {
		if config := iis.Advice(FieldsOf(f))[0].Config; strings.Count(config, "<add ") != 1 {
			t.Errorf("iis: no field for %v in %s", f, config)
		}
	}
	for _, name := range FormatNames() {
		for _, a := range (Format{name: name}).Advice(0) {
			if a.Server == "" || a.Where == "" || !strings.HasPrefix(a.String(), a.Server+": "+a.Where) {
				t.Errorf("%s: advice %+v", name, a)
			}
		}
	}
}
