//go:build race

package dirstore

// The race detector allocates too.
const maxStatAllocs = 100

// lossyImages is about how many images of a lossy disk are judged: see wantedImages.
const lossyImages = 500
