package s3engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// patience is how long the engine may take to begin an answer.
const patience = 30 * time.Second

// maxPrefix bounds the prefix within the bucket, in bytes, so that every key fits 1024.
const maxPrefix = 512

// A Location says where the engine is. Its form as a URL is
//
//	s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style=yes&tags=unquoted&versioning=accept
type Location struct {
	Bucket, Prefix string
	// Endpoints are the addresses of the service, if it is not the one of the usual environment
	// (AWS_ENDPOINT_URL_S3, the files of profiles). Requests go to the first.
	Endpoints []string
	// Region is empty for that of the environment, or us-east-1 if that has none and there are Endpoints.
	Region string
	// VirtualHost puts the bucket in the host name although there are Endpoints.
	VirtualHost bool
	// Unquoted sends the tags of If-Match without quotes, which Ceph before 20 needs. [Engine.Tags] finds it out.
	Unquoted bool
	// Versioned accepts a bucket that keeps every version of every head.
	Versioned bool
}

// ParseLocation reads the form of a URL.
func ParseLocation(text string) (Location, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Location{}, fmt.Errorf("%q is not a URL: %w", text, err)
	}
	l := Location{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	switch {
	case u.Scheme != "s3" || u.Host == "" || u.Opaque != "":
		return Location{}, fmt.Errorf("%q does not name a bucket: write s3://BUCKET/PREFIX", text)
	case u.User != nil:
		return Location{}, errors.New("credentials do not belong in the URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
	case len(l.Prefix) > maxPrefix:
		return Location{}, fmt.Errorf("the prefix has %d bytes; at most %d are possible", len(l.Prefix), maxPrefix)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Location{}, fmt.Errorf("%q: %w", text, err)
	}
	for key, values := range query {
		if err := l.set(key, values); err != nil {
			return Location{}, err
		}
	}
	return l, nil
}

// set takes one parameter.
func (l *Location) set(key string, values []string) error {
	value := values[0]
	switch key {
	case "endpoint":
		for _, e := range values {
			if u, err := url.Parse(e); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return fmt.Errorf("endpoint %q is not a URL: write https://HOST:PORT", e)
			}
		}
		l.Endpoints = values
		return nil
	case "region":
		l.Region = value
		return nil
	case "path-style", "tags", "versioning":
	default:
		return fmt.Errorf("parameter %q is not known; there are endpoint, region, path-style, tags and versioning", key)
	}
	switch key + "=" + value {
	case "path-style=yes", "tags=quoted":
	case "path-style=no":
		l.VirtualHost = true
	case "tags=unquoted":
		l.Unquoted = true
	case "versioning=accept":
		l.Versioned = true
	default:
		return fmt.Errorf("%s=%s: possible are path-style=yes or no, tags=quoted or unquoted, versioning=accept", key, value)
	}
	return nil
}

// Engine is an open bucket. Its parts may be used by any number of goroutines.
type Engine struct {
	Location

	client *s3.Client // repeats what may be repeated
	once   *s3.Client // sends what is sent once

	levels bounded // the names of levels that are known to be kept, by hash
	loose  bounded // uploads that a listing has shown unfinished, by key
}

// Open prepares an engine. It sends nothing: [Engine.Reach] does.
// Credentials come from the usual environment and files.
func Open(ctx context.Context, l Location) (*Engine, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
	}
	if l.Region != "" {
		options = append(options, config.WithRegion(l.Region))
	}
	options = append(options, config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
		t.ResponseHeaderTimeout = patience
	})))
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("settings of S3: %w", err)
	}
	if settings.Region == "" {
		if len(l.Endpoints) == 0 && settings.BaseEndpoint == nil {
			return nil, errors.New("no region: set AWS_REGION, or add ?region=NAME to the URL")
		}
		settings.Region = "us-east-1"
	}
	e := &Engine{Location: l}
	e.Region = settings.Region
	e.client, e.once = s3.NewFromConfig(settings, e.options(3)), s3.NewFromConfig(settings, e.options(1))
	return e, nil
}

// options returns what all clients have in common.
func (e *Engine) options(attempts int) func(*s3.Options) {
	return func(o *s3.Options) {
		o.RetryMaxAttempts = attempts
		o.DisableLogOutputChecksumValidationSkipped = true
		if len(e.Endpoints) > 0 {
			o.BaseEndpoint = aws.String(strings.TrimSuffix(e.Endpoints[0], "/"))
		}
		o.UsePathStyle = o.BaseEndpoint != nil && !e.VirtualHost
	}
}

// ways returns the engine as it is reached through each of its endpoints, itself first.
func (e *Engine) ways(ctx context.Context) ([]*Engine, error) {
	ways := []*Engine{e}
	for i := range e.Endpoints {
		if i == 0 {
			continue
		}
		l := e.Location
		l.Endpoints = slices.Concat(l.Endpoints[i:], l.Endpoints[:i])
		w, err := Open(ctx, l)
		if err != nil {
			return nil, err
		}
		ways = append(ways, w)
	}
	return ways, nil
}

// Reach asks whether the bucket is there and can be used: one listing, and what is set of versions and locks. The
// error is one line that says what to do.
func (e *Engine) Reach(ctx context.Context) error {
	_, err := e.once.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &e.Bucket, Prefix: aws.String(e.key("")), MaxKeys: aws.Int32(1)})
	if err != nil {
		return e.explain(err)
	}
	if lock, err := e.once.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &e.Bucket}); err == nil {
		if c := lock.ObjectLockConfiguration; c != nil && c.ObjectLockEnabled == types.ObjectLockEnabledEnabled {
			return fmt.Errorf("bucket %q has object lock on: content that nothing names could not be removed; use a bucket without it", e.Bucket)
		}
	}
	// A server that does not know these questions has neither, and who may not ask need not be told.
	if v, err := e.once.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &e.Bucket}); err == nil && !e.Versioned {
		if v.Status == types.BucketVersioningStatusEnabled {
			return fmt.Errorf("bucket %q has versioning on: every write would keep the head before it for ever; "+
				"suspend it, or add ?versioning=accept to the URL and a lifecycle rule to the bucket", e.Bucket)
		}
	}
	return nil
}

// Heads returns the part with the heads.
func (e *Engine) Heads() *Heads { return &Heads{e} }

// Contents returns the part with the contents.
func (e *Engine) Contents() *Contents { return &Contents{e} }
