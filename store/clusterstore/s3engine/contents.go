package s3engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// Contents of up to a part go in one request, longer ones in parts. One part of each is in memory.
const (
	partSize = 8 << 20
	maxParts = 10_000
)

// Contents is a [clusterstore.Contents].
type Contents struct{ e *Engine }

var _ clusterstore.Contents = (*Contents)(nil)

// Put sends one request for content up to 8 MiB, and parts one after another for what is longer. Content whose length is not
// known may have 78 GiB.
func (c *Contents) Put(ctx context.Context, id clusterstore.ContentID, size int64, r io.Reader) error {
	if err := c.e.nameLevel(ctx, id.Head); err != nil {
		return err
	}
	key := c.e.contentFolder(id.Head) + id.ID
	part := make([]byte, min(partSizeFor(size), max(size, 0)+1)) // one more, to see that it ends
	if size < 0 || size >= partSize {
		part = make([]byte, partSizeFor(size))
	}
	n, err := io.ReadFull(r, part)
	switch {
	case err == nil:
		if size >= 0 && int64(n) > size {
			return errLength(size)
		}
		return c.putParts(ctx, key, size, part, r)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("content: %w", err)
	case size >= 0 && int64(n) != size:
		return errLength(size)
	}
	_, err = c.e.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &c.e.Bucket, Key: &key, Body: bytes.NewReader(part[:n]), ContentLength: aws.Int64(int64(n)),
	})
	if err != nil {
		return c.e.failure(ctx, err)
	}
	return nil
}

func errLength(size int64) error {
	return fmt.Errorf("content: not of %d bytes, as was announced", size)
}

// partSizeFor returns how long parts of a content are, so that there are not too many.
func partSizeFor(size int64) int64 { return max(partSize, (size/maxParts+1+1<<20-1)>>20<<20) }

// putParts uploads part, which is full, and what follows in r.
func (c *Contents) putParts(ctx context.Context, key string, size int64, part []byte, r io.Reader) error {
	started, err := c.e.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &c.e.Bucket, Key: &key})
	if err != nil {
		return c.e.failure(ctx, err)
	}
	parts, err := c.sendParts(ctx, key, started.UploadId, size, part, r)
	if err == nil {
		_, err = c.e.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &c.e.Bucket, Key: &key, UploadId: started.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		if err == nil {
			return nil
		}
		err = c.e.failure(ctx, err)
	}
	// Also when ctx is done. If this fails too, a listing shows the upload, and Remove removes it.
	c.e.once.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{
		Bucket: &c.e.Bucket, Key: &key, UploadId: started.UploadId,
	})
	return err
}

// sendParts sends all parts, each when it is full, and the rest.
func (c *Contents) sendParts(
	ctx context.Context, key string, upload *string, size int64, part []byte, r io.Reader,
) (parts []types.CompletedPart, err error) {
	sent := int64(0)
	for n := len(part); n > 0; {
		if len(parts) == maxParts {
			return nil, fmt.Errorf("content: longer than %d parts of %d bytes", maxParts, len(part))
		}
		number := aws.Int32(int32(len(parts) + 1))
		out, err := c.e.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &c.e.Bucket, Key: &key, UploadId: upload, PartNumber: number,
			Body: bytes.NewReader(part[:n]), ContentLength: aws.Int64(int64(n)),
		})
		if err != nil {
			return nil, c.e.failure(ctx, err)
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: number})
		sent += int64(n)
		if n, err = io.ReadFull(r, part); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("content: %w", err)
		}
	}
	if size >= 0 && sent != size {
		return nil, errLength(size)
	}
	return parts, nil
}

// Open sends one request, with Range unless all is wanted.
func (c *Contents) Open(ctx context.Context, id clusterstore.ContentID, off, n int64) (io.ReadCloser, error) {
	in := &s3.GetObjectInput{Bucket: &c.e.Bucket, Key: aws.String(c.e.contentFolder(id.Head) + id.ID)}
	switch {
	case n == 0:
		return http.NoBody, c.there(ctx, in.Key)
	case n > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	case off > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", off))
	}
	out, err := c.e.client.GetObject(ctx, in)
	switch {
	case isMissing(err):
		return nil, store.ErrGone
	case status(err) == http.StatusRequestedRangeNotSatisfiable && n < 0:
		return http.NoBody, nil
	case err != nil:
		return nil, c.e.failure(ctx, err)
	case in.Range != nil && !strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", off)):
		out.Body.Close()
		return nil, fmt.Errorf("the engine ignores Range: it answered %s with %q", aws.ToString(in.Range), aws.ToString(out.ContentRange))
	case n > 0 && aws.ToInt64(out.ContentLength) != n:
		out.Body.Close()
		return nil, fmt.Errorf("the engine sends %d of %d bytes", aws.ToInt64(out.ContentLength), n)
	}
	return out.Body, nil
}

// there returns store.ErrGone if there is no such content.
func (c *Contents) there(ctx context.Context, key *string) error {
	_, err := c.e.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &c.e.Bucket, Key: key})
	switch {
	case isMissing(err):
		return store.ErrGone
	case err != nil:
		return c.e.failure(ctx, err)
	}
	return nil
}

// Remove sends one request, and one more if a listing has shown the content as an upload that never ended.
func (c *Contents) Remove(ctx context.Context, id clusterstore.ContentID) error {
	key := c.e.contentFolder(id.Head) + id.ID
	if upload, ok := c.e.loose.get(key); ok {
		_, err := c.e.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &c.e.Bucket, Key: &key, UploadId: &upload,
		})
		if err != nil && !isMissing(err) {
			return c.e.failure(ctx, err)
		}
	}
	_, err := c.e.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &c.e.Bucket, Key: &key})
	if err != nil && !isMissing(err) {
		return c.e.failure(ctx, err)
	}
	return nil
}

// List asks for one page of objects, and behind the last of them for uploads that never ended.
func (c *Contents) List(ctx context.Context, head, cursor string, n int) (page []clusterstore.Stored, next string, err error) {
	folder := c.e.key("c/")
	if head != "" {
		folder = c.e.contentFolder(head)
	}
	if marker, ok := strings.CutPrefix(cursor, uploads); ok {
		return c.listUploads(ctx, folder, marker, n)
	}
	in := &s3.ListObjectsV2Input{
		Bucket: &c.e.Bucket, Prefix: &folder, MaxKeys: aws.Int32(int32(min(n, 1000))), EncodingType: types.EncodingTypeUrl,
	}
	if cursor != "" {
		in.StartAfter = &cursor
	}
	out, err := c.e.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, "", c.e.failure(ctx, err)
	}
	next = uploads
	for _, o := range out.Contents {
		key, err := decodeKey(o.Key, out.EncodingType)
		if err != nil {
			return nil, "", err
		}
		if aws.ToBool(out.IsTruncated) {
			next = key
		}
		if id, ok, err := c.idOf(ctx, key); err != nil {
			return nil, "", err
		} else if ok && key > cursor {
			page = append(page, clusterstore.Stored{ContentID: id, Size: aws.ToInt64(o.Size)})
		}
	}
	return page, next, nil
}

// uploads begins a cursor within the uploads. It is no beginning of a key, as no prefix begins with a slash.
const uploads = "/uploads/"

// listUploads returns one page of uploads that never ended.
func (c *Contents) listUploads(ctx context.Context, folder, marker string, n int) (page []clusterstore.Stored, next string, err error) {
	in := &s3.ListMultipartUploadsInput{
		Bucket: &c.e.Bucket, Prefix: &folder, MaxUploads: aws.Int32(int32(min(n, 1000))), EncodingType: types.EncodingTypeUrl,
	}
	if marker != "" {
		in.KeyMarker = &marker
	}
	out, err := c.e.client.ListMultipartUploads(ctx, in)
	if err != nil {
		return nil, "", c.e.failure(ctx, err)
	}
	for _, u := range out.Uploads {
		key, err := decodeKey(u.Key, out.EncodingType)
		if err != nil {
			return nil, "", err
		}
		if aws.ToBool(out.IsTruncated) {
			next = uploads + key
		}
		if id, ok, err := c.idOf(ctx, key); err != nil {
			return nil, "", err
		} else if ok {
			c.e.loose.set(key, aws.ToString(u.UploadId))
			page = append(page, clusterstore.Stored{ContentID: id})
		}
	}
	return page, next, nil
}

// idOf returns the content that a key is of. It is not ok if the key is none of ours.
func (c *Contents) idOf(ctx context.Context, key string) (id clusterstore.ContentID, ok bool, err error) {
	parts := strings.Split(strings.TrimPrefix(key, c.e.key("c/")), "/")
	if len(parts) != 3 {
		return id, false, nil
	}
	level, err := c.e.levelOf(ctx, parts[0])
	if err != nil || level == "" {
		return id, false, err
	}
	return clusterstore.ContentID{Head: level + "/" + unescape(parts[1]), ID: parts[2]}, true, nil
}

// nameLevel sees that the level of a head can be found again from its hash.
func (e *Engine) nameLevel(ctx context.Context, head string) error {
	level, _ := split(head)
	sum := hash(level)
	if _, known := e.levels.get(sum); known {
		return nil
	}
	_, err := e.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &e.Bucket, Key: aws.String(e.key("n/" + sum)), Body: strings.NewReader(level), ContentLength: aws.Int64(int64(len(level))),
	})
	if err != nil {
		return e.failure(ctx, err)
	}
	e.levels.set(sum, level)
	return nil
}

// levelOf returns the level with that hash, "" if there is none.
func (e *Engine) levelOf(ctx context.Context, sum string) (string, error) {
	if level, known := e.levels.get(sum); known {
		return level, nil
	}
	out, err := e.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &e.Bucket, Key: aws.String(e.key("n/" + sum))})
	if isMissing(err) {
		return "", nil
	} else if err != nil {
		return "", e.failure(ctx, err)
	}
	defer out.Body.Close()
	level, err := io.ReadAll(io.LimitReader(out.Body, clusterstore.MaxHeadName+1))
	if err != nil {
		return "", unavailable(ctx, err)
	}
	if hash(string(level)) != sum {
		return "", fmt.Errorf("object %q is damaged: what it says does not have that hash", e.key("n/"+sum))
	}
	e.levels.set(sum, string(level))
	return string(level), nil
}
