// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxAnswer is far more than a wrapped master key needs.
const maxAnswer = 1 << 20

// rest speaks JSON over HTTP with one service.
type rest struct {
	name   string // of the service, for errors
	client *http.Client
	header http.Header // sent with each request: holds the credential
	token  string      // the credential, to keep it out of errors
}

// post sends in as JSON and reads the answer into out. secrets are what the
// request holds that an error must not. failure gets the text of a refusal.
func (r rest) post(ctx context.Context, address string, in, out any, failure func([]byte) string, secrets ...string) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: write request: %w", r.name, err)
	}
	defer clear(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: the address is not one: correct it", r.name)
	}
	req.Header = r.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	secrets = append(secrets, r.token)
	res, err := r.client.Do(req)
	if err != nil {
		return r.outage(ctx, err, secrets)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return r.outage(ctx, err, secrets)
	}
	defer clear(answer)
	if res.StatusCode/100 == 3 {
		return fmt.Errorf("%s: answered with a redirect, which is not followed: configure the final address", r.name)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d: %s", r.name, res.StatusCode, clean(failure(answer), secrets...))
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: the answer is not what the service sends: check the address", r.name)
	}
	return nil
}

// outage is the error of a service that did not answer. It unwraps to the
// context's error, if that is why.
func (r rest) outage(ctx context.Context, err error, secrets []string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: no answer: %w", r.name, context.Cause(ctx))
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%s: no answer: %s: check the network, and that the service is up", r.name, clean(err.Error(), secrets...))
}
