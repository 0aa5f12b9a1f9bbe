// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

// awsContext is the name of the aad in the encryption context, which key
// policies and CloudTrail know it by.
const awsContext = "counterfoil"

// awsKey is a symmetric key of AWS KMS, spoken to by the AWS SDK: its chain of
// credentials is what one would not write again.
type awsKey struct {
	client *kms.Client
	id     string
}

func (c Config) openAWS(ctx context.Context, id string, q url.Values) (keyring.KMS, error) {
	if err := options(q, "region", "profile"); err != nil {
		return nil, err
	}
	opts := []func(*config.LoadOptions) error{config.WithHTTPClient(c.client())}
	if r := q.Get("region"); r != "" {
		opts = append(opts, config.WithRegion(r))
	}
	if p := q.Get("profile"); p != "" {
		opts = append(opts, config.WithSharedConfigProfile(p))
	}
	if c.AWSEndpoint != "" {
		e, err := address("the endpoint of AWS KMS", c.AWSEndpoint)
		if err != nil {
			return nil, err
		}
		opts = append(opts, config.WithBaseEndpoint(e))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open AWS KMS: the SDK's configuration can not be read: %s", clean(err.Error()))
	}
	if cfg.Region == "" {
		return nil, errors.New("open AWS KMS: no region: write awskms://KEY?region=REGION, or set AWS_REGION")
	}
	return &awsKey{client: kms.NewFromConfig(cfg), id: id}, nil
}

// Encrypt returns the ciphertext blob. The aad must be UTF-8: it is shown in
// CloudTrail.
func (k *awsKey) Encrypt(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	bound, err := encryptionContext(aad)
	if err != nil {
		return nil, err
	}
	out, err := k.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &k.id, Plaintext: plaintext, EncryptionContext: bound})
	if err != nil {
		return nil, awsError(ctx, err, encode(plaintext))
	}
	return out.CiphertextBlob, nil
}

// Decrypt returns what Encrypt was given. It names the key, so that a
// ciphertext of another one, even of another account, is refused.
func (k *awsKey) Decrypt(ctx context.Context, ciphertext, aad []byte) ([]byte, error) {
	bound, err := encryptionContext(aad)
	if err != nil {
		return nil, err
	}
	out, err := k.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &k.id, CiphertextBlob: ciphertext, EncryptionContext: bound})
	if err != nil {
		return nil, awsError(ctx, err)
	}
	return out.Plaintext, nil
}

// Close does nothing: the SDK's client holds nothing of its own.
func (k *awsKey) Close() error { return nil }

func encryptionContext(aad []byte) (map[string]string, error) {
	if !utf8.Valid(aad) {
		return nil, errors.New("AWS KMS: the ledger's name is not UTF-8: rename it")
	}
	if len(aad) == 0 {
		return nil, nil
	}
	return map[string]string{awsContext: string(aad)}, nil
}

// awsError makes an error that one can read of one of the SDK's.
func awsError(ctx context.Context, err error, secrets ...string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("AWS KMS: no answer: %w", context.Cause(ctx))
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return fmt.Errorf("AWS KMS: %s: %s", e.ErrorCode(), clean(e.ErrorMessage(), secrets...))
	}
	return fmt.Errorf("AWS KMS: the call failed: %s: check the network, the region and the credentials", clean(err.Error(), secrets...))
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
