//go:build race

package origin_test

// raceDetector is set where the race detector makes everything ten times slower:
// a quarter of the rounds then finds what there is to find.
const raceDetector = true
