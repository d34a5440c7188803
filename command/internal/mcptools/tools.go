package mcptools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/folder"
	"github.com/fourtwelve/fourtwelve/internal/content/recent"
)

// The bounds of what goes through the tools.
const (
	// maxFile bounds a resource, in bytes.
	maxFile = 4 << 20
	// maxShown bounds each text in an answer, in bytes.
	maxShown = 256 << 10
	// maxMembers bounds a listing.
	maxMembers = 2000
	// maxRemembered bounds what was shown and is remembered for a proposal, in bytes.
	maxRemembered = 64 * maxFile
	// maxMessage bounds one message of the client, in bytes.
	maxMessage = 4*maxFile + 1<<20
)

// Server is a set of tools for one place.
type Server struct {
	place  place
	about  string // the place, for the descriptions
	wired  *mcp.Server
	recall *recent.Cache[memory, []byte]
}

// memory is a version of a resource.
type memory struct{ name, version string }

// NewDirectory makes the tools for the files of a directory.
func NewDirectory(dir *folder.Dir, about string, readOnly bool) *Server {
	return newServer(local{dir}, about, readOnly)
}

// NewRemote makes the tools for what is under a URL. Only the transport, the fields and the bounds on waiting of
// the client are used. root must have no credentials in it.
func NewRemote(c *client.Client, root *url.URL, readOnly bool) *Server {
	p := newRemote(c, root)
	return newServer(p, p.root.String(), readOnly)
}

func newServer(p place, about string, readOnly bool) *Server {
	s := &Server{place: p, about: about, recall: recent.New[memory, []byte](maxRemembered)}
	s.wired = mcp.NewServer(&mcp.Implementation{Name: "fourtwelve", Title: "Files in which no update is lost"}, &mcp.ServerOptions{
		Instructions: "These tools read and change " + about + ". Other people and programs change it at the same time. Every change names the " +
			"version that read has returned, and is refused if somebody else was first; the refusal says what is there now and what to do.",
		Capabilities: &mcp.ServerCapabilities{},
	})
	look := &mcp.ToolAnnotations{ReadOnlyHint: true}
	mcp.AddTool(s.wired, &mcp.Tool{Name: "list", Annotations: look, Description: "List what is in a folder of " + about + "."}, s.list)
	mcp.AddTool(s.wired, &mcp.Tool{Name: "read", Annotations: look, Description: "Read a text file of " + about +
		". Returns its content and its version, which edit, write and delete need. Long files come in parts: go on with from_line."}, s.read)
	if readOnly {
		return s
	}
	s.addWriters()
	return s
}

func (s *Server) addWriters() {
	no, yes := false, true
	guarded := " If somebody else has changed the file since, nothing is changed: the answer has a conflict with " +
		"what is there now, its version, and, where both changes fit together, the merged text."
	mcp.AddTool(s.wired, &mcp.Tool{Name: "edit", Annotations: &mcp.ToolAnnotations{DestructiveHint: &yes},
		Description: "Replace pieces of text in a file. Needs the version that read has returned. Each old text must occur exactly once, " +
			"with all its spaces, unless every is set." + guarded}, s.edit)
	mcp.AddTool(s.wired, &mcp.Tool{Name: "write", Annotations: &mcp.ToolAnnotations{DestructiveHint: &yes},
		Description: "Replace the whole content of a file. Needs the version that read has returned. For a small change, edit is better." +
			guarded}, s.write)
	mcp.AddTool(s.wired, &mcp.Tool{Name: "create", Annotations: &mcp.ToolAnnotations{DestructiveHint: &no},
		Description: "Create a file that does not exist yet. If there is one, nothing is changed, and the answer has a conflict."}, s.create)
	mcp.AddTool(s.wired, &mcp.Tool{Name: "delete", Annotations: &mcp.ToolAnnotations{DestructiveHint: &yes},
		Description: "Delete a file. Needs the version that read has returned. If somebody else has changed the file since, nothing is deleted: the " +
			"answer has a conflict with what is there now."}, s.delete)
}

// Run serves one client, until it goes or ctx ends.
func (s *Server) Run(ctx context.Context, in io.ReadCloser, out io.WriteCloser) error {
	return s.wired.Run(ctx, answering{&mcp.IOTransport{Reader: in, Writer: out, MaxLineLength: maxMessage}})
}

// nameOf reads the path that a model gives. A slash before it and "./" are forgiven.
func nameOf(given string) (string, error) {
	name := strings.TrimPrefix(strings.TrimPrefix(given, "./"), "/")
	if err := folder.Check(name); err != nil || strings.Contains(name, `\`) {
		return "", fmt.Errorf("%.200q is no path here: write it relative to the root, with slashes, without . and .., as in docs/plan.md", given)
	}
	if strings.HasPrefix(path.Base(name), folder.Prefix) {
		return "", fmt.Errorf("%s: names that begin with %s are for this program itself: choose another", name, folder.Prefix)
	}
	return name, nil
}

type listIn struct {
	Path string `json:"path,omitempty" jsonschema:"the folder, relative to the root; leave it out for the root"`
}

type listOut struct {
	Path    string   `json:"path"`
	Members []Member `json:"members"`
	More    string   `json:"more,omitempty"`
}

func (s *Server) list(ctx context.Context, _ *mcp.CallToolRequest, in listIn) (*mcp.CallToolResult, listOut, error) {
	name := "."
	if given := strings.Trim(in.Path, "/"); given != "" && given != "." {
		var err error
		if name, err = nameOf(given); err != nil {
			return nil, listOut{}, err
		}
	}
	members, err := s.place.list(ctx, name)
	if err != nil {
		return nil, listOut{}, err
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	out := listOut{Path: name, Members: members}
	if len(members) > maxMembers {
		out.Members = members[:maxMembers]
		out.More = fmt.Sprintf("there are more than the %d shown: list the folders in it, or read a file by its name", maxMembers)
	}
	if out.Members == nil {
		out.Members = []Member{}
	}
	return nil, out, nil
}

type readIn struct {
	Path     string `json:"path" jsonschema:"the file, relative to the root, such as docs/plan.md"`
	FromLine int    `json:"from_line,omitempty" jsonschema:"the first line to return, counted from 1"`
	Lines    int    `json:"lines,omitempty" jsonschema:"how many lines at most"`
}

type readOut struct {
	Path      string `json:"path"`
	Version   string `json:"version" jsonschema:"give this to edit, write or delete; empty if the file cannot be changed safely"`
	Content   string `json:"content"`
	FromLine  int    `json:"from_line" jsonschema:"the line that content begins with"`
	Lines     int    `json:"lines" jsonschema:"how many lines the whole file has"`
	More      string `json:"more,omitempty" jsonschema:"set if content is not all: how to read on"`
	Size      int    `json:"size" jsonschema:"of the whole file, in bytes"`
	MediaType string `json:"media_type,omitempty"`
	Note      string `json:"note,omitempty"`
}

func (s *Server) read(ctx context.Context, _ *mcp.CallToolRequest, in readIn) (*mcp.CallToolResult, readOut, error) {
	name, err := nameOf(in.Path)
	if err != nil {
		return nil, readOut{}, err
	}
	now, err := s.place.read(ctx, name, maxFile)
	if errors.Is(err, errNone) {
		err = fmt.Errorf("%w: list shows what there is, and create makes it", err)
	}
	if err != nil {
		return nil, readOut{}, err
	}
	out := readOut{Path: name, Version: now.version, Size: len(now.content), MediaType: now.mediaType}
	if now.unguarded != "" {
		out.Note = "it can be read, and not changed safely: " + now.unguarded
	}
	if !now.isText() {
		out.Note = strings.TrimPrefix(out.Note+"; it is no text, so its content is left out", "; ")
		return nil, out, nil
	}
	s.remember(name, now)
	err = out.show(string(now.content), in)
	return nil, out, err
}

// show puts the lines that were asked for into the answer, as far as they fit.
func (o *readOut) show(text string, in readIn) error {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	o.Lines, o.FromLine = len(lines), max(in.FromLine, 1)
	if o.FromLine > max(len(lines), 1) {
		return fmt.Errorf("%s has %d lines, so none from %d on", o.Path, len(lines), o.FromLine)
	}
	upTo := len(lines)
	if in.Lines > 0 {
		upTo = min(upTo, o.FromLine-1+in.Lines)
	}
	var b strings.Builder
	next := o.FromLine
	for ; next <= upTo && b.Len()+len(lines[next-1]) <= maxShown; next++ {
		b.WriteString(lines[next-1])
	}
	if next == o.FromLine && next <= upTo {
		return fmt.Errorf("line %d of %s alone is longer than the %d bytes that an answer may have", next, o.Path, maxShown)
	}
	if o.Content = b.String(); next <= len(lines) {
		o.More = fmt.Sprintf("there are %d lines more: read again with from_line %d", len(lines)-next+1, next)
	}
	return nil
}

// remember keeps what was shown, to bring it together with other changes later.
func (s *Server) remember(name string, now state) {
	if now.version != "" {
		s.recall.Put(memory{name, now.version}, now.content, int64(len(now.content))+1)
	}
}

func typeOf(name string) string { return mime.TypeByExtension(path.Ext(name)) }
