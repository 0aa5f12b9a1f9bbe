// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Outcome is what people decided about a decision that needed one.
type Outcome struct {
	ID      string `json:"id"`
	State   string `json:"state"` // waiting, claimed or done
	Act     string `json:"act"`   // approve, edit, override, reject, escalate or stop
	Outcome string `json:"outcome"`
	// Token vouches that a person let it go ahead: the decision that follows
	// carries it as /decision/guard. Empty: it may not.
	Token string `json:"token"`
}

// Outcome waits until people have decided about an attempt for which the guard
// answered require_human, or until ctx ends. It asks by long poll.
func (c *Client) Outcome(ctx context.Context, id string) (*Outcome, error) {
	for {
		var out Outcome
		if err := c.json(ctx, http.MethodGet, "/reviews/"+url.PathEscape(id)+"/outcome?wait=30s", nil, &out); err != nil {
			return nil, err
		}
		if out.State == "done" {
			return &out, nil
		}
		if ctx.Err() != nil {
			return &out, fmt.Errorf("wait for review: %w", context.Cause(ctx))
		}
	}
}

// ErrWebhook is that a message was not sent by who knows the secret, or is old.
var ErrWebhook = errors.New("the webhook is not signed with this secret, or is old")

// VerifyWebhook checks a message of the review hook, as Standard Webhooks has it:
// its header, its body as received, the secret (whsec_…), and what time it is. A
// message older, or newer, than five minutes is refused.
func VerifyWebhook(header http.Header, body []byte, secret string, now time.Time) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return fmt.Errorf("read webhook secret: %w", err)
	}
	id, stamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return ErrWebhook
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for have := range strings.FieldsSeq(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(have), want) {
			return nil
		}
	}
	return ErrWebhook
}
