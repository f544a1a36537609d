package config

import (
	"path"
	"slices"
	"strings"
)

func (a Approvals) check(r *report, c *Config) {
	unique(r, "approvals.channels", "", texts(a.Channels...))
	a.Webhook.check(r, slices.Contains(a.Channels, ChannelWebhook))
	a.Recheck.check(r, slices.Contains(a.Channels, ChannelRecheck))
	a.Slack.check(r, slices.Contains(a.Channels, ChannelSlack))
	checkCallback(r, a.Webhook.CallbackPath, c)
}

// checkCallback keeps the callback off every other path.
func checkCallback(r *report, callback string, c *Config) {
	const at = "approvals.webhook.callback_path"
	if callback == "/approval/callback" || callback == "" && !r.has(at) {
		return
	}
	if !strings.HasPrefix(callback, "/") || path.Clean(callback) != callback || strings.ContainsAny(callback, "?#%{} ") {
		r.refuse(at, "%q is not a plain path (like /approval/callback)", callback)
		return
	}
	first, _, _ := strings.Cut(callback[1:], "/")
	_, isApp := c.App(first)
	own := slices.Contains(reserved, first) && first != "approval" || strings.Contains(first, ".")
	if first == "" || isApp || own || callback == "/approval/slack" {
		r.refuse(at, "%q overlaps a path of the gateway or of an app", callback)
	}
}

func (w Webhook) check(r *report, on bool) {
	const at = "approvals.webhook"
	checkURL(r, at+".url", w.URL, true)
	if !on {
		return
	}
	if w.URL == "" {
		r.refuse(at+".url", "is needed for the channel webhook")
	}
	if w.Secret == "" {
		r.refuse(at+".secret", "is needed for the channel webhook: requests are signed with it")
	}
	if w.Verifier == VerifierSealed && w.EncryptionKeyFile == "" {
		r.refuse(at+".encryption_key_file", "is needed for verifier sealed")
	}
}

func (c Recheck) check(r *report, on bool) {
	const at = "approvals.recheck"
	checkURL(r, at+".url", c.URL, true)
	checkHeaders(r, at+".headers", c.Headers)
	if on && c.URL == "" {
		r.refuse(at+".url", "is needed for the channel recheck")
	}
	if c.Auth == RecheckBearer && c.Token == "" {
		r.refuse(at+".token", "is needed for auth bearer")
	}
	if c.Auth == RecheckCustom && len(c.Headers) == 0 {
		r.refuse(at+".headers", "are needed for auth custom")
	}
}

func (s Slack) check(r *report, on bool) {
	const at = "approvals.slack"
	checkURL(r, at+".api_url", s.APIURL, true)
	if on && (s.BotToken == "" || s.SigningSecret == "" || s.Channel == "") {
		r.refuse(at, "needs bot_token, signing_secret and channel")
	}
}
