// SPDX-License-Identifier: Apache-2.0

package oversight

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Hook is an address that outcomes are sent to, signed as Standard Webhooks has
// it (github.com/standard-webhooks/standard-webhooks).
type Hook struct {
	URL string
	// Secret is whsec_ and base64 of 24 to 64 bytes.
	Secret string
	// Client sends. Default: one that follows no redirects and waits 10 seconds.
	Client *http.Client
	// Tries is how often a message is sent at most. Default: 12, over some hours.
	Tries int
}

// String hides the secret.
func (h Hook) String() string { return h.URL + " [redacted]" }

func (h *Hook) validate() error {
	u, err := url.Parse(h.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("make review office: the webhook URL is not like https://example.com/reviews")
	}
	if _, err := h.key(); err != nil {
		return err
	}
	if h.Client == nil {
		h.Client = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if h.Tries <= 0 {
		h.Tries = 12
	}
	return nil
}

func (h *Hook) key() ([]byte, error) {
	text, ok := strings.CutPrefix(h.Secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("make review office: the webhook secret is not whsec_ and base64 of 24 to 64 bytes")
	}
	return key, nil
}

// message is what is sent: ids and codes, nothing private.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      *Review   `json:"data"`
}

// post puts an outcome into the outbox, in the transaction of the act.
func (o *Office) post(ctx context.Context, tx *db.Tx, r *Review) error {
	now := o.cfg.Now()
	body, err := json.Marshal(message{"review.done", now.UTC(), r})
	if err != nil {
		return fmt.Errorf("write outcome: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("draw id: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO outbox (id, body, next) VALUES (?, ?, ?)`, "msg_"+id.String(), body, now.UnixNano()); err != nil {
		return fmt.Errorf("write outcome: %w", err)
	}
	return nil
}

// Deliver sends what waits in the outbox and is due, and returns how many
// messages were taken. A message is sent at least once, until it is taken or was
// tried too often.
func (o *Office) Deliver(ctx context.Context) (int, error) {
	if o.cfg.Hook == nil {
		return 0, nil
	}
	type waiting struct {
		id    string
		body  []byte
		tries int
	}
	var all []waiting
	now := o.cfg.Now()
	err := o.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, body, tries FROM outbox WHERE next <= ? ORDER BY id LIMIT 100`, now.UnixNano())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var w waiting
			if err := rows.Scan(&w.id, &w.body, &w.tries); err != nil {
				return err
			}
			all = append(all, w)
		}
		return rows.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("read outbox: %w", err)
	}
	sent := 0
	for _, w := range all {
		cause := o.send(ctx, w.id, w.body, now)
		if cause != nil {
			o.cfg.Logger.Warn("an outcome could not be sent", "message", w.id, "tries", w.tries+1, "error", cause)
		}
		err := o.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if cause == nil || w.tries+1 >= o.cfg.Hook.Tries {
				_, err := tx.Exec(ctx, `DELETE FROM outbox WHERE id = ?`, w.id)
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE outbox SET tries = tries + 1, next = ? WHERE id = ?`, now.Add(5*time.Second<<w.tries).UnixNano(), w.id)
			return err
		})
		if err != nil {
			return sent, fmt.Errorf("change outbox: %w", err)
		}
		if cause == nil {
			sent++
		}
	}
	return sent, nil
}

func (o *Office) send(ctx context.Context, id string, body []byte, now time.Time) error {
	key, err := o.cfg.Hook.key()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.cfg.Hook.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	res, err := o.cfg.Hook.Client.Do(req)
	if err != nil {
		return fmt.Errorf("send outcome: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("send outcome: answered %s", res.Status)
	}
	return nil
}
