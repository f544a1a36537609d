package e2e_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// A sight is one state of one page.
type sight struct {
	name string
	open func(w *window)
}

// sights leads through all pages: first who is not signed in, then bob, with
// a request that waits, then one that is decided. The state is made on the
// way.
func sights(h *house) []sight {
	alice := h.tokenNamed("Claude Code on the laptop", "alice", "write")
	waits := h.deletes(alice, "c-17")
	agent := h.newcomer().registers("Newcomer")
	to := func(path string) func(*window) {
		return func(w *window) { w.do("open "+path, chromedp.Navigate(w.h.url+path), chromedp.WaitReady("main")) }
	}
	return []sight{
		{"sign-in", to("/login")},
		{"sign-in refused", func(w *window) { w.fillIn("bob", "wrong"); w.await("don't go together") }},
		{"inbox", func(w *window) { w.fillIn("bob", password); w.await("Needs you") }},
		{"approval", to("/approvals/" + waits)},
		{"confirm", func(w *window) { w.do("approve", chromedp.Click(yesButton)); w.await("Are you sure?") }},
		{"decided", func(w *window) { w.do("confirm", chromedp.Click(yesButton)); w.await("bob approved this") }},
		{"denied", func(w *window) {
			w.do("deny another", chromedp.Navigate(h.url+"/approvals/"+h.deletes(alice, "c-11")), chromedp.Click(noButton))
			w.await("bob denied this")
		}},
		{"inbox afterwards", to("/approvals")},
		{"account", to("/account")},
		{"personal tokens", to("/account/tokens")},
		{"personal token made", func(w *window) {
			w.do("make a token", chromedp.SendKeys(`#name`, "laptop"), chromedp.Click(`#tier-read`), chromedp.Click(`#apps-all`), chromedp.Submit(`#name`))
			w.await("It is shown this once")
		}},
		{"narrow a token", func(w *window) {
			w.do("narrow it", chromedp.Click(`a[href^="/account/tokens?narrow="]`))
			w.await("Untick what it shall not reach")
		}},
		{"operator tokens", to("/account/operator")},
		{"consent", func(w *window) {
			w.do("follow an agent's link", chromedp.Navigate(agent.asks()))
			w.await("It asks to use tools")
		}},
		{"consent refused", func(w *window) {
			w.do("choose a tool alone", chromedp.Click(`input[name="tools"]`), chromedp.Click(allowButton))
			w.await("an app that you did not open")
		}},
		{"connected agents", func(w *window) {
			w.do("open the app, too", chromedp.Click(`input[name="apps"]`), chromedp.Click(allowButton))
			w.await("back at the agent")
			agent.redeem(agent.answered().Get("code"))
			w.do("look at the agents", chromedp.Navigate(h.url+"/account/agents"))
			w.await("Newcomer")
		}},
		{"open an app", to("/oauth/authorize?app=notes")},
		{"not for everybody", to("/admin/people")},
		{"no such agent", func(w *window) {
			w.do("follow a broken link", chromedp.Navigate(h.url+"/oauth/authorize?client_id=nobody&redirect_uri=http://127.0.0.1/"))
			w.await("This agent isn't known here")
		}},
		{"nothing here", to("/approvals/req_NOBODYKNOWSTHISONE")},
		{"people", func(w *window) {
			w.do("sign out", chromedp.Click(`.leave button`))
			w.await("You are signed out")
			w.do("come as root", chromedp.Navigate(h.url+"/admin/people"))
			w.fillIn("root", password)
			w.await("Everybody who is known here")
		}},
		{"person", to("/admin/people/bob")},
		{"clients", to("/admin/clients")},
		{"client", to("/admin/clients/mcp-agent")},
		{"sessions", to("/admin/sessions")},
		{"session", func(w *window) {
			w.do("open the session", chromedp.Click(`.lines a`))
			w.await("Newcomer for bob")
		}},
		{"are you sure", func(w *window) {
			w.do("cut it off", chromedp.Click(`button[value="end"]`))
			w.await("Cut off Newcomer for bob?")
		}},
		{"signed out", func(w *window) { w.do("sign out", chromedp.Click(`.leave button`)); w.await("You are signed out") }},
	}
}

func TestPagesAreForEverybody(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	axe, err := os.ReadFile(filepath.Join(testparts.NodeModules(t), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	w := h.window()
	for _, s := range sights(h) {
		s.open(w)
		w.do("bring axe along", chromedp.Evaluate[chromedp.Void](string(axe)+";undefined", chromedp.EvalIgnoreExceptions))
		for _, scheme := range []string{"light", "dark"} {
			w.under(scheme)
			for _, found := range w.axe() {
				t.Errorf("%s, %s: %s", s.name, scheme, found)
			}
		}
		w.do("narrow the window", chromedp.EmulateViewport(360, 740))
		if got := look(w, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); got > 360 {
			t.Errorf("%s: is %d pixels wide in a window of 360", s.name, got)
		}
		w.do("widen the window", chromedp.EmulateViewport(1280, 800))
	}
}

// axe tells what is serious or critical on the page, as it is now.
func (w *window) axe() []string {
	w.h.t.Helper()
	const run = `axe.run(document).then(r => JSON.stringify(r.violations
		.filter(v => v.impact === "serious" || v.impact === "critical")
		.map(v => v.id + ": " + v.help + "\n" + v.nodes.map(n => n.html + "\n" + n.failureSummary).join("\n"))))`
	var found []string
	text := look(w, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		w.h.t.Fatalf("axe said %s: %v", text, err)
	}
	return found
}

var screenshots = flag.String("screenshots", "", "the folder to write the documentation's pictures to")

// TestScreenshots makes the documentation's pictures:
//
//	go test ./e2e -run TestScreenshots -args -screenshots "$PWD/docs/images"
func TestScreenshots(t *testing.T) {
	folder := *screenshots
	if folder == "" {
		folder = t.TempDir()
	}
	h := newHouse(t, "", samples(t)).start()
	w := h.window()
	for _, s := range sights(h) {
		w.do("size the window", chromedp.EmulateViewport(900, 500))
		s.open(w)
		switch s.name {
		case "sign-in", "inbox", "approval", "account":
			w.picture(filepath.Join(folder, s.name+".png"))
		}
	}
}

// maxPicture is what a picture in the repository may weigh, in bytes.
const maxPicture = 150_000

func (w *window) picture(file string) {
	w.h.t.Helper()
	w.under("light")
	height := look(w, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	w.do("show the whole page", chromedp.EmulateViewport(900, max(height, 500)))
	png := look(w, chromedp.FullScreenshot(100))
	if len(png) > maxPicture || !strings.HasPrefix(http.DetectContentType(png), "image/png") {
		w.h.t.Errorf("%s: %s of %d bytes; want a PNG of at most %d", filepath.Base(file), http.DetectContentType(png), len(png), maxPicture)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		w.h.t.Fatal(fmt.Errorf("keep a picture: %w", err))
	}
}
