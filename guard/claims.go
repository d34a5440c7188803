package guard

import (
	"net/http"
	"slices"
	"strings"
)

// claims are the fields, beside X-Forwarded-*, in which some proxy or platform tells the server behind
// it who asks for what. From anyone else they are made up, and a backend that believes one takes a
// stranger for somebody, or another path for the one that has been decided about.
var claims = map[string]bool{
	// who asks
	"X-Real-Ip": true, "True-Client-Ip": true, "Client-Ip": true, "X-Client-Ip": true, "X-Cluster-Client-Ip": true,
	"Cf-Connecting-Ip": true, "Cf-Connecting-Ipv6": true, "Cf-Pseudo-Ipv4": true, "Fastly-Client-Ip": true, "Ali-Cdn-Real-Ip": true,
	"Cdn-Src-Ip": true, "X-Appengine-User-Ip": true, "X-Azure-Clientip": true, "X-Azure-Socketip": true, "X-Envoy-External-Address": true,
	"X-Original-Forwarded-For": true, "X-Original-Remote-Addr": true, "X-Remote-Ip": true, "X-Remote-Addr": true,
	"Remote-Addr": true, "Proxy-Client-Ip": true, "Wl-Proxy-Client-Ip": true, "X-Proxyuser-Ip": true, "X-Forwarded": true,
	// for what
	"X-Original-Url": true, "X-Rewrite-Url": true, "X-Original-Uri": true, "X-Original-Host": true, "X-Original-Proto": true,
	"X-Host": true, "X-Http-Host-Override": true, "X-Envoy-Original-Path": true, "Request-Uri": true, "X-Url-Scheme": true,
	"Front-End-Https": true, "Cf-Visitor": true, "Cloudfront-Forwarded-Proto": true,
	// which programs take for a variable of their own, HTTP_PROXY
	"Proxy": true,
}

// isForwarded reports whether a field is one of those that trusted proxies are believed.
func isForwarded(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip"
}

// dropClaims removes what a client claims, but for what the route lets pass, and what a proxy that is
// trusted may say. A name with an underscore is removed, too: where fields become variables, as for CGI,
// X_Forwarded_For is the same as X-Forwarded-For.
func (x *exchange) dropClaims(h http.Header, trusted bool) {
	for name := range h {
		claimed := strings.HasPrefix(name, "X-Forwarded-") || claims[name] || strings.IndexByte(name, '_') >= 0
		if claimed && !(trusted && isForwarded(name)) && !slices.Contains(x.route.passed, name) {
			delete(h, name)
		}
	}
}
