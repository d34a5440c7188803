// Package evaluate answers cases of conditional requests as data: a request and
// the state it meets go in, the status a server would answer and the reasons come
// out. It is what the command "fourtwelve evaluate" does, and docs/evaluate.md
// describes the format.
package evaluate
