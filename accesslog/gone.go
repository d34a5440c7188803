package accesslog

import "strings"

// ClientGone reports whether the log says that the client had gone before it had all of the
// response, so that it cannot know what became of its request. Status is then what the server made
// of it.
func (e *Entry) ClientGone() bool {
	if n, ok := e.Int(Win32Status); ok {
		return n == 64 || n == 1236 // ERROR_NETNAME_DELETED, ERROR_CONNECTION_ABORTED
	}
	reason := e.Text(Reason)
	if reason == "" || e.file == nil {
		return false
	}
	switch e.file.format.server {
	case "HAProxy":
		return reason[0] == 'C' // the client aborted
	case "CloudFront":
		return strings.HasPrefix(reason, "Client") // ClientCommError, ClientHungUpRequest
	case "Envoy", "Istio":
		return reason == "DC" || strings.HasPrefix(reason, "DC,") || strings.Contains(reason, ",DC")
	case "Apache":
		return reason == "X" // of %X
	}
	return false
}
