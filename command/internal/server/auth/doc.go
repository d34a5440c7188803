// Package auth checks the credentials of requests against files: passwords in an
// htpasswd file (Basic, RFC 7617) and tokens (Bearer, RFC 6750).
//
//	c, err := auth.Load([]string{"htpasswd:users", "bearer:tokens"})
//	if err != nil {
//		return err
//	}
//	id, err := c.Check(r.Context(), r.Header["Authorization"])
//
// An htpasswd file has a line "name:hash" for each user; only bcrypt hashes are
// accepted. A token file has a line "name:token", or just "token", for each
// token. In both, empty lines and lines that begin with "#" are comments.
//
// # What it withstands
//
// A password is hashed with bcrypt the first time it is seen; for five minutes
// afterwards it is recognised by a hash keyed with a secret of this process, so that a
// client which sends it with each request does not pay bcrypt for each. Unknown
// users take as long as known ones. At most half of the processors check
// passwords at any moment, and at most 64 requests wait for their turn; more are
// turned away with [ErrBusy]. There is no lock-out after failures: that would let
// anyone lock out everyone.
//
// Tokens are looked up by the same keyed hash, so that the time a lookup takes
// says nothing about them.
package auth
