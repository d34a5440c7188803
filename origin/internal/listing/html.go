package listing

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/fourtwelve/fourtwelve/store"
)

//go:embed page.html
var pageText string

//go:embed style.css
var style string

var page = template.Must(template.New("page").Parse(pageText))

// ContentSecurityPolicy is the value of the field of this name to send with the
// page: it may use its own style sheet and nothing else.
var ContentSecurityPolicy = "default-src 'none'; style-src 'sha256-" + styleHash() +
	"'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

func styleHash() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// HTML returns the listing of the collection with this name as a page. members are
// the collection's, in any order.
func HTML(name string, members []store.Info) []byte {
	var b bytes.Buffer
	if err := page.Execute(&b, viewOf(name, members)); err != nil {
		panic("listing: " + err.Error()) // the template and its data are fixed together
	}
	return b.Bytes()
}

// view is what the template shows.
type view struct {
	Style   template.CSS
	Path    string
	Root    string // a reference
	Crumbs  []crumb
	Parent  string // a reference; "" for the root
	Rows    []row
	Summary string
}

// crumb is one element of the path, with a reference to it; the last has none.
type crumb struct{ Name, Href string }

// row is one member, its values as people read them.
type row struct {
	Name, Href string
	Icon       string // the id of a symbol in the page
	Bytes      int64
	Size       string // "" for a collection
	// Date and Time are of the modification; Machine is both, for machines.
	Date, Time, Machine string
}

func viewOf(name string, infos []store.Info) view {
	members := membersOf(infos)
	slices.SortStableFunc(members, forPeople)
	v := view{Style: template.CSS(style), Path: visible(path(name)), Crumbs: crumbs(name), Summary: summary(members)}
	if name != "" {
		v.Parent, v.Root = "../", strings.Repeat("../", len(v.Crumbs))
	}
	for _, m := range members {
		v.Rows = append(v.Rows, rowOf(m))
	}
	return v
}

// forPeople puts collections first and mixes upper and lower case.
func forPeople(a, b member) int {
	if a.Collection != b.Collection {
		if a.Collection {
			return -1
		}
		return 1
	}
	return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
}

func crumbs(name string) []crumb {
	if name == "" {
		return nil
	}
	elements := strings.Split(name, "/")
	all := make([]crumb, len(elements))
	for i, e := range elements {
		all[i] = crumb{Name: visible(e)}
		if up := len(elements) - 1 - i; up > 0 {
			all[i].Href = strings.Repeat("../", up)
		}
	}
	return all
}

func rowOf(m member) row {
	r := row{Name: visible(m.Name), Href: m.Href, Icon: icon(m), Bytes: m.Size}
	if !m.Collection {
		r.Size = humanSize(m.Size)
	}
	if !m.Modified.IsZero() {
		r.Date, r.Time = m.Modified.Format("2006-01-02"), m.Modified.Format("15:04")
		r.Machine = m.Modified.Format("2006-01-02T15:04:05Z")
	}
	return r
}

// visible replaces the characters that change the direction of text, with which a
// name could look like another: "evil", U+202E, "gpj.exe" as "evilexe.jpg".
func visible(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
}

// icon returns the id of the symbol for a member.
func icon(m member) string {
	top, sub, _ := strings.Cut(m.Type, "/")
	switch {
	case m.Collection:
		return "folder"
	case top == "image":
		return "image"
	case top == "audio", top == "video":
		return "media"
	case top == "text", strings.HasSuffix(sub, "json"), strings.HasSuffix(sub, "xml"), strings.HasSuffix(sub, "pdf"):
		return "text"
	case strings.HasSuffix(sub, "zip"), strings.HasSuffix(sub, "-tar"), strings.HasSuffix(sub, "zstd"):
		return "archive"
	}
	return "file"
}

// humanSize writes a number of bytes with three digits or fewer, in powers of
// 1000, as people count them.
func humanSize(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.5 && unit < len("kMGTPE")-1 {
		value, unit = value/1000, unit+1
	}
	decimals := 0
	if value < 9.95 {
		decimals = 1
	}
	return strconv.FormatFloat(value, 'f', decimals, 64) + " " + "kMGTPE"[unit:unit+1] + "B"
}

// summary counts the members.
func summary(members []member) string {
	collections, files, size := 0, 0, int64(0)
	for _, m := range members {
		if m.Collection {
			collections++
		} else {
			files++
			size += m.Size
		}
	}
	var parts []string
	if collections > 0 {
		parts = append(parts, count(collections, "folder"))
	}
	if files > 0 {
		parts = append(parts, count(files, "file")+", "+humanSize(size))
	}
	return strings.Join(parts, " and ")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
