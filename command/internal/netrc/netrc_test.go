package netrc_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command/internal/netrc"
)

func TestParse(t *testing.T) {
	ann := netrc.Entry{Machine: "a.example.org", Login: "ann", Password: "horse"}
	for name, test := range map[string]struct {
		text string
		want []netrc.Entry
	}{
		"one line":      {"machine a.example.org login ann password horse\n", []netrc.Entry{ann}},
		"several lines": {"machine a.example.org\r\n\tlogin ann\r\n\tpassword horse", []netrc.Entry{ann}},
		"any order":     {"machine a.example.org password horse account x login ann", []netrc.Entry{ann}},
		"comments":      {"# mine\nmachine a.example.org # here\nlogin ann password horse\n#", []netrc.Entry{ann}},
		"quotes": {`machine m login "ann b" password "a\"b\\c\td"`,
			[]netrc.Entry{{Machine: "m", Login: "ann b", Password: "a\"b\\c\td"}}},
		"number sign":  {"machine m login ann password #1", []netrc.Entry{{Machine: "m", Login: "ann", Password: "#1"}}},
		"quote inside": {`machine m login ann password a"b`, []netrc.Entry{{Machine: "m", Login: "ann", Password: `a"b`}}},
		"default": {"machine a.example.org login ann password horse\ndefault login anonymous password x",
			[]netrc.Entry{ann, {Login: "anonymous", Password: "x"}}},
		"macro":          {"macdef init\ncd /pub\nmachine no login no\n\nmachine a.example.org login ann password horse", []netrc.Entry{ann}},
		"macro at last":  {"machine a.example.org login ann password horse macdef init\nbin\n", []netrc.Entry{ann}},
		"no password":    {"machine m login ann", []netrc.Entry{{Machine: "m", Login: "ann"}}},
		"empty password": {`machine m login ann password ""`, []netrc.Entry{{Machine: "m", Login: "ann"}}},
		"nothing":        {"\n \t\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := netrc.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestMistakes: an error says where, and nothing that may be secret.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"machine m\nlogin ann\npassword two words": "line 3: expected machine, default, login, password, account or macdef",
		"login ann":                                 "line 1: login, password and account belong behind a machine or default",
		"\nmachine":                                 "line 2: the file ends where the name of a machine should be",
		`machine "" login ann`:                      "line 1: the name of a machine is empty; for all others, write default",
		"machine m password":                        "line 1: the file ends where its value should be",
		"machine m password \"words\nlogin ann":     "line 1: a word in quotes does not end on its line",
		"machine m login ann\npassword \"words\\\"": "line 2: a word in quotes does not end",
	} {
		_, err := netrc.Parse(text)
		if _, ok := errors.AsType[*netrc.SyntaxError](err); !ok || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestFind(t *testing.T) {
	entries := []netrc.Entry{{Machine: "a.example.org", Login: "1"}, {Machine: "a.example.org", Login: "2"}, {Login: "3"},
		{Machine: "b.example.org", Login: "4"}}
	for host, want := range map[string]string{"a.example.org": "1", "A.Example.Org": "1", "b.example.org": "3", "c.example.org": "3"} {
		if got, ok := netrc.Find(entries, host); !ok || got.Login != want {
			t.Errorf("%s: got %q, want %q", host, got.Login, want)
		}
	}
	if got, ok := netrc.Find(entries[:2], "b.example.org"); ok {
		t.Errorf("got %q for a machine that is not there", got)
	}
}

// FuzzParse: what is read and written again is read the same, and no error quotes the file.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"machine a login b password c", "default login x password \"y z\"", "macdef m\nx\n\nmachine a", "# c\nmachine \"a\\n\" account b",
		"machine a password \"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := netrc.Parse(text)
		if err != nil {
			if _, ok := errors.AsType[*netrc.SyntaxError](err); !ok {
				t.Fatalf("got the error %T", err)
			}
			return
		}
		var b strings.Builder
		for _, e := range entries {
			who := "default"
			if e.Machine != "" {
				who = "machine " + quote(e.Machine)
			}
			fmt.Fprintf(&b, "%s login %s password %s\n", who, quote(e.Login), quote(e.Password))
		}
		again, err := netrc.Parse(b.String())
		if err != nil || !slices.Equal(again, entries) {
			t.Errorf("read %q, wrote %q, read %q, %v", entries, b.String(), again, err)
		}
	})
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

func quote(s string) string { return `"` + escape.Replace(s) + `"` }
