// Package accesslog reads the access logs of web servers: IIS, HTTPERR, nginx,
// Apache, Caddy, HAProxy, S3, CloudFront and fourtwelve itself, one Entry for each
// line, with the conditional fields of RFC 9110 §13 wherever the format has them.
//
//	r, err := accesslog.Open([]string{"/var/log/nginx/access.log*"}, accesslog.Options{})
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	for e := range r.Entries(ctx) {
//		if e.Status() == 412 && e.State(accesslog.IfMatch) == accesslog.Present {
//			fmt.Println(e.Time(), e.Text(accesslog.Target), e.Text(accesslog.IfMatch))
//		}
//	}
//	return r.Err()
//
// The format of each file is recognised by its content, gzip, zstd and bzip2 are unpacked
// on the way, and several files are merged by time. Lines that cannot be read are
// counted and sampled, never fatal. docs/log-formats.md says how each format is
// recognised and what is read from it.
//
// # Logged, absent, present
//
// What a log does not say is as important as what it says. Every value of an entry is in
// one of three states: the format does not log it, it was logged as absent ("-"), or it
// is there. If the log says "-" for If-Match, the request carried no If-Match. If the log
// has no such column, nobody can tell.
//
// # Speed and memory
//
// As many goroutines as Options.Workers says parse chunks of whole lines. The order is
// kept. Memory does not depend on the size of a file, nor on the number of lines, paths
// or clients: about 1 MiB for each chunk under way, at most 64 MiB of them whatever the
// number of files, and the window of a compressed file. A line is read up to 1 MiB; of a
// longer one the beginning becomes a sample and the rest is skipped.
//
// For that speed the strings of an Entry share its memory. They live as long as
// the entry: see there.
package accesslog
