//go:build !race

package dirstore

const maxStatAllocs = 1

// lossyImages is about how many images of a lossy disk are judged: see wantedImages.
const lossyImages = 3_000
