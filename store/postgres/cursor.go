package postgres

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
)

var errCursor = errors.New("not a cursor of this store")

// A recordCursor is the last record of a page: the next one starts below.
type recordCursor struct {
	born int64
	id   []byte
}

func (c recordCursor) String() string {
	return fmt.Sprintf("%d.%s", c.born, base64.RawURLEncoding.EncodeToString(c.id))
}

func parseRecordCursor(text string) (recordCursor, error) {
	if text == "" {
		return recordCursor{born: math.MaxInt64, id: []byte{}}, nil
	}
	var c recordCursor
	var id string
	if _, err := fmt.Sscanf(text, "%d.%s", &c.born, &id); err != nil {
		return recordCursor{}, fmt.Errorf("%w: %w", errCursor, err)
	}
	var err error
	if c.id, err = base64.RawURLEncoding.DecodeString(id); err != nil {
		return recordCursor{}, fmt.Errorf("%w: %w", errCursor, err)
	}
	return c, nil
}

// An entryCursor is the last entry of a page: the next one starts below.
type entryCursor struct {
	time int64
	log  string
	seq  int64
}

func (c entryCursor) String() string {
	return fmt.Sprintf("%d.%d.%s", c.time, c.seq, base64.RawURLEncoding.EncodeToString([]byte(c.log)))
}

func parseEntryCursor(text string) (entryCursor, error) {
	if text == "" {
		return entryCursor{time: math.MaxInt64}, nil
	}
	var c entryCursor
	var log string
	if _, err := fmt.Sscanf(text, "%d.%d.%s", &c.time, &c.seq, &log); err != nil {
		return entryCursor{}, fmt.Errorf("%w: %w", errCursor, err)
	}
	name, err := base64.RawURLEncoding.DecodeString(log)
	if err != nil {
		return entryCursor{}, fmt.Errorf("%w: %w", errCursor, err)
	}
	c.log = string(name)
	return c, nil
}
