// Package lock knows who has locked what (RFC 4918 §6, §7): a table of write locks, exclusive and shared, on one
// resource or on a collection with all that is in it.
//
// A write enters the table before it changes anything, and leaves it afterwards:
//
//	passage, err := table.Enter(ctx, now, lock.Write{Writer: w, Claims: []lock.Claim{{Name: "plans/a.odt"}}})
//	if err != nil {
//		return err // a *LockedError names the locks in the way
//	}
//	defer passage.Leave()
//	// change the resource
//
// From Enter to Leave no lock is granted that would have refused the write: a LOCK waits. And while a LOCK is
// being granted, writes that it would refuse wait. So nobody looks first and acts later.
//
// Names are those of the store; "" is the root collection. Time is an argument of every method, and a lock whose
// time has passed does not exist for any of them.
package lock
