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

// mayImport says which packages of ours each package may import, without the
// module's path. A package that is not listed fails the test: decide here where
// it belongs. Dependencies point to the core.
var mayImport = map[string][]string{
	"etag":         {},
	"store":        {},
	"byterange":    {"internal/field/method"},
	"precondition": {"etag", "internal/field/date", "internal/field/method"},

	"store/memstore":  {"store"},
	"store/dirstore":  {"store"},
	"store/storetest": {"store"},

	"observe":  {"etag", "precondition"},
	"condhttp": {"etag", "precondition", "byterange", "internal/field/method"},

	"internal/field/date":   {},
	"internal/field/method": {},
	"internal/field/secret": {},
	"internal/target":       {},

	"command/internal/server/admit":    {},
	"command/internal/server/auth":     {},
	"command/internal/bytesize":        {},
	"internal/field/cachecontrol":      {},
	"command/internal/server/coalesce": {},
	"internal/content/budget":          {},
	"command/internal/server/framing":  {"condhttp", "internal/field/method"},
	"internal/content/coding":          {"internal/field/qvalue"},
	"internal/field/digest":            {},
	"command/internal/evaluate":        {"etag", "precondition", "byterange", "internal/field/method"},
	"command/internal/server/gate":     {"observe", "condhttp", "origin", "command/internal/server/auth", "internal/field/method"},
	"command/internal/guardconfig":     {"condhttp", "guard", "command/internal/bytesize", "internal/field/cachecontrol"},
	"accesslog/internal/inflate":       {},
	"origin/internal/listing":          {"store", "internal/field/mediatype", "internal/field/qvalue"},
	"accesslog/accesslogtest":          {},
	"internal/field/mediatype":         {},
	"command/internal/metrics":         {"observe", "guard", "precondition", "internal/field/method"},
	"command/internal/netrc":           {},
	"command/internal/server/deadline": {},
	"command/internal/server/pace":     {},
	"internal/content/patch":           {},
	"internal/field/qvalue":            {},
	"command/internal/requestlog":      {"observe", "etag", "precondition", "internal/field/secret"},

	"origin": {
		"observe", "etag", "precondition", "byterange", "condhttp", "store", "internal/content/budget", "internal/content/coding",
		"internal/field/digest", "origin/internal/listing", "internal/field/mediatype", "internal/content/patch",
		"internal/target",
	},

	"command": {
		"observe", "etag", "precondition", "byterange", "condhttp", "store", "store/dirstore", "origin", "guard",
		"command/internal/server/admit", "command/internal/server/auth", "command/internal/bytesize", "internal/field/cachecontrol", "command/internal/server/coalesce", "command/internal/server/deadline", "command/internal/server/framing",
		"command/internal/evaluate", "command/internal/server/gate", "command/internal/guardconfig", "command/internal/metrics", "command/internal/netrc", "command/internal/server/pace",
		"command/internal/report", "command/internal/requestlog", "diagnose", "diagnose/logs", "capture", "accesslog", "probe",
	},

	"guard": {
		"observe", "etag", "precondition", "byterange", "condhttp", "internal/field/cachecontrol", "internal/content/budget", "internal/content/coding", "internal/field/method",
		"internal/target",
	},

	"accesslog": {"accesslog/internal/inflate", "internal/field/secret"},
	"capture":   {"internal/field/secret"},
	"diagnose":  {"etag", "precondition", "byterange", "capture", "internal/field/secret", "internal/field/method"},

	"diagnose/logs": {"internal/field/date", "diagnose", "accesslog", "etag", "internal/field/secret", "internal/field/method"},

	"probe": {"internal/field/date", "etag", "capture", "byterange"},

	"command/internal/report": {"diagnose", "diagnose/logs", "capture", "precondition", "probe"},

	"": {"command"}, // main.go

	"examples/forgetful":  {},
	"examples/middleware": {"etag", "precondition", "condhttp"},
	"bench/fileserver":    {},
	"bench/logcount":      {"accesslog"},
	"bench/loggen":        {"accesslog/accesslogtest"},
	"test/peers":          {},
}

// mayUse says which of our packages may import a third-party module, so that a
// heavy one stays behind the package that needs it.
var mayUse = map[string][]string{
	"github.com/andybalholm/brotli":       {"internal/content/coding"},
	"github.com/anishathalye/porcupine":   {"store/storetest"},
	"github.com/aymanbagabas/go-udiff":    {"internal/content/patch"},
	"github.com/evanphx/json-patch/v5":    {"internal/content/patch"},
	"github.com/goccy/go-yaml":            {"command/internal/guardconfig"},
	"github.com/klauspost/compress":       {"internal/content/coding", "accesslog/internal/inflate"},
	"github.com/prometheus/client_golang": {"command/internal/metrics"},
	"github.com/spf13/cobra":              {"command"},
	"github.com/spf13/pflag":              {"command"},
	"go.etcd.io/bbolt":                    {"store/dirstore"},
	"golang.org/x/crypto":                 {"command/internal/server/auth"},
	"golang.org/x/net":                    {"command/internal/report"},
	"golang.org/x/sys":                    {"store/dirstore"},
	"golang.org/x/time":                   {"probe"},
}

func TestLayering(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %q has no place in mayImport: say what it may import", name)
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
