package e2e_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// TestTheConformanceSuiteSeesTasksAsDirectly is the same for tasks, against a
// server of the test's own that passes all of it.
func TestTheConformanceSuiteSeesTasksAsDirectly(t *testing.T) {
	list := readExpected(t, "testdata/tasks.txt")
	direct, through := aboutTasks(t, newTaskServer(t).url), aboutTasks(t, behindFreely(t, fmt.Sprintf("url: %q", newTaskServer(t).url)))
	if len(direct.said) > 0 || direct.total() < 44 {
		t.Fatalf("%d checks pass directly, want 44, and some do not: %v", direct.total(), direct.said)
	}
	list.compare(t, crossing{modern, modern}, direct, through)
	list.wantAllUsed(t)
}

// aboutTasks runs the whole suite, which is quicker than each of the scenarios
// alone, and keeps what it says of tasks.
func aboutTasks(t *testing.T, url string) report {
	t.Helper()
	r := suite(t, url, "--requirements", modern)

	maps.DeleteFunc(r.passed, func(check string, _ int) bool { return !strings.HasPrefix(check, "tasks-") })
	maps.DeleteFunc(r.said, func(check, _ string) bool { return !strings.HasPrefix(check, "tasks-") })
	return r
}
