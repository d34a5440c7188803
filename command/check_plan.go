package command

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/probe"
)

// checkPlan is what is asked of one target.
type checkPlan struct {
	target  *url.URL
	options probe.Options
}

// plan makes the flags into what is asked of each target. All errors are mistakes in the command line, or in
// a file it names.
func (o *checkOptions) plan(args []string) ([]*checkPlan, error) {
	if err := o.checkCount(args); err != nil {
		return nil, err
	}
	common, err := o.common()
	if err != nil {
		return nil, err
	}
	var plans []*checkPlan
	for i, arg := range args {
		p := &checkPlan{options: common}
		if p.target, err = parseTarget(arg); err != nil {
			return nil, err
		}
		if err := o.aim(p, i, len(args)); err != nil {
			return nil, err
		}
		if p.options.Authorization, err = o.login.authorization(p.target, p.options.WriteTo); err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

func (o *checkOptions) checkCount(args []string) error {
	want, name := 1, "check takes one URL, and got %d: write fourtwelve check URL"
	if o.compare {
		want, name = 2, "--compare takes two URLs, and got %d: write fourtwelve check --compare URL URL"
	}
	if len(args) != want {
		return fmt.Errorf(name, len(args))
	}
	if o.compare {
		for flag, values := range map[string][]string{"--write-to": o.writeTo, "--address": o.addresses} {
			if len(values) != 0 && len(values) != 2 {
				return fmt.Errorf("%s is given %d times: with --compare give it twice, for the first URL and for the second; %q is none", flag, len(values), none)
			}
		}
	} else if len(o.writeTo) > 1 {
		return errors.New("--write-to is given more than once: one resource is enough")
	}
	return nil
}

// none stands for no value where two are needed.
const none = "-"

// common are the options that are the same for all targets.
func (o *checkOptions) common() (options probe.Options, err error) {
	for _, bound := range []struct {
		bad  bool
		says string
	}{
		{!(o.rate >= 0), "--rate must not be negative; 0 is no limit"},
		{o.budget < 1, "--budget must be at least 1"},
		{o.connections < 1 || o.connections > 4, "--connections must be 1 to 4: more would be impolite"},
		{o.writers < 2 || o.writers > 64, "--writers must be 2 to 64"},
		{o.timeout <= 0, "--timeout must be more than 0, such as 10s"},
		{o.maxContent < 0, "--max-content needs a bound, such as 8M"},
		{o.follow < 0, "--follow must not be negative"},
	} {
		if bound.bad {
			return options, errors.New(bound.says)
		}
	}
	options = probe.Options{
		UserAgent: o.userAgent, Connections: o.connections, Writers: o.writers, Budget: o.budget, Rate: o.rate,
		Timeout: o.timeout, MaxContent: int64(o.maxContent), Redirects: o.follow, Risky: o.risky,
	}
	if err := checkFieldValue(o.userAgent); err != nil {
		return options, fmt.Errorf("--user-agent: %w", err)
	}
	if options.Header, err = parseFields(o.fields); err != nil {
		return options, err
	}
	if options.TLS, err = o.trust(); err != nil {
		return options, err
	}
	if options.Checks, err = o.selected(); err != nil {
		return options, err
	}
	return options, o.readContents(&options)
}

// readContents reads what is to be written.
func (o *checkOptions) readContents(options *probe.Options) error {
	switch {
	case len(o.contents) == 0 && o.contentType == "":
		return nil
	case len(o.writeTo) == 0:
		return errors.New("--content and --content-type are for what is written: say where with --write-to")
	case len(o.contents) == 1:
		return errors.New("--content is given once: give two that can take the place of each other, as in --content @a.ics --content @b.ics")
	}
	for _, text := range o.contents {
		content, err := contentOf(text)
		if err != nil {
			return err
		}
		if len(content) == 0 {
			return fmt.Errorf("--content %q is empty", text)
		}
		if slices.ContainsFunc(options.Contents, func(c []byte) bool { return bytes.Equal(c, content) }) {
			return errors.New("--content is the same twice: give two that differ")
		}
		options.Contents = append(options.Contents, content)
	}
	if o.contentType != "" {
		if _, _, err := mime.ParseMediaType(o.contentType); err != nil || !strings.Contains(o.contentType, "/") {
			return fmt.Errorf("--content-type %q is no media type such as text/calendar", o.contentType)
		}
	}
	options.ContentType = o.contentType
	return nil
}

// contentOf returns the content that a value of --content stands for: that of a file after an @, else the text. A text that is
// the name of a file is more likely a slip.
func contentOf(text string) ([]byte, error) {
	if name, ok := strings.CutPrefix(text, "@"); ok {
		content, err := readSmall("--content", name)
		return []byte(content), err
	}
	if _, err := os.Stat(text); err == nil {
		return nil, fmt.Errorf("--content %s would be written as it stands: write @%s for what the file holds", text, text)
	}
	return []byte(text), nil
}

// selected returns the checks that --only and --skip leave, at least one.
func (o *checkOptions) selected() ([]*probe.Check, error) {
	checks, err := probe.Select(o.only, o.skip)
	if err == nil && len(checks) == 0 {
		return nil, errors.New("--only and --skip leave no check")
	}
	return checks, err
}

// aim sets where target i of n is, and where to write.
func (o *checkOptions) aim(p *checkPlan, i, n int) (err error) {
	addresses := o.addresses
	if n > 1 && len(addresses) > 0 {
		addresses = addresses[i : i+1]
	}
	for _, a := range addresses {
		switch {
		case a == none && n > 1:
		case a == "" || strings.ContainsAny(a, "/@? "):
			return fmt.Errorf("--address %q: must be an address such as 192.0.2.7, [2001:db8::7]:8443 or a name, without a scheme", a)
		default:
			p.options.Addresses = append(p.options.Addresses, a)
		}
	}
	if i < len(o.writeTo) && (o.writeTo[i] != none || n == 1) {
		if p.options.WriteTo, err = parseTarget(o.writeTo[i]); err != nil {
			return fmt.Errorf("--write-to: %w", err)
		}
	}
	return nil
}

// parseTarget reads a URL, in which it takes no spaces or control characters. A fragment is never sent, so it is
// left out.
func parseTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not a URL to check: give one as in https://www.example.org/logo.svg", capture.RedactURL(text))
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// parseFields reads fields as on the command line of curl.
func parseFields(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch {
		case !ok || !isToken(name):
			return nil, fmt.Errorf("--header: %q is not the name of a field: write 'NAME: VALUE'", name)
		case checkFieldValue(value) != nil:
			return nil, fmt.Errorf("--header %s: %w", name, checkFieldValue(value))
		}
		if use, fixed := fixedFields[http.CanonicalHeaderKey(name)]; fixed {
			return nil, fmt.Errorf("--header %s: that is not sent as a field like others: %s", name, use)
		}
		header.Add(name, value)
	}
	return header, nil
}

// fixedFields are made of the request, whatever a field says.
var fixedFields = map[string]string{
	"Host":              "name the host in the URL, and where it is with --address",
	"Content-Length":    "it follows from the content",
	"Transfer-Encoding": "it follows from the content",
	"Trailer":           "nothing has a trailer",
}

// isToken reports whether s is a field name (RFC 9110 §5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	}) < 0
}

// checkFieldValue refuses what a field value cannot hold (RFC 9110 §5.5). The error does not have the value, which may be a
// credential.
func checkFieldValue(value string) error {
	for _, b := range []byte(value) {
		if b < ' ' && b != '\t' || b == 0x7f {
			return errors.New("the value has a control character, such as the end of a line")
		}
	}
	return nil
}

// trust returns which certificates are accepted; nil for those of the system.
func (o *checkOptions) trust() (*tls.Config, error) {
	if o.insecure {
		return &tls.Config{InsecureSkipVerify: true}, nil
	}
	if o.caCert == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.caCert)
	if err != nil {
		return nil, fmt.Errorf("--cacert: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--cacert: %s has no certificate in PEM", o.caCert)
	}
	return &tls.Config{RootCAs: roots}, nil
}
