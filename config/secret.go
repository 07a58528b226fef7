package config

import (
	"fmt"
	"log/slog"
)

// Secret is a text that never prints: not by fmt, not by slog, not by encoding/json or yaml. Reveal hands it to the one
// place that needs it.
type Secret struct{ text string }

// NewSecret keeps text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text itself. Never log or show it.
func (s Secret) Reveal() string { return s.text }

// IsSet says whether there is any text.
func (s Secret) IsSet() bool { return s.text != "" }

// String says only whether it is set.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "(hidden)"
}

// Format answers every verb, %#v and %x too, with String.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText is String, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
