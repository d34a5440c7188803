//go:build !race

package logs

// floodLines is how many clients and URLs TestMemoryIsBounded has.
const floodLines = 1_000_000
