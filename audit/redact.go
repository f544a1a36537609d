package audit

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/ostiary/ostiary"
)

const redacted = "[redacted]"

// secretNames are parts of member names whose values are never kept, in
// lower case and without separators.
var secretNames = []string{
	"password", "passwd", "passphrase", "secret", "token", "authorization", "apikey", "accesskey",
	"privatekey", "credential", "cookie", "signature", "clientassertion", "codeverifier",
}

// secretForms are the known forms of tokens and keys, wherever in a text.
var secretForms = regexp.MustCompile(strings.Join([]string{
	`ost_[a-z]{2,3}_[0-9A-Za-z]{20,}`,                                            // ours
	`eyJ[0-9A-Za-z_-]{5,}\.[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]*){1,3}`,                // JWT, JWE (RFC 7515, 7516)
	`\b(sk|pk|rk)[-_][0-9A-Za-z_-]{16,}`,                                         // OpenAI, Anthropic, Stripe
	`\b(gh[opsur]_[0-9A-Za-z]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,})`,         // GitHub, GitLab
	`\bxox[a-z]-[0-9A-Za-z-]{10,}`,                                               // Slack
	`\b(AKIA|ASIA)[0-9A-Z]{16}\b`,                                                // AWS
	`\bAIza[0-9A-Za-z_-]{30,}`,                                                   // Google
	`whsec_[0-9A-Za-z+/=]{16,}`,                                                  // webhook secrets
	`-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*PRIVATE KEY-----)?`, // PEM
	`(?i:\b(bearer|basic) )[0-9A-Za-z._~+/=-]{8,}`,                               // RFC 9110 11.4
}, "|"))

func redactText(s string) string { return secretForms.ReplaceAllString(s, redacted) }

// redactJSON replaces what looks like a secret by its name or by its form.
// What can't be read is replaced whole.
func redactJSON(canonical []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(canonical))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return []byte(`"` + redacted + `"`)
	}
	return appendCanonicalOf(redactValue(v))
}

func appendCanonicalOf(v any) []byte {
	raw, err := json.Marshal(v)
	if err == nil {
		raw, err = ostiary.AppendCanonical(nil, raw)
	}
	if err != nil {
		return []byte(`"` + redacted + `"`)
	}
	return raw
}

func redactValue(v any) any {
	switch v := v.(type) {
	case string:
		return redactText(v)
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
		return v
	case map[string]any:
		return redactObject(v)
	default:
		return v
	}
}

func redactObject(members map[string]any) map[string]any {
	clean := make(map[string]any, len(members))
	for name, v := range members {
		if namesSecret(name) {
			v = redacted
		} else {
			v = redactValue(v)
		}
		clean[redactText(name)] = v
	}
	return clean
}

var separators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

func namesSecret(name string) bool {
	name = separators.Replace(strings.ToLower(name))
	for _, part := range secretNames {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "pwd" || name == "pin" || name == "otp" || name == "auth"
}
