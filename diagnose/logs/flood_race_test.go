//go:build race

package logs

// floodLines is smaller under the race detector, which makes each line ten times as slow.
const floodLines = 300_000
