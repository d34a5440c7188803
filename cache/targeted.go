package cache

import (
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// parseTargeted reads a targeted field: a Dictionary of directives (RFC 9213 §2.1). ok is false if it is missing, empty
// or cannot be read, and then it is as if it were not there.
func parseTargeted(lines []string) (d ResponseDirectives, ok bool) {
	if len(lines) == 0 {
		return d, false
	}
	members, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(members.Names()) == 0 {
		return d, false
	}
	for _, name := range members.Names() {
		member, _ := members.Get(name)
		item, isItem := member.(httpsfv.Item)
		if !isItem {
			d.add(name, argument{given: true, faulty: true})
			continue
		}
		d.addItem(name, item.Value)
	}
	return d, true
}

// addItem takes in a directive whose value has a type. An Integer is a number of seconds, true stands for no argument,
// and a String lists field names; any other makes the directive one that cannot be read (§2.1).
func (d *ResponseDirectives) addItem(name string, value any) {
	switch v := value.(type) {
	case int64:
		d.add(name, argument{text: strconv.FormatInt(v, 10), given: true, faulty: v < 0})
	case bool:
		if v {
			d.add(name, argument{})
		}
	case string:
		d.add(name, argument{text: v, given: true, faulty: strings.HasSuffix(name, "age")})
	default:
		d.add(name, argument{given: true, faulty: true})
	}
}
