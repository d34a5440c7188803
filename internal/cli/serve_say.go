package cli

import (
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// say tells what is served, where, to whom, and how to try it.
func (p *servePlan) say(w io.Writer, at net.Addr) {
	where := p.where(at)
	fmt.Fprintf(w, "Serving %s at %s (%s).\n", p.dir, where.url, where.reach)
	fmt.Fprintln(w, p.sayAccess())
	if !p.readOnly {
		fmt.Fprintln(w, p.sayRule())
		fmt.Fprintln(w, p.sayDurability())
	}
	if p.accessLog != "-" && p.accessLog != "off" {
		fmt.Fprintf(w, "The access log goes to %s.\n", p.accessLog)
	}
	for _, warning := range p.warnings() {
		fmt.Fprintf(w, "Warning: %s.\n", warning)
	}
	try := "Try it:"
	if !p.readOnly {
		try = "Try it, and then once more to see a refusal that explains itself:"
	}
	fmt.Fprintf(w, "%s\n  %s\n", try, p.tryLine(where))
}

// place is an address as people see it.
type place struct {
	url   string // ends in a slash
	host  string // of the URL, for a curl on this machine
	port  string
	reach string
	// named says that the host is the name in the certificate, which need not
	// lead here.
	named bool
}

func (p *servePlan) where(at net.Addr) place {
	tcp, ok := at.(*net.TCPAddr)
	if !ok {
		return place{url: at.String(), reach: "handed over by the process that started this one"}
	}
	w := place{port: strconv.Itoa(tcp.Port), host: tcp.IP.String(), reach: "other machines can reach it"}
	if named, _, err := net.SplitHostPort(p.address.text); err == nil && named != "" {
		w.host = named
	}
	switch {
	case tcp.IP.IsLoopback():
		w.reach = "only this machine can reach it"
	case tcp.IP.IsUnspecified():
		w.host, w.reach = "127.0.0.1", "and at every other address of this machine"
	}
	scheme := "http"
	if p.certificate != nil {
		scheme = "https"
		if names := p.certificate.leaf().DNSNames; len(names) > 0 && p.certificate.leaf().VerifyHostname(w.host) != nil {
			w.host, w.named = strings.Replace(names[0], "*", "www", 1), true
		}
	}
	w.url = scheme + "://" + net.JoinHostPort(w.host, w.port) + "/"
	return w
}

// sayAccess says who may read and write.
func (p *servePlan) sayAccess() string {
	switch {
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

func (p *servePlan) sayDurability() string {
	s := "A write is on the disk when it is answered"
	if p.sync == dirstore.SyncNone {
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
	if p.credentials != nil && p.certificate == nil && !p.address.loopback {
		warnings = append(warnings, "credentials travel unencrypted over http: add --tls-cert and --tls-key, or let a proxy that speaks https stand in front")
	}
	if p.certificate != nil {
		switch leaf, now := p.certificate.leaf(), time.Now(); {
		case now.After(leaf.NotAfter):
			warnings = append(warnings, "the certificate expired on "+leaf.NotAfter.Format(time.DateOnly))
		case now.Before(leaf.NotBefore):
			warnings = append(warnings, "the certificate is not valid before "+leaf.NotBefore.Format(time.DateOnly))
		}
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

// tlsArgs makes curl trust a certificate that the system does not, and find this
// machine under the certificate's name.
func (p *servePlan) tlsArgs(at place) []string {
	if p.certificate == nil {
		return nil
	}
	var args []string
	chain := p.certificate.current.Load().Certificate
	intermediates := x509.NewCertPool()
	for _, der := range chain[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			intermediates.AddCert(c)
		}
	}
	switch _, err := p.certificate.leaf().Verify(x509.VerifyOptions{Intermediates: intermediates}); {
	case p.certificate.leaf().VerifyHostname(at.host) != nil:
		return []string{"-k"} // it names nobody
	case err != nil:
		args = append(args, "--cacert", p.certificate.certFile)
	}
	if at.named {
		local := "127.0.0.1"
		if ip := p.address.tcp; ip != nil && ip.IP != nil && !ip.IP.IsUnspecified() {
			local = ip.IP.String()
		}
		args = append(args, "--connect-to", "::"+net.JoinHostPort(local, at.port))
	}
	return args
}

// shell joins arguments, with double quotes where a shell would take a space or a
// star for its own.
func shell(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if strings.ContainsAny(a, " *$&;()<>|'#~?[]") || a == "" {
			quoted[i] = `"` + a + `"`
		}
	}
	return strings.Join(quoted, " ")
}
