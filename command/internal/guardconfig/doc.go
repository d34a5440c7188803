// Package guardconfig reads the configuration file of fourtwelve guard: YAML
// (1.2.2), described in docs/guard.md.
//
//	c, err := guardconfig.Load("guard.yaml")
//	if err != nil {
//		return err // guard.yaml:7:5: unknown key "requre"; did you mean "require"? …
//	}
//	c.Guard.Observe = observe
//	h, err := guard.New(c.Guard)
//
// Nothing in a file is ignored: a key that is not known, a value that says nothing
// and a route that no request can reach are mistakes, and each is reported
// with its line and column. Anchors, aliases, tags and merge keys of YAML are
// refused; what routes have in common is said once, in "defaults".
package guardconfig
