// Package cachecontrol chooses the Cache-Control value (RFC 9111 §5.2) of a
// resource by its name, from an ordered list of rules.
//
//	rules, err := cachecontrol.Parse([]string{
//		"assets/**=public, max-age=31536000, immutable",
//		"*.html=no-cache",
//	})
//	rules.Value("assets/app.js", "no-cache") // "public, max-age=31536000, immutable"
//
// A rule is GLOB=VALUE. The first rule whose glob matches decides, and an empty value
// means no field.
package cachecontrol

import (
	"fmt"
	"strings"
)

// Rules is an ordered list of rules. Nil is one without rules. It is safe for
// concurrent use.
type Rules []rule

type rule struct {
	glob  Glob
	value string
}

// RuleError says what is wrong with a rule.
type RuleError struct {
	// Rule is the rule as it was given.
	Rule string
	// Fault is what is wrong, as the rest of a sentence.
	Fault string
}

func (e *RuleError) Error() string { return fmt.Sprintf("cache-control rule %q: %s", e.Rule, e.Fault) }

// Parse reads rules. The error is a [*RuleError] for the first one that is wrong.
func Parse(texts []string) (Rules, error) {
	var rules Rules
	for _, text := range texts {
		pattern, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, &RuleError{text, `has no "=" between the glob and the value, as in "*.css=max-age=3600"`}
		}
		pattern = strings.TrimSpace(pattern)
		if pattern == "" {
			return nil, &RuleError{text, `has no glob before the first "="`}
		}
		g, fault := ParseGlob(pattern)
		if fault != "" {
			return nil, &RuleError{text, fault}
		}
		value = strings.TrimSpace(value)
		if fault := checkValue(value); fault != "" {
			return nil, &RuleError{text, fault}
		}
		rules = append(rules, rule{g, value})
	}
	return rules, nil
}

// Value returns the value for the resource with this name, elements joined by
// slashes and none before the first, or "" if there is to be no field. What no rule is
// about gets otherwise.
func (rules Rules) Value(name, otherwise string) string {
	for i := range rules {
		if rules[i].glob.Match(name) {
			return rules[i].value
		}
	}
	return otherwise
}

// checkValue says what is wrong with a Cache-Control value, or "". Directives
// that are not registered are allowed; they must only be well-formed:
//
//	Cache-Control   = #cache-directive
//	cache-directive = token [ "=" ( token / quoted-string ) ]
func checkValue(value string) string {
	rest := value
	for rest != "" {
		name, after := cutToken(rest)
		if name == "" {
			return fmt.Sprintf("expected a directive such as no-cache at %q", rest)
		}
		if argument, found := strings.CutPrefix(after, "="); found {
			after = cutArgument(argument)
			if after == argument {
				return fmt.Sprintf("directive %q has %q for its argument; that must be a token such as 3600, or quoted", name, argument)
			}
		}
		after = strings.TrimLeft(after, " \t")
		if after == "" {
			return ""
		}
		next, comma := strings.CutPrefix(after, ",")
		if !comma {
			return fmt.Sprintf("expected a comma before %q", after)
		}
		rest = strings.TrimLeft(next, " \t")
		if rest == "" {
			return "ends in a comma"
		}
	}
	return ""
}

// cutArgument returns what follows the token or quoted-string s begins with; s
// itself if there is none.
func cutArgument(s string) string {
	if !strings.HasPrefix(s, `"`) {
		_, after := cutToken(s)
		return after
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[i+1:]
		case c == '\\' && i+1 < len(s):
			i++
			if !textByte(s[i]) {
				return s
			}
		case !textByte(c):
			return s
		}
	}
	return s
}

func textByte(c byte) bool { return c == '\t' || c >= ' ' && c != 0x7f }

// cutToken splits s after the token it begins with (RFC 9110 §5.6.2).
func cutToken(s string) (token, after string) {
	for i := 0; i < len(s); i++ {
		if !tokenByte(s[i]) {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
