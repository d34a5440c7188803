package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

// properties returns the store as a store.Properties.
func (t *env) properties() store.Properties {
	t.Helper()
	return optional[store.Properties](t)
}

// set sets properties: keys and values in turn. It must succeed.
func (t *env) set(name string, pairs ...string) {
	t.Helper()
	changes := make(map[string]*string)
	for i := 0; i < len(pairs); i += 2 {
		changes[pairs[i]] = &pairs[i+1]
	}
	if err := t.properties().SetProperties(t.Context(), name, store.Any, changes); err != nil {
		t.Fatalf("SetProperties(%q): %v", name, err)
	}
}

// wantProperties checks all properties of name: keys and values in turn.
func (t *env) wantProperties(name string, pairs ...string) {
	t.Helper()
	got, err := t.properties().Properties(t.Context(), name)
	if err != nil {
		t.Errorf("Properties(%q): %v", name, err)
		return
	}
	want := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		want[pairs[i]] = pairs[i+1]
	}
	if !maps.Equal(got, want) {
		t.Errorf("%q has the properties %v, want %v", name, got, want)
	}
}

var propertyCases = []testCase{
	{
		"Properties/set",
		"SetProperties sets, replaces and removes, of resources and of collections; what Properties returns is the caller's",
		func(t *env) {
			p := t.properties()
			t.put("d/a", "content")
			for _, name := range []string{"d/a", "d", ""} {
				t.wantProperties(name)
				t.set(name, "k1", "v1", "k2", "", "DAV: ü", "<x/>")
				t.wantProperties(name, "k1", "v1", "k2", "", "DAV: ü", "<x/>")
				if got, err := p.Properties(t.Context(), name); err == nil {
					got["k1"] = "changed by the caller"
				}
				t.wantProperties(name, "k1", "v1", "k2", "", "DAV: ü", "<x/>")
				v3, v4 := "v3", "v4"
				changes := map[string]*string{"k1": &v3, "k2": nil, "k4": &v4, "never set": nil}
				if err := p.SetProperties(t.Context(), name, store.Any, changes); err != nil {
					t.Errorf("SetProperties(%q): %v", name, err)
				}
				t.wantProperties(name, "k1", "v3", "k4", "v4", "DAV: ü", "<x/>")
			}
		},
	},
	{
		"Properties/no-validators",
		"properties change neither content nor Revision nor Modified",
		func(t *env) {
			info := t.put("d/a", "content")
			collection := t.stat("d")
			t.set("d/a", "k", "v")
			t.set("d", "k", "v")
			t.wantInfo("Stat", t.wantContent("d/a", "content"), info)
			t.wantInfo("Stat", t.stat("d"), collection)
			t.commit(t.stage("d/a", "changed"), store.At(info.Revision))
		},
	},
	{
		"Properties/nothing",
		"what does not exist has none: ErrNotFound, and a *ConflictError if a revision was expected",
		func(t *env) {
			p := t.properties()
			old := t.put("gone", "content")
			t.remove("gone")
			v := "v"
			changes := map[string]*string{"k": &v}
			for _, name := range []string{"gone", "never", "d/never"} {
				_, err := p.Properties(t.Context(), name)
				t.wantErr(fmt.Sprintf("Properties(%q)", name), err, store.ErrNotFound)
				for _, expect := range []store.Expect{store.Any, store.Absent} {
					err = p.SetProperties(t.Context(), name, expect, changes)
					t.wantErr(fmt.Sprintf("SetProperties(%q, %v)", name, expect), err, store.ErrNotFound)
				}
				err = p.SetProperties(t.Context(), name, store.At(old.Revision), changes)
				t.wantConflict(fmt.Sprintf("SetProperties(%q)", name), err, name, store.At(old.Revision), store.Info{})
			}
			t.put("never", "content")
			t.wantProperties("never")
		},
	},
	{
		"Properties/stale",
		"if the expectation does not hold it is a *ConflictError, and nothing has changed; of a collection only Any holds",
		func(t *env) {
			p := t.properties()
			stale := t.put("d/a", "content")
			current := t.put("d/a", "content")
			t.set("d/a", "k", "before")
			t.set("d", "k", "before")
			v := "v"
			changes := map[string]*string{"k": &v}
			for _, expect := range []store.Expect{store.Absent, store.At(stale.Revision)} {
				err := p.SetProperties(t.Context(), "d/a", expect, changes)
				t.wantConflict("SetProperties(d/a)", err, "d/a", expect, current)
				err = p.SetProperties(t.Context(), "d", expect, changes)
				t.wantCollectionConflict("SetProperties(d)", err, "d", expect)
			}
			t.wantProperties("d/a", "k", "before")
			t.wantProperties("d", "k", "before")
			if err := p.SetProperties(t.Context(), "d/a", store.At(current.Revision), changes); err != nil {
				t.Errorf("SetProperties, expecting what is: %v", err)
			}
			t.wantProperties("d/a", "k", "v")
		},
	},
	{
		"Properties/bounds",
		"more or longer properties than a resource may have are ErrTooLarge, bad keys ErrName, and nothing of the change is made",
		func(t *env) {
			p := t.properties()
			t.put("a", "content")
			t.set("a", "k", "v")
			v, long := "v", strings.Repeat("x", store.MaxPropertyValue+1)
			full := strings.Repeat("x", store.MaxPropertyValue)
			many, large := make(map[string]*string), make(map[string]*string)
			for i := range store.MaxProperties {
				many[fmt.Sprint(i)] = &v
			}
			for i := range store.MaxPropertiesSize / store.MaxPropertyValue {
				large[fmt.Sprint(i)] = &full
			}
			for _, c := range []struct {
				what    string
				changes map[string]*string
				want    error
			}{
				{"a value too long", map[string]*string{"k": nil, "k2": &long}, store.ErrTooLarge},
				{"one too many", many, store.ErrTooLarge},
				{"too much together", large, store.ErrTooLarge},
				{"no key", map[string]*string{"k": nil, "": &v}, store.ErrName},
				{"a key too long", map[string]*string{"k": nil, strings.Repeat("k", store.MaxPropertyKey+1): &v}, store.ErrName},
				{"a key that is no text", map[string]*string{"k": nil, "\xff": &v}, store.ErrName},
			} {
				t.wantErr(c.what, p.SetProperties(t.Context(), "a", store.Any, c.changes), c.want)
				t.wantProperties("a", "k", "v")
			}
			delete(many, "0")
			if err := p.SetProperties(t.Context(), "a", store.Any, many); err != nil {
				t.Errorf("as many as may be: %v", err)
			}
			key := strings.Repeat("k", store.MaxPropertyKey)
			t.put("b", "content")
			t.set("b", key, full)
			t.wantProperties("b", key, full)
		},
	},
	{
		"Properties/commit",
		"properties stay when the content is replaced",
		func(t *env) {
			t.properties()
			t.put("a", "first")
			t.set("a", "k", "v")
			for _, content := range []string{"second", "", pattern("large", 1<<20)} {
				t.put("a", content)
				t.wantProperties("a", "k", "v")
			}
			d := t.stage("a", "refused")
			_, err := d.Commit(t.Context(), store.Absent)
			t.wantErr("Commit(absent)", err, store.ErrConflict)
			t.abort(d)
			t.wantProperties("a", "k", "v")
		},
	},
	{
		"Properties/deleted",
		"properties go away with their resource or collection, and are never those of another that has taken its name",
		func(t *env) {
			t.properties()
			for range 3 {
				t.put("a", "content")
				t.wantProperties("a")
				t.set("a", "k", "v")
				t.remove("a")
			}
			t.put("a/b", "now a is a collection")
			t.wantProperties("a")
			if c, ok := t.store.(store.Collections); ok {
				t.set("a", "k", "v")
				t.set("a/b", "k", "v")
				if err := c.DeleteCollection(t.Context(), "a"); err != nil {
					t.Fatalf("DeleteCollection(a): %v", err)
				}
				t.put("a/b", "again")
				t.wantProperties("a")
				t.wantProperties("a/b")
			}
		},
	},
	{
		"Properties/moved",
		"properties follow a move, of collections with all their members; those of what was replaced are gone",
		func(t *env) {
			t.put("a", "content")
			t.set("a", "k", "of a")
			t.put("b", "content")
			t.set("b", "k", "of b", "k2", "of b")
			t.move("Move", "a", "b")
			t.wantProperties("b", "k", "of a")
			t.put("a", "new")
			t.wantProperties("a")

			t.put("d/e/a", "content")
			t.put("t/e/a", "content")
			for _, name := range []string{"d", "d/e", "d/e/a", "t", "t/e/a"} {
				t.set(name, "k", "of "+name)
			}
			t.move("Move", "d", "t")
			t.wantProperties("t", "k", "of d")
			t.wantProperties("t/e", "k", "of d/e")
			t.wantProperties("t/e/a", "k", "of d/e/a")
			t.put("t/e/a", "changed")
			t.wantProperties("t/e/a", "k", "of d/e/a")
			t.put("d/e/a", "new")
			for _, name := range []string{"d", "d/e", "d/e/a"} {
				t.wantProperties(name)
			}
		},
	},
	{
		"Properties/copied",
		"a copy has the properties of its source, of collections with all their members, and from then on its own",
		func(t *env) {
			t.put("d/e/a", "content")
			t.put("t/e/a", "content")
			for _, name := range []string{"d", "d/e", "d/e/a", "t", "t/e", "t/e/a"} {
				t.set(name, "k", "of "+name)
			}
			t.move("Copy", "d", "t")
			for _, name := range []string{"", "/e", "/e/a"} {
				t.wantProperties("t"+name, "k", "of d"+name)
				t.wantProperties("d"+name, "k", "of d"+name)
				t.set("t"+name, "k", "of t now")
				t.wantProperties("d"+name, "k", "of d"+name)
			}
			t.put("b", "content")
			t.set("b", "k2", "of b")
			t.move("Copy", "d/e/a", "b")
			t.wantProperties("b", "k", "of d/e/a")
			t.remove("d/e/a")
			t.wantProperties("b", "k", "of d/e/a")
		},
	},
	{
		"Properties/one-step",
		"a change of several properties is made in one step",
		func(t *env) {
			p := t.properties()
			t.put("a", "content")
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					for n := range t.rounds() / 5 {
						v := fmt.Sprint(i, n)
						if err := p.SetProperties(t.Context(), "a", store.Any, map[string]*string{"k1": &v, "k2": &v}); err != nil {
							t.Errorf("SetProperties: %v", err)
						}
						if got, err := p.Properties(t.Context(), "a"); err != nil || got["k1"] != got["k2"] {
							t.Errorf("Properties during changes of both: %v, error %v", got, err)
						}
					}
				})
			}
			wg.Wait()
		},
	},
	{
		"Properties/names",
		"names that CheckName refuses are a *NameError",
		func(t *env) {
			p := t.properties()
			for _, name := range badNames {
				_, err := p.Properties(t.Context(), name)
				t.wantNameError(fmt.Sprintf("Properties(%q)", name), err)
				t.wantNameError(fmt.Sprintf("SetProperties(%q)", name), p.SetProperties(t.Context(), name, store.Any, nil))
			}
		},
	},
}

// keeper returns the store as a store.Keeper.
func (t *env) keeper() store.Keeper {
	t.Helper()
	return optional[store.Keeper](t)
}

// keep keeps a record, which must succeed.
func (t *env) keep(key, value string) {
	t.Helper()
	if err := t.keeper().Keep(t.Context(), key, []byte(value)); err != nil {
		t.Fatalf("Keep(%q): %v", key, err)
	}
}

// wantRecords checks what Kept yields: keys and values in turn.
func (t *env) wantRecords(prefix string, pairs ...string) {
	t.Helper()
	var got []string
	for r, err := range t.keeper().Kept(t.Context(), prefix) {
		if err != nil {
			t.Errorf("Kept(%q): %v", prefix, err)
			return
		}
		got = append(got, r.Key, string(r.Value))
	}
	if strings.Join(got, "\n") != strings.Join(pairs, "\n") {
		t.Errorf("Kept(%q) yields %q, want %q", prefix, got, pairs)
	}
}

var keeperCases = []testCase{
	{
		"Keeper/keeps",
		"Keep sets, replaces and removes; Kept yields the records of a prefix in the byte order of their keys",
		func(t *env) {
			t.wantRecords("")
			for _, key := range []string{"lock/b", "lock/a", "lock", "lock.", "locks/a", "other", "lock/ä", "\x00"} {
				t.keep(key, "of "+key)
			}
			t.keep("lock/b", "again")
			t.wantRecords("lock/", "lock/a", "of lock/a", "lock/b", "again", "lock/ä", "of lock/ä")
			t.wantRecords("none")
			for _, key := range []string{"lock/b", "never"} {
				if err := t.keeper().Keep(t.Context(), key, nil); err != nil {
					t.Errorf("removing %q: %v", key, err)
				}
			}
			t.keep("lock.", "")
			t.wantRecords("", "\x00", "of \x00", "lock", "of lock", "lock.", "", "lock/a", "of lock/a",
				"lock/ä", "of lock/ä", "locks/a", "of locks/a", "other", "of other")
		},
	},
	{
		"Keeper/own-values",
		"values are the caller's, those given and those yielded",
		func(t *env) {
			k := t.keeper()
			value := []byte("value")
			if err := k.Keep(t.Context(), "key", value); err != nil {
				t.Fatal(err)
			}
			copy(value, "other")
			for r, err := range k.Kept(t.Context(), "") {
				if err == nil {
					copy(r.Value, "third")
				}
			}
			t.wantRecords("", "key", "value")
		},
	},
	{
		"Keeper/bounds",
		"values too large are ErrTooLarge, bad keys ErrName, and nothing is kept of them",
		func(t *env) {
			k := t.keeper()
			t.keep("key", "value")
			t.wantErr("a value too large", k.Keep(t.Context(), "key", make([]byte, store.MaxRecordValue+1)), store.ErrTooLarge)
			for _, key := range []string{"", "\xff", strings.Repeat("k", store.MaxPropertyKey+1)} {
				t.wantErr("a bad key", k.Keep(t.Context(), key, []byte("value")), store.ErrName)
			}
			t.wantRecords("", "key", "value")
			longest := strings.Repeat("k", store.MaxPropertyKey)
			t.keep(longest, strings.Repeat("v", store.MaxRecordValue))
			t.wantRecords("kk", longest, strings.Repeat("v", store.MaxRecordValue))
		},
	},
	{
		"Keeper/apart",
		"no name leads to a record, and no record follows a name",
		func(t *env) {
			t.keep("a", "value")
			t.wantNothing("a")
			t.wantMembers("")
			t.put("a", "content")
			t.remove("a")
			t.wantRecords("", "a", "value")
		},
	},
	{
		"Keeper/cancelled",
		"a record kept with a context that is cancelled is kept, or the error is context.Canceled and it is not",
		func(t *env) {
			if err := t.keeper().Keep(t.cancelled(), "a", []byte("value")); err != nil {
				t.wantErr("Keep", err, context.Canceled)
				t.wantRecords("")
			} else {
				t.wantRecords("", "a", "value")
			}
			for _, err := range t.keeper().Kept(t.cancelled(), "") {
				if err != nil {
					t.wantErr("Kept", err, context.Canceled)
				}
			}
		},
	},
	{
		"Keeper/one-moment",
		"Kept yields the records as they were at one moment, while others are kept",
		func(t *env) {
			t.keep("1", "0")
			t.keep("2", "0")
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := range t.rounds() {
					t.keep("1", fmt.Sprint(i))
					t.keep("2", fmt.Sprint(i))
				}
			})
			wg.Go(func() {
				for range t.rounds() {
					var values []int
					for r := range t.keeper().Kept(t.Context(), "") {
						var n int
						fmt.Sscan(string(r.Value), &n)
						values = append(values, n)
					}
					if len(values) != 2 || values[0] != values[1] && values[0] != values[1]+1 {
						t.Errorf("Kept yields the values %v, which were never kept together", values)
					}
				}
			})
			wg.Wait()
		},
	},
}

// purger returns the store as a store.Purger.
func (t *env) purger() store.Purger {
	t.Helper()
	return optional[store.Purger](t)
}

// wantPurged checks what Purge returns.
func (t *env) wantPurged(name string, rev store.Revision, want int) {
	t.Helper()
	if n, err := t.purger().Purge(t.Context(), name, rev); n != want || err != nil {
		t.Errorf("Purge(%q, %d) is %d, error %v; want %d", name, rev, n, err, want)
	}
}

// wantOpens checks which of the revisions of a name can be opened.
func (t *env) wantOpens(infos []store.Info, want ...int) {
	t.Helper()
	var got []int
	for i, info := range infos {
		c, err := t.store.Open(t.Context(), info.Name, info.Revision)
		switch {
		case err == nil:
			got = append(got, i)
			t.close(c)
		case !errors.Is(err, store.ErrGone) && !errors.Is(err, store.ErrNotFound):
			t.Errorf("Open(%q, %d): %v", info.Name, info.Revision, err)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("of the revisions 0 to %d there are %v, want %v", len(infos)-1, got, want)
	}
}

var purgeCases = []testCase{
	{
		"Purge/one",
		"Purge forgets the content of one earlier revision for good",
		func(t *env) {
			t.purger()
			infos := []store.Info{t.put("a", "0"), t.put("a", "1"), t.put("a", "2")}
			t.wantOpens(infos, 0, 1, 2)
			t.wantPurged("a", infos[1].Revision, 1)
			t.wantOpens(infos, 0, 2)
			t.wantContent("a", "2")
		},
	},
	{
		"Purge/all",
		"with 0 Purge forgets all revisions before the current one, and says how many those were; after a deletion that is all of them",
		func(t *env) {
			t.purger()
			infos := []store.Info{t.put("a", "0"), t.put("a", "1"), t.put("a", "2")}
			t.wantPurged("a", 0, 2)
			t.wantOpens(infos, 2)
			t.wantPurged("a", 0, 0)
			t.wantContent("a", "2")
			t.remove("a")
			t.wantPurged("a", 0, 1)
			t.wantOpens(infos)
			t.wantPurged("never", 0, 0)
		},
	},
	{
		"Purge/current",
		"the current revision stays whatever is asked for; what is not kept is ErrGone",
		func(t *env) {
			p := t.purger()
			infos := []store.Info{t.put("a", "0"), t.put("a", "1")}
			for _, rev := range []store.Revision{infos[1].Revision, infos[1].Revision + 1000} {
				_, err := p.Purge(t.Context(), "a", rev)
				t.wantErr(fmt.Sprintf("Purge(a, %d)", rev), err, store.ErrGone)
			}
			_, err := p.Purge(t.Context(), "never", 1)
			t.wantErr("Purge of what never was", err, store.ErrGone)
			t.wantOpens(infos, 0, 1)
		},
	},
	{
		"Purge/grows",
		"what was purged counts still: revisions and dates of what follows are later",
		func(t *env) {
			t.purger()
			var last store.Revision
			for i := range 5 {
				t.wantLater(&last, t.put("a", fmt.Sprint(i)))
				t.remove("a")
				t.wantPurged("a", 0, 1)
				d := t.stage("a", "new")
				t.wantModified("the created revision", store.Absent, d)
				t.wantLater(&last, t.stat("a"))
				t.remove("a")
				t.wantPurged("a", 0, 1)
			}
		},
	},
	{
		"Purge/names",
		"names that CheckName refuses are a *NameError",
		func(t *env) {
			for _, name := range badNames {
				_, err := t.purger().Purge(t.Context(), name, 0)
				t.wantNameError(fmt.Sprintf("Purge(%q)", name), err)
			}
		},
	},
}
