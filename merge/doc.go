// Package merge brings two changes of the same content together: what you wrote, what somebody
// else wrote meanwhile, and the base that both began with.
//
//	r, err := merge.Text(base, mine, theirs, merge.Options{Mine: "you", Theirs: "the server"})
//	switch {
//	case err != nil:      // ErrBinary: that is no text
//	case r.Conflicts > 0: // r.Content has markers, for a person to choose
//	default:              // r.Content has both changes
//	}
//
// Text merges by lines. JSON merges by structure: members of objects, and elements of arrays that
// have an identity. Of chooses between them by the media type.
//
// # What a merge promises
//
//   - A line that only one side touched is as that side left it.
//   - Where both made the same change, it is made once.
//   - Where both changed the same lines, or lines that touch, it is a conflict, as `git merge-file`
//     finds one: no two texts are woven into a third that nobody wrote.
//   - What nobody touched keeps its bytes: line ends, a missing last line feed, the spelling of
//     numbers and the order of members.
//   - If the sides of a text are exchanged, so are the parts between the markers, and nothing else.
//
// A merge without conflict is not proof that the two changes agree in meaning. Show it before it is saved.
//
// Functions of this package keep no state and may be called from any number of goroutines.
package merge
