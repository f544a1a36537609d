package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// StaticPath is the path that Static answers below.
const StaticPath = "/static/"

// EventsPath is where the script listens for changes of approval requests.
const EventsPath = "/approvals/events"

//go:embed static
var staticFiles embed.FS

var assets = readAssets("style.css", "live.js", "icon.svg")

// An asset is a file under a path that holds the hash of its content, so that
// browsers may keep it for ever.
type asset struct {
	name string
	path string
	body []byte
}

func readAssets(names ...string) []asset {
	all := make([]asset, 0, len(names))
	for _, name := range names {
		body, err := fs.ReadFile(staticFiles, "static/"+name)
		if err != nil {
			panic(err) // the file is not among the embedded ones
		}
		sum := sha256.Sum256(body)
		all = append(all, asset{name, StaticPath + hex.EncodeToString(sum[:8]) + "/" + name, body})
	}
	return all
}

// staticPath is the path of an asset by its file name.
func staticPath(name string) string {
	for _, a := range assets {
		if a.name == name {
			return a.path
		}
	}
	panic("pages: no static file " + name)
}

// Static serves stylesheet, script and icon below StaticPath. It answers
// nothing but their present versions.
func Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, a := range assets {
			if a.path == r.URL.Path {
				a.serve(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", contentTypes[path.Ext(a.name)])
	if a.name == "icon.svg" {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	}
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
}

// Said here and not asked of the machine, whose tables differ.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}
