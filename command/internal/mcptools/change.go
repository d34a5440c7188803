package mcptools

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/fourtwelve/fourtwelve/internal/content/patch"
	"github.com/fourtwelve/fourtwelve/merge"
)

// changeOut is what became of a change.
type changeOut struct {
	Path     string    `json:"path"`
	Done     bool      `json:"done" jsonschema:"whether the change was made"`
	Version  string    `json:"version,omitempty" jsonschema:"the new version, for the next change; empty if the server does not say: then read"`
	Conflict *conflict `json:"conflict,omitempty" jsonschema:"set if somebody else was first and nothing was changed"`
}

// conflict is what a model needs to go on.
type conflict struct {
	Reason  string `json:"reason"`
	Exists  bool   `json:"exists" jsonschema:"whether there is a file now"`
	Version string `json:"version,omitempty" jsonschema:"of what is there now: name it in the next change"`
	Base    string `json:"base,omitempty" jsonschema:"what the change was made from"`
	Theirs  string `json:"theirs,omitempty" jsonschema:"what is there now"`
	Mine    string `json:"mine,omitempty" jsonschema:"what was to be written"`
	Changes string `json:"changes,omitempty" jsonschema:"what somebody else has changed, from base to theirs, as a unified diff"`
	Merged  string `json:"merged,omitempty" jsonschema:"both changes together; with <<<<<<< markers where both changed the same lines"`
	Markers int    `json:"markers,omitempty" jsonschema:"in how many places merged has markers, to be resolved before it is written"`
	LeftOut string `json:"left_out,omitempty" jsonschema:"which of these texts are missing, and why"`
	ToDo    string `json:"to_do" jsonschema:"what to do now"`
}

type replacement struct {
	Old   string `json:"old" jsonschema:"the text to replace, exactly as it is in the file"`
	New   string `json:"new" jsonschema:"what to put in its place; may be empty"`
	Every bool   `json:"every,omitempty" jsonschema:"replace each place where old occurs"`
}

type editIn struct {
	Path    string        `json:"path" jsonschema:"the file, relative to the root"`
	Version string        `json:"version" jsonschema:"the version that read has returned"`
	Edits   []replacement `json:"edits" jsonschema:"made one after the other, all or none"`
}

func (s *Server) edit(ctx context.Context, _ *mcp.CallToolRequest, in editIn) (*mcp.CallToolResult, changeOut, error) {
	at, err := versionOf(in.Path, in.Version)
	if err != nil {
		return nil, changeOut{}, err
	}
	name, version := at.name, at.version
	base, known := s.recall.Get(at)
	if !known {
		now, err := s.place.read(ctx, name, maxFile)
		switch {
		case errors.Is(err, errNone):
			return s.refused(name, &moved{}, nil, "")
		case err != nil:
			return nil, changeOut{}, err
		case now.version != version:
			return s.refused(name, &moved{exists: true, now: now}, nil, "")
		case !now.isText():
			return nil, changeOut{}, fmt.Errorf("%s is no text, and cannot be edited", name)
		}
		base = now.content
	}
	mine, err := apply(name, string(base), in.Edits)
	if err != nil {
		return nil, changeOut{}, err
	}
	return s.put(ctx, name, version, base, mine)
}

// apply makes the edits, all or none.
func apply(name, text string, edits []replacement) (string, error) {
	if len(edits) == 0 {
		return "", errors.New("edits is empty: say what to replace")
	}
	for i, e := range edits {
		n := 0
		if e.Old != "" {
			n = strings.Count(text, e.Old)
		}
		switch {
		case e.Old == "":
			return "", fmt.Errorf("edit %d has no old text: say what to replace, or use write for the whole content", i+1)
		case n == 0:
			return "", fmt.Errorf("edit %d: the old text does not occur in %s: copy it from read, with all its spaces and line ends; nothing was changed",
				i+1, name)
		case n > 1 && !e.Every:
			return "", fmt.Errorf("edit %d: the old text occurs %d times in %s: add lines around it until it is one place, or set every; nothing was changed",
				i+1, n, name)
		}
		text = strings.ReplaceAll(text, e.Old, e.New)
		if len(text) > maxFile {
			return "", fmt.Errorf("edit %d makes %s longer than %d bytes, the most that these tools write", i+1, name, maxFile)
		}
	}
	return text, nil
}

type writeIn struct {
	Path    string `json:"path" jsonschema:"the file, relative to the root"`
	Version string `json:"version" jsonschema:"the version that read has returned"`
	Content string `json:"content" jsonschema:"the whole new content"`
}

func (s *Server) write(ctx context.Context, _ *mcp.CallToolRequest, in writeIn) (*mcp.CallToolResult, changeOut, error) {
	at, err := versionOf(in.Path, in.Version)
	if err != nil {
		return nil, changeOut{}, err
	}
	name, version := at.name, at.version
	base, _ := s.recall.Get(at)
	return s.put(ctx, name, version, base, in.Content)
}

type createIn struct {
	Path    string `json:"path" jsonschema:"the new file, relative to the root"`
	Content string `json:"content"`
}

func (s *Server) create(ctx context.Context, _ *mcp.CallToolRequest, in createIn) (*mcp.CallToolResult, changeOut, error) {
	name, err := nameOf(in.Path)
	if err != nil {
		return nil, changeOut{}, err
	}
	return s.put(ctx, name, "", nil, in.Content)
}

type deleteIn struct {
	Path    string `json:"path" jsonschema:"the file, relative to the root"`
	Version string `json:"version" jsonschema:"the version that read has returned"`
}

func (s *Server) delete(ctx context.Context, _ *mcp.CallToolRequest, in deleteIn) (*mcp.CallToolResult, changeOut, error) {
	at, err := versionOf(in.Path, in.Version)
	if err != nil {
		return nil, changeOut{}, err
	}
	name, version := at.name, at.version
	base, _ := s.recall.Get(at)
	if err := s.place.delete(ctx, name, version); err != nil {
		var m *moved
		if !errors.As(err, &m) {
			return nil, changeOut{}, err
		}
		res, out, err := s.refused(name, m, base, "")
		if err == nil && m.exists {
			out.Conflict.ToDo = "Nothing was deleted. Look at theirs; to delete it all the same, call delete with the version of the conflict."
		}
		return res, out, err
	}
	return nil, changeOut{Path: name, Done: true}, nil
}

// versionOf reads which version of which file a change is made from.
func versionOf(path, version string) (memory, error) {
	name, err := nameOf(path)
	if err != nil {
		return memory{}, err
	}
	if version = strings.Trim(version, `"`); version == "" {
		return memory{}, errors.New("a change needs the version that it was made from: call read first, and copy its version; for a new file, call create")
	}
	return memory{name, version}, nil
}

// put writes, and says what became of it. base is nil if it is not remembered.
func (s *Server) put(ctx context.Context, name, version string, base []byte, mine string) (*mcp.CallToolResult, changeOut, error) {
	if len(mine) > maxFile || !utf8.ValidString(mine) {
		return nil, changeOut{}, fmt.Errorf("%s would have %d bytes: these tools write text of at most %d", name, len(mine), maxFile)
	}
	made, err := s.place.write(ctx, name, mine, version)
	var m *moved
	switch {
	case errors.As(err, &m):
		return s.refused(name, m, base, mine)
	case err != nil:
		return nil, changeOut{}, err
	}
	s.remember(name, state{content: []byte(mine), version: made})
	return nil, changeOut{Path: name, Done: true, Version: made}, nil
}

// refused is the answer to a change that was not made.
func (s *Server) refused(name string, m *moved, base []byte, mine string) (*mcp.CallToolResult, changeOut, error) {
	c := &conflict{Exists: m.exists, Version: m.now.version}
	out := changeOut{Path: name, Conflict: c}
	refusal := &mcp.CallToolResult{IsError: true}
	switch {
	case !m.exists:
		c.Reason = "somebody else has deleted " + name
		c.ToDo = "Call create to make it anew, if that is what you want."
		c.add("base", &c.Base, base, base != nil)
		c.add("mine", &c.Mine, []byte(mine), mine != "")
		return refusal, out, nil
	case m.err != nil:
		c.Reason = fmt.Sprintf("%s is another version now, which cannot be read: %v", name, m.err)
		c.ToDo = "Call read again later."
		return refusal, out, nil
	}
	c.Reason = name + " is another version now: somebody else has changed it"
	if base == nil && mine != "" {
		c.Reason = name + " is another version than the one named"
	}
	if c.Version == "" {
		c.ToDo = "It cannot be changed safely at the moment: " + m.now.unguarded + ". Call read again later."
		return refusal, out, nil
	}
	if !m.now.isText() {
		c.ToDo = "What is there now is no text. Ask the person who wants the change."
		return refusal, out, nil
	}
	s.remember(name, m.now)
	c.bringTogether(m.now, base, mine)
	return refusal, out, nil
}

// bringTogether fills in the three texts and what can be made of them.
func (c *conflict) bringTogether(now state, base []byte, mine string) {
	c.add("theirs", &c.Theirs, now.content, true)
	c.add("mine", &c.Mine, []byte(mine), mine != "")
	c.ToDo = "Make your change to theirs: call edit or write with the version of the conflict."
	if base == nil {
		if c.Mine != "" || mine != "" {
			c.leaveOut("base and merged: this server does not remember that version")
		}
		return
	}
	c.add("base", &c.Base, base, true)
	if change, ok := patch.Changes("text/plain", base, now.content); ok {
		c.add("changes", &c.Changes, []byte(change.Text), true)
	}
	if mine == "" {
		return
	}
	r, err := merge.Of(now.mediaType, base, []byte(mine), now.content, merge.Options{Mine: "mine", Base: "base", Theirs: "theirs"})
	if err != nil {
		c.leaveOut("merged: " + err.Error())
		return
	}
	c.add("merged", &c.Merged, r.Content, true)
	switch c.Markers = r.Conflicts; {
	case c.Merged == "":
	case r.Conflicts == 0:
		c.ToDo = "Check merged, which has both changes: if it is right, call write with it and the version of the conflict. " +
			"Or make the same edit again with that version."
	default:
		c.ToDo = "Both have changed the same lines: resolve the markers in merged, and call write with the result and the version of the conflict."
	}
}

// add sets a text, if it is not too long for an answer.
func (c *conflict) add(what string, to *string, text []byte, have bool) {
	switch {
	case !have:
	case len(text) > maxShown/4:
		c.leaveOut(fmt.Sprintf("%s: it has %d bytes; read returns long files in parts", what, len(text)))
	default:
		*to = string(text)
	}
}

func (c *conflict) leaveOut(what string) {
	if c.LeftOut != "" {
		c.LeftOut += "; "
	}
	c.LeftOut += what
}
