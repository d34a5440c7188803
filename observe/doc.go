// Package observe has what a handler tells of a request that it has answered: one [Record], which an
// access log, metrics or a page can show without knowing which handler it was.
//
//	options.Observe = observe.All(log, metrics)
package observe
