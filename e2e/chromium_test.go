package e2e_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A window is a person at Chromium: what they see matters, and the little
// script of the pages runs.
type window struct {
	h   *house
	tab context.Context
}

type step = chromedp.Action[chromedp.Void]

// window opens a browser with an empty profile.
func (h *house) window() *window {
	h.t.Helper()
	w := &window{h, testparts.Chromium(h.t)}
	if err := chromedp.Do(w.tab); err != nil { // starts it, so that no later bound ends it
		h.t.Fatalf("start Chromium: %v", err)
	}
	return w
}

// do takes steps; what says for what.
func (w *window) do(what string, steps ...step) {
	w.h.t.Helper()
	ctx, cancel := context.WithTimeout(w.tab, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.h.t.Fatalf("%s: %v; the page at %s shows:\n%s", what, err, look(w, chromedp.Location()), w.text())
	}
}

// look asks the page something.
func look[T any](w *window, a chromedp.Action[T]) T {
	w.h.t.Helper()
	ctx, cancel := context.WithTimeout(w.tab, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		w.h.t.Fatalf("look at the page: %v", err)
	}
	return v
}

// text is what the page says, as it is seen.
func (w *window) text() string {
	w.h.t.Helper()
	return look(w, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
}

// path is where the window is.
func (w *window) path() string {
	w.h.t.Helper()
	u, err := url.Parse(look(w, chromedp.Location()))
	if err != nil {
		w.h.t.Fatal(err)
	}
	return u.Path
}

// signIn opens a page as a person who must sign in for it first.
func (w *window) signIn(name, path string) {
	w.h.t.Helper()
	w.do("sign in as "+name, chromedp.Navigate(w.h.url+path))
	w.fillIn(name, password)
	w.do("arrive at "+path, chromedp.WaitReady(`.leave`))
	if got := w.path(); got != path {
		w.h.t.Fatalf("signed in, %s is at %s; want %s:\n%s", name, got, path, w.text())
	}
}

func (w *window) fillIn(name, password string) {
	w.h.t.Helper()
	w.do("fill in the sign-in form",
		chromedp.WaitVisible(`input[name="username"]`),
		chromedp.SetValue(`input[name="username"]`, name),
		chromedp.SendKeys(`input[name="password"]`, password),
		chromedp.Click(`main form .primary`),
	)
}

// wantText wants the page to say something.
func (w *window) wantText(want string) {
	w.h.t.Helper()
	if got := w.text(); !strings.Contains(got, want) {
		w.h.t.Errorf("%s does not say %q:\n%s", w.path(), want, got)
	}
}

// await waits until the page says something, also over a change of pages.
func (w *window) await(want string) {
	w.h.t.Helper()
	eventually(w.h.t, fmt.Sprintf("the page to say %q", want), func() (string, bool) {
		page, err := w.try(chromedp.Evaluate[string](`document.querySelector("main").innerText`))
		return page, err == nil && strings.Contains(page, want)
	})
}

// try looks at a page that may go away meanwhile.
func (w *window) try(a chromedp.Action[string]) (string, error) {
	ctx, cancel := context.WithTimeout(w.tab, patience)
	defer cancel()
	return chromedp.Run(ctx, a)
}

// under makes the window prefer a colour scheme, light or dark, and nothing
// that moves: what fades from one colour to another would be judged between.
func (w *window) under(scheme string) {
	w.h.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	_, err := chromedp.Call(w.tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	if err != nil {
		w.h.t.Fatalf("prefer %s: %v", scheme, err)
	}
}

// withoutScript stops the pages' script.
func (w *window) withoutScript() {
	w.h.t.Helper()
	if _, err := chromedp.Call(w.tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		w.h.t.Fatalf("turn script off: %v", err)
	}
}

const (
	yesButton   = `button[name="decision"][value="approve"]`
	noButton    = `button[name="decision"][value="deny"]`
	blockButton = `button[name="decision"][value="block"]`
)
