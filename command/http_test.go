package command_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
)

// httpMain is the command "http" of the scripts: it sends one request and prints
// the answer, fields sorted and without Date. It fails only if there is no answer.
//
//	http [-X METHOD] [-H 'NAME: VALUE']… [-d CONTENT] [-u USER:PASSWORD] [-cacert FILE] URL
func httpMain(args []string) int {
	if err := sendRequest(args, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "http:", err)
		return 1
	}
	return 0
}

// lines is a flag that can be repeated.
type lines []string

func (l *lines) Set(s string) error { *l = append(*l, s); return nil }
func (l *lines) String() string     { return strings.Join(*l, "\n") }

func sendRequest(args []string, out io.Writer) error {
	var fields lines
	f := flag.NewFlagSet("http", flag.ContinueOnError)
	method := f.String("X", "GET", "")
	f.Var(&fields, "H", "")
	content := f.String("d", "", "")
	user := f.String("u", "", "")
	cacert := f.String("cacert", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	req, err := http.NewRequest(*method, f.Arg(0), strings.NewReader(*content))
	if err != nil {
		return err
	}
	for _, line := range fields {
		name, value, _ := strings.Cut(line, ": ")
		if req.Header.Add(name, value); name == "Host" {
			req.Host = value
		}
	}
	if name, password, ok := strings.Cut(*user, ":"); ok {
		req.SetBasicAuth(name, password)
	}
	transport, err := newTransport(*cacert)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return printResponse(resp, out)
}

func newTransport(cacert string) (*http.Transport, error) {
	tr := &http.Transport{DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: new(tls.Config)}
	if cacert == "" {
		return tr, nil
	}
	pem, err := os.ReadFile(cacert)
	if err != nil {
		return nil, err
	}
	tr.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !tr.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + cacert)
	}
	return tr, nil
}

func printResponse(resp *http.Response, out io.Writer) error {
	fmt.Fprintln(out, resp.Proto, resp.Status)
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			if name != "Date" {
				fmt.Fprintf(out, "%s: %s\n", name, value)
			}
		}
	}
	fmt.Fprintln(out)
	_, err := io.Copy(out, resp.Body)
	return err
}
