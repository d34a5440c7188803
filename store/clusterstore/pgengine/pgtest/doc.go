// Package pgtest starts PostgreSQL servers for tests, each in a directory of its own, as a user without
// privileges.
package pgtest
