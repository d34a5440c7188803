package s3engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// status returns the status of the answer that err is about, 0 if there was none.
func status(err error) int {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok && r.Response != nil && r.Response.Response != nil {
		return r.HTTPStatusCode()
	}
	return 0
}

// code returns what the engine calls the error, as in "NoSuchBucket".
func code(err error) string {
	if a, ok := errors.AsType[smithy.APIError](err); ok {
		return a.ErrorCode()
	}
	return ""
}

// isMissing reports whether err says that there is no such object, while the bucket is there.
func isMissing(err error) bool {
	return status(err) == http.StatusNotFound && code(err) != "NoSuchBucket"
}

// isThrottled reports whether the engine refused a request for asking too much: it surely did nothing.
func isThrottled(err error) bool {
	switch code(err) {
	case "SlowDown", "TooManyRequests", "RequestLimitExceeded", "ThrottlingException", "Throttling":
		return true
	}
	return status(err) == http.StatusTooManyRequests
}

// isUnsent reports whether no connection was made, so that nothing was sent.
func isUnsent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// pauses yields how to wait before each further try, with jitter, until that is no use any more.
func pauses(yield func(func(context.Context) bool) bool) {
	for pause := 50 * time.Millisecond; pause <= 800*time.Millisecond; pause *= 2 {
		wait := func(ctx context.Context) bool {
			timer := time.NewTimer(pause/2 + rand.N(pause))
			defer timer.Stop()
			select {
			case <-timer.C:
				return true
			case <-ctx.Done():
				return false
			}
		}
		if !yield(wait) {
			return
		}
	}
}

var _ iter.Seq[func(context.Context) bool] = pauses

// A waitError is store.ErrUnavailable for a time.
type waitError struct {
	err   error
	after time.Duration
}

func (e *waitError) Error() string             { return e.err.Error() }
func (e *waitError) Unwrap() []error           { return []error{store.ErrUnavailable, e.err} }
func (e *waitError) RetryAfter() time.Duration { return e.after }

// unavailable is the failure of a request that nothing depends on.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &waitError{err, 5 * time.Second}
}

// failure is the error of a request that surely changed nothing, or nothing that is named.
func (e *Engine) failure(ctx context.Context, err error) error {
	switch s := status(err); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s == 0, s >= 500, isThrottled(err), code(err) == "RequestTimeout":
		return &waitError{e.explain(err), 5 * time.Second}
	}
	return e.explain(err)
}

// swapFailure is the error of a Swap. Whatever does not say for sure that nothing was done is store.ErrUnknown: 409, which
// another writer causes, and 5xx too.
func (e *Engine) swapFailure(ctx context.Context, err error) error {
	switch s := status(err); {
	case s == http.StatusPreconditionFailed, isMissing(err):
		return clusterstore.ErrSwapped
	case isThrottled(err), s == 0 && isUnsent(err):
		return &waitError{e.explain(err), 5 * time.Second}
	case s == 0, s == http.StatusConflict, s == http.StatusRequestTimeout, s >= 500, s < 300:
		return fmt.Errorf("%w: %w", store.ErrUnknown, e.explain(err))
	}
	return e.explain(err)
}

// explain returns err in one line for whoever runs the engine.
func (e *Engine) explain(err error) error {
	s, c := status(err), code(err)
	where := "s3://" + e.Bucket
	if len(e.Endpoints) > 0 {
		where += " at " + e.Endpoints[0]
	}
	say := func(kind error, format string, args ...any) error {
		text := where + ": " + fmt.Sprintf(format, args...)
		return &explained{text, kind, err}
	}
	switch c {
	case "NoSuchBucket":
		return say(nil, "there is no such bucket; create it, or check its name and the endpoint")
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return say(store.ErrReadOnly, "access denied; the credentials need s3:ListBucket on the bucket and s3:GetObject, s3:PutObject, "+
			"s3:DeleteObject and s3:AbortMultipartUpload on its objects")
	case "ExpiredToken", "TokenRefreshRequired":
		return say(store.ErrUnavailable, "the credentials have expired; get new ones")
	case "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch":
		return say(nil, "the credentials are not accepted (%s); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile", c)
	case "RequestTimeTooSkewed":
		return say(store.ErrUnavailable, "this machine's clock differs too much from the engine's; set it right")
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "MovedPermanently":
		return say(nil, "the bucket is in %s, and requests went to region %q; set AWS_REGION or ?region=", e.regionOf(err), e.Region)
	case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull":
		return say(store.ErrNoSpace, "no space left (%s)", c)
	case "NotImplemented":
		return say(nil, "the engine does not know a part of the request (501): it has no conditional PUT, or not this operation")
	}
	if isThrottled(err) {
		return say(store.ErrUnavailable, "asks for fewer requests (%s)", c)
	}
	return e.explainStatus(err, s, c, say)
}

// explainStatus is explain for errors whose name says nothing.
func (e *Engine) explainStatus(err error, s int, c string, say func(error, string, ...any) error) error {
	switch {
	case s == http.StatusMovedPermanently || s == http.StatusTemporaryRedirect:
		return say(nil, "the bucket is in %s, and requests went to region %q; set AWS_REGION or ?region=", e.regionOf(err), e.Region)
	case s == http.StatusForbidden:
		return say(store.ErrReadOnly, "access denied (403)")
	case s == http.StatusInsufficientStorage:
		return say(store.ErrNoSpace, "no space left (507)")
	case s >= 500:
		return say(nil, "the engine failed (%d %s)", s, c)
	case s != 0 && c == "":
		return say(nil, "what answered (%d) does not speak S3; check the endpoint", s)
	case s != 0:
		return say(nil, "%d %s", s, c)
	case isUnsent(err):
		return say(store.ErrUnavailable, "cannot be reached; check the endpoint and the network (%v)", cause(err))
	}
	return say(nil, "%v", cause(err))
}

// regionOf returns the region that a redirection names.
func (e *Engine) regionOf(err error) string {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok && r.Response != nil {
		if region := r.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return fmt.Sprintf("region %q", region)
		}
	}
	return "another region"
}

// cause returns the innermost error that says what happened, without the library's account of how it got there.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// explained is an error with words of ours.
type explained struct {
	text string
	kind error // what errors.Is finds beside err; may be nil
	err  error
}

func (e *explained) Error() string { return e.text }

func (e *explained) Unwrap() []error {
	if e.kind == nil {
		return []error{e.err}
	}
	return []error{e.kind, e.err}
}
