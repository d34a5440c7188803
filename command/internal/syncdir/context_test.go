package syncdir_test

import stdcontext "context"

// context is for what ends by itself.
func context() stdcontext.Context { return stdcontext.Background() }
