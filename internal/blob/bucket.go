// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket keeps objects in S3 with Object Lock, in COMPLIANCE mode.
type bucket struct {
	client       *minio.Client
	name, prefix string
}

var _ Store = (*bucket)(nil)

func openBucket(ctx context.Context, u *url.URL) (*bucket, error) {
	q := u.Query()
	endpoint := q.Get("endpoint")
	if endpoint == "" {
		endpoint = "s3.amazonaws.com"
	}
	client, err := minio.New(endpoint, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{},
			&credentials.IAM{}}),
		Secure: q.Get("insecure") == "", Region: q.Get("region"),
	})
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	b := &bucket{client: client, name: u.Host, prefix: strings.Trim(u.Path, "/")}
	lock, _, _, _, err := client.GetObjectLockConfig(ctx, b.name)
	if err != nil || lock != "Enabled" {
		return nil, errors.Join(fmt.Errorf("open vault: the bucket %s has no Object Lock, or can not be asked: make one with it, objects could be deleted otherwise", b.name), err)
	}
	return b, nil
}

func (b *bucket) key(name string) string { return path.Join(b.prefix, name) }

// stat finds the version of an object that Put made, and its date.
func (b *bucket) stat(ctx context.Context, name string) (version string, until time.Time, err error) {
	if err := checkName(name); err != nil {
		return "", until, err
	}
	info, err := b.client.StatObject(ctx, b.name, b.key(name), minio.StatObjectOptions{})
	if gone(err) {
		return "", until, ErrNotExist
	}
	if err != nil {
		return "", until, fmt.Errorf("look for object: %w", err)
	}
	_, date, err := b.client.GetObjectRetention(ctx, b.name, b.key(name), info.VersionID)
	if err != nil {
		return "", until, fmt.Errorf("read date of object: %w", err)
	}
	if date != nil {
		until = *date
	}
	return info.VersionID, until, nil
}

// gone says whether an object is not there, in a bucket that is.
func gone(err error) bool {
	e := minio.ToErrorResponse(err)
	return e.StatusCode == http.StatusNotFound && e.Code != "NoSuchBucket"
}

func (b *bucket) Put(ctx context.Context, name string, data []byte, until time.Time) error {
	_, _, err := b.stat(ctx, name)
	if err == nil {
		return b.Extend(ctx, name, until)
	}
	if !errors.Is(err, ErrNotExist) {
		return err
	}
	_, err = b.client.PutObject(ctx, b.name, b.key(name), bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{
		ContentType: "application/octet-stream", SendContentMd5: true, DisableMultipart: true, Mode: minio.Compliance, RetainUntilDate: until.UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("put object: %w", err)
	}
	return nil
}

func (b *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	o, err := b.client.GetObject(ctx, b.name, b.key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("get object: %w", err)
	}
	defer o.Close() //nolint:errcheck // it only reads
	data, err := io.ReadAll(o)
	if gone(err) {
		return nil, ErrNotExist
	}
	return data, err
}

func (b *bucket) Extend(ctx context.Context, name string, until time.Time) error {
	version, have, err := b.stat(ctx, name)
	if until = until.UTC().Truncate(time.Second); err != nil || !until.After(have) {
		return err
	}
	mode := minio.Compliance
	if err := b.client.PutObjectRetention(ctx, b.name, b.key(name), minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until, VersionID: version}); err != nil {
		return fmt.Errorf("extend object: %w", err)
	}
	return nil
}

// Delete takes every version of an object away: deleting a name alone would only
// hide it behind a marker, and somebody may have put another version over it.
func (b *bucket) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	for v := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.key(name), WithVersions: true, Recursive: true}) {
		if v.Err != nil {
			return fmt.Errorf("list versions of object: %w", v.Err)
		}
		if v.Key != b.key(name) {
			continue
		}
		err := b.client.RemoveObject(ctx, b.name, v.Key, minio.RemoveObjectOptions{VersionID: v.VersionID})
		if minio.ToErrorResponse(err).Code == "AccessDenied" {
			return fmt.Errorf("%w, or deleting is not permitted: %w", ErrLocked, err)
		}
		if err != nil {
			return fmt.Errorf("delete object: %w", err)
		}
	}
	return nil
}
