// Package console is a page that shows what a server decides while it decides it: how many requests were answered
// in which way, the latest refusals with what was sent and what is current, and who causes them.
//
//	c := console.New(console.Options{Title: "serve /srv/site"})
//	defer c.Close()
//	options.Observe = observe.All(log, c.Observe)
//	mux.Handle("/console/", gate.New(c.Handler(), …))
//
// The page is made here, by templates, and its sections are sent again when they have changed, as server-sent events.
// The script of the page only puts them in their place, so the page without it shows the same, once.
//
// # What it costs
//
// A request costs two atomic additions. Of each second a bounded number of requests is looked at
// closer ([maxSampled], and [maxRemarkable] that were refused or overwrote blindly); the page says so when it leaves some out. All
// lists are bounded. Nothing is rendered when nobody watches.
//
// # Who may see it
//
// That is decided before: the handler must stand behind package gate.
package console
