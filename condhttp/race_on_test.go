//go:build race

package condhttp

const raceEnabled = true
