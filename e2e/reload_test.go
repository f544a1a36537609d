package e2e_test

import (
	"strings"
	"syscall"
	"testing"
)

// SIGHUP has the real binary read its file again.
func TestSIGHUPTightensARuleForTheNextCall(t *testing.T) {
	up := newChanging(t)
	const rest = "\napprovals: {hold: 0s}\n"
	asked := up.app() + rest
	free := asked[:strings.Index(asked, "\ntools:")] + rest
	h := newHouse(t, "", free).start()
	storage := "sqlite:" + h.path("ostiary.db")
	tok := h.token("alice", "write")
	h.wantOK(h.call(tok, "small__act", act("one")))

	h.reload(storage, asked, "reloaded the configuration")
	h.wantReason(h.call(tok, "small__act", act("two")), "approval_required")
	h.reload(storage, free+"tools: [{match: act}]\n", "nothing has changed")
	h.wantReason(h.call(tok, "small__act", act("three")), "approval_required")
	h.reload(storage, free, "reloaded the configuration")
	h.wantOK(h.call(tok, "small__act", act("four")))
	up.wantCalls(t, 2)
	h.stop()
	if told := h.command("audit", "export", "-c", h.file); strings.Count(told, "configuration_reloaded") != 2 {
		t.Errorf("the record tells of %d reloads, want 2", strings.Count(told, "configuration_reloaded"))
	}
}

// reload changes the file and waits until the gateway has said what came of it.
func (h *house) reload(storage, more, said string) {
	h.t.Helper()
	before := strings.Count(h.child.Output(), said)
	h.write(storage, more)
	h.child.Signal(syscall.SIGHUP)
	eventually(h.t, "the gateway says "+said, func() (string, bool) {
		out := h.child.Output()
		return out, strings.Count(out, said) > before
	})
}
