package capture

import (
	"fmt"
	"slices"
	"strings"
)

// Format is the format of a capture. The zero Format is not known, or to be found out.
type Format uint8

const (
	Unknown Format = iota
	// Raw is HTTP/1.1 text as it is on the wire, or as tools print that: requests, responses or
	// both in turn, with CRLF or LF.
	Raw
	// Curl is what curl -v prints, alone or mixed with the content, and what --trace and
	// --trace-ascii write.
	Curl
	// HAR is the HTTP Archive format 1.2 that browsers export, or a log, the entries or an entry of one.
	HAR
	// FREB is a failed request trace of IIS, fr000001.xml.
	FREB
	// SAZ is the archive that Fiddler saves.
	SAZ
	// Transcript is what a client, a library, a server or a tool of the network prints or logs of
	// the requests that it sends, answers or sees: many kinds, told apart by the content.
	Transcript
	// Packets is a packet capture, pcap or pcapng, with HTTP/1 in clear.
	Packets
	// Netlog is what Chromium writes with chrome://net-export.
	Netlog
	// Charles is a session that Charles saves, as JSON or as XML.
	Charles
	// Burp is what Burp saves of items, as XML.
	Burp
	// Mitmproxy is a file of flows that mitmproxy and mitmdump save.
	Mitmproxy
	// Postman is a collection of Postman, with the responses that were saved as examples.
	Postman
	// Insomnia is an export of Insomnia, which has requests only.
	Insomnia

	numFormats
)

var formatNames = [numFormats]struct{ name, text string }{
	Unknown: {"unknown", "unknown"},
	Raw:     {"raw", "raw HTTP"},
	Curl:    {"curl", "curl -v"},
	HAR:     {"har", "HAR"},
	FREB:    {"freb", "IIS failed request trace"},
	SAZ:     {"saz", "Fiddler archive"},

	Transcript: {"transcript", "transcript"},
	Packets:    {"pcap", "packet capture"},
	Netlog:     {"netlog", "net log of Chromium"},
	Charles:    {"charles", "Charles session"},
	Burp:       {"burp", "items of Burp"},
	Mitmproxy:  {"mitmproxy", "flows of mitmproxy"},
	Postman:    {"postman", "Postman collection"},
	Insomnia:   {"insomnia", "Insomnia export"},
}

// Name returns the short name that ParseFormat reads.
func (f Format) Name() string {
	if f < numFormats {
		return formatNames[f].name
	}
	return formatNames[Unknown].name
}

// String returns the format for people.
func (f Format) String() string {
	if f < numFormats {
		return formatNames[f].text
	}
	return formatNames[Unknown].text
}

// hasLines reports whether captures in the format are text of which each line may be wrapped.
func (f Format) hasLines() bool { return f == Raw || f == Curl || f == Transcript }

// Formats returns the short names of all formats.
func Formats() []string {
	var names []string
	for _, f := range formatNames[Raw:] {
		names = append(names, f.name)
	}
	return names
}

// ParseFormat returns the format with the short name; case does not matter.
func ParseFormat(name string) (Format, error) {
	for f := Raw; f < numFormats; f++ {
		if strings.EqualFold(name, formatNames[f].name) {
			return f, nil
		}
	}
	names := Formats()
	slices.Sort(names)
	return Unknown, fmt.Errorf("unknown format %q of an exchange: use one of %s", name, strings.Join(names, ", "))
}
