package wire

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestATwinOfAKnownKeyIsRefused(t *testing.T) {
	known := NewKnown("siteId", "kind", "Name", "größe")
	known.Add("repo", "owner")
	for _, raw := range []string{
		`{"siteid":1}`, `{"SITEID":1}`, `{"siteId":1,"SiteId":2}`, `{"\u0053iteId":1}`,
		"{\"\u212aind\":1}", // K (Kelvin sign)
		`{"ſiteId":1}`, `{"\u017fiteId":1}`, `{"ｓiteId":1}`, `{"ＮＡＭＥ":1}`, `{"name":1}`, `{"GRÖSSE":1,"GRÖßE":1}`,
		`{"repo":{"Owner":1}}`, `{"Repo":{}}`, `{"a":1,"b":{},"sITEiD":null}`,
	} {
		if err := CheckTwins([]byte(raw), known); !errors.Is(err, ErrTwinKey) {
			t.Errorf("CheckTwins(%s) = %v, want %v", raw, err, ErrTwinKey)
		}
	}
}

func TestAKnownKeyAndAStrangeOneAreNoTwins(t *testing.T) {
	known := NewKnown("siteId", "id", "ID")
	known.Add("repo", "owner")
	for _, raw := range []string{
		`{"siteId":1,"id":2,"ID":3}`, `{"site_id":1}`, `{"siteIds":1}`, `{"a":1,"A":2}`,
		`{"nested":{"SITEID":1}}`, `{"repo":{"owner":1,"SiteID":2}}`, `{"repo":[{"Owner":1}]}`, `{"repo":"Owner"}`,
		`{}`, `[]`, `null`, ``, `"siteid"`,
	} {
		if err := CheckTwins([]byte(raw), known); err != nil {
			t.Errorf("CheckTwins(%s) = %v", raw, err)
		}
	}
	if err := CheckTwins([]byte(`{"SiteID":1}`), nil); err != nil {
		t.Errorf("with nothing known: %v", err)
	}
}

func TestWhatEncodingJSONTakesForAFieldIsATwin(t *testing.T) {
	known := NewKnown("task")
	for _, key := range []string{"TASK", "Task", "ta\u017fk", "tas\u212a", "ta\u017f\u212a", "tAsK"} {
		var field struct{ Task int }
		raw := []byte(`{"` + key + `":1}`)
		if err := json.Unmarshal(raw, &field); err != nil || field.Task != 1 {
			t.Errorf("encoding/json doesn't take %s for Task: the test is wrong (%v)", key, err)
		}
		if err := CheckTwins(raw, known); !errors.Is(err, ErrTwinKey) {
			t.Errorf("CheckTwins(%s) = %v, want %v", raw, err, ErrTwinKey)
		}
	}
}
