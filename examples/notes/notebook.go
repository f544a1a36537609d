package notes

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

var (
	// ErrNoNote says that there is no note of that id.
	ErrNoNote = errors.New("no such note")
	// ErrFull says that the notebook holds as many notes as it may.
	ErrFull = errors.New("the notebook is full: delete a note first")
)

// maxNotes bounds what a busy agent can make a sample keep in memory.
const maxNotes = 1000

// A Note is a title and a text.
type Note struct {
	ID    string `json:"id" jsonschema:"identifies the note, such as n-1"`
	Title string `json:"title" jsonschema:"what the note is about"`
	Text  string `json:"text" jsonschema:"what it says"`
}

// notebook keeps the notes in memory, oldest first. It is safe for
// concurrent use. Ids are never used twice.
type notebook struct {
	mu    sync.RWMutex
	notes []Note
	last  int
}

func newNotebook() *notebook {
	b := &notebook{}
	b.append("Groceries", "Bread, olives, and something for Ada's birthday.")
	b.append("Quarterly plan", "Move the archive, hire two engineers, visit site-B.")
	b.append("Wi-Fi for guests", "The password is on the back of the router.")
	return b
}

// list returns a copy of all notes.
func (b *notebook) list() []Note {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.notes)
}

// read returns one note, or ErrNoNote.
func (b *notebook) read(id string) (Note, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	at, err := b.find(id)
	if err != nil {
		return Note{}, err
	}
	return b.notes[at], nil
}

// add writes a note at the end, or returns ErrFull.
func (b *notebook) add(title, text string) (Note, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.notes) >= maxNotes {
		return Note{}, ErrFull
	}
	return b.append(title, text), nil
}

// remove tears a note out and returns it, or ErrNoNote.
func (b *notebook) remove(id string) (Note, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, err := b.find(id)
	if err != nil {
		return Note{}, err
	}
	removed := b.notes[at]
	b.notes = slices.Delete(b.notes, at, at+1)
	return removed, nil
}

// append and find must be called with the lock held.

func (b *notebook) append(title, text string) Note {
	b.last++
	note := Note{ID: fmt.Sprintf("n-%d", b.last), Title: title, Text: text}
	b.notes = append(b.notes, note)
	return note
}

func (b *notebook) find(id string) (int, error) {
	at := slices.IndexFunc(b.notes, func(n Note) bool { return n.ID == id })
	if at < 0 {
		return 0, fmt.Errorf("look for %s: %w", id, ErrNoNote)
	}
	return at, nil
}
