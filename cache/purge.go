package cache

import (
	"slices"
	"strings"
	"time"
)

// Selection says what of that which is stored is meant: what one of the members names. The zero value is nothing.
type Selection struct {
	// All is everything.
	All bool
	// Targets are URIs as [Target] writes them: all responses that are stored for them, whatever they vary by. With AnyQuery the
	// query does not count.
	Targets  []string
	AnyQuery bool
	// Prefixes are what target URIs begin with, byte for byte.
	Prefixes []string
	// Tags are what origins call responses by: see [Tags].
	Tags []string
}

// IsZero reports whether s means nothing, whatever is stored.
func (s *Selection) IsZero() bool {
	return !s.All && len(s.Targets) == 0 && len(s.Prefixes) == 0 && len(s.Tags) == 0
}

// Has reports whether s means a response with these fields that is stored under key.
func (s *Selection) Has(key string, header map[string][]string) bool {
	target := KeyTarget(key)
	if s.All || slices.Contains(s.Targets, target) || s.hasByRule(key, target) {
		return true
	}
	if s.AnyQuery {
		path := withoutQuery(target)
		if slices.ContainsFunc(s.Targets, func(t string) bool { return withoutQuery(t) == path }) {
			return true
		}
	}
	if slices.ContainsFunc(s.Prefixes, func(p string) bool { return strings.HasPrefix(target, p) }) {
		return true
	}
	return len(s.Tags) > 0 && slices.ContainsFunc(Tags(header), func(tag string) bool { return slices.Contains(s.Tags, tag) })
}

// KeyTarget is the target URI of a key: what stands before "#".
func KeyTarget(key string) string {
	target, _, _ := strings.Cut(key, "#")
	target, _, _ = strings.Cut(target, byRule)
	return target
}

// hasByRule reports whether a target of s is one that what is stored under key serves by No-Vary-Search.
func (s *Selection) hasByRule(key, target string) bool {
	_, rule, ok := strings.Cut(key, byRule)
	if !ok || len(s.Targets) == 0 {
		return false
	}
	return slices.ContainsFunc(s.Targets, func(t string) bool { return KeyTarget(withRule(t, rule)) == target })
}

func withoutQuery(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// maxTags bounds how many tags of a response count.
const maxTags = 256

// Tags are the names by which an origin lets responses be purged together: the members of Cache-Groups (RFC 9875), of
// Cache-Tag, which commas separate, and of Surrogate-Key, which blanks do. The first 256 count.
func Tags(header map[string][]string) []string {
	all := Groups(header)
	for _, field := range []struct {
		name      string
		separates func(rune) bool
	}{
		{"Cache-Tag", func(r rune) bool { return r == ',' }},
		{"Surrogate-Key", func(r rune) bool { return r == ' ' || r == '\t' }},
	} {
		for _, line := range header[field.name] {
			for tag := range strings.FieldsFuncSeq(line, field.separates) {
				if tag = strings.Trim(tag, " \t"); tag != "" && len(all) < maxTags {
					all = append(all, tag)
				}
			}
		}
	}
	return all
}

// Purged is what a purge has found.
type Purged struct {
	// Targets are the keys under which something was, Responses how many that were, and Bytes their content.
	Targets, Responses int
	Bytes              int64
}

// durable is a [Storage] that outlives the process. Sync returns when what was removed will not come back with the next one.
type durable interface{ Sync() error }

// purgedAtOnce is how many keys are dealt with before others may store.
const purgedAtOnce = 128

// Purge removes what s means. It is served to no request that begins after Purge has returned, and neither is what was on its way from
// the origin when Purge began, which is not stored. An error is that of a storage that could not forget for good: what is still there
// is not served by this process, and may be by the next one.
func (t *Transport) Purge(s Selection) (Purged, error) {
	done := t.purge(s, time.Time{})
	if disk, ok := t.storage.(durable); ok && !s.IsZero() {
		return done, disk.Sync()
	}
	return done, nil
}

// Expire makes what s means stale from now on, and what is on its way is not stored. It is validated before it is served, or served
// stale where the origin allows that for so long after the end of its lifetime (RFC 5861), which is now.
func (t *Transport) Expire(s Selection) Purged { return t.purge(s, t.options.Now()) }

// purge removes what s means, or makes it stale at a time.
func (t *Transport) purge(s Selection, expired time.Time) (done Purged) {
	if s.IsZero() {
		return done
	}
	t.changing.Lock()
	t.markSelection(s, expired.IsZero())
	keys := t.selected(s)
	t.changing.Unlock()
	// What is stored from now on was asked for after the purge: if it is purged too, it is asked for again.
	for some := range slices.Chunk(keys, purgedAtOnce) {
		t.changing.Lock()
		for _, key := range some {
			t.purgeKey(key, s, expired, &done)
		}
		t.changing.Unlock()
	}
	if len(keys) > 0 {
		// Who looked after the first mark and before the removal has seen what is gone now.
		t.changing.Lock()
		t.markSelection(s, expired.IsZero())
		t.changing.Unlock()
	}
	return done
}

// markSelection sets the marks of what s means, in both ledgers at the same time.
func (t *Transport) markSelection(s Selection, hard bool) {
	now := t.marks.tick()
	t.marks.setSelection(s, now)
	if hard {
		t.purges.setSelection(s, now)
	}
}

func (t *Transport) purgeKey(key string, s Selection, expired time.Time, done *Purged) {
	var left []*Entry
	found := 0
	for _, e := range t.storage.Load(key) {
		if !s.Has(key, e.Header) {
			left = append(left, e)
			continue
		}
		found++
		done.Bytes += e.kept()
		if !expired.IsZero() {
			left = append(left, e.expired(expired))
		}
	}
	if found > 0 {
		done.Targets++
		done.Responses += found
		t.storage.Store(key, left)
	}
}

// expired is e, stale since a time, or since before that.
func (e *Entry) expired(since time.Time) *Entry {
	if !e.Expired.IsZero() {
		return e
	}
	stale := *e.Stored
	stale.Expired = since
	return e.with(&stale)
}

// selected returns the keys of what s may mean.
func (t *Transport) selected(s Selection) []string {
	found := make(map[string]bool)
	var keys []string
	add := func(key string) {
		if !found[key] {
			found[key] = true
			keys = append(keys, key)
		}
	}
	if s.All || len(s.Targets) > 0 || len(s.Prefixes) > 0 {
		byTarget := s
		byTarget.Tags = nil
		for key := range t.storage.All() {
			if byTarget.Has(key, nil) {
				add(key)
			}
		}
	}
	for key := range t.tagged(s.Tags, t.storage) {
		add(key)
	}
	return keys
}

// kept is how much content of e is there.
func (e *Entry) kept() (n int64) {
	for _, p := range e.Pieces {
		n += p.Content.Size()
	}
	return n
}

// setSelection sets the marks of what s means.
func (m *marks) setSelection(s Selection, now uint64) {
	if s.All {
		m.all = now
	}
	for _, target := range s.Targets {
		m.setAt(targetMark(target), now)
		m.setAt(ruleMark(target), now)
		if s.AnyQuery {
			m.setAt(pathMark(target), now)
		}
	}
	for _, prefix := range s.Prefixes {
		m.prefixes.add(prefix, now)
	}
	for _, tag := range s.Tags {
		m.setAt(tagMark(tag), now)
	}
}

// selectedSince reports whether what has these fields and is stored under key may have been meant by a selection after turn.
func (m *marks) selectedSince(turn uint64, key string, header map[string][]string) bool {
	target := KeyTarget(key)
	if strings.Contains(key, byRule) && m.since(turn, ruleMark(target)) {
		return true
	}
	return m.since(turn, targetMark(target)) || m.since(turn, pathMark(target)) || m.prefixSince(turn, target) ||
		slices.ContainsFunc(Tags(header), func(tag string) bool { return m.since(turn, tagMark(tag)) })
}

func targetMark(target string) string { return "target " + target }
func pathMark(target string) string   { return "path " + withoutQuery(target) }
func ruleMark(target string) string   { return "rule " + withoutQuery(target) }
func tagMark(tag string) string       { return "tag " + tag }

// invalidatedSince reports whether what has these fields and is stored under key and alias may have been invalidated or purged after
// turn. The caller holds the lock.
func (l *ledger) invalidatedSince(turn uint64, key, alias string, header map[string][]string) bool {
	m := &l.marks
	if m.since(turn, key) || m.since(turn, alias) || m.treeSince(turn, alias) || m.selectedSince(turn, key, header) {
		return true
	}
	if groups := Groups(header); len(groups) > 0 {
		origin := originOf([]string{key})
		return slices.ContainsFunc(groups, func(group string) bool { return m.since(turn, groupMark(origin, group)) })
	}
	return false
}

// purgedSince reports whether e, which is stored under key, may have been removed by a purge after turn.
func (l *ledger) purgedSince(turn uint64, key string, e *Entry) bool {
	l.changing.Lock()
	defer l.changing.Unlock()
	return l.purges.selectedSince(turn, key, e.Header)
}
