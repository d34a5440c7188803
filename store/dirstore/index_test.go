package dirstore

import (
	"maps"

	"go.etcd.io/bbolt"
)

// all returns every entry, those included that wait to be written.
func (x *index) all() (map[string]*entry, error) {
	all := make(map[string]*entry)
	err := x.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketNames).ForEach(func(k, v []byte) error {
			e, err := parseEntry(string(k), v, x.session)
			all[string(k)] = e
			return err
		})
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.Copy(all, x.flushing)
	maps.Copy(all, x.dirty)
	return all, err
}
