// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// startBrowser starts a headless Chromium for one test and its subtests.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("COUNTERFOIL_TEST_REQUIRE") != "" {
			t.Fatal("chromium is missing: apt-get install chromium")
		}
		t.Skip("chromium is missing: apt-get install chromium")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	alloc, cancel := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(cancel)
	browser, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(browser) }) // waits, so that the folder can be removed
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return browser
}

// tab is one page in the browser. Whatever the page logs, throws, asks or
// fetches is kept as noise.
type tab struct {
	*testing.T
	ctx   context.Context
	mu    sync.Mutex
	noise []string
}

func newTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	b.must(command(network.Enable, network.EnableParams{}))
	b.must(command(log.Enable, cdp.Empty{}))
	b.must(command(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"}))
	return b
}

// command makes an action of a protocol command; its answer is dropped.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (b *tab) listen(event any) {
	var said string
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		said = "console." + string(e.Type)
	case *runtime.EventExceptionThrown:
		said = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
	case *page.EventJavascriptDialogOpening:
		said = "dialog: " + e.Message
		go func() {
			_ = chromedp.Do(b.ctx, command(page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}))
		}()
	case *log.EventEntryAdded:
		said = "log: " + e.Entry.Text
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, "file://") && !strings.HasPrefix(u, "data:") {
			said = "request: " + u
		}
	}
	if said != "" {
		b.mu.Lock()
		b.noise = append(b.noise, said)
		b.mu.Unlock()
	}
}

// heard is all noise so far.
func (b *tab) heard() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.noise, "; ")
}

// quiet fails the test if the page made any noise.
func (b *tab) quiet() {
	b.Helper()
	if noise := b.heard(); noise != "" {
		b.Errorf("the page made noise: %s", noise)
	}
}

func (b *tab) must(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatalf("%v; the page made noise: %s", err, b.heard())
	}
}

// text evaluates an expression to a string.
func (b *tab) text(js string) string {
	b.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](js))
	if err != nil {
		b.Fatalf("%s: %v", js, err)
	}
	return s
}

// open shows a page from a file and waits for its verdict.
func (b *tab) open(html []byte) (state, said string) {
	b.Helper()
	b.must(chromedp.Navigate("file://" + b.file("receipt.html", html)))
	return b.verdict(1)
}

// file keeps data in a file of its own folder and returns its path.
func (b *tab) file(name string, data []byte) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// verdict waits until the page has judged for the n-th time.
func (b *tab) verdict(n int) (state, said string) {
	b.Helper()
	done := fmt.Sprintf(`document.getElementById("verdict").dataset.run === "%d"`, n)
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](done, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.Fatalf("wait for verdict %d: %v; the page made noise: %s", n, err, b.heard())
	}
	state = b.text(`document.getElementById("verdict").dataset.state`)
	said = b.text(`document.getElementById("verdict").innerText`)
	return state, strings.Join(strings.Fields(said), " ")
}

// look sets the width of the window and the colour scheme.
func (b *tab) look(width int64, scheme string) {
	b.Helper()
	b.must(command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}))
}

// shot takes a picture of the whole page; see keep.
func (b *tab) shot(name string, width int64, scheme string) {
	b.Helper()
	b.look(width, scheme)
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	b.keep(name+".png", png)
}

// keep writes a picture into the folder that COUNTERFOIL_SCREENSHOTS names, for
// a person to look at. Without the variable it only sees that there is one.
func (b *tab) keep(name string, data []byte) {
	b.Helper()
	if len(data) < 1000 {
		b.Errorf("%s has only %d bytes", name, len(data))
	}
	if dir := os.Getenv("COUNTERFOIL_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
}
