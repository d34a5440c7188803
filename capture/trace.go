package capture

import "time"

// An Event is something a server did with a request, from its own trace. Fields that do not
// apply to the Kind are zero.
type Event struct {
	// After is the time since Exchange.Started.
	After time.Duration
	Kind  EventKind
	// Name is the event in the words of the trace, as in "MODULE_SET_RESPONSE_ERROR_STATUS".
	Name string
	// Module is the part of the server that acted, as in "StaticFileModule".
	Module string
	// Phase is when in the life of the request it acted, as in "EXECUTE_REQUEST_HANDLER".
	Phase string
	// Status, SubStatus and Reason are those of StatusSet.
	Status, SubStatus int
	Reason            string
	// Error is the system's error, as in "The operation completed successfully. (0x0)".
	Error string
	// Field is that of RequestFieldSet and ResponseFieldSet. Its value is redacted as in Header.
	Field Line
	// From and To are the URLs of URLChanged; From is "" if the trace does not tell. To is
	// the name of the rule of RuleMatched, the server of Routed, the handler of HandlerChosen.
	From, To string
	// File is that of FileOpened.
	File string
	// LastModified is that of FileOpened, with the resolution of the trace; zero if not told.
	LastModified time.Time
}

// EventKind is the kind of an Event.
type EventKind uint8

const (
	// OtherEvent is one that says something without a kind of its own here.
	OtherEvent EventKind = iota
	// StatusSet: a module set the status of the response. The last one with an error
	// status is the one who refused.
	StatusSet
	// URLChanged: the URL was rewritten.
	URLChanged
	// RuleMatched: a rewrite rule applied.
	RuleMatched
	// RequestFieldSet: a field of the request was set, changed or, with an empty value, removed
	// before the request was handled.
	RequestFieldSet
	// ResponseFieldSet: the same for the response.
	ResponseFieldSet
	// FileOpened: the server looked at a file.
	FileOpened
	// HandlerChosen: a handler was chosen to answer.
	HandlerChosen
	// Routed: the request was passed on to another server.
	Routed
	// Compressed: the response was compressed on its way.
	Compressed
	// ErrorPageSent: the server put a page of its own, To, in place of the content for the Status.
	ErrorPageSent
	// Triggered: Status is the one for which the request was traced, and not that of the response.
	Triggered
)

var eventKindNames = [...]string{
	"other", "status-set", "url-changed", "rule-matched", "request-field-set", "response-field-set",
	"file-opened", "handler-chosen", "routed", "compressed", "error-page-sent", "triggered",
}

// String returns the kind in kebab case.
func (k EventKind) String() string {
	if int(k) < len(eventKindNames) {
		return eventKindNames[k]
	}
	return "unknown"
}
