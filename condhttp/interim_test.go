package condhttp

import (
	"context"
	"net/http/httptrace"
	"net/textproto"
)

// withInterim notes the status codes of interim responses in got.
func withInterim(ctx context.Context, got *[]int) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(status int, _ textproto.MIMEHeader) error {
			*got = append(*got, status)
			return nil
		},
	})
}
