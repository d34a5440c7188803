package store_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

func TestExpect(t *testing.T) {
	var zero store.Expect
	const nothing, first, second = store.Revision(0), store.Revision(1), store.Revision(2)
	for _, tc := range []struct {
		expect  store.Expect
		holds   []store.Revision
		fails   []store.Revision
		asWords string
	}{
		{zero, []store.Revision{nothing}, []store.Revision{first, second}, "absent"},
		{store.Absent, []store.Revision{nothing}, []store.Revision{first, second}, "absent"},
		{store.At(0), []store.Revision{nothing}, []store.Revision{first, second}, "absent"},
		{store.At(first), []store.Revision{first}, []store.Revision{nothing, second}, "revision 1"},
		{store.At(second), []store.Revision{second}, []store.Revision{nothing, first}, "revision 2"},
		{store.Any, []store.Revision{nothing, first, second, 1<<64 - 2}, nil, "any"},
	} {
		for _, current := range tc.holds {
			if !tc.expect.Holds(current) {
				t.Errorf("expecting %v does not hold for revision %d", tc.expect, current)
			}
		}
		for _, current := range tc.fails {
			if tc.expect.Holds(current) {
				t.Errorf("expecting %v holds for revision %d", tc.expect, current)
			}
		}
		if got := tc.expect.String(); got != tc.asWords {
			t.Errorf("String() is %q, want %q", got, tc.asWords)
		}
	}
}

func TestConflictError(t *testing.T) {
	current := store.Info{Name: "a", Revision: 7}
	for _, tc := range []struct {
		err  *store.ConflictError
		want string
	}{
		{&store.ConflictError{Name: "a", Expect: store.At(6), Current: current}, `"a": expected revision 6, but revision 7 is current`},
		{&store.ConflictError{Name: "a", Expect: store.Absent, Current: current}, `"a": expected absent, but revision 7 is current`},
		{&store.ConflictError{Name: "a", Expect: store.Absent, Current: store.Info{Name: "a", Collection: true}},
			`"a": expected absent, but a collection is there`},
		{&store.ConflictError{Name: "a\n", Expect: store.At(6)}, `"a\n": expected revision 6, but nothing exists`},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("message is %s, want %s", got, tc.want)
		}
		wrapped := fmt.Errorf("save: %w", tc.err)
		if !errors.Is(wrapped, store.ErrConflict) || errors.Is(wrapped, store.ErrNotFound) {
			t.Errorf("%v: want an error that is ErrConflict only", wrapped)
		}
		if got, ok := errors.AsType[*store.ConflictError](wrapped); !ok || got.Current != tc.err.Current {
			t.Errorf("%v does not carry what is current", wrapped)
		}
	}
}

func TestErrorsDiffer(t *testing.T) {
	all := []error{
		store.ErrNotFound, store.ErrGone, store.ErrConflict, store.ErrIsCollection, store.ErrNotCollection, store.ErrChanged,
		store.ErrReadOnly, store.ErrNoSpace, store.ErrUnknown, store.ErrClosed, store.ErrName, store.ErrUnavailable,
		store.ErrInside, store.ErrTooLarge, store.ErrNoParent,
	}
	for i, a := range all {
		for j, b := range all {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%q is %q: %v", a, b, errors.Is(a, b))
			}
		}
		if a.Error() != strings.ToLower(a.Error()) || strings.HasSuffix(a.Error(), ".") {
			t.Errorf("%q is not in the style of error messages", a)
		}
	}
}

func TestDigestString(t *testing.T) {
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1
	if got := store.Digest(sha256.Sum256([]byte("abc"))).String(); got != abc {
		t.Errorf("the digest of abc is %s, want %s", got, abc)
	}
}

func TestInfoExists(t *testing.T) {
	if (store.Info{}).Exists() || !(store.Info{Revision: 1}).Exists() {
		t.Error("an Info exists if it has a revision")
	}
}

func TestRevisionString(t *testing.T) {
	if got := store.Revision(1<<64 - 1).String(); got != "18446744073709551615" {
		t.Errorf("the last revision is %s", got)
	}
}
