//go:build race

package dirstore

// The race detector allocates too.
const maxStatAllocs = 100
