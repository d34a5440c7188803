//go:build !linux && !darwin

package deadline

import "errors"

// Wait is [errors.ErrUnsupported]: this system tells nobody that something can be read.
func (c *conn) Wait() error { return errors.ErrUnsupported }
