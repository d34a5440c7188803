package command

import (
	"fmt"
	"io"
	"os"

	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// outputOptions are the flags of the commands that diagnose.
type outputOptions struct {
	json   bool
	html   string
	failOn failLevel
}

// flagSet is what outputOptions need of pflag's.
type flagSet interface {
	BoolVar(p *bool, name string, value bool, usage string)
	StringVar(p *string, name string, value string, usage string)
}

func (o *outputOptions) addFlags(f flagSet) {
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.StringVar(&o.html, "html", "", "write a page with pictures to `FILE` too")
}

// failLevel is the level from which on findings make the command fail.
type failLevel struct {
	never bool
	level diagnose.Level
}

// neverFail is the default: what is found is no failure of the command.
var neverFail = failLevel{never: true}

func (l *failLevel) Set(text string) error {
	if text == "never" {
		*l = neverFail
		return nil
	}
	level, err := diagnose.ParseLevel(text)
	if err != nil || level == diagnose.Good {
		return fmt.Errorf("must be never, info, warning or error")
	}
	*l = failLevel{level: level}
	return nil
}

func (l *failLevel) String() string {
	if l.never {
		return "never"
	}
	return l.level.String()
}

func (l *failLevel) Type() string { return "never|info|warning|error" }

// reached reports whether a finding of that rule makes the command fail. What the evidence
// does not decide never does.
func (l *failLevel) reached(rule *diagnose.Rule, c diagnose.Confidence) bool {
	return !l.never && c > diagnose.Insufficient && rule.Level >= l.level
}

// styleOf returns how to set off text on out: in colors if it is a terminal, and NO_COLOR
// (no-color.org) is not set.
func styleOf(out io.Writer) report.Style {
	return report.Style{Color: isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// isTerminal reports whether out is a character device other than the null device.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// writePage writes the page of --html.
func writePage(name string, write func(io.Writer) error) error {
	return writeFile("--html", name, write)
}

// writeFile writes what a flag asks for to the file name, or not at all: what breaks off would pass for
// the whole.
func writeFile(flag, name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(name)
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}
