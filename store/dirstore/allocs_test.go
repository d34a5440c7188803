//go:build !race

package dirstore

const maxStatAllocs = 1
