package syncdir

import (
	"path"
	"slices"
	"strings"
)

// Side is what one side has under a name.
type Side uint8

// What a side can have.
const (
	Absent  Side = iota // nothing
	Same                // a file with the content that both sides had
	Changed             // a file with other content; or any file, if both sides had none
	Folder              // a folder
	Other               // what cannot be synchronised: a link, a device, a name that cannot be told from another
	Unknown             // it could not be found out
)

// Action is what is done about a name.
type Action uint8

// What can be done.
const (
	Nothing      Action = iota
	Forget              // neither side has it any more
	Upload              // what is here goes there
	Download            // what is there comes here
	DeleteLocal         // it was deleted there, and is unchanged here
	DeleteRemote        // it was deleted here, and is unchanged there
	Compare             // both sides changed it: the same way, or it is a conflict
	Clash               // a file on one side, a folder on the other: a person has to rename one
	Leave               // it is not touched, because a side has what cannot be synchronised, or is not known
)

var actionNames = [...]string{"nothing", "forget", "upload", "download", "delete here", "delete there", "compare", "clash", "leave"}

func (a Action) String() string { return actionNames[a] }

// Decide says what is done about one name: had reports whether both sides had it.
func Decide(had bool, local, remote Side) Action {
	switch {
	case local >= Other || remote >= Other:
		return Leave
	case local == Folder && (remote == Folder || remote == Absent), remote == Folder && local == Absent:
		return forgetIf(had)
	case local == Folder && remote == Same:
		return DeleteRemote // here it has become a folder
	case remote == Folder && local == Same:
		return DeleteLocal
	case local == Folder || remote == Folder:
		return Clash
	case local == Absent && remote == Absent:
		return forgetIf(had)
	case local == Same && remote == Same:
		return Nothing
	case local == Changed && remote == Changed:
		return Compare
	case local == Changed:
		return Upload // there it is unchanged, or deleted: what was changed is not lost to a deletion
	case remote == Changed:
		return Download
	case local == Absent:
		return DeleteRemote
	}
	return DeleteLocal
}

func forgetIf(had bool) Action {
	if had {
		return Forget
	}
	return Nothing
}

// Trio is what is known of a name.
type Trio struct {
	Had           bool
	Local, Remote Side
}

// Step is one entry of a plan.
type Step struct {
	Name   string
	Action Action
}

// Plan decides about all names, and returns what is to be done, in an order in which it can be: deletions first, the
// deepest first of all, so that a folder can make room for a file. A file for which folders on the other side would
// have to go comes only if all in them goes, too; else it is a Clash, and nothing in them is touched. Nothing and Leave
// are not in it.
func Plan(names map[string]Trio) []Step {
	actions := make(map[string]Action, len(names))
	var clashes []string
	for name, t := range names {
		actions[name] = Decide(t.Had, t.Local, t.Remote)
		if actions[name] == Clash {
			clashes = append(clashes, name)
		}
	}
	slices.Sort(clashes)
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	for _, name := range clashes {
		settleClash(name, names, sorted, actions)
	}
	var deletions, rest []Step
	for _, name := range sorted {
		switch s := (Step{name, actions[name]}); s.Action {
		case Nothing, Leave:
		case DeleteLocal, DeleteRemote:
			deletions = append(deletions, s)
		default:
			rest = append(rest, s)
		}
	}
	slices.Reverse(deletions)
	return append(deletions, rest...)
}

// settleClash lets the file come if the whole folder goes, and leaves what is in the folder alone otherwise.
func settleClash(name string, names map[string]Trio, sorted []string, actions map[string]Action) {
	going, coming := DeleteLocal, Download
	if names[name].Remote == Folder {
		going, coming = DeleteRemote, Upload
	}
	first, _ := slices.BinarySearch(sorted, name+"/")
	end := first
	goes := true
	for ; end < len(sorted) && strings.HasPrefix(sorted[end], name+"/"); end++ {
		t, a := names[sorted[end]], actions[sorted[end]]
		if a != going && !(a == Forget || a == Nothing && (t.Local == Folder || t.Remote == Folder)) {
			goes = false
		}
	}
	if goes && end > first {
		actions[name] = coming
		return
	}
	for _, below := range sorted[first:end] {
		actions[below] = Leave
	}
}

// parents are the folders that a name is in, the nearest first.
func parents(name string) []string {
	var all []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		all = append(all, dir)
	}
	return all
}
