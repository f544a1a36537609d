package e2e_test

// wantAuditToHold ends the gateway and verifies its record, in storage and
// as an export.
func (h *house) wantAuditToHold() {
	h.t.Helper()
	h.stop()
	h.command("audit", "verify", "-c", h.file)
	h.command("audit", "export", "-c", h.file, "-o", h.path("audit.jsonl"))
	h.command("audit", "verify", "--export", h.path("audit.jsonl"))
}
