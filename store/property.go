package store

import (
	"fmt"
	"maps"
	"unicode/utf8"
)

// The bounds of [Properties] and [Keeper], in bytes but for MaxProperties.
const (
	MaxProperties     = 1024     // of one resource or collection
	MaxPropertyKey    = 1024     // the key of a property or a record
	MaxPropertyValue  = 64 << 10 // the value of a property
	MaxPropertiesSize = 1 << 20  // keys and values of one resource or collection together
	MaxRecordValue    = 64 << 10 // the value of a record
)

// ChangeProperties returns what is set once changes are made to the properties set, which it leaves
// as they are: nil if nothing is. The error is [ErrName] for a key that is empty, not UTF-8 or
// longer than [MaxPropertyKey], and [ErrTooLarge] for properties beyond the other bounds.
func ChangeProperties(set map[string]string, changes map[string]*string) (map[string]string, error) {
	after := maps.Clone(set)
	for key, value := range changes {
		if err := CheckKey(key); err != nil {
			return nil, err
		}
		if value == nil {
			delete(after, key)
			continue
		}
		if len(*value) > MaxPropertyValue {
			return nil, fmt.Errorf("property %.64q has a value of %d bytes, %w: at most %d", key, len(*value), ErrTooLarge, MaxPropertyValue)
		}
		if after == nil {
			after = make(map[string]string)
		}
		after[key] = *value
	}
	if len(after) > MaxProperties {
		return nil, fmt.Errorf("%d properties are %w: at most %d", len(after), ErrTooLarge, MaxProperties)
	}
	size := 0
	for key, value := range after {
		size += len(key) + len(value)
	}
	if size > MaxPropertiesSize {
		return nil, fmt.Errorf("properties of %d bytes are %w: at most %d", size, ErrTooLarge, MaxPropertiesSize)
	}
	if len(after) == 0 {
		return nil, nil
	}
	return after, nil
}

// CheckKey reports whether a property or a record can have the key. The error is [ErrName].
func CheckKey(key string) error {
	reason := ""
	switch {
	case key == "":
		reason = "is empty"
	case len(key) > MaxPropertyKey:
		reason = fmt.Sprintf("is longer than %d bytes", MaxPropertyKey)
	case !utf8.ValidString(key):
		reason = "is not valid UTF-8"
	default:
		return nil
	}
	return fmt.Errorf("key %.64q %s: %w", key, reason, ErrName)
}

// CheckRecord reports whether a [Keeper] takes the record.
func CheckRecord(key string, value []byte) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if len(value) > MaxRecordValue {
		return fmt.Errorf("record %.64q has a value of %d bytes, %w: at most %d", key, len(value), ErrTooLarge, MaxRecordValue)
	}
	return nil
}
