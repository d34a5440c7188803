package diagnose

// Confidence is how far the evidence carries a finding. The zero value is the
// weakest.
type Confidence uint8

const (
	// Insufficient: the evidence decides nothing; the finding says what is missing.
	Insufficient Confidence = iota
	// Possible: fits what is known, as other causes do.
	Possible
	// Likely: fits what is known better than any other cause does.
	Likely
	// Certain: proven from the evidence, by the standard or by arithmetic.
	Certain
)

var confidenceNames = [...]string{"insufficient-evidence", "possible", "likely", "certain"}

// String returns the confidence in kebab case.
func (c Confidence) String() string { return nameOf(confidenceNames[:], int(c)) }

// MarshalText returns what String does.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// ParseConfidence returns the confidence with the name; case does not matter.
func ParseConfidence(name string) (Confidence, error) {
	i, err := parseName(confidenceNames[:], name, "confidence")
	return Confidence(i), err
}

// A Finding says that a rule applies, and why. It holds data from the input as it was, save
// that long values are cut: whoever shows it escapes it for the place where it is shown.
type Finding struct {
	Rule       *Rule
	Confidence Confidence
	// Says is the cause in this very case, in a sentence or two with its values, as in
	// `the If-Match tag "x-gzip" is the current tag "x" with the mark of gzip`.
	Says string
	// Evidence is what the finding rests on, in the order in which it convinces.
	Evidence []Fact
	// Fix, if not empty, is what to do in this very case; otherwise Rule.Fix holds.
	Fix []string
	// Config is what to add to a server's configuration, to repair or to learn more.
	Config []Config
	// Exchange is the position, among those given, of the exchange the finding is about.
	Exchange int
}

// A Fact is a piece of evidence.
type Fact struct {
	// Name is what it is, as in "If-Match", "current ETag" or "time between".
	Name string `json:"name"`
	// Value is its value.
	Value string `json:"value"`
	// Source is where it was read, as in "response 2" or "site.har, entry 3".
	Source string `json:"source,omitempty"`
}

// Config is something to add to the configuration of a server, or to run, to repair or to
// capture more.
type Config struct {
	// Server is the program it is for, as in "nginx" or "curl".
	Server string `json:"server"`
	// Where tells where Text belongs.
	Where string `json:"where"`
	// Text is what to add or to run, one or more lines; "" if there is nothing.
	Text string `json:"config,omitempty"`
	// Note is what else there is to know.
	Note string `json:"note,omitempty"`
}
