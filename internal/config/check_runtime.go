package config

func (s Skills) check(r *report) {
	if s.Auth == SkillsAPIKey && len(s.APIKeys) == 0 {
		r.refuse("skills.auth", "api-key needs at least one entry in skills.api_keys")
	}
	if s.Auth == SkillsBearer && s.JWT.Issuer == "" {
		r.refuse("skills.auth", "bearer needs skills.jwt.issuer")
	}
	checkURL(r, "skills.jwt.issuer", s.JWT.Issuer, true)
	checkURL(r, "skills.jwt.jwks_url", s.JWT.JWKSURL, true)
	if s.Enabled && s.Dir == "" {
		r.refuse("skills.dir", "must name a folder")
	}
}

func (c *Config) checkRuntime(r *report) {
	notEmpty(r, "policies.files", c.Policies.Files)
	checkURL(r, "telemetry.otlp_endpoint", c.Telemetry.OTLPEndpoint, false)
}
