package command

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/patch"
)

// Exit codes of the commands that read and write over HTTP.
const (
	exitConflict = 3
	exitUnknown  = 4
)

const remoteCodes = `
Exit code: 0; 1 if it failed; 2 for a mistake in the command line; 3 if somebody else was
first, and nothing was written; 4 if it is not known whether it was.`

// remoteOptions are the flags of the commands that read and write over HTTP.
type remoteOptions struct {
	fields  []string
	caller  checkOptions // whose login, caCert and insecure count
	timeout time.Duration
	json    bool
}

func (o *remoteOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&o.fields, "header", "H", nil, "send a field, as `'NAME: VALUE'`, with every request; repeatable")
	o.caller.login.addFlags(f)
	f.StringVar(&o.caller.caCert, "cacert", "", "trust the certificates in `FILE`, not those of the system")
	f.BoolVarP(&o.caller.insecure, "insecure", "k", false, "accept any certificate")
	f.DurationVar(&o.timeout, "timeout", client.DefaultTimeout, "how long the server may take to begin its answer, and to go on")
	f.BoolVar(&o.json, "json", false, "print what was done as JSON")
}

// remote is a resource, and a client for it.
type remote struct {
	*client.Client
	url string // without credentials
	env *Env
	remoteOptions
}

// open checks the URL and the flags.
func (o *remoteOptions) open(env *Env, text string) (*remote, error) {
	u, err := parseTarget(text)
	if err != nil {
		return nil, usageError{errors.New(strings.Replace(err.Error(), "a URL to check", "a URL", 1))}
	}
	header, err := parseFields(o.fields)
	if err != nil {
		return nil, usageError{err}
	}
	authorization, err := o.caller.login.authorization(u, nil)
	if err != nil {
		return nil, usageError{err}
	}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	trust, err := o.caller.trust()
	if err != nil {
		return nil, usageError{err}
	}
	transport := client.NewTransport()
	if trust != nil {
		transport.TLSClientConfig = trust
	}
	c := &client.Client{Transport: transport, Header: header, Timeout: o.timeout, Attempts: 8, MaxWait: 10 * time.Second}
	r := &remote{Client: c, url: u.String(), env: env, remoteOptions: *o}
	c.Observe = func(e client.Event) {
		fmt.Fprintf(env.Stderr, "%v: trying again in %v\n", e.Err, e.Wait.Round(time.Millisecond))
	}
	return r, nil
}

// one is an error unless there is one argument.
func oneURL(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%s takes one URL, and got %d: write fourtwelve %s URL", name, len(args), name)}
		}
		return nil
	}
}

// nameOf is the name of a file for what is at the URL, or "" if it has none.
func nameOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	name := path.Base(u.Path)
	if strings.HasSuffix(u.Path, "/") || name == "." || name == "/" || name == ".." || strings.ContainsAny(name, `/\`) {
		return ""
	}
	return name
}

// memory is what get and put remember of a file: where it is from, and which version of that it has.
type memory struct {
	URL          string    `json:"url"`
	ETag         string    `json:"etag,omitempty"`
	LastModified time.Time `json:"last_modified,omitzero"`
	MediaType    string    `json:"media_type,omitempty"`
	SHA256       string    `json:"sha256"`
}

// memoryOf is the name of the file beside file that has the memory.
func memoryOf(file string) string {
	return filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".fourtwelve.json")
}

// recall returns what is remembered of a file; ok is false if that is nothing.
func recall(file string) (m memory, ok bool) {
	data, err := os.ReadFile(memoryOf(file))
	if err != nil || json.Unmarshal(data, &m) != nil {
		return memory{}, false
	}
	return m, true
}

// remember keeps of which version of the resource the file is, whose content has the digest.
func remember(file string, r client.Representation, at, sum string) error {
	data, err := json.MarshalIndent(memory{at, r.RawTag, r.LastModified, r.MediaType, sum}, "", "  ")
	if err != nil {
		return err
	}
	name := memoryOf(file)
	if err := os.WriteFile(name+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// representation is what is remembered, as the client wants it.
func (m memory) representation() client.Representation {
	r := client.Representation{
		URL: m.URL, Exists: true, RawTag: m.ETag, LastModified: m.LastModified, MediaType: m.MediaType, Header: http.Header{},
	}
	if tag, err := etag.Parse(m.ETag); err == nil {
		r.Tag = tag
	}
	return r
}

// digestOf is the SHA-256 of a file in hexadecimal.
func digestOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hexOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// conditionOf reads --if-match.
func conditionOf(text string) (client.Condition, error) {
	if text == "*" {
		return client.Exists(), nil
	}
	tag, err := etag.Parse(text)
	if err != nil {
		tag, err = etag.Parse(`"` + text + `"`)
	}
	if err != nil {
		return client.Condition{}, usageError{fmt.Errorf("--if-match %q is no entity tag: write it as ETag has it, with its quotes, or *", text)}
	}
	return client.IfMatch(tag), nil
}

// maxDiffLines bounds the lines of a difference that is shown.
const maxDiffLines = 60

// showDiff shows what changed, as far as it is text.
func showDiff(out io.Writer, before, after []byte) {
	if bytes.Equal(before, after) {
		fmt.Fprintln(out, "  (the content is the same)")
		return
	}
	change, ok := patch.Changes("text/plain", before, after)
	if !ok || change.Text == "" {
		fmt.Fprintf(out, "  (%d bytes before, %d now; not shown)\n", len(before), len(after))
		return
	}
	lines := strings.Split(strings.TrimRight(change.Text, "\n"), "\n")
	for i, line := range lines {
		if i == maxDiffLines {
			fmt.Fprintf(out, "  … and %d lines more\n", len(lines)-i)
			return
		}
		fmt.Fprintf(out, "  %s\n", printable(line))
	}
	if change.Truncated {
		fmt.Fprintln(out, "  … and more")
	}
}

// printable is a line without what a terminal would obey.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r <= 0x9f {
			return '�'
		}
		return r
	}, line)
}

// typeOf is the media type for a new resource, by its name.
func typeOf(name string) string { return mime.TypeByExtension(filepath.Ext(name)) }

// done prints what was done: a sentence, or JSON.
func (r *remote) done(sentence string, facts map[string]any) error {
	if r.json {
		return json.NewEncoder(r.env.Stdout).Encode(facts)
	}
	fmt.Fprintln(r.env.Stdout, sentence)
	return nil
}

// fault says what went wrong with what was asked, and what to do. It returns the exit code as an error.
func (r *remote) fault(err error, mine []byte, advice string) error {
	code := exitFailure
	out := r.env.Stderr
	conflict, isConflict := errors.AsType[*client.Conflict](err)
	switch {
	case isConflict && conflict.Theirs.Exists && conflict.Condition == client.Absent():
		code = exitConflict
		fmt.Fprintf(out, "fourtwelve: there is something at %s already; nothing was written.\n", r.url)
	case isConflict && conflict.TheirsErr == nil && !conflict.Theirs.Exists:
		code = exitConflict
		fmt.Fprintf(out, "fourtwelve: there is nothing at %s any more; nothing was written.\n", r.url)
	case isConflict && conflict.Method == http.MethodDelete:
		code = exitConflict
		fmt.Fprintf(out, "fourtwelve: %s is another version than the one that was to be deleted; nothing was deleted.\n", r.url)
	case isConflict:
		code = exitConflict
		fmt.Fprintf(out, "fourtwelve: somebody else has changed %s meanwhile; nothing was written.\n", r.url)
		if conflict.TheirsErr == nil && mine != nil {
			fmt.Fprintln(out, "From what is there now (-) to yours (+):")
			showDiff(out, conflict.Theirs.Content, mine)
		}
	case errors.Is(err, client.ErrOutcomeUnknown):
		code = exitUnknown
		fmt.Fprintf(out, "fourtwelve: %v\n", err)
	default:
		fmt.Fprintf(out, "fourtwelve: %v\n", plainly(err))
	}
	if advice != "" {
		fmt.Fprintln(out, advice)
	}
	return exitError{code}
}

// plainly says what newcomers meet most in words of its own.
func plainly(err error) error {
	status, ok := errors.AsType[*client.StatusError](err)
	switch {
	case errors.Is(err, client.ErrConditionsIgnored):
		return fmt.Errorf("%w; nothing was written", err)
	case !ok:
		return err
	case status.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w: log in with --user, --bearer-file or --netrc", err)
	case status.Status == http.StatusLocked:
		return fmt.Errorf("%w: try again when the lock has ended", err)
	case status.Status == http.StatusMethodNotAllowed:
		return fmt.Errorf("%w: the server does not let this be written", err)
	}
	return err
}

// fileFault is an error of a file for people.
func fileFault(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
