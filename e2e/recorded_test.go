package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/internal/testparts"
)

// officialRequests are put to the official Go SDK's server, by method and
// params.
var officialRequests = [][2]string{
	{"tools/list", ``},
	{"prompts/list", ``},
	{"resources/list", ``},
	{"resources/templates/list", ``},
	{"tools/call", `"name":"test_simple_text","arguments":{}`},
	{"tools/call", `"name":"test_image_content","arguments":{}`},
	{"tools/call", `"name":"test_audio_content","arguments":{}`},
	{"tools/call", `"name":"test_embedded_resource","arguments":{}`},
	{"tools/call", `"name":"test_multiple_content_types","arguments":{}`},
	{"tools/call", `"name":"test_error_handling","arguments":{}`},
	{"resources/read", `"uri":"test://static-text"`},
	{"resources/read", `"uri":"test://static-binary"`},
	{"resources/read", `"uri":"test://template/123/data"`},
	{"prompts/get", `"name":"test_simple_prompt"`},
	{"prompts/get", `"name":"test_prompt_with_arguments","arguments":{"arg1":"😀","arg2":"\u0000"}`},
	{"prompts/get", `"name":"test_prompt_with_embedded_resource","arguments":{"resourceUri":"test://x"}`},
	{"prompts/get", `"name":"test_prompt_with_image"`},
	{"completion/complete", `"ref":{"type":"ref/prompt","name":"test_prompt_with_arguments"},"argument":{"name":"arg1","value":"par"}`},
}

// What an official server says comes through as it was written, but for what
// the gateway answers itself: how long a list may be kept, and by whom.
func TestWhatAnOfficialServerSaysComesThroughByteForByte(t *testing.T) {
	for _, era := range []string{legacy, modern} {
		official := testparts.ConformanceServer(t, era == legacy)
		direct := &speaker{t: t, url: official, era: era}
		through := &speaker{t: t, url: behindFreely(t, fmt.Sprintf("url: %q", official)), era: era}
		direct.open()
		through.open()
		for _, request := range officialRequests {
			t.Run(era+" "+request[0]+" "+request[1], func(t *testing.T) {
				want, got := direct.members(t, request[0], request[1]), through.members(t, request[0], request[1])
				for _, own := range []string{"ttlMs", "cacheScope", "_meta"} {
					if strings.HasSuffix(request[0], "/list") || request[0] == "resources/read" && own == "cacheScope" {
						delete(want, own)
						delete(got, own)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
					t.Errorf("the result changed on its way (-direct +through):\n%s", diff)
				}
			})
		}
	}
}

// members are the members of the result of a request, each as it was written.
func (s *speaker) members(t *testing.T, method, params string) map[string]string {
	t.Helper()
	var named struct{ Name, URI string }
	_ = json.Unmarshal([]byte("{"+params+"}"), &named)
	all := []string{}
	if params != "" {
		all = append(all, params)
	}
	if s.era == modern {
		all = append(all, `"_meta":{`+s.meta()+`}`)
	}
	_, messages := s.post(named.Name+named.URI, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s}}`, method, strings.Join(all, ",")))
	var answer struct{ Result map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(messages[len(messages)-1]), &answer); err != nil || answer.Result == nil {
		t.Fatalf("%s: got %s (%v); want a result", method, cut(messages[len(messages)-1]), err)
	}
	texts := map[string]string{}
	for name, value := range answer.Result {
		texts[name] = string(value)
	}
	return texts
}
