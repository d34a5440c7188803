package peers

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestGuardGives: behind the guard, each of the real servers has every property, even
// those that it lacks alone.
func TestGuardGives(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			dir := writableDir(t)
			s := b.start(t, dir)
			for _, p := range properties {
				t.Run(p.name, func(t *testing.T) {
					if violation := p.test(newSubject(t, startGuard(t, s), dir), p.rounds); violation != "" {
						t.Errorf("violated: %s", violation)
					}
				})
			}
		})
	}
}

// TestGuardGivesByTrust: the same is so when the guard has come to trust the entity tags of
// the server, and tells them to clients while a file is not of this second.
func TestGuardGivesByTrust(t *testing.T) {
	for _, b := range backends {
		if b.name == "Python" {
			continue // there is nothing to trust
		}
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			dir := writableDir(t)
			s := b.start(t, dir)
			for _, p := range properties {
				if p.needsContentTags {
					continue
				}
				t.Run(p.name, func(t *testing.T) {
					g := newSubject(t, startGuard(t, s), dir)
					earnTrust(t, g)
					if violation := p.test(g, min(p.rounds, 10)); violation != "" {
						t.Errorf("violated: %s", violation)
					}
				})
			}
		})
	}
}

// earnTrust has a guard read what is changed now and then, until it tells the tags of the
// backend itself.
func earnTrust(t *testing.T, g *subject) {
	t.Helper()
	told := make(map[string]bool)
	for version := range 20 {
		for _, name := range []string{"trust-a.txt", "trust-b.txt"} {
			publish(t, g.dir, name, strings.Repeat("x", 1000+version))
			for range 3 {
				told[g.do("GET", name, "").tag()] = true
			}
			alone := g.behind(t).do("GET", name, "").tag()
			if told[alone] {
				return
			}
		}
	}
	t.Fatal("the guard does not come to trust the backend")
}

// TestAlone: without the guard, the same tests fail where the servers are known to be
// at fault, and only there.
func TestAlone(t *testing.T) {
	known := readAlone(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			dir := writableDir(t)
			s := b.start(t, dir)
			for _, p := range properties {
				t.Run(p.name, func(t *testing.T) {
					want, ok := known[p.name][b.name]
					got := p.test(newSubject(t, s, dir), 1)
					if got == "" {
						got = "yes"
					}
					switch {
					case !ok:
						t.Errorf("%s does not say whether %s has this property; got %q", aloneFile, b.name, got)
					case want != depends && !slices.Contains(strings.Split(want, ", or "), got):
						t.Errorf("got %q, want %q", got, want)
					}
				})
			}
		})
	}
}

const aloneFile = "testdata/alone.txt"

// depends is said of what is a question of luck.
const depends = "by luck"

// readAlone returns the violation, or "yes", by property and backend.
func readAlone(t *testing.T) map[string]map[string]string {
	t.Helper()
	data, err := os.ReadFile(aloneFile)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]map[string]string)
	var current map[string]string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		name, value, isCell := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, " "):
			current = make(map[string]string)
			all[line] = current
		case isCell && current != nil:
			current[name] = strings.TrimSpace(value)
		default:
			t.Fatalf("%s: %q is neither a property nor a server with what it does", aloneFile, line)
		}
	}
	return all
}
