package cache

import "os"

// Break has the disk take nothing any more, as one that is full.
func (d *Disk) Break() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.log.segments {
		f, err := os.Open(s.file.Name())
		if err != nil {
			panic(err)
		}
		s.file.Close()
		s.file = f
	}
}
