package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// TestHits reads what caches of many kinds say of requests: from their own words, the same is counted.
func TestHits(t *testing.T) {
	line := func(format string) func(mark, path string, status int) string {
		return func(mark, path string, status int) string {
			return strings.NewReplacer("MARK", mark, "PATH", path, "STATUS", fmt.Sprint(status)).Replace(format)
		}
	}
	nginx := `{"time":"2026-11-03T09:15:40+00:00","client":"192.0.2.7","method":"GET","uri":"PATH","status":"STATUS","bytes":"100",` +
		`"cache":"MARK"}`
	ours := `{"time":"2026-11-24T11:00:00.123456Z","remote":"192.0.2.1:50000","method":"GET","target":"PATH","proto":"HTTP/1.1",` +
		`"status":STATUS,"bytes":100,"duration_us":1234,"cache":"MARK"}`
	cloudflare := `{"ClientIP":"192.0.2.7","ClientRequestHost":"a.example","ClientRequestMethod":"GET","ClientRequestURI":"PATH",` +
		`"CacheCacheStatus":"MARK","EdgeStartTimestamp":"2026-11-03T08:15:40Z","EdgeResponseBytes":100,"EdgeResponseStatus":STATUS,"RayID":"r"}`
	cloudfront := strings.Join([]string{
		"2026-11-03", "09:15:41", "FRA56-P2", "100", "192.0.2.7", "GET", "d1.cloudfront.net", "PATH", "STATUS", "-", "curl", "-", "-", "MARK",
		"AAAA==", "a.example", "https", "49", "0.120", "-", "TLSv1.3", "TLS_AES_128_GCM_SHA256", "MARK", "HTTP/2.0", "-", "-", "50412", "0.120",
		"MARK", "text/plain", "100", "-", "-",
	}, "\t")
	varnish := `192.0.2.7 - - [03/Nov/2026:09:15:40 +0000] "GET PATH HTTP/1.1" STATUS 100 "-" "curl" MARK`
	varnishncsa := `apache:%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-agent}i" `
	squid := "1793697340.123     12 192.0.2.7 MARK/STATUS 100 GET http://a.example" + "PATH - HIER_DIRECT/10.1.0.3 text/plain"
	for name, test := range map[string]struct {
		line   string
		format string
		marks  string // hit, stale, validated, collapsed, miss, passed: those that there are
		none   string // says nothing of the cache
	}{
		"fourtwelve": {ours, "", "hit stale validated collapsed miss bypass", ""},
		"nginx":      {nginx, "", "HIT STALE,UPDATING REVALIDATED - MISS,EXPIRED BYPASS", "SCARCE"},
		"squid": {
			squid, "", "TCP_HIT,TCP_MEM_HIT,TCP_IMS_HIT TCP_REFRESH_FAIL_OLD TCP_REFRESH_UNMODIFIED - TCP_MISS,TCP_REFRESH_MODIFIED TCP_TUNNEL",
			"TCP_DENIED",
		},
		"varnish":    {varnish, varnishncsa + `%{Varnish:hitmiss}x`, "hit - - - miss -", ""},
		"handling":   {varnish, varnishncsa + `%{Varnish:handling}x`, "hit - - - miss,hitmiss pass,hitpass,pipe", "synth"},
		"cloudfront": {cloudfront, "", "Hit,OriginShieldHit - RefreshHit - Miss -", "Error,LimitExceeded"},
		"cloudflare": {cloudflare, "", "hit stale,updating revalidated - miss,expired bypass,dynamic,none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			write := line(test.line)
			var lines []string
			want := &Hits{}
			counts := []*int64{&want.Hit, &want.Stale, &want.Validated, &want.Collapsed, &want.Miss, &want.Passed}
			for i, marks := range strings.Fields(test.marks) {
				if marks == "-" {
					continue
				}
				for mark := range strings.SplitSeq(marks, ",") {
					*counts[i]++
					want.Requests++
					lines = append(lines, write(mark, "/"+strings.ToLower(mark), 200))
				}
			}
			if test.none != "" {
				for mark := range strings.SplitSeq(test.none, ",") {
					lines = append(lines, write(mark, "/none", 200))
				}
			}
			got := hitsOf(t, test.format, lines...)
			if got == nil {
				t.Fatal("nothing is known of a cache")
			}
			want.Bytes, want.SavedBytes = 100*want.Requests, 100*want.Answered()
			want.Status, want.Paths, want.Marks = []HitCount{{"200", want.Requests, want.Answered()}}, got.Paths, got.Marks
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestHitsBoundWhatTheyKeep of words and paths, and put first what most went past the cache.
func TestHitsBoundWhatTheyKeep(t *testing.T) {
	h, other := newHits(), newHits()
	for i := range 1000 {
		h.add(fmt.Sprint("HIT-", i), 200, uint64(i)<<32, fmt.Sprint("/", i), 1)
		other.add("MISS", 404, 7, "/missed", 1)
	}
	h.merge(other)
	r := h.report(3)
	if r.Hit != 1000 || r.Miss != 1000 || len(h.marks) > maxMarks+int(numKinds) {
		t.Errorf("%d hits, %d misses, %d words", r.Hit, r.Miss, len(h.marks))
	}
	if want := (HitCount{"/missed", 1000, 0}); len(r.Paths) != 3 || r.Paths[0] != want {
		t.Errorf("paths %v", r.Paths)
	}
	if want := []HitCount{{"200", 1000, 1000}, {"404", 1000, 0}}; !reflect.DeepEqual(r.Status, want) {
		t.Errorf("got %v, want %v", r.Status, want)
	}
}

// TestNoHits are in the report of a log that tells of no cache.
func TestNoHits(t *testing.T) {
	if got := hitsOf(t, "", `192.0.2.7 - - [03/Nov/2026:09:15:40 +0000] "GET / HTTP/1.1" 200 100 "-" "curl"`); got != nil {
		t.Errorf("got %+v", got)
	}
}

func hitsOf(t *testing.T, format string, lines ...string) *Hits {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{}
	if format != "" {
		f, err := accesslog.ParseFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		o.Log.Format = f
	}
	return analyse(t, o, path).Hits
}
