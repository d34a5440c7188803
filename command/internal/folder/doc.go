// Package folder changes files of a directory only if they are what was expected, and keeps what
// was not.
//
//	d, err := folder.Open("notes")
//	w, err := d.Stage(".")
//	w.Write(content)
//	err = w.Replace("plan.txt", read) // ErrChanged unless plan.txt still has that digest
//
// All names are relative to the directory, with slashes, and cannot lead out of it, not by a
// symbolic link either (os.Root). A symbolic link, a device or a directory is never replaced.
//
// # What is promised
//
// A change is whole or not there: content is written to a file of its own, brought to the disk,
// and renamed. Replace and Remove look at the file before, and once more at what they have taken
// out of its place. What is not the expected is put back; if its place is taken by then, it is
// kept beside it, and the error is a [*Kept].
//
// Processes that use this package on one directory take turns (flock), so that of two who
// expect the same content one succeeds. Other programs know nothing of turns. If one renames a new
// file into place while Replace is at work, that is found where the file system can exchange
// two files in one step, as those of Linux and macOS can; elsewhere there is a moment between
// the last look and the rename. If one has a file open and writes into it after it was taken out,
// that is lost, as with every program that saves by renaming.
package folder
