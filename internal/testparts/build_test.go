package testparts

import (
	"os/exec"
	"strings"
	"testing"
)

func TestACommandIsBuiltOnceAndRuns(t *testing.T) {
	binary := Build(t, "examples/crm/cmd/crm-server")
	if again := Build(t, "examples/crm/cmd/crm-server"); again != binary {
		t.Errorf("built again: got %s, want %s", again, binary)
	}
	out, err := exec.CommandContext(t.Context(), "go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "CGO_ENABLED=0") {
		t.Errorf("%s was built with C", binary)
	}
}

func TestACommandThatIsNotThereFailsTheBuild(t *testing.T) {
	if _, err := build("./examples/not-there"); err == nil || !strings.Contains(err.Error(), "not-there") {
		t.Errorf("got %v, want an error that names it", err)
	}
}
