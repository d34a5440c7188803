// Package logs names the causes of 412s, of wrong 304s and of broken resumes from the access
// logs of web servers, and says what revalidation saves and costs.
//
//	report, err := logs.Analyse(ctx, []string{"/var/log/nginx/access.log*"}, logs.Options{})
//	…
//	for _, c := range report.Causes {
//		fmt.Println(c.Confidence, c.Count, c.Rule.ID, c.Says)
//	}
//
// # What a log can prove
//
// A log that has the conditional fields and the tags proves as much as a capture of the
// exchange does, except where a proof needs the content. A log with just the default
// fields of its server proves hardly anything. A cause that only fits the order of events
// is Likely at most. If even the order tells nothing, the cause is insufficient-evidence,
// with the configuration to add for the server that wrote the log. docs/log-formats.md
// says what follows from which fields.
//
// Each 412 is put down to one rule. Rules about other answers, such as a 304 with
// another tag than the one asked for, come beside them.
//
// # Bounds
//
// Memory does not grow with the size of the logs, nor with the number of URLs and clients in
// them. Beside what package accesslog needs, that is for each worker:
//
//   - the 8192 most frequent paths and as many clients. A count may be too low by what Report.Bounds
//     says, at most a 4096th of all requests;
//   - what was sent to whom, to find what was sent twice: 16384 combinations of client, target and
//     version, sampled evenly by their hash once there are more;
//   - the tags of 2048 targets by node, at most 8 for each, sampled in the same way;
//   - the last 4 reads of 8192 combinations of client, target and tag, and 4096 requests that the log of another
//     server may have too, sampled likewise;
//   - a timeline of 1024 parts, which become wider as they need to;
//   - who got a 206 for what in the last ten minutes, in 4096 places;
//
// and for all of them the last 65536 writes, the last 8192 series of 412s, and 4096 each of refusals that
// wait for the end of the log, of 409s that may be tried again, and of request identifiers. A log of a
// million lines, each with another client and URL, half of them writes, takes 96 MiB with two workers.
//
// # Time
//
// Most of the work is done by the workers of package accesslog, for each line where it is parsed. Only
// refusals and writes are looked at in the order of time.
package logs
