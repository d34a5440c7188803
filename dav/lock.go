package dav

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

func (x *exchange) lock() {
	x.refuse(condhttp.NewProblem(http.StatusNotImplemented, "method-not-implemented", "", ""))
}

func (x *exchange) unlock() { x.lock() }
