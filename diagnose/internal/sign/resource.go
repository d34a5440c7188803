package sign

import (
	"slices"
	"strings"
)

// signatures begin the names of parameters that sign a URL, in lower case. They are others each time.
var signatures = []string{"x-amz-", "x-goog-"}

// sasParameters are those of a shared access signature of Azure, which count as such beside sig.
var sasParameters = []string{"sig", "se", "st", "sp", "sv", "sr", "spr", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv"}

// OfResource returns a target without the parameters that say what is done, or by whom, and not to what: the name of the operation
// that SDKs of S3 add, a signature, the commit of an upload in blocks.
func OfResource(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	parameters := strings.Split(query, "&")
	signed := slices.ContainsFunc(parameters, func(p string) bool { return strings.HasPrefix(p, "sig=") })
	kept := slices.DeleteFunc(parameters, func(p string) bool {
		name, value, _ := strings.Cut(strings.ToLower(p), "=")
		switch {
		case name == "x-id", name == "comp" && (value == "blocklist" || value == "page" || value == "appendblock"):
			return true
		case signed && slices.Contains(sasParameters, name):
			return true
		}
		return slices.ContainsFunc(signatures, func(s string) bool { return strings.HasPrefix(name, s) })
	})
	if len(kept) == 0 {
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}

// odataHosts are services of Microsoft with the rules of OData, and the ends of their names.
var odataHosts = []string{"graph.microsoft.com", "dynamics.com", "sharepoint.com", "sharepoint.us", "sharepoint.cn", "graph.microsoft.us",
	"microsoftgraph.chinacloudapi.cn"}

// OData reports whether the name of a host, without port, or a target says that a service follows OData, where a weak tag in
// If-Match is compared as a strong one is (OData 4.01 Protocol §8.2.4).
func OData(host, target string) bool {
	host = "." + strings.ToLower(host)
	if slices.ContainsFunc(odataHosts, func(h string) bool { return strings.HasSuffix(host, "."+h) }) {
		return true
	}
	path, _, _ := strings.Cut(strings.ToLower(target), "?")
	return strings.Contains(path, "/odata/") || strings.Contains(path, "/api/data/v")
}
