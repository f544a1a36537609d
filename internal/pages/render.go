package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/ostiary/ostiary"
)

// A Frame is what every page has around its content.
type Frame struct {
	// Instance is the name of this Ostiary, in title and footer.
	Instance string
	// Reader is the name of the person who is signed in; "" for nobody.
	Reader string
	// Operator: the reader may open the pages for operators.
	Operator bool
	// CSRF is the token that every form carries back. It is bound to the
	// browser session, so a page without one shows forms that are refused.
	CSRF ostiary.Secret
	// Now is the moment that times are told from.
	Now time.Time
}

// A View is the content of one page. The views of this package are all there
// are.
type View interface {
	template() string // file in templates/, without its ending
	title() string    // where one is
	section() string  // the entry of the navigation; "" for none
}

// Render writes a page as UTF-8 HTML. Nothing is written when it can't be
// made whole. It may be called concurrently.
func Render(w io.Writer, f Frame, v View) error {
	var page bytes.Buffer
	if err := sets[v.template()].ExecuteTemplate(&page, "frame", sheet{f, v}); err != nil {
		return fmt.Errorf("render page %s: %w", v.template(), err)
	}
	if _, err := page.WriteTo(w); err != nil {
		return fmt.Errorf("write page %s: %w", v.template(), err)
	}
	return nil
}

// A sheet is what templates see.
type sheet struct {
	Frame Frame
	View  View
}

// A partOf is something that a part of a template shows.
type partOf struct {
	Frame Frame
	View  any
}

// An endingForm is the button that ends an item.
type endingForm struct {
	CSRF                       ostiary.Secret
	Action, SignInAgain, Words string
}

func endForm(s sheet, action, signInAgain, words string) endingForm {
	return endingForm{s.Frame.CSRF, action, signInAgain, words}
}

// Title says where one is, then whose Ostiary it is.
func (s sheet) Title() string { return s.View.title() + " · " + s.Instance() }

// Section is the entry of the navigation that the page belongs to.
func (s sheet) Section() string { return s.View.section() }

// Instance is the name of this Ostiary, which is Ostiary when it has none.
func (s sheet) Instance() string {
	if s.Frame.Instance == "" {
		return "Ostiary"
	}
	return s.Frame.Instance
}

//go:embed templates/*.html
var templateFiles embed.FS

var sets = parse("signin", "signedout", "inbox", "approval", "account", "tokens", "narrow", "operator", "fault", "consent", "again", "connected", "refused", "agents", "open", "linked",
	"people", "person", "clients", "client", "sessions", "session", "ending")

var functions = template.FuncMap{
	"static":     staticPath,
	"segments":   segments,
	"fold":       fold,
	"brief":      brief,
	"flat":       flat,
	"moment":     newMoment,
	"duration":   duration,
	"number":     number,
	"seconds":    func(d time.Duration) int64 { return int64(d / time.Second) },
	"arguments":  readArguments,
	"on":         func(f Frame, v any) partOf { return partOf{f, v} },
	"endform":    endForm,
	"toolgroup":  func(id string, app ConsentApp, g ToolGroup) groupOnOffer { return groupOnOffer{id, app, g} },
	"consentapp": func(v Consent, i int, a ConsentApp) appOnOffer { return appOnOffer{v, i, a} },
}

// parse makes one set of templates a page: the frame and the parts, which
// all share, and the page's own content.
func parse(names ...string) map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/frame.html", "templates/parts.html"))
	all := make(map[string]*template.Template, len(names))
	for _, name := range names {
		all[name] = template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return all
}
