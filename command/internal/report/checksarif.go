package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/probe"
)

// SARIF writes what failed in the form 2.1.0 of OASIS, as code scanning reads it: a run for each server. Checks that did
// not fail are rules without results.
func SARIF(w io.Writer, list ...*Checked) error {
	out := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{}}
	for _, c := range list {
		out.Runs = append(out.Runs, sarifRunOf(c))
	}
	return writeJSON(w, out)
}

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool              sarifTool         `json:"tool"`
	AutomationDetails sarifID           `json:"automationDetails"`
	Invocations       []sarifInvocation `json:"invocations"`
	ColumnKind        string            `json:"columnKind"`
	Results           []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifID struct {
	ID string `json:"id"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	Start               string              `json:"startTimeUtc"`
	End                 string              `json:"endTimeUtc"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifRule struct {
	ID               string             `json:"id"`
	ShortDescription sarifText          `json:"shortDescription"`
	FullDescription  sarifText          `json:"fullDescription"`
	Help             sarifText          `json:"help"`
	HelpURI          string             `json:"helpUri,omitempty"`
	Default          sarifConfiguration `json:"defaultConfiguration"`
	Properties       sarifProperties    `json:"properties"`
}

type sarifConfiguration struct {
	Level string `json:"level"`
}

type sarifProperties struct {
	Tags []string `json:"tags"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Request      *sarifRequest     `json:"webRequest,omitempty"`
	Response     *sarifResponse    `json:"webResponse,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations"`
}

type sarifPhysical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region struct {
		StartLine int `json:"startLine"`
	} `json:"region"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

type sarifRequest struct {
	Protocol string            `json:"protocol"`
	Version  string            `json:"version,omitempty"`
	Target   string            `json:"target"`
	Method   string            `json:"method"`
	Headers  map[string]string `json:"headers"`
}

type sarifResponse struct {
	Protocol           string            `json:"protocol,omitempty"`
	Version            string            `json:"version,omitempty"`
	StatusCode         int               `json:"statusCode,omitempty"`
	ReasonPhrase       string            `json:"reasonPhrase,omitempty"`
	Headers            map[string]string `json:"headers,omitempty"`
	NoResponseReceived bool              `json:"noResponseReceived"`
}

func sarifRunOf(c *Checked) sarifRun {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "fourtwelve", InformationURI: "https://github.com/fourtwelve/fourtwelve",
			Rules: []sarifRule{}}},
		AutomationDetails: sarifID{"fourtwelve-check/" + artifactPath(c.Target) + "/"},
		Invocations:       []sarifInvocation{sarifInvocationOf(c.Report)},
		ColumnKind:        "unicodeCodePoints",
		Results:           []sarifResult{},
	}
	for i := range c.Results {
		r := &c.Results[i]
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(r.Check))
		if r.Outcome == probe.Failed {
			run.Results = append(run.Results, sarifResultOf(c, r, i))
		}
	}
	return run
}

func sarifInvocationOf(r *probe.Report) sarifInvocation {
	started := r.Started.UTC()
	out := sarifInvocation{ExecutionSuccessful: r.Stopped == "", Start: started.Format(time.RFC3339),
		End: started.Add(r.Took).Format(time.RFC3339)}
	if r.Stopped != "" {
		out.Notifications = append(out.Notifications, sarifNotification{"error", sarifText{Text: Printable(sentence(r.Stopped))}})
	}
	if r.Left {
		out.Notifications = append(out.Notifications,
			sarifNotification{"warning", sarifText{Text: Printable(r.WriteTo) + " could not be removed: remove it by hand."}})
	}
	return out
}

func sarifLevel(l probe.Level) string {
	return [...]string{probe.Advice: "note", probe.Should: "warning", probe.Must: "error"}[l]
}

func sarifRuleOf(c *probe.Check) sarifRule {
	p := &page{}
	p.checkMarkdown(c)
	return sarifRule{
		ID:               c.ID,
		ShortDescription: sarifText{Text: sentence(c.Title)},
		FullDescription: sarifText{Text: strings.Join([]string{"Sent: " + sentence(c.Sends), "Right: " + sentence(c.Right),
			"Otherwise: " + sentence(c.Means)}, " ")},
		Help:       sarifText{Text: strings.Join(c.Fix, "\n"), Markdown: strings.TrimSpace(p.String())},
		HelpURI:    sectionURL(c.Section),
		Default:    sarifConfiguration{sarifLevel(c.Level)},
		Properties: sarifProperties{[]string{c.Group.String(), c.Level.String()}},
	}
}

// sectionURL is where a section as in "RFC 9110 §13.1.2" can be read; "" if it is another text.
func sectionURL(section string) string {
	var rfc int
	var number string
	if n, err := fmt.Sscanf(section, "RFC %d §%s", &rfc, &number); err != nil || n != 2 {
		return ""
	}
	return fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d#section-%s", rfc, strings.TrimRight(number, ",;"))
}

func sarifResultOf(c *Checked, r *probe.Result, index int) sarifResult {
	out := sarifResult{
		RuleID: r.Check.ID, RuleIndex: index, Level: sarifLevel(r.Check.Level), Message: sarifText{Text: plainFailure(c, r)},
		Locations: []sarifLocation{sarifLocationOf(c.Target)},
	}
	sum := sha256.Sum256([]byte(r.Check.ID + " " + c.Target))
	out.Fingerprints = map[string]string{"primaryLocationLineHash": hex.EncodeToString(sum[:8]) + ":1"}
	if n := len(r.Exchanges); n > 0 {
		out.Request, out.Response = sarifExchange(r.Exchanges[n-1])
	}
	return out
}

// plainFailure says in a sentence each what was found, what it means and what to do first.
func plainFailure(c *Checked, r *probe.Result) string {
	text := []string{sentence(r.Check.Title), "Found: " + Printable(clip(r.Says)) + ".", sentence(r.Check.Means)}
	if steps := r.Check.FixFor(c.Server); len(steps) > 0 {
		text = append(text, "To do: "+sentence(steps[0]))
	}
	return strings.Join(text, " ")
}

// sarifLocationOf has the URL twice: as it is, and as a relative path, for code scanning takes no other
// artifacts than files.
func sarifLocationOf(target string) sarifLocation {
	out := sarifLocation{Logical: []sarifLogical{{target, "resource"}}}
	out.Physical.Artifact.URI = artifactPath(target)
	out.Physical.Region.StartLine = 1
	return out
}

// artifactPath is host and path of a URL as a relative reference (RFC 3986 §4.2).
func artifactPath(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "target"
	}
	return (&url.URL{Path: strings.ReplaceAll(u.Host, ":", "_") + u.Path}).String()
}

// sarifExchange is the last exchange of a check.
func sarifExchange(x *capture.Exchange) (*sarifRequest, *sarifResponse) {
	protocol, version, _ := strings.Cut(x.Request.Proto, "/")
	req := &sarifRequest{Protocol: "HTTP", Version: version, Target: x.URL(), Method: x.Request.Method, Headers: sarifFields(x.Request.Header)}
	if x.Response.Status == 0 {
		return req, &sarifResponse{NoResponseReceived: true}
	}
	return req, &sarifResponse{
		Protocol: protocol, Version: version, StatusCode: x.Response.Status, ReasonPhrase: Printable(x.Response.Reason),
		Headers: sarifFields(x.Response.Header),
	}
}

func sarifFields(h capture.Header) map[string]string {
	fields := map[string]string{}
	for l := range h.Lines() {
		fields[l.Name] = clip(h.Get(l.Name))
	}
	return fields
}
