package folder

// lock waits for the turn to change files, within this process.
func (d *Dir) lock() (unlock func(), err error) {
	d.turn.Lock()
	return d.turn.Unlock, nil
}

// syncFolder does nothing: a folder cannot be brought to the disk by itself.
func (d *Dir) syncFolder(string) error { return nil }

// LockFile locks nothing here: two processes are not told apart.
func (d *Dir) LockFile(string) (unlock func(), ok bool, err error) { return func() {}, true, nil }
