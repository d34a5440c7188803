package precondition

// Fields holds the field lines of a request that conditions and Range are made
// of. Each member has one entry a field line, in order, as net/http's Header
// keeps them; no entries mean that the field was not sent, which differs from one
// entry that is empty.
type Fields struct {
	IfMatch           []string
	IfNoneMatch       []string
	IfModifiedSince   []string
	IfUnmodifiedSince []string
	IfRange           []string
	Range             []string
}

// FieldsOf picks the fields out of header, whose keys are in the canonical form
// of net/http ("If-None-Match"). The slices are shared with header.
func FieldsOf(header map[string][]string) Fields {
	return Fields{
		IfMatch:           header["If-Match"],
		IfNoneMatch:       header["If-None-Match"],
		IfModifiedSince:   header["If-Modified-Since"],
		IfUnmodifiedSince: header["If-Unmodified-Since"],
		IfRange:           header["If-Range"],
		Range:             header["Range"],
	}
}

// Conditional reports whether any of the precondition fields of §13.1 was sent,
// valid or not; Range alone is none.
func (f Fields) Conditional() bool {
	return len(f.IfMatch) > 0 || len(f.IfNoneMatch) > 0 || len(f.IfModifiedSince) > 0 ||
		len(f.IfUnmodifiedSince) > 0 || len(f.IfRange) > 0
}

// lines returns the field lines of field.
func (f Fields) lines(field Field) []string {
	switch field {
	case IfMatch:
		return f.IfMatch
	case IfNoneMatch:
		return f.IfNoneMatch
	case IfModifiedSince:
		return f.IfModifiedSince
	case IfUnmodifiedSince:
		return f.IfUnmodifiedSince
	case IfRange:
		return f.IfRange
	}
	return nil
}

// Field names a field line a decision can rest on.
type Field uint8

const (
	NoField Field = iota
	IfMatch
	IfNoneMatch
	IfModifiedSince
	IfUnmodifiedSince
	IfRange
)

var fieldNames = [...]string{"", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"}

// String returns the field's name, such as "If-Match", or "" for NoField.
func (f Field) String() string { return fieldNames[f] }

// MarshalText returns what String does.
func (f Field) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Section returns the subsection of RFC 9110 that defines the field, such as
// "13.1.1", or "" for NoField.
func (f Field) Section() string {
	return [...]string{"", "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5"}[f]
}
