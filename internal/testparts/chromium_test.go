package testparts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestChromiumLoadsAPage(t *testing.T) {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<title>The door</title><p id="who" onclick="this.textContent='you'">who</p>`)
	}))
	t.Cleanup(site.Close)
	tab := Chromium(t)
	if err := chromedp.Do(tab, chromedp.Navigate(site.URL)); err != nil {
		t.Fatal(err)
	}
	title, err := chromedp.Run(tab, chromedp.Title())
	if err != nil {
		t.Fatal(err)
	}
	if title != "The door" {
		t.Errorf("title: got %q, want %q", title, "The door")
	}
	if err := chromedp.Do(tab, chromedp.Click("#who")); err != nil {
		t.Fatal(err)
	}
	text, err := chromedp.Run(tab, chromedp.Text("#who"))
	if err != nil {
		t.Fatal(err)
	}
	if text != "you" {
		t.Errorf("text after the click: got %q, want you", text)
	}
}

func TestChromiumReachesNothingElse(t *testing.T) {
	if err := chromedp.Do(Chromium(t), chromedp.Navigate("http://example.invalid/")); err == nil {
		t.Error("a host that is not this machine was reached")
	}
}
