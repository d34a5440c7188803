// Package resource knows how what a store has looks over HTTP: under which path a name is served, which
// representations a revision has (as it is, and in content codings), and their tags, dates and types.
// GET and PROPFIND must not disagree on these, so both ask here.
//
// It reads, and writes nothing. It decides no precondition and sends no response.
package resource
