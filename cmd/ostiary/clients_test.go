package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/config"
	"github.com/ostiary/ostiary/internal/gateway"
)

// registered is the id of an agent that registered itself in a storage.
func registered(t *testing.T, file string) string {
	t.Helper()
	c, err := config.Load(file, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	core, err := gateway.OpenCore(t.Context(), c, gateway.MakeFirst, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close(context.WithoutCancel(t.Context()))
	got, err := core.Clients.Register(t.Context(), []byte(`{"client_name":"Codex\u001b[31m","redirect_uris":["http://localhost/cb"]}`), "", audit.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	return string(got.ID)
}

func TestClientsAreListedRevokedAndSwept(t *testing.T) {
	file := storageOf(t)
	id := registered(t, file)
	if r := try(t, "", "clients", "list", "-c", file); r.code != 0 || !strings.Contains(r.out, id) || !strings.Contains(r.out, "Codex") || !strings.Contains(r.out, "registered") {
		t.Errorf("got %d, %q, %q", r.code, r.out, r.err)
	}
	if r := try(t, "", "clients", "gc", "-c", file); r.code != 0 || !strings.HasPrefix(r.out, "0 ") {
		t.Errorf("got %d, %q, %q; want none forgotten that is young", r.code, r.out, r.err)
	}
	if r := try(t, "", "clients", "revoke", "-c", file, id); r.code != 0 || !strings.HasPrefix(r.out, id+" is gone") {
		t.Errorf("got %d, %q, %q", r.code, r.out, r.err)
	}
	if r := try(t, "", "clients", "revoke", "-c", file, id); r.code != exitNot || !strings.Contains(r.err, id) {
		t.Errorf("again: got %d, %q", r.code, r.err)
	}
	if r := try(t, "", "clients", "list", "--json", "-c", file); r.code != 0 || strings.TrimSpace(r.out) != "[]" {
		t.Errorf("got %d, %q, %q", r.code, r.out, r.err)
	}
	for _, wrong := range [][]string{{"gc"}, {"list"}, {"revoke", id}, {"revoke", "-c", file}} {
		if r := try(t, "", append([]string{"clients"}, wrong...)...); r.code != exitUsage {
			t.Errorf("%v: got %d, %q; want wrong usage", wrong, r.code, r.err)
		}
	}
}
