package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/fourtwelve/fourtwelve"

// A room is a package of ours, by its path within the module, and the packages of ours that it may import.
type room struct {
	name      string
	mayImport []string
}

// A floor is a group of rooms with the reason for the wall around them.
type floor struct {
	why   string
	rooms []room
}

// house has all rooms from the ground up. A room imports only what stands above its line here, so no
// import runs up. A package that is not listed fails the test: decide here where it belongs.
var house = []floor{
	{"Readers of single field values and of the target know nothing of conditions, stores or servers: everybody may stand on them.", []room{
		{"internal/field/cachecontrol", nil},
		{"internal/field/date", nil},
		{"internal/field/digest", nil},
		{"internal/field/mediatype", nil},
		{"internal/field/method", nil},
		{"internal/field/qvalue", nil},
		{"internal/lazyregexp", nil},
		{"internal/field/secret", []string{"internal/lazyregexp"}},
		{"internal/target", nil},
	}},
	{"What is done to content does not know whose content it is.", []room{
		{"internal/content/budget", nil},
		{"internal/content/coding", []string{"internal/field/qvalue"}},
		{"internal/content/patch", nil},
		{"internal/content/recent", nil},
	}},
	{"Values and decisions touch no clock, network or disk, so that tables from the RFC can show them right.", []room{
		{"etag", nil},
		{"byterange", []string{"internal/field/method"}},
		{"precondition", []string{"etag", "internal/field/date", "internal/field/method"}},
		{"precondition/ifheader", []string{"etag"}},
		{"merge", []string{"internal/content/patch"}},
	}},
	{"A store knows names, revisions and bytes, and nothing of HTTP: whoever writes one need not read the rest.", []room{
		{"store", nil},
		{"store/memstore", []string{"store"}},
		{"store/dirstore", []string{"store"}},
		{"store/storetest", []string{"store"}},
		{"store/clusterstore", []string{"store", "internal/content/recent"}},
		{"store/clusterstore/enginetest", []string{"store", "store/clusterstore"}},
		{"store/clusterstore/conform", []string{"store", "store/clusterstore"}},
		{"store/clusterstore/s3engine", []string{"store", "store/clusterstore", "store/clusterstore/conform"}},
		{"store/clusterstore/pgengine", []string{"store", "store/clusterstore"}},
		{"store/clusterstore/pgengine/pgtest", nil},
	}},
	{"Readers of what others have written down judge nothing.", []room{
		{"capture", []string{"internal/field/secret", "internal/lazyregexp"}},
		{"accesslog/internal/inflate", nil},
		{"accesslog/internal/linewise", []string{"internal/lazyregexp"}},
		{"accesslog", []string{"accesslog/internal/inflate", "accesslog/internal/linewise", "internal/field/secret", "internal/lazyregexp"}},
		{"accesslog/accesslogtest", nil},
	}},
	{"Judging sends nothing, and probing judges nothing beyond its table: neither imports the other.", []room{
		{"diagnose/internal/sign", []string{"etag"}},
		{"diagnose", []string{"diagnose/internal/sign", "etag", "precondition", "precondition/ifheader", "byterange", "capture",
			"internal/field/method", "internal/field/secret", "internal/lazyregexp"}},
		{"diagnose/logs", []string{"diagnose", "diagnose/internal/sign", "accesslog", "byterange", "etag", "precondition/ifheader",
			"internal/field/date", "internal/field/method", "internal/field/secret", "internal/lazyregexp"}},
		{"probe", []string{"etag", "byterange", "capture", "internal/field/date"}},
	}},
	{"Handlers act on decisions. What they tell of a request is one record, which belongs to none of them. They name no concrete store.", []room{
		{"observe", []string{"etag", "precondition", "internal/field/method"}},
		{"condhttp", []string{"etag", "precondition", "byterange", "internal/field/method", "internal/field/qvalue"}},
		{"internal/idempotency", []string{"condhttp"}},
		{"internal/resource", []string{
			"etag", "precondition", "condhttp", "store", "internal/content/coding", "internal/content/recent", "internal/field/mediatype",
		}},
		{"cache", []string{"etag", "byterange", "precondition", "condhttp", "internal/field/date", "internal/field/method"}},
		{"diagnose/caching", []string{"cache", "capture", "internal/field/date", "internal/field/method"}},
		{"origin/internal/listing", []string{"store", "internal/field/mediatype", "internal/field/qvalue"}},
		{"origin", []string{
			"observe", "etag", "precondition", "byterange", "condhttp", "store", "internal/resource", "origin/internal/listing", "internal/target",
			"internal/content/budget", "internal/content/patch", "internal/content/recent", "internal/field/digest", "internal/field/mediatype",
			"internal/field/secret", "internal/idempotency",
		}},
		{"client", []string{
			"etag", "byterange", "condhttp", "internal/content/coding", "internal/content/patch",
			"internal/field/date", "internal/field/digest", "internal/field/method",
		}},
		{"guard/internal/turn", nil},
		{"guard/internal/trust", []string{"etag", "precondition", "byterange", "guard/internal/turn"}},
		{"dav/internal/davxml", nil},
		{"dav/internal/lock", []string{"store"}},
		{"dav", []string{
			"observe", "precondition", "precondition/ifheader", "condhttp", "store", "origin", "dav/internal/davxml", "dav/internal/lock",
			"internal/resource",
			"internal/field/mediatype", "internal/field/method", "internal/target",
		}},
		{"guard", []string{
			"internal/idempotency",
			"cache", "guard/internal/trust", "guard/internal/turn", "observe", "etag", "precondition", "precondition/ifheader", "byterange",
			"condhttp", "internal/target",
			"internal/content/budget", "internal/content/coding", "internal/field/cachecontrol", "internal/field/method", "internal/field/secret",
		}},
		{"guard/pglock", []string{"guard"}},
	}},
	{"What stands between a listener and a handler belongs to the program, and a library cannot reach it.", []room{
		{"command/internal/server/admit", nil},
		{"command/internal/server/auth", nil},
		{"command/internal/server/coalesce", nil},
		{"command/internal/server/deadline", nil},
		{"command/internal/server/framing", []string{"observe", "condhttp", "internal/field/method"}},
		{"command/internal/server/gate", []string{"observe", "condhttp", "origin", "command/internal/server/auth", "internal/field/method"}},
		{"command/internal/server/lane", nil},
		{"command/internal/server/pace", nil},
		{"command/internal/server/secure", nil},
		{"command/internal/server", []string{
			"observe", "condhttp", "command/internal/server/admit", "command/internal/server/coalesce", "command/internal/server/deadline",
			"command/internal/server/framing", "command/internal/server/lane", "command/internal/server/secure",
		}},
	}},
	{"What a command reads and prints is the program's alone.", []room{
		{"command/internal/bytesize", nil},
		{"command/internal/collection", []string{"internal/field/date"}},
		{"command/internal/folder", nil},
		{"command/internal/mcptools", []string{"etag", "merge", "client", "internal/field/date", "internal/content/patch",
			"internal/content/recent", "command/internal/collection", "command/internal/folder"}},
		{"command/internal/syncdir", []string{"etag", "client", "command/internal/collection", "command/internal/folder"}},
		{"command/internal/netrc", nil},
		{"command/internal/evaluate", []string{"etag", "precondition", "byterange", "internal/field/method"}},
		{"command/internal/flagvalue", []string{"command/internal/bytesize"}},
		{"command/internal/guardconfig", []string{"condhttp", "guard", "command/internal/bytesize", "command/internal/flagvalue",
			"internal/field/cachecontrol", "internal/lazyregexp"}},
		{"command/internal/cacheadmin", []string{"cache", "guard", "internal/field/secret"}},
		{"command/internal/service", nil},
		{"command/internal/metrics", []string{"observe", "cache", "guard", "precondition", "internal/field/method"}},
		{"command/internal/requestlog", []string{"observe", "precondition", "internal/field/secret"}},
		{"command/internal/report", []string{"cache", "diagnose", "diagnose/caching", "diagnose/logs", "capture", "precondition", "probe"}},
		{"command/internal/console", []string{
			"observe", "store", "cache", "guard", "accesslog", "capture", "diagnose", "command/internal/report",
			"internal/content/patch", "internal/field/method", "internal/field/secret",
		}},
	}},
	{"The command wires everything together, and alone names a concrete store.", []room{
		{"command", []string{
			"client", "merge", "internal/content/patch",
			"observe", "etag", "precondition", "condhttp", "store", "store/clusterstore", "store/clusterstore/pgengine", "store/dirstore",
			"origin", "dav", "guard", "diagnose", "diagnose/caching",
			"diagnose/logs", "capture", "accesslog", "probe",
			"command/internal/server", "command/internal/server/auth", "command/internal/server/gate", "command/internal/server/pace",
			"cache", "command/internal/cacheadmin",
			"command/internal/bytesize", "command/internal/console", "command/internal/folder", "command/internal/mcptools",
			"command/internal/syncdir",
			"command/internal/evaluate", "command/internal/flagvalue", "command/internal/guardconfig",
			"command/internal/metrics", "command/internal/netrc", "command/internal/service",
			"command/internal/report", "command/internal/requestlog", "internal/field/cachecontrol", "internal/field/secret",
			"store/clusterstore/conform", "store/clusterstore/s3engine", "guard/pglock",
		}},
		{"", []string{"command"}}, // main.go
	}},
	{"What only tests use says nothing of what it tests: the rooms that are tested bring it themselves.", []room{
		{"internal/transcript", []string{"internal/content/coding"}},
	}},
	{"Examples and measurements use what anybody could.", []room{
		{"examples/forgetful", nil},
		{"examples/middleware", []string{"etag", "precondition", "condhttp"}},
		{"bench/fileserver", nil},
		{"bench/cluster", []string{"store", "store/clusterstore", "store/clusterstore/pgengine", "store/dirstore"}},
		{"bench/crowd", nil},
		{"bench/console", nil},
		{"bench/clientget", []string{"client"}},
		{"bench/commitload", []string{"store", "store/dirstore"}},
		{"bench/davload", nil},
		{"bench/logcount", []string{"accesslog"}},
		{"bench/xnetdav", nil},
		{"bench/loggen", []string{"accesslog/accesslogtest"}},
		{"test/peers", nil},
		{"docs/models", nil},
	}},
}

// mayUse says which of our packages may import a third-party module, so that a
// heavy one stays behind the package that needs it.
var mayUse = map[string][]string{
	"github.com/andybalholm/brotli":          {"internal/content/coding"},
	"github.com/anishathalye/porcupine":      {"store/storetest"},
	"github.com/aymanbagabas/go-udiff":       {"internal/content/patch"},
	"github.com/aws/aws-sdk-go-v2":           {"store/clusterstore/s3engine"},
	"github.com/aws/smithy-go":               {"store/clusterstore/s3engine"},
	"github.com/coreos/go-systemd/v22":       {"command/internal/service"},
	"github.com/dunglas/httpsfv":             {"cache", "internal/idempotency"},
	"github.com/evanphx/json-patch/v5":       {"internal/content/patch"},
	"github.com/goccy/go-yaml":               {"command/internal/guardconfig"},
	"github.com/jackc/pgx/v5":                {"store/clusterstore/pgengine", "guard/pglock", "bench/cluster"},
	"github.com/klauspost/compress":          {"internal/content/coding", "accesslog/internal/inflate"},
	"github.com/maypok86/otter/v2":           {"cache"},
	"github.com/modelcontextprotocol/go-sdk": {"command/internal/mcptools"},
	"github.com/prometheus/client_golang":    {"command/internal/metrics"},
	"github.com/spf13/cobra":                 {"command"},
	"github.com/spf13/pflag":                 {"command", "command/internal/guardconfig"},
	"go.etcd.io/bbolt":                       {"store/dirstore"},
	"golang.org/x/crypto":                    {"command/internal/server/auth"},
	"golang.org/x/net":                       {"bench/xnetdav", "command/internal/report", "command/internal/server/lane"},
	"golang.org/x/text":                      {"command/internal/syncdir", "accesslog/internal/linewise", "dav", "guard/internal/turn"},
	"golang.org/x/sys":                       {"store/dirstore", "command/internal/folder", "command"},
	"golang.org/x/time":                      {"probe"},
}

func TestLayering(t *testing.T) {
	mayImport := plan(t)
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %q has no place in the house: say where it stands and what it may import", name)
		}
		for _, path := range p.Imports {
			switch ours, cut := strings.CutPrefix(path, module); {
			case cut:
				if ours = strings.TrimPrefix(ours, "/"); known && !slices.Contains(allowed, ours) {
					t.Errorf("%q imports %q; it may import %q", name, ours, allowed)
				}
			case strings.Contains(strings.Split(path, "/")[0], "."):
				if users := mayUse[moduleOf(path)]; !slices.Contains(users, name) {
					t.Errorf("%q imports %q, which only %q may", name, path, users)
				}
			}
		}
	}
}

// plan returns what each room may import, and sees that this stands before it.
func plan(t *testing.T) map[string][]string {
	t.Helper()
	rooms := map[string][]string{}
	for _, f := range house {
		for _, r := range f.rooms {
			for _, below := range r.mayImport {
				if _, built := rooms[below]; !built {
					t.Errorf("%q may import %q, which does not stand below it", r.name, below)
				}
			}
			if _, twice := rooms[r.name]; twice {
				t.Errorf("%q has two places", r.name)
			}
			rooms[r.name] = r.mayImport
		}
	}
	return rooms
}

// moduleOf returns the module in mayUse that path belongs to, or path.
func moduleOf(path string) string {
	for m := range mayUse {
		if path == m || strings.HasPrefix(path, m+"/") {
			return m
		}
	}
	return path
}

type goPackage struct {
	ImportPath string
	Imports    []string // those of the package itself, not of its tests
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("go list: %v (the test needs the go command in PATH)", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(out); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(packages) < 3 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}
