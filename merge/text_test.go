package merge

import (
	"errors"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, tt := range []struct {
		name, base, mine, theirs, want string
		conflicts                      int
	}{
		{name: "apart", base: "a\nb\nc\nd\n", mine: "A\nb\nc\nd\n", theirs: "a\nb\nc\nD\n", want: "A\nb\nc\nD\n"},
		{name: "only mine", base: "a\n", mine: "b\n", theirs: "a\n", want: "b\n"},
		{name: "only theirs", base: "a\n", mine: "a\n", theirs: "b\n", want: "b\n"},
		{name: "both the same", base: "a\n", mine: "b\n", theirs: "b\n", want: "b\n"},
		{name: "the same line", base: "a\nb\nc\n", mine: "a\nX\nc\n", theirs: "a\nY\nc\n",
			want: "a\n<<<<<<< mine\nX\n||||||| base\nb\n=======\nY\n>>>>>>> theirs\nc\n", conflicts: 1},
		{name: "lines that touch", base: "1\n2\n3\n4\n", mine: "1\nX\n3\n4\n", theirs: "1\n2\nY\n4\n",
			want: "1\n<<<<<<< mine\nX\n3\n||||||| base\n2\n3\n=======\n2\nY\n>>>>>>> theirs\n4\n", conflicts: 1},
		{name: "two insertions in one place", base: "1\n2\n3\n", mine: "1\n2\nA\n3\n", theirs: "1\n2\nB\n3\n",
			want: "1\n2\n<<<<<<< mine\nA\n||||||| base\n=======\nB\n>>>>>>> theirs\n3\n", conflicts: 1},
		{name: "an insertion into what was deleted", base: "1\n2\n3\n4\n5\n", mine: "1\n5\n", theirs: "1\n2\n3\nIMPORTANT\n4\n5\n",
			want: "1\n<<<<<<< mine\n||||||| base\n2\n3\n4\n=======\n2\n3\nIMPORTANT\n4\n>>>>>>> theirs\n5\n", conflicts: 1},
		{name: "CRLF stays", base: "a\r\nb\r\nc\r\nd\r\n", mine: "A\r\nb\r\nc\r\nd\r\n", theirs: "a\r\nb\r\nc\r\nD\r\n",
			want: "A\r\nb\r\nc\r\nD\r\n"},
		{name: "CRLF markers", base: "a\r\n", mine: "X\r\n", theirs: "Y\r\n",
			want: "<<<<<<< mine\r\nX\r\n||||||| base\r\na\r\n=======\r\nY\r\n>>>>>>> theirs\r\n", conflicts: 1},
		{name: "no last line feed", base: "a\nb\nc", mine: "A\nb\nc", theirs: "a\nb\nc", want: "A\nb\nc"},
		{name: "last line feed taken away", base: "a\nb\nc\n", mine: "A\nb\nc\n", theirs: "a\nb\nc", want: "A\nb\nc"},
		{name: "no line feed before a marker", base: "a", mine: "X", theirs: "Y",
			want: "<<<<<<< mine\nX\n||||||| base\na\n=======\nY\n>>>>>>> theirs\n", conflicts: 1},
		{name: "markers longer than those of the text", base: "<<<<<<< x\n", mine: "=======\n", theirs: "Y\n",
			want: "<<<<<<<< mine\n=======\n|||||||| base\n<<<<<<< x\n========\nY\n>>>>>>>> theirs\n", conflicts: 1},
		{name: "empty base", base: "", mine: "a\n", theirs: "b\n",
			want: "<<<<<<< mine\na\n||||||| base\n=======\nb\n>>>>>>> theirs\n", conflicts: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Text([]byte(tt.base), []byte(tt.mine), []byte(tt.theirs), Options{})
			if err != nil || string(r.Content) != tt.want || r.Conflicts != tt.conflicts {
				t.Errorf("got %d conflicts, %v, %q\nwant %d, %q", r.Conflicts, err, r.Content, tt.conflicts, tt.want)
			}
		})
	}
}

func TestMergeStyleLeavesOutWhatIsCommon(t *testing.T) {
	r, err := Text([]byte("b\n"), []byte("x\nmine\ny\n"), []byte("x\ntheirs\ny\n"), Options{Style: Merge, Mine: "you\nhere", Theirs: "server"})
	want := "x\n<<<<<<< you here\nmine\n=======\ntheirs\n>>>>>>> server\ny\n"
	if err != nil || string(r.Content) != want || r.Conflicts != 1 {
		t.Errorf("got %d, %v, %q; want %q", r.Conflicts, err, r.Content, want)
	}
}

func TestBinaryIsRefused(t *testing.T) {
	for i := range 3 {
		c := [3][]byte{[]byte("a\n"), []byte("b\n"), []byte("c\n")}
		c[i] = []byte("a\x00b")
		if _, err := Text(c[0], c[1], c[2], Options{}); !errors.Is(err, ErrBinary) {
			t.Errorf("content %d with NUL: %v, want ErrBinary", i, err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	many := []byte(strings.Repeat("\n", MaxLines))
	if _, err := Text(nil, many, nil, Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d lines: %v, want ErrTooLarge", MaxLines, err)
	}
}
