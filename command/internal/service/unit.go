package service

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Unit is a server as a service manager has to know it.
type Unit struct {
	// Name is the service's, such as "fourtwelve-guard".
	Name string
	// Description is a line for people.
	Description string
	// Command is the program, by its absolute path, and its arguments.
	Command []string
	// User runs it; "" is a user that systemd makes up for as long as it runs.
	User string
	// Writes are directories that it writes to, by absolute paths. It reads everything that User may read.
	Writes []string
	// Secrets are files that User need not be able to read, by the names under which Command has them, as Secret gives them.
	// Only systemd can do that.
	Secrets map[string]string
	// Socket is the address that the manager listens at, HOST:PORT, so that no connection is refused while the service is
	// restarted; "" is none. The server takes it as fd:3.
	Socket string
	// LowPort says that the service itself listens on a port below 1024.
	LowPort bool
	// Shared says that other programs are to read the files that it makes.
	Shared bool
	// Grace is how long it may take to end.
	Grace time.Duration
}

// credentials stands in a Command for the directory of the secrets, which has a name only while the service runs.
const credentials = "\x00"

// Secret returns how Command names the file of a secret.
func Secret(name string) string { return credentials + "/" + name }

// hardening is what the service may not do, in the words of systemd.exec(5). systemd-analyze security rates it. ProcSubset
// is not among it, since the length of the queue of new connections is read from /proc/sys.
const hardening = `NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
`

// Systemd returns the unit file NAME.service.
func (u *Unit) Systemd() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[Unit]\nDescription=%s\nDocumentation=man:fourtwelve(1)\nAfter=network-online.target\nWants=network-online.target\n",
		escapeSpecifiers(u.Description))
	fmt.Fprintf(&b, "\n[Service]\nType=notify\nExecStart=%s\nExecReload=/bin/kill -HUP $MAINPID\n", u.systemdCommand())
	fmt.Fprintf(&b, "Restart=on-failure\nRestartSec=1s\nWatchdogSec=30s\nTimeoutStopSec=%d\nLimitNOFILE=65536\n", u.stopSeconds())
	if u.User == "" {
		b.WriteString("DynamicUser=yes\n")
	} else {
		fmt.Fprintf(&b, "User=%s\n", u.User)
	}
	for _, name := range sortedKeys(u.Secrets) {
		fmt.Fprintf(&b, "LoadCredential=%s:%s\n", name, escapeSpecifiers(u.Secrets[name]))
	}
	b.WriteString("\n# What it may write, and what it may not do.\n")
	u.writePlaces(&b)
	b.WriteString(hardening)
	if u.LowPort {
		b.WriteString("AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n")
	} else {
		b.WriteString("CapabilityBoundingSet=\nPrivateUsers=yes\n")
	}
	b.WriteString("\n[Install]\nWantedBy=multi-user.target\n")
	return b.String()
}

// stopSeconds is how long the manager waits for the end, a little longer than the server itself.
func (u *Unit) stopSeconds() int { return int((u.Grace + 10*time.Second).Seconds()) }

// ownPlaces are where systemd makes a directory for the user that it makes up, and what says so.
var ownPlaces = map[string]string{"/var/lib/": "StateDirectory", "/var/cache/": "CacheDirectory", "/var/log/": "LogsDirectory"}

// Makes reports whether systemd makes the directory for a user that it makes up: below /var/lib, /var/cache or /var/log.
func Makes(dir string) bool {
	directive, _ := ownPlace(dir)
	return directive != ""
}

func ownPlace(dir string) (directive, name string) {
	for base, directive := range ownPlaces {
		if name, ok := strings.CutPrefix(dir, base); ok && name != "" {
			return directive, name
		}
	}
	return "", ""
}

// writePlaces says where the service may write. The directories of systemd are made by it, and belong to the user of the service.
func (u *Unit) writePlaces(b *strings.Builder) {
	home := "yes"
	for _, dir := range u.Writes {
		directive, name := ownPlace(dir)
		switch {
		case directive != "" && u.User == "":
			fmt.Fprintf(b, "%s=%s\n", directive, escapeSpecifiers(name))
		case inHome(dir):
			home = "tmpfs" // all else in there is out of sight
			fmt.Fprintf(b, "BindPaths=%s\n", quote(dir))
		default:
			fmt.Fprintf(b, "ReadWritePaths=%s\n", quote(dir))
		}
	}
	mask := "0077"
	if u.Shared {
		mask = "0022"
	}
	fmt.Fprintf(b, "UMask=%s\nProtectHome=%s\n", mask, home)
}

func inHome(dir string) bool {
	return slices.ContainsFunc([]string{"/home/", "/root/", "/run/user/"}, func(base string) bool { return strings.HasPrefix(dir+"/", base) })
}

// SystemdSocket returns the unit file NAME.socket, or "" without a socket.
func (u *Unit) SystemdSocket() string {
	if u.Socket == "" {
		return ""
	}
	address := u.Socket
	if port, ok := strings.CutPrefix(address, ":"); ok {
		address = port // on all addresses
	}
	return fmt.Sprintf("[Unit]\nDescription=%s (socket)\n\n[Socket]\nListenStream=%s\nBacklog=4096\n\n[Install]\nWantedBy=sockets.target\n",
		escapeSpecifiers(u.Description), escapeSpecifiers(address))
}

func (u *Unit) systemdCommand() string {
	words := make([]string, len(u.Command))
	for i, w := range u.Command {
		words[i] = strings.ReplaceAll(quote(strings.ReplaceAll(w, "$", "$$")), credentials, "%d")
	}
	return strings.Join(words, " ")
}

// quote writes a word as systemd reads it, with nothing replaced in it.
func quote(word string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "\n", `\n`, "\t", `\t`).Replace(word)
	if word != "" && !strings.ContainsAny(word, " \t\n\"'\\;") {
		return escaped
	}
	return `"` + escaped + `"`
}

func escapeSpecifiers(text string) string { return strings.ReplaceAll(text, "%", "%%") }

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Launchd returns the property list of a daemon for launchd.plist(5).
func (u *Unit) Launchd() string {
	var b bytes.Buffer
	const kind = `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">`
	b.WriteString(xml.Header + kind + "\n<plist version=\"1.0\">\n<dict>\n")
	text := func(indent, s string) {
		b.WriteString(indent + "<string>")
		_ = xml.EscapeText(&b, []byte(s)) // a buffer takes all
		b.WriteString("</string>\n")
	}
	b.WriteString("  <key>Label</key>\n")
	text("  ", u.Name)
	b.WriteString("  <key>ProgramArguments</key>\n  <array>\n")
	for _, word := range u.Command {
		text("    ", word)
	}
	b.WriteString("  </array>\n  <key>RunAtLoad</key>\n  <true/>\n")
	b.WriteString("  <key>KeepAlive</key>\n  <dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>\n")
	if u.User != "" {
		b.WriteString("  <key>UserName</key>\n")
		text("  ", u.User)
	}
	fmt.Fprintf(&b, "  <key>ExitTimeOut</key>\n  <integer>%d</integer>\n", u.stopSeconds())
	b.WriteString("  <key>SoftResourceLimits</key>\n  <dict>\n    <key>NumberOfFiles</key>\n    <integer>65536</integer>\n  </dict>\n")
	for _, stream := range []string{"StandardOutPath", "StandardErrorPath"} {
		b.WriteString("  <key>" + stream + "</key>\n")
		text("  ", filepath.Join("/var/log", u.Name+".log"))
	}
	b.WriteString("</dict>\n</plist>\n")
	return b.String()
}

// Windows returns the commands, for PowerShell with the rights of an administrator, that make the service, have it started
// again when it fails, and start it.
func (u *Unit) Windows() string {
	words := make([]string, len(u.Command))
	for i, w := range u.Command {
		words[i] = windowsQuote(w)
	}
	account := "NT AUTHORITY\\LocalService"
	if u.User != "" {
		account = u.User
	}
	single := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return fmt.Sprintf("New-Service -Name %s -DisplayName %s -StartupType Automatic -BinaryPathName %s\n"+
		"sc.exe config %s obj= %s\nsc.exe failure %s reset= 86400 actions= restart/1000\nStart-Service -Name %s\n",
		u.Name, single(u.Description), single(strings.Join(words, " ")), u.Name, single(account), u.Name, u.Name)
}

// windowsQuote writes an argument as programs of Windows take their command line apart.
func windowsQuote(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"") {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range word {
		switch r {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes) + `"`)
	return b.String()
}
