package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// wireCase is a case as a line has it. Pointers tell null and absent members
// from empty ones.
type wireCase struct {
	ID      json.RawMessage `json:"id"`
	Role    *string         `json:"role"`
	Method  *string         `json:"method"`
	State   wireState       `json:"state"`
	Headers [][]*string     `json:"headers"`
}

type wireState struct {
	Exists       *bool     `json:"exists"`
	ETag         *string   `json:"etag"`
	OtherETags   []*string `json:"other_etags"`
	LastModified *string   `json:"last_modified"`
	Size         *int64    `json:"size"`
	Now          *string   `json:"now"`
	BaseStatus   *int      `json:"base_status"`
}

// Parse reads a line: a case as a JSON object. id is its member of that name as it
// stands there, or nil if there is none. The policy is the caller's. The error
// says which member is wrong.
func Parse(line []byte, policy precondition.Policy) (c Case, id json.RawMessage, err error) {
	var w wireCase
	if err := json.Unmarshal(line, &w); err != nil {
		return Case{}, nil, explainJSON(err)
	}
	c.Policy = policy
	for _, read := range []func(*wireCase) error{c.readRequest, c.readState, c.readHeaders} {
		if err := read(&w); err != nil {
			return Case{}, nil, err
		}
	}
	return c, w.ID, nil
}

// explainJSON names the member that is of the wrong type.
func explainJSON(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return fmt.Errorf("not JSON: %w", err)
	case wrong.Field == "":
		return fmt.Errorf("a case is a JSON object; this is of the type %s", wrong.Value)
	}
	return fmt.Errorf("%s: cannot be of the type %s", wrong.Field, wrong.Value)
}

func (c *Case) readRequest(w *wireCase) error {
	if w.Method == nil || *w.Method == "" {
		return errors.New(`method: is missing; write for example "method":"GET"`)
	}
	var err error
	if c.Method, err = octets("method", *w.Method); err != nil {
		return err
	}
	if w.Role == nil {
		return nil
	}
	if c.Role, err = ParseRole(*w.Role); err != nil {
		return fmt.Errorf("role: %w", err)
	}
	return nil
}

// ParseRole reads the name of a role, "origin" or "cache".
func ParseRole(name string) (precondition.Role, error) {
	for _, role := range []precondition.Role{precondition.Origin, precondition.Cache} {
		if name == role.String() {
			return role, nil
		}
	}
	return 0, fmt.Errorf(`%q is neither "origin" nor "cache"`, name)
}

func (c *Case) readState(w *wireCase) error {
	s := &w.State
	if s.Exists == nil {
		return errors.New("state.exists: is missing; write true or false")
	}
	c.Current.Exists = *s.Exists
	c.Size = -1
	if s.Size != nil {
		c.Size = *s.Size
		if c.Size < 0 {
			return fmt.Errorf("state.size: %d is negative", c.Size)
		}
	}
	if s.BaseStatus != nil {
		c.BaseStatus = *s.BaseStatus
		if err := CheckStatus(c.BaseStatus); err != nil {
			return fmt.Errorf("state.base_status: %w", err)
		}
	}
	if err := c.readTags(s); err != nil {
		return err
	}
	return c.readDates(s)
}

// CheckStatus reports whether status can be a final status code (RFC 9110 §15).
func CheckStatus(status int) error {
	if status < 200 || status > 599 {
		return fmt.Errorf("%d is no final status code, 200 to 599", status)
	}
	return nil
}

func (c *Case) readTags(s *wireState) (err error) {
	if c.Current.Tag, err = tagOf("state.etag", s.ETag); err != nil {
		return err
	}
	for i, other := range s.OtherETags {
		tag, err := tagOf(fmt.Sprintf("state.other_etags[%d]", i), other)
		if err != nil {
			return err
		}
		c.Current.Others = append(c.Current.Others, tag)
	}
	return nil
}

func tagOf(member string, value *string) (etag.Tag, error) {
	if value == nil {
		return etag.Tag{}, nil
	}
	text, err := octets(member, *value)
	if err != nil {
		return etag.Tag{}, err
	}
	tag, err := etag.Parse(text)
	if err != nil {
		return etag.Tag{}, fmt.Errorf("%s: %w", member, err)
	}
	return tag, nil
}

// readDates reads now first, for it decides the century of two-digit years.
func (c *Case) readDates(s *wireState) (err error) {
	if c.Current.Now, err = dateOf("state.now", s.Now, time.Time{}); err != nil {
		return err
	}
	c.Current.LastModified, err = dateOf("state.last_modified", s.LastModified, c.Current.Now)
	return err
}

func dateOf(member string, value *string, now time.Time) (time.Time, error) {
	if value == nil {
		return time.Time{}, nil
	}
	date, err := ParseDate(*value, now)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", member, err)
	}
	return date, nil
}

// ParseDate reads an HTTP-date of a state.
func ParseDate(s string, now time.Time) (time.Time, error) {
	date, ok := precondition.ParseDate(s, now)
	if !ok {
		return time.Time{}, fmt.Errorf("%q is not an HTTP-date such as Sun, 06 Nov 1994 08:49:37 GMT", s)
	}
	return date, nil
}

func (c *Case) readHeaders(w *wireCase) error {
	for i, entry := range w.Headers {
		if len(entry) != 2 || entry[0] == nil || entry[1] == nil {
			return fmt.Errorf(`headers[%d]: want the name and the value of a field line, such as ["If-Match", "\"abc\""]`, i)
		}
		name, err := octets(fmt.Sprintf("headers[%d]", i), *entry[0])
		if err != nil {
			return err
		}
		value, err := octets(fmt.Sprintf("headers[%d]", i), *entry[1])
		if err != nil {
			return err
		}
		c.AddField(name, value)
	}
	return nil
}

// AddField adds a field line to the request. Names are compared without regard to
// case (RFC 9110 §5.1). Only the precondition fields and Range are kept.
func (c *Case) AddField(name, value string) {
	f := &c.Fields
	for _, field := range [...]struct {
		name  string
		lines *[]string
	}{
		{"If-Match", &f.IfMatch}, {"If-None-Match", &f.IfNoneMatch}, {"If-Modified-Since", &f.IfModifiedSince},
		{"If-Unmodified-Since", &f.IfUnmodifiedSince}, {"If-Range", &f.IfRange}, {"Range", &f.Range},
	} {
		if len(name) == len(field.name) && strings.EqualFold(name, field.name) {
			*field.lines = append(*field.lines, value)
			return
		}
	}
}

// octets returns the bytes that s stands for: one a character, U+0000 to U+00FF.
// A decoder of JSON puts U+FFFD where the text is not UTF-8.
func octets(member, s string) (string, error) {
	if isASCII(s) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r == utf8.RuneError {
			return "", fmt.Errorf("%s: holds U+FFFD or what is not UTF-8; one character, U+0000 to U+00FF, stands for one byte", member)
		}
		if r > 0xff {
			return "", fmt.Errorf("%s: holds %q (%U); one character, U+0000 to U+00FF, stands for one byte", member, r, r)
		}
		b = append(b, byte(r))
	}
	return string(b), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
