package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/command/internal/folder"
	"github.com/fourtwelve/fourtwelve/command/internal/mcptools"
)

type mcpOptions struct {
	remoteOptions
	readOnly bool
}

const mcpLong = `Give a program that speaks the Model Context Protocol (MCP) tools to list, read, edit, write, create
and delete what is under a URL, or the files of a directory: over standard input and output.

Every change names the version that was read, and is refused if somebody else was first. The refusal
says what is there now, and proposes both changes together where they fit. Nothing outside the URL or the
directory is read or changed: no path, redirect or symbolic link leads out of it.

Exit code: 0 when the program that uses it is gone; 1 if it failed; 2 for a mistake in the command line.`

const mcpExample = `  fourtwelve mcp ~/notes
  fourtwelve mcp --netrc https://dav.example.org/notes/
  fourtwelve mcp --read-only .`

func newMCP(env *Env) *cobra.Command {
	var o mcpOptions
	cmd := &cobra.Command{
		Use: "mcp DIR|URL", Short: "Give a language model tools that lose no update (Model Context Protocol)", Long: mcpLong, Example: mcpExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("mcp takes one directory or URL, and got %d: write fourtwelve mcp DIR or fourtwelve mcp URL", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), env, args[0]) },
	}
	cmd.Flags().BoolVar(&o.readOnly, "read-only", false, "give only the tools that list and read")
	o.addFlags(cmd)
	if err := cmd.Flags().MarkHidden("json"); err != nil { // what it says is the protocol's
		panic(err)
	}
	return cmd
}

func (o *mcpOptions) run(ctx context.Context, env *Env, where string) error {
	server, done, err := o.server(env, where)
	if err != nil {
		return err
	}
	defer done()
	if isTerminal(env.Stdout) {
		fmt.Fprintln(env.Stderr, "This is for a program that speaks MCP on its input and output; see docs/client-commands.md. Control-C ends it.")
	}
	err = server.Run(ctx, io.NopCloser(env.Stdin), nopCloser{env.Stdout})
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("what came in is no message of MCP, which is one line of JSON each: %w", err)
	}
	return nil
}

// server is the tools for a directory or a URL, and done releases what it holds.
func (o *mcpOptions) server(env *Env, where string) (server *mcptools.Server, done func(), err error) {
	if _, err := parseTarget(where); err == nil {
		r, err := o.open(env, where)
		if err != nil {
			return nil, nil, err
		}
		root, err := url.Parse(r.url)
		if err != nil {
			return nil, nil, err
		}
		return mcptools.NewRemote(r.Client, root, o.readOnly), func() {}, nil
	}
	info, err := os.Stat(where)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, usageError{fmt.Errorf("there is no directory %s, and it is no URL of http or https", where)}
	case err != nil:
		return nil, nil, fileFault(err)
	case !info.IsDir():
		return nil, nil, usageError{fmt.Errorf("%s is a file: name the directory that it is in", where)}
	}
	dir, err := folder.Open(where)
	if err != nil {
		return nil, nil, fileFault(err)
	}
	about, err := filepath.Abs(where)
	if err != nil {
		about = where
	}
	return mcptools.NewDirectory(dir, about, o.readOnly), func() { dir.Close() }, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
