package catalogue

import "testing"

func TestATemplateBecomesWhatItCan(t *testing.T) {
	for _, test := range []struct {
		template  string
		fit, none []string
	}{
		{
			"test://t/{id}",
			[]string{"test://t/1", "test://t/a,b", "test://t/a%20b", "test://t/a%2Fb", "test://t/a:b@c", "test://t/%C3%A9"},
			[]string{
				"test://t/", "test://t/a/b", "test://t/../secret", "test://t//a", "test://t/x/../secret", "test://t/.", "test://t/..",
				"test://t/%73ecret", "test://t/%2E%2E", "test://t/%2e%2e", "test://t/a%2fb", "test://t/%", "test://t/%4", "test://t/%zz",
				"test://t/a?b", "test://t/a#b", "test://t/a\\b", "test://t/a b", "test://t/é", "test://t/a\n", "TEST://t/a", "other://t/a",
			},
		},
		{
			"file:///{+path}",
			[]string{"file:///a", "file:///a/b.txt", "file:///a/..b", "file:///a/"},
			[]string{"file:///", "file:///a/../b", "file:///./b", "file:///a//b", "file:///a/%2E%2E/b", "file:///a?b", "file:///a#b", "file:///a\\b"},
		},
		{"db://x{/table,row}", []string{"db://x", "db://x/a", "db://x/a/b"}, []string{"db://xa", "db://x/a/../b", "db://x//b"}},
		{"s://q{?text,n}", []string{"s://q", "s://q?text=a&n=1", "s://q?text=a/b"}, []string{"s://qa", "s://q?text=a#b"}},
		{"a://{x}/mid/{y}.json", []string{"a://1/mid/2.json"}, []string{"a:///mid/2.json", "a://1/mid/.json/2", "a://1/2/mid/2.json"}},
		{"a://{+x}/to/{y}", []string{"a://1/to/2/to/3", "a://1/to/3"}, []string{"a://1/to/"}},
		{"a://b.c/{x}", []string{"a://b.c/1"}, []string{"a://bxc/1"}},
		{"a://none", []string{"a://none"}, []string{"a://nonex"}},
		{"a://{", nil, []string{"a://{", "a://x"}},
		{"a://{}", nil, []string{"a://", "a://x"}},
		{"", nil, []string{"a"}},
	} {
		fits := func(uri string) bool {
			re := pattern(test.template)
			return re != nil && re.MatchString(uri) && oneSpelling(uri)
		}
		for _, uri := range test.fit {
			if !fits(uri) {
				t.Errorf("%q can't become %q; want that it can", test.template, uri)
			}
		}
		for _, uri := range test.none {
			if fits(uri) {
				t.Errorf("%q becomes %q; want that it can't", test.template, uri)
			}
		}
	}
}
