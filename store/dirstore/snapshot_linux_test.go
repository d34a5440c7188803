package dirstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// ext4Image makes an empty ext4 file system in a file of so many bytes.
func ext4Image(t *testing.T, size int64) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	check(t, err)
	check(t, errors.Join(f.Truncate(size), f.Close()))
	command(t, "mkfs.ext4", "-q", "-F", image)
	return image
}

// snapshot copies the image as its device has it now, while it is mounted: what the file system
// has not written yet is missing.
func snapshot(t *testing.T, image string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "snapshot")
	command(t, "cp", "--sparse=always", image, to)
	return to
}

// TestSnapshotsElsewhere takes a snapshot of the device after each change and mounts it while the
// original is still mounted, so that it has another device number. Each change
// that was done is there, as it is if the machine loses power and comes back with its disks
// numbered in another order.
func TestSnapshotsElsewhere(t *testing.T) {
	image := ext4Image(t, 32<<20)
	dir, _ := mount(t, "-o", "loop", image)
	s := openAt(t, dir, crashOptions("full"))
	r := run{changes: everyKind(), begun: -1, done: -1, revs: make(map[int]store.Revision)}
	var runs []run
	var images []string
	for i, c := range r.changes {
		rev, err := c.perform(s, i)
		check(t, err)
		r.begun, r.done, r.revs[i] = i, i, rev
		runs, images = append(runs, r), append(images, snapshot(t, image))
	}
	for i, image := range images {
		t.Run(fmt.Sprint("after change ", i), func(t *testing.T) {
			elsewhere, _ := mount(t, "-o", "loop", image)
			other := openAt(t, elsewhere, crashOptions("full"))
			if other.dev == s.dev {
				t.Fatalf("the snapshot has the device number of the original, %x", s.dev)
			}
			runs[i].check(t, other)
			check(t, other.Close())
			other = openAt(t, elsewhere, crashOptions("full"))
			runs[i].check(t, other)
			check(t, other.Close())
		})
	}
}
