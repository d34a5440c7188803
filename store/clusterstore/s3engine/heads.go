package s3engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// Heads is a [clusterstore.Heads]. A Token is the entity tag of the object, without its quotes. Listings
// have no records. One listing returns one level: a prefix is everything up to the last slash of the
// names wanted, with or without the beginning of what follows it, and names deeper down are left out.
type Heads struct{ e *Engine }

var _ clusterstore.Heads = (*Heads)(nil)

// Get sends one request, which is answered without the record if known is current.
func (h *Heads) Get(ctx context.Context, name string, known clusterstore.Token) ([]byte, clusterstore.Token, error) {
	key, err := h.e.headKey(name)
	if err != nil {
		return nil, "", err
	}
	in := &s3.GetObjectInput{Bucket: &h.e.Bucket, Key: &key}
	if known != "" {
		in.IfNoneMatch = aws.String(quoted(known))
	}
	out, err := h.e.client.GetObject(ctx, in)
	switch {
	case status(err) == 304:
		return nil, known, nil
	case isMissing(err):
		return nil, "", nil
	case err != nil:
		return nil, "", h.e.failure(ctx, err)
	}
	defer out.Body.Close()
	token := tokenOf(out.ETag)
	if token == "" {
		return nil, "", fmt.Errorf("head %q: the engine sends no entity tag", name)
	}
	if token == known {
		return nil, known, nil
	}
	record, err := io.ReadAll(io.LimitReader(out.Body, clusterstore.MaxRecord+1))
	switch {
	case err != nil:
		return nil, "", unavailable(ctx, err)
	case len(record) > clusterstore.MaxRecord:
		return nil, "", fmt.Errorf("head %q: longer than %d bytes; it is none of ours", name, clusterstore.MaxRecord)
	}
	return record, token, nil
}

// Swap sends one PUT with If-Match, or If-None-Match: * if old is empty. Only a request that the engine refused for
// asking too much is sent again, since it surely was not carried out.
func (h *Heads) Swap(ctx context.Context, name string, old clusterstore.Token, record []byte) (clusterstore.Token, error) {
	key, err := h.e.headKey(name)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	in := &s3.PutObjectInput{Bucket: &h.e.Bucket, Key: &key, ContentLength: aws.Int64(int64(len(record)))}
	switch {
	case old == "":
		in.IfNoneMatch = aws.String("*")
	case h.e.Unquoted:
		in.IfMatch = aws.String(string(old))
	default:
		in.IfMatch = aws.String(quoted(old))
	}
	var out *s3.PutObjectOutput
	for pause := range pauses {
		in.Body = bytes.NewReader(record)
		if out, err = h.e.once.PutObject(ctx, in); !isThrottled(err) {
			break
		}
		if !pause(ctx) {
			break
		}
	}
	if err != nil {
		return "", h.e.swapFailure(ctx, err)
	}
	token := tokenOf(out.ETag)
	if token == "" {
		return "", fmt.Errorf("%w: the engine answered %q without an entity tag", store.ErrUnknown, name)
	}
	return token, nil
}

// List asks for one page of one level: a bounded request, however many names there are elsewhere.
func (h *Heads) List(
	ctx context.Context, prefix, after string, n int,
) (page []clusterstore.Listed, next string, err error) {
	level, beginning := split(prefix)
	folder := h.e.key("h/" + hash(level) + "/")
	in := &s3.ListObjectsV2Input{
		Bucket: &h.e.Bucket, Prefix: &folder, MaxKeys: aws.Int32(int32(min(n, 1000))), EncodingType: types.EncodingTypeUrl,
	}
	if beginning != "" {
		in.Prefix = aws.String(folder + escape(beginning))
	}
	if rest, ok := strings.CutPrefix(after, level+"/"); ok {
		in.StartAfter = aws.String(folder + escape(rest))
	}
	out, err := h.e.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, "", h.e.failure(ctx, err)
	}
	for _, o := range out.Contents {
		key, err := decodeKey(o.Key, out.EncodingType)
		if err != nil {
			return nil, "", err
		}
		part, ok := strings.CutPrefix(key, folder)
		name := level + "/" + unescape(part)
		if !ok || part == "" || strings.Contains(part, "/") || name <= after {
			continue // not ours, or a server that does not know start-after
		}
		page = append(page, clusterstore.Listed{Name: name, Token: tokenOf(o.ETag)})
	}
	if aws.ToBool(out.IsTruncated) && len(page) > 0 {
		next = page[len(page)-1].Name
	}
	return page, next, nil
}

// Erase removes a head for good, which only a name that is never used again may be.
func (h *Heads) Erase(ctx context.Context, name string) error {
	key, err := h.e.headKey(name)
	if err != nil {
		return err
	}
	_, err = h.e.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &h.e.Bucket, Key: &key})
	if err != nil {
		return h.e.failure(ctx, err)
	}
	return nil
}

// Tags finds out whether the engine understands If-Match with quotes, as it must be sent, or only
// without, and remembers it. If it understands neither, or ignores both, it returns what was seen. The head
// of that name is new, and left there.
func (e *Engine) Tags(ctx context.Context, name string) (seen string, err error) {
	h := e.Heads()
	e.Unquoted = false
	token, err := h.Swap(ctx, name, "", []byte("a"))
	if errors.Is(err, clusterstore.ErrSwapped) {
		return "a PUT of something new with If-None-Match: * was answered 412", nil
	} else if err != nil {
		return "", err
	}
	for _, e.Unquoted = range []bool{false, true} {
		if _, err = h.Swap(ctx, name, token+"0", []byte("b")); err == nil {
			return fmt.Sprintf("a PUT with the tag of another state, %s, was carried out: If-Match is ignored", spelled(e.Unquoted)), nil
		}
		if _, err = h.Swap(ctx, name, token, []byte("c")); err == nil {
			return "", nil
		}
		if !errors.Is(err, clusterstore.ErrSwapped) {
			return "", err
		}
	}
	e.Unquoted = false
	return "a PUT with the current tag was answered 412, in quotes and without: If-Match is never true", nil
}

func spelled(unquoted bool) string {
	if unquoted {
		return "without quotes"
	}
	return "in quotes"
}

// quoted returns a token as an entity tag.
func quoted(t clusterstore.Token) string { return `"` + string(t) + `"` }

// tokenOf returns an entity tag as a token.
func tokenOf(tag *string) clusterstore.Token {
	return clusterstore.Token(strings.Trim(aws.ToString(tag), `"`))
}

// decodeKey returns a key of a listing, which an engine encodes if it understood that it was asked to.
func decodeKey(key *string, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString(key), nil
	}
	s, err := url.QueryUnescape(aws.ToString(key))
	if err != nil {
		return "", fmt.Errorf("key %q in a listing: %w", aws.ToString(key), err)
	}
	return s, nil
}
