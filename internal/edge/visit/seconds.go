package visit

import (
	"math"
	"time"
)

// Seconds is n seconds, and the longest time there is for numbers beyond it:
// so many never turn into a short time.
func Seconds(n int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Second)
	return time.Duration(max(-most, min(n, most))) * time.Second
}
