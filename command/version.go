package command

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// build is what the program knows of its own making. What the build did not record is zero.
type build struct {
	version           string    // of the module, "(devel)" outside of a release
	commit            string    // the whole hash
	time              time.Time // of the commit
	modified          bool      // there were changes that no commit has
	goVersion, system string
}

// thisBuild reads what the linker wrote down.
func thisBuild() build {
	b := build{version: "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.goVersion = info.GoVersion
	if info.Main.Version != "" {
		b.version = info.Main.Version
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b.commit = settings["vcs.revision"]
	b.modified = settings["vcs.modified"] == "true"
	b.time, _ = time.Parse(time.RFC3339, settings["vcs.time"])
	b.system = settings["GOOS"] + "/" + settings["GOARCH"]
	return b
}

// String is one line: version, commit, date, Go and system.
func (b build) String() string {
	var of []string
	if b.commit != "" {
		of = append(of, "commit "+b.commit[:min(len(b.commit), 12)])
	}
	if !b.time.IsZero() {
		of = append(of, b.time.UTC().Format(time.DateOnly))
	}
	if b.modified {
		of = append(of, "with changes")
	}
	line := b.version
	if len(of) > 0 {
		line += " (" + strings.Join(of, ", ") + ")"
	}
	return fmt.Sprintf("%s %s %s", line, b.goVersion, b.system)
}
