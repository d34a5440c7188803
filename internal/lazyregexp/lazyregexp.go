// Package lazyregexp has regular expressions that are compiled when they are first asked for. There
// are hundreds that tell one kind of text from another, and compiling them all takes longer than
// most commands run.
package lazyregexp

import (
	"errors"
	"fmt"
	"regexp"
	"sync"
)

// A Regexp is like one of package regexp, whose methods of the same names say what each does. It may
// be used by several goroutines at once.
type Regexp struct {
	text string
	once sync.Once
	re   *regexp.Regexp
}

// made has all of them, for Check.
var made []*Regexp

// New returns the expression for text, which must be right: the first use of a wrong one panics. It
// is for variables of packages, not for what is made while a program runs.
func New(text string) *Regexp {
	r := &Regexp{text: text}
	made = append(made, r)
	return r
}

// Check compiles all that was made, and reports which are wrong. A test calls it.
func Check() (err error) {
	for _, r := range made {
		if _, wrong := regexp.Compile(r.text); wrong != nil {
			err = errors.Join(err, fmt.Errorf("%q: %w", r.text, wrong))
		}
	}
	return err
}

func (r *Regexp) get() *regexp.Regexp {
	r.once.Do(func() { r.re = regexp.MustCompile(r.text) })
	return r.re
}

func (r *Regexp) String() string { return r.text }

func (r *Regexp) SubexpNames() []string { return r.get().SubexpNames() }

func (r *Regexp) Match(b []byte) bool { return r.get().Match(b) }

func (r *Regexp) FindIndex(b []byte) []int { return r.get().FindIndex(b) }

func (r *Regexp) FindSubmatch(b []byte) [][]byte { return r.get().FindSubmatch(b) }

func (r *Regexp) FindSubmatchIndex(b []byte) []int { return r.get().FindSubmatchIndex(b) }

func (r *Regexp) ReplaceAll(b, with []byte) []byte { return r.get().ReplaceAll(b, with) }

func (r *Regexp) MatchString(s string) bool { return r.get().MatchString(s) }

func (r *Regexp) FindString(s string) string { return r.get().FindString(s) }

func (r *Regexp) FindStringIndex(s string) []int { return r.get().FindStringIndex(s) }

func (r *Regexp) FindStringSubmatch(s string) []string { return r.get().FindStringSubmatch(s) }

func (r *Regexp) FindStringSubmatchIndex(s string) []int { return r.get().FindStringSubmatchIndex(s) }

func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.get().FindAllStringSubmatch(s, n)
}

func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.get().FindAllStringSubmatchIndex(s, n)
}

func (r *Regexp) ReplaceAllString(s, with string) string { return r.get().ReplaceAllString(s, with) }

func (r *Regexp) ReplaceAllStringFunc(s string, with func(string) string) string {
	return r.get().ReplaceAllStringFunc(s, with)
}
