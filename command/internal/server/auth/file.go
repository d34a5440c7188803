package auth

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	// maxCost bounds the cost of a hash: at 16 a check takes seconds, and each
	// step more doubles it.
	maxCost = 16
	// minToken is the least length of a token; shorter ones can be guessed.
	minToken = 16
	// maxFile bounds the size of a file.
	maxFile = 16 << 20
)

// FileError says what is wrong with a credentials file.
type FileError struct {
	Path string
	// Line counts from 1; it is 0 if the fault is not in one line.
	Line  int
	Fault string
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Fault)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Fault)
}

// readLines calls line for each line of the file that is no comment. line
// returns what is wrong with it, or "".
func readLines(path string, line func(number int, text string) (fault string)) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read the credentials: %w", err)
	}
	if len(data) > maxFile {
		return &FileError{path, 0, fmt.Sprintf("is larger than %d MiB", maxFile>>20)}
	}
	n := 0
	for text := range bytes.Lines(data) {
		n++
		s := strings.TrimSpace(string(text))
		if s == "" || s[0] == '#' {
			continue
		}
		if fault := line(n, s); fault != "" {
			return &FileError{path, n, fault}
		}
	}
	return nil
}

// user is a line of an htpasswd file.
type user struct {
	id   *Identity
	hash []byte
	cost int
	line int
}

func loadPasswords(path string) (map[string]user, error) {
	users := make(map[string]user)
	err := readLines(path, func(number int, text string) string {
		name, hash, ok := strings.Cut(text, ":")
		switch {
		case !ok:
			return `has no ":" between user and password hash`
		case name == "":
			return "has no user before the colon"
		case users[name].line != 0:
			return fmt.Sprintf("user %q was on line %d already", name, users[name].line)
		}
		cost, fault := checkHash(hash)
		if fault != "" {
			return fmt.Sprintf("the password of user %q %s; set it again with: htpasswd -B %s %s", name, fault, path, name)
		}
		users[name] = user{id: &Identity{Name: name, Scheme: "Basic"}, hash: []byte(hash), cost: cost, line: number}
		return ""
	})
	if err == nil && len(users) == 0 {
		err = &FileError{path, 0, "has no users; add one with: htpasswd -B " + path + " NAME"}
	}
	return users, err
}

// checkHash returns the cost of a bcrypt hash, or what is wrong with hash.
func checkHash(hash string) (cost int, fault string) {
	if kind := otherHash(hash); kind != "" {
		return 0, "is " + kind + ", and only bcrypt is accepted"
	}
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil || len(hash) != 60 || strings.Trim(hash[7:], bcryptAlphabet) != "":
		return 0, "is a damaged bcrypt hash"
	case cost > maxCost:
		return 0, fmt.Sprintf("is a bcrypt hash of cost %d, and each login would take too long (at most %d)", cost, maxCost)
	}
	return cost, ""
}

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// otherHash says what hash is if it is not bcrypt's.
func otherHash(hash string) string {
	switch {
	case hasAnyPrefix(hash, "$2a$", "$2b$", "$2y$"):
		return ""
	case hash == "":
		return "empty"
	case hasAnyPrefix(hash, "$apr1$", "$1$"):
		return "hashed with MD5"
	case hasAnyPrefix(hash, "{SHA}"):
		return "hashed with SHA-1"
	case hasAnyPrefix(hash, "$5$", "$6$"):
		return "hashed with SHA-2"
	case hasAnyPrefix(hash, "$"):
		return "hashed in a way not known"
	case len(hash) == 13:
		return "hashed with DES, or plain text"
	}
	return "plain text"
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// loadTokens calls add for each token of the file.
func loadTokens(path string, add func(token string, id *Identity) (duplicate bool)) error {
	found := false
	err := readLines(path, func(_ int, text string) string {
		name, token, named := strings.Cut(text, ":")
		if !named {
			name, token = "", text
		}
		name, token = strings.TrimSpace(name), strings.TrimSpace(token)
		switch {
		case named && name == "":
			return "has no name before the colon; leave out the colon, too, or write name:token"
		case len(token) < minToken:
			return fmt.Sprintf("the token is shorter than %d characters and could be guessed; make one with: openssl rand -hex 32", minToken)
		case !isToken68(token):
			return "the token has a character that cannot be sent; allowed are letters, digits and -._~+/, and = at the end"
		case add(token, &Identity{Name: name, Scheme: "Bearer"}):
			return "the token was in the file already"
		}
		found = true
		return ""
	})
	if err == nil && !found {
		err = &FileError{path, 0, "has no tokens; make one with: openssl rand -hex 32"}
	}
	return err
}

// isToken68 reports whether s can be sent after "Bearer" (RFC 9110 §11.2).
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return s != ""
}
