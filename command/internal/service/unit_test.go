package service

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guardUnit is a guard that runs as nobody in particular, with all that systemd hands to it.
func guardUnit() *Unit {
	return &Unit{
		Name: "fourtwelve-guard", Description: "Fourtwelve guard http://127.0.0.1:3000",
		Command: []string{"/usr/bin/true", "guard", "--listen=:443", "--tls-key=" + Secret("tls-key"),
			"--admin-auth=bearer:" + Secret("admin-auth"), "--cache-dir=/var/cache/pages", `--via=a "b" 100% $x`, "http://127.0.0.1:3000"},
		Writes:  []string{"/var/cache/pages"},
		Secrets: map[string]string{"tls-key": "/etc/tls/key.pem", "admin-auth": "/etc/tokens"},
		LowPort: true, Grace: 30 * time.Second,
	}
}

// serveUnit is a server of a directory that belongs to somebody.
func serveUnit(dir string) *Unit {
	return &Unit{
		Name: "site", Description: "The site", Command: []string{"/usr/bin/true", "serve", "--listen=fd:3", dir},
		User: "daemon", Writes: []string{dir}, Socket: ":8080", Shared: true, Grace: time.Second,
	}
}

func TestSystemd(t *testing.T) {
	for _, c := range []struct {
		name       string
		text       string
		has, lacks []string
	}{
		{"a guard without a user of its own", guardUnit().Systemd(),
			[]string{
				"Type=notify\n", "WatchdogSec=30s\n", "TimeoutStopSec=40\n", "DynamicUser=yes\n", "CacheDirectory=pages\n", "ProtectHome=yes\n",
				"LoadCredential=admin-auth:/etc/tokens\nLoadCredential=tls-key:/etc/tls/key.pem\n", "AmbientCapabilities=CAP_NET_BIND_SERVICE\n",
				"ExecStart=/usr/bin/true guard --listen=:443 --tls-key=%d/tls-key --admin-auth=bearer:%d/admin-auth --cache-dir=/var/cache/pages " +
					`"--via=a \"b\" 100%% $$x" http://127.0.0.1:3000` + "\n",
			},
			[]string{"User=\n", "ReadWritePaths", "PrivateUsers"}},
		{"a server of a directory", serveUnit("/srv/my site").Systemd(),
			[]string{"User=daemon\n", `ReadWritePaths="/srv/my site"` + "\n", "UMask=0022\n", "CapabilityBoundingSet=\n", "PrivateUsers=yes\n"},
			[]string{"DynamicUser", "AmbientCapabilities", "StateDirectory"}},
		{"of a directory at home", serveUnit("/home/anna/notes").Systemd(),
			[]string{"ProtectHome=tmpfs\n", "BindPaths=/home/anna/notes\n"}, []string{"ReadWritePaths"}},
		{"its socket", serveUnit("/srv/site").SystemdSocket(), []string{"ListenStream=8080\n", "WantedBy=sockets.target\n"}, nil},
	} {
		for _, line := range c.has {
			if !strings.Contains(c.text, line) {
				t.Errorf("%s: no line %q in\n%s", c.name, line, c.text)
			}
		}
		for _, line := range c.lacks {
			if strings.Contains(c.text, line) {
				t.Errorf("%s: %q in\n%s", c.name, line, c.text)
			}
		}
	}
	if s := guardUnit().SystemdSocket(); s != "" {
		t.Errorf("a socket that nobody asked for: %s", s)
	}
}

// TestSystemdAgrees asks systemd itself whether it can read the units, and how much they allow: at most 2.0 of 10.
func TestSystemdAgrees(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
			t.Fatal("systemd-analyze is not installed, and FOURTWELVE_REQUIRE_PEERS is set")
		}
		t.Skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
	}
	dir := t.TempDir()
	var units []string
	for _, u := range []*Unit{guardUnit(), serveUnit(dir)} {
		file := filepath.Join(dir, u.Name+".service")
		if err := os.WriteFile(file, []byte(u.Systemd()), 0o644); err != nil {
			t.Fatal(err)
		}
		units = append(units, file)
		if out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=20", file).CombinedOutput(); err != nil {
			t.Errorf("systemd-analyze security %s: %v\n%s", u.Name, err, out)
		}
		if socket := u.SystemdSocket(); socket != "" {
			file := filepath.Join(dir, u.Name+".socket")
			if err := os.WriteFile(file, []byte(socket), 0o644); err != nil {
				t.Fatal(err)
			}
			units = append(units, file)
		}
	}
	out, err := exec.Command("systemd-analyze", append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) { // it names the file of each complaint
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestLaunchd(t *testing.T) {
	u := serveUnit("/Users/anna/a & b")
	d := xml.NewDecoder(strings.NewReader(u.Launchd()))
	d.Strict = true
	var texts []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, u.Launchd())
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, string(text))
		}
	}
	if all := strings.Join(texts, "|"); !strings.Contains(all, "|ProgramArguments|/usr/bin/true|serve|--listen=fd:3|/Users/anna/a & b|") {
		t.Errorf("got %s", all)
	}
}

func TestWindows(t *testing.T) {
	u := &Unit{Name: "fourtwelve-serve", Description: "Anna's files"}
	u.Command = []string{`C:\Program Files\ft.exe`, "serve", `--x=a"b\`, `D:\s`}
	want := `New-Service -Name fourtwelve-serve -DisplayName 'Anna''s files' -StartupType Automatic ` +
		`-BinaryPathName '"C:\Program Files\ft.exe" serve "--x=a\"b\\" D:\s'` + "\n" +
		`sc.exe config fourtwelve-serve obj= 'NT AUTHORITY\LocalService'` + "\n"
	if got := u.Windows(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
