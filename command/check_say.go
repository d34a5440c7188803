package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/probe"
)

// hints say what to do about what a connection may end with.
var hints = []struct{ says, hint string }{
	{"certificate is not accepted", "name who signed it with --cacert FILE, or accept any with --insecure"},
	{"not HTTP", "check the port, or write https:// for http://"},
	{"no such host", "check the name"},
	{"nothing listens there", "check the port, and whether the server runs"},
	{"no answer within", "check the address, or wait longer with --timeout"},
	{"ended before the answer did", rightServer},
	{"reset the connection", rightServer},
}

const rightServer = "is that an HTTP server, and is http:// or https:// right?"

// sayUnasked says why nothing could be asked, and what to do.
func sayUnasked(w io.Writer, err error) {
	text := err.Error()
	for _, h := range hints {
		if strings.Contains(text, h.says) {
			text += "; " + h.hint
			break
		}
	}
	fmt.Fprintf(w, "fourtwelve: %s\n", report.Printable(text))
}

// sayEnd says what a run left behind, and why it ended early.
func sayEnd(w io.Writer, found []*report.Checked, interrupted bool) {
	for _, c := range found {
		switch {
		case c.Left:
			fmt.Fprintf(w, "fourtwelve: %s could not be removed: remove it by hand\n", report.Printable(c.WriteTo))
		case c.WriteTo != "" && interrupted:
			fmt.Fprintf(w, "fourtwelve: nothing is left at %s\n", report.Printable(c.WriteTo))
		}
		switch {
		case c.Stopped != "":
			fmt.Fprintf(w, "fourtwelve: %s: %s\n", report.Printable(c.Target), report.Printable(c.Stopped))
		case c.Score() < 0 && !interrupted:
			fmt.Fprintf(w, "fourtwelve: %s: no check could be judged\n", report.Printable(c.Target))
		}
	}
	switch {
	case interrupted && len(found) == 0:
		fmt.Fprintln(w, "fourtwelve: interrupted before anything was found; nothing was written")
	case interrupted:
		fmt.Fprintf(w, "fourtwelve: interrupted; %d checks were not asked\n", found[len(found)-1].Count(probe.NotAsked))
	}
}
