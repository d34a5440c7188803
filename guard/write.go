package guard

import "net/http"

func (x *exchange) write(out *http.Request) (*http.Response, error) { return x.send(out) }
