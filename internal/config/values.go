package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Size is a number of bytes.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}, {"", 1}}

// String writes the size in the largest unit that holds it whole.
func (s Size) String() string {
	for _, unit := range []int{2, 1, 0} {
		u := sizeUnits[unit]
		if s != 0 && int64(s)%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.bytes, u.suffix)
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

var errSize = errors.New("is not a size (like 512KiB, 4MiB)")

func parseSize(text string) (Size, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := parseCount(digits)
		if err != nil || n > math.MaxInt64/u.bytes {
			return 0, errSize
		}
		return Size(n * u.bytes), nil
	}
	return 0, errSize
}

// A Rate is so many events in so long a time. The zero value is no limit at all,
// as `0` in the file says.
type Rate struct {
	Count int
	Per   time.Duration
}

// Off reports whether the rate limits nothing.
func (r Rate) Off() bool { return r.Count == 0 }

var ratePeriods = []struct {
	letter string
	per    time.Duration
}{{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}}

// String writes the rate as the file does.
func (r Rate) String() string {
	for _, p := range ratePeriods {
		if r.Per == p.per && !r.Off() {
			return fmt.Sprintf("%d/%s", r.Count, p.letter)
		}
	}
	return "0"
}

var errRate = errors.New("is not a rate (like 10/m, 5/s, 100/h, 0)")

func parseRate(text string) (Rate, error) {
	digits, letter, divided := strings.Cut(text, "/")
	count, err := parseCount(digits)
	if err != nil || count > math.MaxInt32 {
		return Rate{}, errRate
	}
	if count == 0 {
		return Rate{}, nil
	}
	for _, p := range ratePeriods {
		if divided && letter == p.letter {
			return Rate{Count: int(count), Per: p.per}, nil
		}
	}
	return Rate{}, errRate
}

var errDuration = errors.New("is not a duration (like 90s, 720h)")

// parseDuration takes Go durations that are not negative.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return d, nil
}

// parseCount takes plain decimal digits: no sign, no underscore, no other base.
func parseCount(digits string) (int64, error) {
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err
}

// texts lists the values of an enumeration.
func texts[T ~string](values ...T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}
