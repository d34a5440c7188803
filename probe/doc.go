// Package probe asks a live server whether its preconditions hold: a table of
// checks, each of which sends a few requests and compares the answers with what RFC
// 9110 asks for.
//
//	report, err := probe.Run(ctx, target, probe.Options{})
//	…
//	for _, r := range report.Results {
//		fmt.Println(r.Outcome, r.Check.ID, r.Says)
//	}
//
// Nothing is judged beyond that table. Results carry the exchanges, for package
// diagnose or people to read.
//
// # What it does to a server
//
// Reads only, unless Options.WriteTo names a resource that does not exist; it is
// created, written to and removed. At most Options.Connections connections are open at
// a time, save for the race between writers; no more than Options.Budget requests are
// sent, no faster than Options.Rate; and nothing more once the server
// answers 429 or 503, but for one DELETE of what was written, after a look if it must be
// told first whose it is.
//
// What may stop a fragile server is not asked unless Options.Risky says so. What may be
// refused is asked under a query of its own and with Cache-Control: no-store, so that no
// shared cache hands the refusal to others.
//
// # Bounds
//
// Of the content of an answer Options.MaxContent bytes are read, in no more than
// Options.Timeout; of most answers far fewer, and of content that does not end in time
// the first time none the next. So neither an endless answer nor a silent server holds a
// run up for longer than the budget times the timeout.
//
// # Credentials
//
// What Options.Header and Options.Authorization hold is sent to the target and not
// kept: exchanges and commands have a placeholder. See package exchange.
package probe
