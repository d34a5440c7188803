package davxml

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReadPropfind(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"no content", "", "all []"},
		{"allprop", "<allprop/>", "all []"},
		{"allprop with include", "<allprop/><include><a/><b xmlns='u'/></include>", "all [{DAV:}a {u}b]"},
		{"propname", "<propname/>", "name"},
		{"prop", "<prop><a/><b xmlns=''/><a/></prop>", "[{DAV:}a {}b]"},
		{"prop of nothing", "<prop/>", "[]"},
		{"an extension beside", "<x xmlns='u'/><propname/><prop xmlns='u'/>", "name"},
		{"none", "", ""},
		{"two", "<prop><a/></prop><allprop/>", ""},
		{"prop twice", "<prop/><prop/>", ""},
		{"include alone", "<include><a/></include>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := "<propfind xmlns='DAV:'>" + c.in + "</propfind>"
			if c.name == "no content" {
				in = ""
			}
			p, err := ReadPropfind(strings.NewReader(in))
			if c.want == "" {
				if !errors.Is(err, ErrMalformed) {
					t.Errorf("got %v, %v", p, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(p.Props)
			if p.AllProp {
				got = fmt.Sprint("all ", p.Include)
			} else if p.PropName {
				got = "name"
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestReadPropertyUpdate(t *testing.T) {
	const in = `<D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:z" xml:lang="de">
		<D:set><D:prop><Z:a>1</Z:a><Z:b/></D:prop></D:set>
		<D:other><D:prop><Z:c/></D:prop></D:other>
		<D:remove><D:prop><Z:a/></D:prop></D:remove>
		<D:set><D:prop><Z:a>2</Z:a></D:prop></D:set>
	</D:propertyupdate>`
	changes, err := ReadPropertyUpdate(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range changes {
		got += fmt.Sprintf("%v %v %s\n", c.Name, c.Remove, c.Element.Fragment())
	}
	want := `{urn:z}a false <Z:a xmlns:Z="urn:z" xml:lang="de">1</Z:a>
{urn:z}b false <Z:b xmlns:Z="urn:z" xml:lang="de"/>
{urn:z}a true <Z:a xmlns:Z="urn:z" xml:lang="de"/>
{urn:z}a false <Z:a xmlns:Z="urn:z" xml:lang="de">2</Z:a>
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, in := range []string{"<propertyupdate xmlns='DAV:'/>", "<propfind xmlns='DAV:'/>", "<propertyupdate/>"} {
		if _, err := ReadPropertyUpdate(strings.NewReader(in)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v", in, err)
		}
	}
	if _, err := ReadPropertyUpdate(strings.NewReader("")); !errors.Is(err, ErrEmpty) {
		t.Errorf("no content: got %v", err)
	}
}

func TestReadLockInfo(t *testing.T) {
	const scope, kind = "<lockscope><exclusive/></lockscope>", "<locktype><write/></locktype>"
	for _, c := range []struct{ in, want string }{
		{scope + kind, "false "},
		{kind + "<lockscope><shared/></lockscope>", "true "},
		{scope + kind + "<owner>me</owner>", `false <owner xmlns="DAV:">me</owner>`},
		{scope + kind + "<owner><href>http://h/</href></owner>", `false <owner xmlns="DAV:"><href>http://h/</href></owner>`},
		{scope, ""},
		{kind, ""},
		{"<lockscope/>" + kind, ""},
		{"<lockscope><shared/><exclusive/></lockscope>" + kind, ""},
		{scope + "<locktype><read/></locktype>", ""},
	} {
		info, err := ReadLockInfo(strings.NewReader("<lockinfo xmlns='DAV:'>" + c.in + "</lockinfo>"))
		if c.want == "" {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: got %v, %v", c.in, info, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
		} else if got := fmt.Sprintf("%v %s", info.Shared, info.Owner); got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
	if _, err := ReadLockInfo(strings.NewReader("")); !errors.Is(err, ErrEmpty) {
		t.Errorf("no content: got %v", err)
	}
}

func FuzzRequests(f *testing.F) {
	f.Add("<propfind xmlns='DAV:'><prop><a/></prop></propfind>")
	f.Add("<propertyupdate xmlns='DAV:'><set><prop><a/></prop></set></propertyupdate>")
	f.Add("<lockinfo xmlns='DAV:'><lockscope><shared/></lockscope><locktype><write/></locktype></lockinfo>")
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ReadPropfind(strings.NewReader(s)); err == nil && p.AllProp && p.PropName {
			t.Error("two kinds at once")
		}
		if changes, err := ReadPropertyUpdate(strings.NewReader(s)); err == nil && len(changes) == 0 {
			t.Error("no changes, and no error")
		}
		if info, err := ReadLockInfo(strings.NewReader(s)); err == nil && info == nil {
			t.Error("no lock, and no error")
		}
	})
}
