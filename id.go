package ostiary

import "crypto/rand"

// NewID returns a fresh id: the prefix, an underscore, and 130 bits of
// randomness as text: "cal_…", "req_…", "grt_…", "ses_…".
func NewID(prefix string) string { return prefix + "_" + rand.Text() }
