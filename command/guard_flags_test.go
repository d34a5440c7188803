package command

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/command/internal/guardconfig"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
)

// readGuardFlags returns what flags and a URL configure.
func readGuardFlags(t *testing.T, args ...string) *guardconfig.Config {
	t.Helper()
	o := new(guardOptions)
	flags := pflag.NewFlagSet("guard", pflag.ContinueOnError)
	o.addFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := o.takeArgs(flags.Args()); err != nil {
		t.Fatal(err)
	}
	c, err := o.read()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGuardFlags sets every flag to something unusual.
func TestGuardFlags(t *testing.T) {
	spool := t.TempDir()
	got := readGuardFlags(t,
		"--listen=:8443", "--host=a.example.org", "--host=b.example.org", "--tls-cert=cert.pem", "--tls-key=key.pem",
		"--metrics=127.0.0.1:9412", "--access-log=access.log", "--idle-timeout=2m", "--shutdown-timeout=5s",
		"--trusted-proxy=192.0.2.7", "--trusted-proxy=10.0.0.0/8", "--via=gate-7", "--spool-dir="+spool,
		"--max-memory=512M", "--max-disk=0", "--require=always", "--validators=content", "--preconditions=pass",
		"--lenient-tags", "--stale-if-range=412", "--coding=false", "--cache-control=no-cache", "--keep-host",
		"--pass-field=CF-Connecting-IP", "--omit=Via", "--omit=x-forwarded-*", "--omit=Forwarded",
		"--backend-name=c.example.org", "--max-body=none", "--max-buffer=64k", "--max-spool=0",
		"--connect-timeout=1s", "--response-timeout=none", "--backend-idle-timeout=3s", "--lock-timeout=4s", "--content-timeout=6s",
		"https://127.0.0.1:3000/app")
	if tls := got.Guard.Routes[0].BackendTLS; tls == nil || tls.ServerName != "c.example.org" {
		t.Errorf("TLS to the backend: got %v", tls)
	}
	got.Guard.Routes[0].BackendTLS = nil
	want := &guardconfig.Config{
		Listen: ":8443", Hosts: []string{"a.example.org", "b.example.org"}, TLSCert: "cert.pem", TLSKey: "key.pem",
		Metrics: "127.0.0.1:9412", AccessLog: "access.log", IdleTimeout: 2 * time.Minute, ShutdownTimeout: 5 * time.Second,
		Guard: guard.Options{
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("10.0.0.0/8")},
			Via:            "gate-7", SpoolDir: spool, MaxMemory: 512 << 20, MaxDisk: -1, CacheMemory: 64 << 20, CacheDisk: 1 << 30,
			Routes: []guard.Route{{
				Name: "all", Backend: &url.URL{Scheme: "https", Host: "127.0.0.1:3000", Path: "/app"}, KeepHost: true,
				PassFields: []string{"CF-Connecting-IP"}, NoForwarded: true, NoXForwarded: true, NoVia: true,
				Require: condhttp.RequireAlways, Validators: guard.ValidatorsContent, Preconditions: guard.PreconditionsPass,
				LenientTags: true, StaleIfRange: true, NoCoding: true, CacheControl: "no-cache",
				MaxBody: -1, MaxBuffer: 64 << 10, MaxSpool: -1,
				Timeouts: guard.Timeouts{Connect: time.Second, Response: -1, Idle: 3 * time.Second, Lock: 4 * time.Second, Content: 6 * time.Second},
			}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// TestGuardDefaults compares what holds without flags with what holds without keys in
// a file.
func TestGuardDefaults(t *testing.T) {
	flags := readGuardFlags(t, "http://127.0.0.1:3000")
	file, err := guardconfig.Parse(filepath.Join("x", "guard.yaml"), []byte("routes: [{backend: 'http://127.0.0.1:3000'}]"))
	if err != nil {
		t.Fatal(err)
	}
	// In a file, 0 is left to the guard.
	o, r := &file.Guard, &file.Guard.Routes[0]
	o.Via, o.MaxMemory, o.MaxDisk = "fourtwelve", guard.DefaultMaxMemory, guard.DefaultMaxDisk
	r.MaxBody, r.MaxBuffer, r.MaxSpool = guard.DefaultMaxBody, guard.DefaultMaxBuffer, guard.DefaultMaxSpool
	r.Timeouts = guard.Timeouts{
		Connect: guard.DefaultConnectTimeout, Response: guard.DefaultResponseTimeout, Idle: guard.DefaultIdleTimeout,
		Lock: guard.DefaultLockTimeout, Content: guard.DefaultContentTimeout,
	}
	if !reflect.DeepEqual(flags, file) {
		t.Errorf("by flags\n%+v\nby file\n%+v", flags, file)
	}
}
