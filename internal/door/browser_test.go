// SPDX-License-Identifier: Apache-2.0

package door_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// TestBrowser opens the link that the server prints, uses the token, and signs
// out, in a real browser: with its own idea of the content security policy, of
// cookies, and of which site a form is sent from.
func TestBrowser(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv(dbtest.Require) != "" {
			t.Fatal("chromium is missing: apt-get install chromium")
		}
		t.Skip("chromium is missing: apt-get install chromium")
	}
	s := newSite(t, dbtest.SQLite(t), nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	alloc, cancel := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(tab) }) // waits, so that the folder can be removed
	var mu sync.Mutex
	var noise []string
	hear := func(said string) {
		mu.Lock()
		defer mu.Unlock()
		noise = append(noise, said)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(chromedp.Listen(tab, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			hear(e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if !strings.Contains(e.Entry.URL, "favicon") {
				hear(e.Entry.Text)
			}
		}
	}))
	must(chromedp.Do(tab, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, log.Enable, cdp.Empty{})
		return err
	})))
	eval := func(js string) string {
		t.Helper()
		out, err := chromedp.Run(tab, chromedp.Evaluate[string](js))
		must(err)
		return out
	}
	await := func(js string) {
		t.Helper()
		for { // again, when the page went away under the question
			_, err := chromedp.Run(tab, chromedp.Poll[bool](js, chromedp.WithPollingTimeout(20*time.Second)))
			if err == nil {
				return
			}
			if ctx.Err() != nil || !strings.Contains(err.Error(), "context") && !strings.Contains(err.Error(), "navigated") {
				t.Fatal(err)
			}
		}
	}
	token := s.token()
	must(chromedp.Do(tab, chromedp.Navigate(s.URL+"/auth/bootstrap#"+token)))
	await(`document.getElementById("token").value !== ""`)
	if got := eval(`document.getElementById("token").value + " " + location.href`); got != token+" "+s.URL+"/auth/bootstrap" {
		t.Errorf("the form has %q", got)
	}
	if got := eval(`getComputedStyle(document.querySelector("button")).borderRadius`); got != "3px" {
		t.Errorf("the style is not in force: %q", got)
	}
	eval(`document.querySelector("form button").click(), ""`)
	await(`document.querySelector("h1")?.innerText === "You are signed in"`)
	if got := eval(`document.cookie`); got != "" {
		t.Error("scripts can read the session")
	}
	eval(`document.querySelector("form[action='/auth/logout'] button").click(), ""`)
	await(`document.querySelector("h1")?.innerText === "Sign in"`)
	mu.Lock()
	defer mu.Unlock()
	if len(noise) > 0 {
		t.Errorf("the pages made noise: %v", noise)
	}
}
