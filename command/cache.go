package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/command/internal/cacheadmin"
)

const cacheLong = `Look into the cache of a running fourtwelve guard, and remove from it.

The guard is asked at the address of its metrics: start it with --metrics 127.0.0.1:9412,
which is where these commands look, or name another one with --admin.

Exit codes: 0 is done, 1 that the guard could not be asked or refused, 2 a mistake in the
command line, and 3 that nothing of what was named is stored.`

// exitNothing says that nothing of what was named is stored.
const exitNothing = 3

// cacheOptions are the flags of all fourtwelve cache commands.
type cacheOptions struct {
	client    cacheadmin.Client
	tokenFile string
	json      bool
}

func newCache(env *Env) *cobra.Command {
	o := new(cacheOptions)
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Purge, list and explain what a guard has stored",
		Long:  cacheLong,
		Args:  onlyCommands,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.SortFlags = false
	f.StringVar(&o.client.Address, "admin", "127.0.0.1:9412", "`HOST:PORT` of the guard's metrics, or the URL of that")
	f.StringVar(&o.tokenFile, "token-file", "", "`FILE` with the token, for a guard with --admin-auth")
	f.BoolVar(&o.json, "json", false, "write the guard's answer as JSON")
	cmd.AddCommand(newCachePurge(env, o), newCacheList(env, o), newCacheExplain(env, o))
	return cmd
}

// ready checks what all commands take.
func (o *cacheOptions) ready() error {
	if err := cacheadmin.CheckAddress(o.client.Address); err != nil {
		return usageError{fmt.Errorf("--admin %q: %w", o.client.Address, err)}
	}
	if o.tokenFile == "" {
		return nil
	}
	text, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return fmt.Errorf("the token cannot be read: %w", err)
	}
	if o.client.Token = strings.TrimSpace(string(text)); o.client.Token == "" || strings.ContainsAny(o.client.Token, " \t\n") {
		return fmt.Errorf("%s has no token, or more than one: write one into it, and nothing else", o.tokenFile)
	}
	return nil
}

// write writes an answer as JSON, or has it said.
func (o *cacheOptions) write(env *Env, answer any, say func()) error {
	if !o.json {
		say()
		return nil
	}
	e := json.NewEncoder(env.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(answer)
}

const cachePurgeExample = `  fourtwelve cache purge http://example.org/news.html
  fourtwelve cache purge --any-query http://example.org/search
  fourtwelve cache purge --prefix http://example.org/images/
  fourtwelve cache purge --soft --tag news
  fourtwelve cache purge --all`

func newCachePurge(env *Env, o *cacheOptions) *cobra.Command {
	var q cacheadmin.Purge
	cmd := &cobra.Command{
		Use:   "purge [URL]...",
		Short: "Remove responses from the cache, or make them stale",
		Long: `Remove from the cache of a guard all responses that are stored for a URL, whatever they
vary by; for URLs that begin in some way; or for a tag that the origin has given them in
Cache-Groups (RFC 9875), Cache-Tag or Surrogate-Key.

A request that begins when the command has ended is not answered with any of them, nor
with what was on its way from the origin before. With --soft they are stale instead: they
are validated, or served stale where the origin allows that (RFC 5861).`,
		Example: cachePurgeExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.URLs = args
			if err := o.ready(); err != nil {
				return err
			}
			if err := checkPurge(&q); err != nil {
				return usageError{err}
			}
			a, err := o.client.Purge(cmd.Context(), q)
			if err != nil {
				return err
			}
			if err := o.write(env, a, func() { cacheadmin.SayPurged(env.Stdout, a) }); err != nil {
				return err
			}
			return nothing(a.Targets)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&q.AnyQuery, "any-query", false, "whatever the query of the URL is")
	f.StringArrayVar(&q.Prefixes, "prefix", nil, "`URL` that those to purge begin with, such as http://example.org/images/; repeatable")
	f.StringArrayVar(&q.Tags, "tag", nil, "`TAG` of those to purge; repeatable")
	f.BoolVar(&q.All, "all", false, "purge everything")
	f.BoolVar(&q.Soft, "soft", false, "make them stale, and do not remove them")
	return cmd
}

func nothing(found int) error {
	if found == 0 {
		return exitError{exitNothing}
	}
	return nil
}

func checkPurge(q *cacheadmin.Purge) error {
	named := len(q.URLs) + len(q.Prefixes) + len(q.Tags)
	switch {
	case named == 0 && !q.All:
		return errors.New("purge needs to know what: a URL, --prefix, --tag, or --all for everything")
	case named > 0 && q.All:
		return errors.New("--all is everything already: leave out the rest, or --all")
	case q.AnyQuery && len(q.URLs) == 0:
		return errors.New("--any-query belongs to a URL: a prefix or a tag is for any query as it is")
	}
	for _, text := range q.URLs {
		if err := cacheadmin.CheckURL(text); err != nil {
			return err
		}
	}
	for _, text := range q.Prefixes {
		if err := cacheadmin.CheckPrefix(text); err != nil {
			return fmt.Errorf("--%w", err)
		}
	}
	return nil
}

func newCacheList(env *Env, o *cacheOptions) *cobra.Command {
	var q cacheadmin.List
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what is stored",
		Long: `List what the cache of a guard has stored, in the order of the URLs: status, size, how long
it is still fresh, by what it varies, and its tags. Credentials in URLs are not shown.`,
		Example: `  fourtwelve cache list
  fourtwelve cache list --prefix http://example.org/images/ --limit 1000
  fourtwelve cache list --tag news --json`,
		Args: noArguments("list takes no URL: write fourtwelve cache explain URL, or --prefix URL"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.ready(); err != nil {
				return err
			}
			for _, text := range q.Prefixes {
				if err := cacheadmin.CheckPrefix(text); err != nil {
					return usageError{fmt.Errorf("--%w", err)}
				}
			}
			a, err := o.client.List(cmd.Context(), q)
			if err != nil {
				return err
			}
			if err := o.write(env, a, func() { cacheadmin.SayListed(env.Stdout, a) }); err != nil {
				return err
			}
			return nothing(len(a.Targets))
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&q.Prefixes, "prefix", nil, "only URLs that begin with this `URL`; repeatable")
	f.StringArrayVar(&q.Tags, "tag", nil, "only responses with this `TAG`; repeatable")
	f.IntVar(&q.Limit, "limit", 100, "how many URLs, 1000 at most")
	f.StringVar(&q.After, "after", "", "begin after this `URL`")
	return cmd
}

// noArguments refuses arguments with a hint.
func noArguments(hint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{errors.New(hint)}
		}
		return nil
	}
}

func newCacheExplain(env *Env, o *cacheOptions) *cobra.Command {
	var head bool
	var fields []string
	cmd := &cobra.Command{
		Use:   "explain URL",
		Short: "Say what is stored for a URL, and what would be done with a request",
		Long: `Say what the cache of a guard has stored for a URL, how fresh that is and by what, and
what would be done with a GET now: served, validated and how, or sent on. Nothing is sent
to the origin.`,
		Example: `  fourtwelve cache explain http://example.org/news.html
  fourtwelve cache explain -H 'Accept-Language: de' -H 'Cache-Control: no-cache' http://example.org/news.html`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("explain takes one URL, and got %d: write fourtwelve cache explain URL", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q := cacheadmin.Explain{URL: args[0], Method: http.MethodGet, Header: make(map[string][]string)}
			if head {
				q.Method = http.MethodHead
			}
			if err := o.ready(); err != nil {
				return err
			}
			if err := cacheadmin.CheckURL(q.URL); err != nil {
				return usageError{err}
			}
			for _, field := range fields {
				name, value, ok := strings.Cut(field, ":")
				if name = strings.TrimSpace(name); !ok || name == "" {
					return usageError{fmt.Errorf("-H %q is no field: write 'Name: value'", field)}
				}
				name = http.CanonicalHeaderKey(name)
				q.Header[name] = append(q.Header[name], strings.TrimSpace(value))
			}
			a, err := o.client.Explain(cmd.Context(), q)
			if err != nil {
				return err
			}
			if err := o.write(env, a, func() { cacheadmin.SayExplained(env.Stdout, a) }); err != nil {
				return err
			}
			return nothing(len(a.Responses))
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&fields, "header", "H", nil, "`FIELD` of the request, such as 'Accept-Language: de'; repeatable")
	f.BoolVarP(&head, "head", "I", false, "explain a HEAD")
	return cmd
}
