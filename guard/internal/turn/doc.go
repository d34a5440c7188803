// Package turn knows whose turn it is at a target: who holds its lock, and whether a read has been overtaken by a write.
//
// Targets have keys ([Key]). [Locks] keeps writes to one key apart, and [Writes] tells a read, which takes no lock, that
// what it saw may be none of the versions.
package turn
