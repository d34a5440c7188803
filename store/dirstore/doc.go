// Package dirstore is a [store.Store] over a directory of plain files.
//
// The files stay what they are: an existing site is served as it is, other
// programs may edit it at any time and see every write as an ordinary file, and
// the directory can be taken away whenever its owner likes. What the store
// knows beyond the files is in one folder, .fourtwelve, at the top of the
// directory. That folder can never be named through the store.
//
//	s, err := dirstore.Open("site", dirstore.Options{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//
// # What is current
//
// The file under a name is the truth, whoever wrote it. What has been learned
// about it (digest, revision, date) is believed only while the file is
// recognisably the same: device, inode, size, modification time and change time
// in nanoseconds. Timestamps are no clock: the kernel hands out the same one for
// as long as a tick lasts, so a file that was still young when it was hashed is
// hashed again, until its times lie safely in the past. A file this store wrote
// is exempt: its modification time is set to a moment no write could produce
// meanwhile. That moment lies in the second of [store.Info].Modified, so a
// Last-Modified date survives the loss of the index, and a copy made with its
// times.
//
// All of this holds within a session: a boot of the machine, and a mount of the file
// system. After another one a file is hashed before it is believed, since a loss of power can
// leave content without the times that tell of it.
//
// Contents that do not change for as long as a directory entry lasts need no
// lock against other programs: they may rename files into place, edit in place,
// create and delete. A change found is a new revision.
//
// # What a write does
//
// A commit puts the new file in the place of the old one by exchanging the two
// (renameat2 on Linux, renameatx_np on macOS) and then looks at what came out.
// If that is not what the expectation was checked against, because another
// program was faster, the exchange is undone and the commit has met a conflict.
// Where the system cannot exchange, the file is checked immediately before it
// is renamed over; the window between the two is a few microseconds wide, and
// another program's rename inside it is lost.
//
// Directories a new name needs are made; they stay when they become empty.
// A file that is replaced passes its permissions on to its successor, and its
// owner where the system allows. Replacing a symbolic link replaces the
// link, not what it points to.
//
// # Collections, moves and properties
//
// A collection is moved, replaced or deleted by one rename, whatever is in it. What was
// there lies aside, in the state folder, until its files have become history. A resource is
// moved by a write and a deletion that happen together. Copies share blocks where the
// file system can.
//
// Properties belong to a file or directory, not to a name: they are found by its inode
// number and the time it came to be, so that they follow every rename, and are never
// those of another file under the name. Of a file with several names (hard links) they go
// when one of the names is written to or deleted. Where the system tells no inode number
// of a directory (Windows) it can have none. They are not part of the history.
//
// # What can be named
//
// Symbolic links are followed while they stay inside the directory. A name that
// leads out of it, or to something that is neither file nor directory, is
// refused with a [*store.NameError], and so is every name with an element that
// some system could take for .fourtwelve. A file system mounted inside the
// directory can be read, not written to.
//
// On file systems that do not tell upper from lower case (macOS and Windows by
// default) two spellings of a name are two names for one file: each has
// revisions of its own, and a write through one is, to the other, a change made
// by another program.
//
// # Limits
//
// A program that keeps a replaced file open and goes on writing to it writes
// into the old revision, as it would after any rename. Of a program that changes a
// file through memory that it is mapped to, only the first change is noticed on a file
// system in memory (tmpfs), and on macOS and Windows only what their own clocks show.
// Extended attributes and access control lists are not passed on.
package dirstore
