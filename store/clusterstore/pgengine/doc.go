// Package pgengine keeps the heads and contents of package clusterstore in PostgreSQL.
//
// A head is one row, and a swap is one statement of one row, under any isolation level. The SQL is that of
// the standard as far as it goes: no advisory locks, no functions of our own. A content is a row and its
// chunks, of which no more than one is in memory at a time; nobody sees it until it is complete.
//
// The tables are made by the first who opens a database. Their names begin with "fourtwelve_", in the
// first schema of the search path.
package pgengine
