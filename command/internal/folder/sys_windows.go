package folder

// lock waits for the turn to change files, within this process.
func (d *Dir) lock() (unlock func(), err error) {
	d.turn.Lock()
	return d.turn.Unlock, nil
}

// syncFolder does nothing: a folder cannot be brought to the disk by itself.
func (d *Dir) syncFolder(string) error { return nil }
