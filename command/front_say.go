package command

import (
	"crypto/x509"
	"net"
	"strconv"
	"strings"
	"time"
)

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

func (f *front) where(at net.Addr) place {
	tcp, ok := at.(*net.TCPAddr)
	if !ok {
		return place{url: at.String(), reach: "handed over by the process that started this one"}
	}
	w := place{port: strconv.Itoa(tcp.Port), host: tcp.IP.String(), reach: "other machines can reach it"}
	if named, _, err := net.SplitHostPort(f.address.Text); err == nil && named != "" {
		w.host = named
	}
	switch {
	case tcp.IP.IsLoopback():
		w.reach = "only this machine can reach it"
	case tcp.IP.IsUnspecified():
		w.host, w.reach = "127.0.0.1", "and at every other address of this machine"
	}
	scheme := "http"
	if f.certificate != nil {
		scheme = "https"
		if names := f.certificate.Leaf().DNSNames; len(names) > 0 && f.certificate.Leaf().VerifyHostname(w.host) != nil {
			w.host, w.named = strings.Replace(names[0], "*", "www", 1), true
		}
	}
	w.url = scheme + "://" + net.JoinHostPort(w.host, w.port) + "/"
	return w
}

// certificateWarning says why clients will not accept the certificate, or is "".
func (f *front) certificateWarning() string {
	if f.certificate == nil {
		return ""
	}
	return f.certificate.Warning(time.Now())
}

// tlsArgs makes curl trust a certificate that the system does not, and find this
// machine under the certificate's name.
func (f *front) tlsArgs(at place) []string {
	if f.certificate == nil {
		return nil
	}
	var args []string
	chain := f.certificate.Chain()
	intermediates := x509.NewCertPool()
	for _, der := range chain[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			intermediates.AddCert(c)
		}
	}
	switch _, err := f.certificate.Leaf().Verify(x509.VerifyOptions{Intermediates: intermediates}); {
	case f.certificate.Leaf().VerifyHostname(at.host) != nil:
		return []string{"-k"} // it names nobody
	case err != nil:
		args = append(args, "--cacert", f.certificate.File)
	}
	if at.named {
		local := "127.0.0.1"
		if ip := f.address.TCP; ip != nil && ip.IP != nil && !ip.IP.IsUnspecified() {
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
