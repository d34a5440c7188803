package command

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/fourtwelve/fourtwelve/command/internal/bytesize"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// say tells what is served, where, to whom, and how to try it.
func (p *servePlan) say(w io.Writer, at, metrics net.Addr) {
	where := p.where(at)
	fmt.Fprintf(w, "Serving %s at %s (%s).\n", p.source(), where.url, where.reach)
	fmt.Fprintln(w, p.sayAccess())
	if !p.readOnly {
		fmt.Fprintln(w, p.sayRule())
		fmt.Fprintln(w, p.sayDurability())
	}
	if p.dav {
		fmt.Fprintln(w, p.sayDAV())
	}
	if p.accessLog != "-" && p.accessLog != "off" {
		fmt.Fprintf(w, "The access log goes to %s.\n", p.accessLog)
	}
	sayMetrics(w, metrics)
	for _, warning := range p.warnings() {
		fmt.Fprintf(w, "Warning: %s.\n", warning)
	}
	try := "Try it:"
	if !p.readOnly {
		try = "Try it, and then once more to see a refusal that explains itself:"
	}
	fmt.Fprintf(w, "%s\n  %s\n", try, p.tryLine(where))
}

// sayAccess says who may read and write.
func (p *servePlan) sayAccess() string {
	switch {
	case p.forced && p.address.Loopback:
		return "Everyone may read, and nobody may write, because --host says that others reach it, through a proxy, and nothing says who may write: " +
			"add --auth htpasswd:FILE or --auth bearer:FILE, or --read-only=false if the proxy lets nobody else in."
	case p.forced:
		return "Everyone may read, and nobody may write, because other machines can reach it and nothing says who may: add --auth htpasswd:FILE or --auth bearer:FILE to allow writing."
	case p.credentials == nil && p.readOnly:
		return "Everyone who can reach it may read, and nobody may write."
	case p.credentials == nil:
		return "Everyone who can reach it may read and write."
	case p.publicRead && p.readOnly:
		return "Everyone may read, and nobody may write."
	case p.publicRead:
		return "Everyone may read; writing needs " + p.sayCredentials() + "."
	case p.readOnly:
		return "Reading needs " + p.sayCredentials() + ", and nobody may write."
	}
	return "Reading and writing need " + p.sayCredentials() + "."
}

func (p *servePlan) sayCredentials() string {
	var kinds []string
	for _, scheme := range p.credentials.Schemes() {
		kinds = append(kinds, map[string]string{"Basic": "a user and a password", "Bearer": "a token"}[scheme])
	}
	return strings.Join(kinds, ", or ")
}

func (p *servePlan) sayRule() string {
	switch p.require {
	case origin.RequireNever:
		return "A write needs no precondition, so whoever sends none overwrites what others wrote."
	case origin.RequireAlways:
		return "Every write needs a precondition (If-Match or If-None-Match)."
	}
	return "A write that would replace or delete something needs a precondition (If-Match)."
}

// sayDAV says what becomes of what WebDAV clients overwrite, since most of them never send a precondition.
func (p *servePlan) sayDAV() string {
	switch p.davRequire {
	case origin.RequireNever:
		return fmt.Sprintf("WebDAV clients can mount it. What they overwrite without a precondition is kept at any age, of each file the last %d, of all %s; "+
			"what cannot be kept is refused. curl -I shows a Link to it.", p.keep, bytesize.Format(int64(p.keepBytes)))
	case origin.RequireAlways:
		return "WebDAV clients can mount it, and need a lock or a precondition for every write."
	}
	return "WebDAV clients can mount it, and need a lock or a precondition to replace or delete something."
}

func (p *servePlan) sayDurability() string {
	s := "A write is on the disk when it is answered"
	if p.cluster != nil {
		s = "A write is as durable as the engine makes it when it is answered"
	} else if p.sync == dirstore.SyncNone {
		s = "A write that was answered survives a crash of this program, but not of the machine"
	}
	switch p.keep {
	case 0:
		return s + "; earlier revisions are not kept."
	case 1:
		return s + "; the last revision before it is kept."
	}
	return fmt.Sprintf("%s; the last %d revisions before it are kept.", s, p.keep)
}

func (p *servePlan) warnings() []string {
	var warnings []string
	if p.credentials != nil && p.certificate == nil && !p.address.Loopback {
		warnings = append(warnings, "credentials travel unencrypted over http: add --tls-cert and --tls-key, or let a proxy that speaks https stand in front")
	}
	if p.cluster != nil && p.dav {
		warnings = append(warnings, "a lock of a WebDAV client holds in this process only: let all WebDAV clients come to one")
	}
	if w := p.certificateWarning(); w != "" {
		warnings = append(warnings, w)
	}
	return warnings
}

// tryLine is a command that works as it stands, on this machine, in the shells of
// Unix and of Windows. Where writing is possible it creates something, which
// goes well once and then explains itself.
func (p *servePlan) tryLine(at place) string {
	args := append([]string{"curl", "-i"}, p.tlsArgs(at)...)
	if !p.readOnly || !p.publicRead {
		args = append(args, p.authArgs()...)
	}
	if !p.readOnly {
		return shell(append(args, "-X", "PUT", "-d", "hello", "-H", "If-None-Match: *", at.url+p.newName()))
	}
	return shell(append(args, at.url))
}

// newName is the name of a file that is not there.
func (p *servePlan) newName() string {
	for i := 1; ; i++ {
		name := "hello.txt"
		if p.cluster != nil {
			return name
		}
		if i > 1 {
			name = fmt.Sprintf("hello-%d.txt", i)
		}
		if _, err := os.Lstat(filepath.Join(p.dir, name)); err != nil {
			return name
		}
	}
}

func (p *servePlan) authArgs() []string {
	if p.credentials == nil {
		return nil
	}
	if user := p.credentials.AnyUser(); user != "" {
		return []string{"-u", user} // curl asks for the password
	}
	return []string{"-H", "Authorization: Bearer $TOKEN"}
}
