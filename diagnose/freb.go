package diagnose

import (
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
)

// A layer is a part of IIS that sets status codes, by what that says about the cause.
type layer uint8

const (
	unknownLayer layer = iota
	// files: IIS compared the validators of a file.
	files
	// dav: WebDAV of IIS evaluated If, If-Match or Overwrite.
	dav
	// application: the application made the answer, IIS only passed it on.
	application
	// backend: another server made it; IIS is a proxy.
	backend
	// filter: something that inspects requests refused it.
	filter
)

// modules say which layer a module of IIS is, by the beginning of its name in lower case.
var modules = []struct {
	prefix string
	layer  layer
}{
	{"staticfilemodule", files},
	{"defaultdocumentmodule", files},
	{"directorylistingmodule", files},
	{"webdavmodule", dav},
	{"isapimodule", application},
	{"fastcgimodule", application},
	{"cgimodule", application},
	{"managedpipelinehandler", application},
	{"aspnetcoremodule", application},
	{"iis web core", unknownLayer},
	{"httpcachemodule", unknownLayer},
	{"httpplatformhandler", application},
	{"iisnode", application},
	{"applicationrequestrouting", backend},
	{"requestfilteringmodule", filter},
	{"customerrormodule", filter},
	{"rewritemodule", filter},
	{"modsecurity", filter},
	{"iprestrictionmodule", filter},
	{"dynamiciprestrictionmodule", filter},
	{"urlscan", filter},
}

func layerOf(module string) layer {
	module = strings.ToLower(module)
	for _, m := range modules {
		if strings.HasPrefix(module, m.prefix) {
			return m.layer
		}
	}
	return unknownLayer
}

// statusSetter returns the last event of the server's trace in which a module set the status of the response, or what its
// detailed error page says of that, and whether there is one.
func statusSetter(x *capture.Exchange) (ev capture.Event, ok bool) {
	if ev, ok := pageEvent(x); ok {
		return ev, true
	}
	for _, t := range x.Trace {
		if t.Kind == capture.StatusSet && t.Status == x.Response.Status && t.Module != "" {
			ev, ok = t, true
		}
	}
	return ev, ok
}

// statusText says such an event, as in "WebDAVModule set 412 in EXECUTE_REQUEST_HANDLER".
func statusText(ev capture.Event) string {
	text := fmt.Sprintf("%s set %d", ev.Module, ev.Status)
	if ev.Phase != "" {
		text += " in " + ev.Phase
	}
	return text
}

func (e *examination) refuser() (capture.Event, bool) { return statusSetter(e.x) }

// refusedBy is the layer that set the status, unknownLayer if the trace does not tell.
func (e *examination) refusedBy() layer {
	ev, _ := e.refuser()
	return layerOf(ev.Module)
}

// refuserFact is the fact of which module set the status; it has no name if the trace does not tell.
func (e *examination) refuserFact() Fact {
	ev, ok := e.refuser()
	if !ok {
		return Fact{}
	}
	name := "trace"
	if _, page := pageEvent(e.x); page {
		name = "error page of IIS"
	}
	return Fact{Name: name, Value: clip(statusText(ev)), Source: e.place("")}
}

// layerTexts say where to look further, by the layer that set the status.
var layerTexts = map[layer]string{
	files:       "IIS compared the validators of the file itself",
	dav:         "WebDAV of IIS evaluated the preconditions",
	application: "the application made the answer, and IIS passed it on; look into the log of the application",
	backend:     "the server behind IIS made the answer; look for the request with the same X-ARR-LOG-ID in the trace of that one",
	filter:      "a filter refused the request before anything looked at its preconditions",
}

// refusedText is layerTexts for this exchange, "" if the trace does not tell.
func (e *examination) refusedText() string {
	if by := e.refusedBy(); by != backend {
		return layerTexts[by]
	}
	for _, ev := range e.x.Trace {
		if ev.Kind == capture.Routed && ev.To != "" {
			return "the server behind IIS, " + clip(ev.To) + ", made the answer; look for the request with the same X-ARR-LOG-ID" + e.routedID() +
				" in the trace of that one"
		}
	}
	return layerTexts[backend]
}

// routedID is the id that ARR gave the request, for people.
func (e *examination) routedID() string {
	for _, ev := range e.x.Trace {
		if ev.Kind == capture.RequestFieldSet && strings.EqualFold(ev.Field.Name, "X-ARR-LOG-ID") && ev.Field.Value != "" {
			return " (" + clip(ev.Field.Value) + ")"
		}
	}
	return ""
}

// changedField returns the fact that the trace shows a field of the request being set or removed
// before it was handled, and whether it was removed; no name if it shows nothing such.
func (e *examination) changedField(name string) (f Fact, removed bool) {
	for _, t := range e.x.Trace {
		if t.Kind == capture.RequestFieldSet && strings.EqualFold(t.Field.Name, name) {
			value := t.Field.Name + " set to " + t.Field.Value
			if removed = t.Field.Value == ""; removed {
				value = t.Field.Name + " removed"
			}
			f = Fact{Name: "trace", Value: clip(value), Source: e.place("")}
		}
	}
	return f, removed
}
