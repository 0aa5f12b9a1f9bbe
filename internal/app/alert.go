// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// alertTime bounds the delivery of an alarm.
const alertTime = 10 * time.Second

// alert makes the alarm of a ledger: a warning, a metric, and a message to who is
// configured. It does not wait for the delivery; the teardown does.
func (a *App) alert(name string, m *metrics) func(context.Context, string) {
	m.alerts.WithLabelValues(name).Add(0) // so that an alert rule finds it
	return func(ctx context.Context, what string) {
		a.opts.Logger.Warn("ALARM", "ledger", name, "what", what)
		m.alerts.WithLabelValues(name).Inc()
		if a.opts.Config.AlertURL == "" {
			return
		}
		a.alerts.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), alertTime)
			defer cancel()
			if err := post(ctx, a.opts.Config.AlertURL, map[string]string{"text": "Counterfoil, ledger " + name + ": " + what}); err != nil {
				a.opts.Logger.Error("the alarm could not be delivered", "ledger", name, "error", err)
			}
		})
	}
}

func post(ctx context.Context, url string, message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("it answers %s", res.Status)
	}
	return nil
}
