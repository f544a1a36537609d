package e2e_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	for _, name := range []string{"Cursor", "Claude Code"} {
		h.connected(name)
	}
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
			w.do("make a token", chromedp.SendKeys(`#name`, "laptop"), chromedp.Click(`#tier-read`), chromedp.Click(`#apps-all`), chromedp.Click(`#tools-all`), chromedp.Submit(`#name`))
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
		{"consent once more", func(w *window) {
			w.do("follow an agent's link", chromedp.Navigate(agent.asks()))
			w.await("You have connected this agent before")
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
		{"sessions", to("/admin/sessions")},
		{"session", func(w *window) {
			w.do("open the session", chromedp.Click(`.lines a`))
			w.await("Newcomer for bob")
		}},
		{"client", func(w *window) {
			w.do("open its client", chromedp.Click(`dd a[href^="/admin/clients/"]`))
			w.await("What it was given")
			w.wantText("Newcomer for bob")
		}},
		{"are you sure", func(w *window) {
			w.do("open the session", chromedp.Click(`.lines a`), chromedp.WaitVisible(`dd a[href^="/admin/clients/"]`), chromedp.Click(`button[value="end"]`))
			w.await("Cut off Newcomer for bob?")
		}},
		{"signed out", func(w *window) { w.do("sign out", chromedp.Click(`.leave button`)); w.await("You are signed out") }},
		{"sign-in for an agent", func(w *window) {
			w.do("follow an agent's link", chromedp.Navigate(agent.asks()))
			w.await("To connect Newcomer, at Ostiary")
		}},
	}
}

func TestPagesAreForEverybody(t *testing.T) {
	h := newHouse(t, "", samples(t)).start()
	w := h.window()
	for _, s := range sights(h) {
		s.open(w)
		w.forEverybody(s.name)
	}
}

// forEverybody wants nothing serious or critical of the page, in light and
// dark, and that it fits a narrow window.
func (w *window) forEverybody(name string) {
	t := w.h.t
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(testparts.NodeModules(t), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	w.do("bring axe along", chromedp.Evaluate[chromedp.Void](string(axe)+";undefined", chromedp.EvalIgnoreExceptions))
	for _, scheme := range []string{"light", "dark"} {
		w.under(scheme)
		for _, found := range w.axe() {
			t.Errorf("%s, %s: %s", name, scheme, found)
		}
	}
	w.do("narrow the window", chromedp.EmulateViewport(360, 740))
	if got := look(w, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); got > 360 {
		t.Errorf("%s: is %d pixels wide in a window of 360", name, got)
	}
	w.do("widen the window", chromedp.EmulateViewport(1280, 800))
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

// pictured are the sights that the documentation shows, by the names of their
// pictures.
var pictured = map[string]string{
	"sign-in for an agent": "sign-in", "inbox": "inbox", "approval": "approval", "account": "account", "consent": "consent",
	"connected agents": "agents", "personal token made": "tokens", "sessions": "admin-sessions",
}

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
	made := 0
	for _, s := range sights(h) {
		w.do("size the window", chromedp.EmulateViewport(900, 500))
		s.open(w)
		if name, ok := pictured[s.name]; ok {
			w.picture(filepath.Join(folder, name+".png"))
			made++
		}
	}
	if made != len(pictured) {
		t.Errorf("made %d pictures of %d", made, len(pictured))
	}
}

// maxPicture is what a picture in the repository may weigh, in bytes.
const maxPicture = 150_000

func (w *window) picture(file string) {
	w.h.t.Helper()
	w.under("light")
	height := look(w, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	w.do("show the whole page", chromedp.EmulateViewport(900, max(height, 500)))
	picture := w.small(look(w, chromedp.FullScreenshot(100)))
	if len(picture) > maxPicture || !strings.HasPrefix(http.DetectContentType(picture), "image/png") {
		w.h.t.Errorf("%s: %s of %d bytes; want a PNG of at most %d", filepath.Base(file), http.DetectContentType(picture), len(picture), maxPicture)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		w.h.t.Fatal(fmt.Errorf("keep a picture: %w", err))
	}
}

// small is a picture with the colours that it has most of; others, of the edges of
// letters, go to the nearest of them.
func (w *window) small(whole []byte) []byte {
	w.h.t.Helper()
	from, err := png.Decode(bytes.NewReader(whole))
	if err != nil {
		w.h.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, paletted(from)); err != nil {
		w.h.t.Fatal(err)
	}
	return b.Bytes()
}

func paletted(from image.Image) *image.Paletted {
	seen := map[color.RGBA]int{}
	eachPixel(from, func(_, _ int, c color.RGBA) { seen[c]++ })
	often := slices.SortedFunc(maps.Keys(seen), func(a, b color.RGBA) int {
		return cmp.Or(seen[b]-seen[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	to := image.NewPaletted(from.Bounds(), nil)
	for _, c := range often[:min(len(often), 256)] {
		to.Palette = append(to.Palette, c)
	}
	for _, c := range often {
		seen[c] = to.Palette.Index(c)
	}
	eachPixel(from, func(x, y int, c color.RGBA) { to.SetColorIndex(x, y, uint8(seen[c])) })
	return to
}

func eachPixel(of image.Image, do func(x, y int, c color.RGBA)) {
	for y := of.Bounds().Min.Y; y < of.Bounds().Max.Y; y++ {
		for x := of.Bounds().Min.X; x < of.Bounds().Max.X; x++ {
			do(x, y, color.RGBAModel.Convert(of.At(x, y)).(color.RGBA))
		}
	}
}
