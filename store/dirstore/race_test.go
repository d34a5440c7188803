package dirstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// In these tests another program does something between two steps of a change.
// What it does is the last word, whatever the store had in mind.

// meanwhile returns a hook that does act when the given step is about to be
// taken for the nth time, counted from 1.
func meanwhile(what step, n int, act func()) func(step) error {
	return func(s step) error {
		if s == what {
			if n--; n == 0 {
				act()
			}
		}
		return nil
	}
}

// both returns a hook that is first and then second.
func both(first, second func(step) error) func(step) error {
	return func(s step) error { return errors.Join(first(s), second(s)) }
}

// needExchange skips a test where the window between check and rename cannot be
// closed.
func needExchange(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system cannot exchange files")
	}
}

func TestAnotherProgramMeanwhile(t *testing.T) {
	needExchange(t)
	const ours, theirs, newer = "ours", "theirs!", "theirs, newer"
	for _, size := range []int{1_000, 100_000} {
		grown := ours + strings.Repeat("x", size)
		for _, c := range []struct {
			name   string
			hook   func(rename func(content string), remove func()) func(step) error
			expect store.Expect // 0: the revision there is
			err    error
			want   string // "": nothing
		}{
			{
				name: "renames before the exchange",
				hook: func(rename func(string), _ func()) func(step) error {
					return meanwhile(stepExchange, 1, func() { rename(theirs) })
				},
				err: store.ErrConflict, want: theirs,
			},
			{
				name: "renames before the exchange, any revision will do",
				hook: func(rename func(string), _ func()) func(step) error {
					return meanwhile(stepExchange, 1, func() { rename(theirs) })
				},
				expect: store.Any, want: grown,
			},
			{
				name: "renames before the exchange and before it is undone",
				hook: func(rename func(string), _ func()) func(step) error {
					return both(meanwhile(stepExchange, 1, func() { rename(theirs) }),
						meanwhile(stepUndo, 1, func() { rename(newer) }))
				},
				err: store.ErrConflict, want: newer,
			},
			{
				name: "does so while any revision will do",
				hook: func(rename func(string), _ func()) func(step) error {
					return both(meanwhile(stepExchange, 1, func() { rename(theirs) }),
						meanwhile(stepUndo, 1, func() { rename(newer) }))
				},
				expect: store.Any, want: grown,
			},
			{
				name: "renames before the exchange and twice while it is undone",
				hook: func(rename func(string), _ func()) func(step) error {
					return both(meanwhile(stepExchange, 1, func() { rename(theirs) }),
						both(meanwhile(stepUndo, 1, func() { rename("between") }),
							meanwhile(stepUndo, 2, func() { rename(newer) })))
				},
				err: store.ErrConflict, want: newer,
			},
			{
				name: "removes before the exchange",
				hook: func(_ func(string), remove func()) func(step) error {
					return meanwhile(stepExchange, 1, remove)
				},
				err: store.ErrConflict, want: "",
			},
			{
				name: "renames before the exchange and removes before it is undone",
				hook: func(rename func(string), remove func()) func(step) error {
					return both(meanwhile(stepExchange, 1, func() { rename(theirs) }), meanwhile(stepUndo, 1, remove))
				},
				err: store.ErrConflict, want: "",
			},
			{
				name: "renames while the journal is written",
				hook: func(rename func(string), _ func()) func(step) error {
					return meanwhile(stepJournal, 1, func() { rename(theirs) })
				},
				err: store.ErrConflict, want: theirs,
			},
		} {
			t.Run(c.name, func(t *testing.T) {
				dir := fastDir(t)
				var hook func(step) error
				s := openAt(t, dir, Options{Keep: 2, manual: true, hook: func(w step) error {
					if hook == nil {
						return nil
					}
					return hook(w)
				}})
				info := commit(t, s, "a", "before", store.Absent)
				d, err := s.Stage(t.Context(), "a", strings.NewReader(grown))
				if err != nil {
					t.Fatal(err)
				}
				defer d.Abort(context.Background())
				program := outside(t, dir)
				hook = c.hook(
					func(content string) { check(t, program.Write("a", content)) },
					func() { check(t, program.Remove("a")) })
				expect := c.expect
				if expect == 0 {
					expect = store.At(info.Revision)
				}
				_, err = d.Commit(t.Context(), expect)
				hook = nil
				if !errors.Is(err, c.err) {
					t.Errorf("Commit: error %v, want %v", err, c.err)
				}
				wantPlain(t, s, "a", c.want)
				if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
					if got := conflict.Current; got.Exists() != (c.want != "") || got.Size != int64(len(c.want)) {
						t.Errorf("the conflict is with %+v, want the %d bytes of %q", got, len(c.want), c.want)
					}
					// The draft is still good, wherever its file has gone.
					if _, err := d.Commit(t.Context(), store.At(conflict.Current.Revision)); err != nil {
						t.Errorf("the draft cannot be committed again: %v", err)
					}
					wantPlain(t, s, "a", grown)
				}
				if left := leftovers(t, s); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
				checkHistory(t, s, false)
			})
		}
	}
}

// TestDeleteMeanwhile is the same for deletions and creations.
func TestDeleteMeanwhile(t *testing.T) {
	for _, c := range []struct {
		name   string
		create bool // rather than delete
		hook   func(write func(content string), remove func()) func(step) error
		err    error
		want   string
	}{
		{
			name: "a file renamed into place is not deleted",
			hook: func(write func(string), _ func()) func(step) error {
				return meanwhile(stepTakeOut, 1, func() { write("theirs") })
			},
			err: store.ErrConflict, want: "theirs",
		},
		{
			name: "a newer one than that stays",
			hook: func(write func(string), _ func()) func(step) error {
				return both(meanwhile(stepTakeOut, 1, func() { write("theirs") }),
					meanwhile(stepPutBack, 1, func() { write("newer") }))
			},
			err: store.ErrConflict, want: "newer",
		},
		{
			name: "a file that was removed cannot be deleted",
			hook: func(_ func(string), remove func()) func(step) error {
				return meanwhile(stepTakeOut, 1, remove)
			},
			err: store.ErrConflict, want: "",
		},
		{
			name: "a file is not created over one that has come", create: true,
			hook: func(write func(string), _ func()) func(step) error {
				return meanwhile(stepInstall, 1, func() { write("theirs") })
			},
			err: store.ErrConflict, want: "theirs",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := fastDir(t)
			var hook func(step) error
			s := openAt(t, dir, Options{manual: true, hook: func(w step) error {
				if hook == nil {
					return nil
				}
				return hook(w)
			}})
			program := outside(t, dir)
			act := c.hook(func(content string) { check(t, program.Write("a", content)) }, func() { check(t, program.Remove("a")) })
			var err error
			if c.create {
				var d store.Draft
				d, err = s.Stage(t.Context(), "a", strings.NewReader("ours"))
				check(t, err)
				defer d.Abort(context.Background())
				hook = act
				_, err = d.Commit(t.Context(), store.Absent)
			} else {
				info := commit(t, s, "a", "before", store.Absent)
				hook = act
				_, err = s.Delete(t.Context(), "a", store.At(info.Revision))
			}
			hook = nil
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			wantPlain(t, s, "a", c.want)
			if d, err := s.Delete(t.Context(), "a", store.Any); c.want != "" && err != nil {
				t.Errorf("Delete afterwards: %v, %v", d, err)
			}
			if left := leftovers(t, s); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestKilledWhileExposed: another program's file that an exchange has taken out
// of its place is put back at the next start, if the process dies before.
func TestKilledWhileExposed(t *testing.T) {
	needExchange(t)
	for _, c := range []struct {
		name   string
		delete bool
		taken  step // the step that takes it out
		undo   step // the step that would put it back
	}{
		{"replace", false, stepExchange, stepUndo},
		{"delete", true, stepTakeOut, stepPutBack},
	} {
		for _, session := range []string{"", "after a loss of power"} {
			t.Run(c.name+session, func(t *testing.T) {
				dir := fastDir(t)
				var hook func(step) error
				s := openAt(t, dir, Options{manual: true, hook: func(w step) error {
					if hook == nil {
						return nil
					}
					return hook(w)
				}})
				info := commit(t, s, "a", "before", store.Absent)
				program := outside(t, dir)
				dead := false
				hook = func(w step) error {
					if w == c.taken {
						check(t, program.Write("a", "theirs"))
					}
					if dead = dead || w == c.undo; dead {
						return errKilled
					}
					return nil
				}
				var err error
				if c.delete {
					_, err = s.Delete(t.Context(), "a", store.At(info.Revision))
				} else {
					d, stageErr := s.Stage(t.Context(), "a", strings.NewReader("ours"))
					check(t, stageErr)
					_, err = d.Commit(t.Context(), store.At(info.Revision))
				}
				if !errors.Is(err, store.ErrUnknown) {
					t.Errorf("error %v, want one that is ErrUnknown", err)
				}
				s.abandon()
				s = openAt(t, dir, Options{session: session})
				wantPlain(t, s, "a", "theirs")
				if left, _ := strayFiles(t, s); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// wantPlain checks that the file under name, and what the store says about it,
// is want; "" stands for nothing.
func wantPlain(tb testing.TB, s *Store, name, want string) {
	tb.Helper()
	plain, err := os.ReadFile(filepath.Join(s.dir, name))
	if string(plain) != want || errors.Is(err, os.ErrNotExist) != (want == "") {
		tb.Errorf("the file %q holds %.40q, error %v; want %.40q", name, plain, err, want)
	}
	_, content, err := readCurrent(s, name)
	if content != want || errors.Is(err, store.ErrNotFound) != (want == "") {
		tb.Errorf("the store has %.40q under %q, error %v; want %.40q", content, name, err, want)
	}
}
