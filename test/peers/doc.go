// Package peers holds tests against other people's programs: the answers of nginx, Apache httpd and
// net/http to the same requests, what the checks of package probe find of real servers, what the
// guard gives to nginx, Apache httpd and a Python application, the usual work of curl, wget and
// apt, the suites of litmus, and a day's work of WebDAV clients. A program that is not installed
// skips its tests, unless FOURTWELVE_REQUIRE_PEERS is set; two are skipped even then: davfs2 where
// nothing may be mounted, and the package webdav where npm or its registry is missing.
package peers
