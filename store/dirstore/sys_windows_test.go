package dirstore

import "testing"

func makeFIFO(tb testing.TB, _ string) { tb.Skip("there are no special files here") }
