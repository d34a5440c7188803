package accesslog

import (
	"testing"
	"time"
)

func TestClocks(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	clocks := map[string]clock{
		"common": commonTime, "haproxy": haproxyTime(nil), "haproxy in Berlin": haproxyTime(berlin), "w3c": w3cTime, "iso": isoTime,
		"wall": wallTime(nil), "wall in Berlin": wallTime(berlin), "s": unixSeconds, "ms": unixMillis, "us": unixMicros, "ns": unixNanos,
		"any": anyTime(nil), "dated": datedTime("2026-11-03"),
	}
	for name, format := range map[string]string{
		"strftime date": "%Y-%m-%d %H:%M:%S", "strftime zone": "%d/%b/%Y:%T %z", "strftime RFC": "%a, %d %b %Y %T %Z",
		"strftime unix": "%s", "strftime percent": "%%%F %R:%S", "strftime parts": "%FT%T.%3%z", "strftime US": "%D %e %H:%M:%S",
	} {
		if clocks[name], err = parseStrftime(format, nil); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ clock, text, want string }{
		{"common", "03/Nov/2026:09:15:40 +0100", "2026-11-03T08:15:40Z"},
		{"common", "29/Feb/2028:23:59:60 -0330", "2028-03-01T03:30:00Z"},
		{"common", "29/Feb/2027:23:59:59 +0000", ""},
		{"common", "00/Nov/2026:09:15:40 +0100", ""},
		{"common", "03/nov/2026:09:15:40 +0100", ""},
		{"common", "03/anF/2026:09:15:40 +0100", ""},
		{"common", "03/Nov/2026:09:15:61 +0100", ""},
		{"common", "03/Nov/2026:09:60:40 +0100", ""},
		{"common", "03/Nov/2026:24:15:40 +0100", ""},
		{"common", "03/Nov/2026:09:15:40 +01:0", ""},
		{"common", "03/Nov/2026:09:15:40  0100", ""},
		{"common", "03/Nov/1699:09:15:40 +0100", ""},
		{"common", "", ""},
		{"haproxy", "03/Nov/2026:09:15:40.123", "2026-11-03T09:15:40.123Z"},
		{"haproxy in Berlin", "03/Jul/2026:09:15:40.123", "2026-07-03T07:15:40.123Z"},
		{"haproxy", "03/Nov/2026:09:15:40.12x", ""},
		{"w3c", "2026-11-03 09:15:40", "2026-11-03T09:15:40Z"},
		{"w3c", "2026-11-03\t09:15:40", "2026-11-03T09:15:40Z"},
		{"w3c", "2026-11-03T09:15:40", ""},
		{"w3c", "2026-11-03 09:15", ""},
		{"w3c", "2026-11-03 09:15:40.5", "2026-11-03T09:15:40.5Z"},
		{"iso", "2026-11-03T09:15:40+01:00", "2026-11-03T08:15:40Z"},
		{"iso", "2026-11-03T09:15:40.123456789123Z", "2026-11-03T09:15:40.123456789Z"},
		{"iso", "2026-11-03T09:15:40-0800", "2026-11-03T17:15:40Z"},
		{"iso", "2026-11-03 09:15:40", "2026-11-03T09:15:40Z"},
		{"iso", "2026-11-03T09:15:40.", ""},
		{"iso", "2026-11-03T09:15:40+0", ""},
		{"iso", "2026-11/03T09:15:40Z", ""},
		{"wall", "2026/11/03 09:15:40.031", "2026-11-03T09:15:40.031Z"},
		{"wall in Berlin", "2026/11/03 09:15:40", "2026-11-03T08:15:40Z"},
		{"s", "1793697340", "2026-11-03T09:15:40Z"},
		{"s", "1793697340.031", "2026-11-03T09:15:40.031Z"},
		{"s", "1793697340.", ""},
		{"s", "-1", ""},
		{"s", "9300000000", ""},
		{"ms", "1793697340031.25", "2026-11-03T09:15:40.03125Z"},
		{"us", "1793697340031000", "2026-11-03T09:15:40.031Z"},
		{"ns", "1793697340031000000", "2026-11-03T09:15:40.031Z"},
		{"ns", "9300000000000000000", ""},
		{"any", "1793697340.031", "2026-11-03T09:15:40.031Z"},
		{"any", "1793697340031", "2026-11-03T09:15:40.031Z"},
		{"any", "1793697340031000", "2026-11-03T09:15:40.031Z"},
		{"any", "1793697340031000000", "2026-11-03T09:15:40.031Z"},
		{"any", "03/Nov/2026:09:15:40 +0100", "2026-11-03T08:15:40Z"},
		{"any", "2026/11/03 09:15:40", "2026-11-03T09:15:40Z"},
		{"any", "2026-11-03T09:15:40Z", "2026-11-03T09:15:40Z"},
		{"any", "noon", ""},
		{"dated", "09:15:40", "2026-11-03T09:15:40Z"},
		{"dated", "9:15:40", ""},
		{"strftime date", "2026-11-03 09:15:40", "2026-11-03T09:15:40Z"},
		{"strftime date", "2026-11-03 09:15:40 ", ""},
		{"strftime date", "2026-11-03 09:15", ""},
		{"strftime zone", "03/Nov/2026:09:15:40 +0100", "2026-11-03T08:15:40Z"},
		{"strftime RFC", "Tue, 03 Nov 2026 09:15:40 GMT", "2026-11-03T09:15:40Z"},
		{"strftime unix", "1793697340", "2026-11-03T09:15:40Z"},
		{"strftime unix", "", ""},
		{"strftime percent", "%2026-11-03 09:15:40", "2026-11-03T09:15:40Z"},
		{"strftime parts", "2026-11-03T09:15:40.031+0100", "2026-11-03T08:15:40.031Z"},
		{"strftime US", "11/03/26  4 09:15:40", "2026-11-04T09:15:40Z"},
	}
	for _, test := range tests {
		at, ok := clocks[test.clock]([]byte(test.text))
		got := ""
		if ok {
			got = time.Unix(0, at).UTC().Format(time.RFC3339Nano)
		}
		if got != test.want {
			t.Errorf("%s: %q: got %q, want %q", test.clock, test.text, got, test.want)
		}
	}
}

// FuzzCommonTime compares with the time package.
func FuzzCommonTime(f *testing.F) {
	f.Add("03/Nov/2026:09:15:40 +0100")
	f.Add("29/Feb/2028:23:59:59 -1200")
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := commonTime([]byte(text))
		want, err := time.Parse("02/Jan/2006:15:04:05 -0700", text)
		if ok && err == nil && want.UnixNano() != at {
			t.Errorf("%q: got %v, want %v", text, time.Unix(0, at).UTC(), want)
		}
		// time.Parse takes months in any case, and no leap second.
		if err == nil && !ok && want.Year() >= 1700 && want.Year() <= 2261 && want.Format("02/Jan/2006:15:04:05 -0700") == text {
			t.Errorf("%q: not read", text)
		}
	})
}

// FuzzISOTime compares with the time package.
func FuzzISOTime(f *testing.F) {
	f.Add("2026-11-03T09:15:40.031+01:00")
	f.Add("2026-11-03T09:15:40Z")
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := isoTime([]byte(text))
		want, err := time.Parse(time.RFC3339Nano, text)
		if ok && err == nil && want.UnixNano() != at {
			t.Errorf("%q: got %v, want %v", text, time.Unix(0, at).UTC(), want)
		}
		if err == nil && !ok && want.Year() >= 1700 && want.Year() <= 2261 && want.Format(time.RFC3339Nano) == text {
			t.Errorf("%q: not read", text)
		}
		for _, c := range []clock{w3cTime, wallTime(time.UTC), anyTime(nil), unixSeconds, unixNanos, haproxyTime(nil)} {
			c([]byte(text))
		}
	})
}
