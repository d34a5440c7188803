//go:build !race

package origin_test

const raceDetector = false
