package config

func (c *Config) check(r *report)    {}
func (c *Config) complete(r *report) {}
func (c *Config) notYet(r *report)   {}
