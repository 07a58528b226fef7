package config

import "strings"

// Mistake is one thing that is wrong with the settings, in words for the person who wrote them.
type Mistake struct {
	Where   string // "townline.yaml:4", "TOWNLINE_LISTEN", "--listen"; "" where something is missing
	Key     string
	Message string
	Mend    string // what to do about it; may be ""
}

func (m Mistake) String() string {
	var b strings.Builder
	if m.Where != "" {
		b.WriteString(m.Where + ": ")
	}
	if m.Key != "" {
		b.WriteString(m.Key + ": ")
	}
	b.WriteString(m.Message)
	if m.Mend != "" {
		b.WriteString("\n    " + m.Mend)
	}
	return b.String()
}

// Mistakes are all that were found, so that they can be mended in one go.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	var b strings.Builder
	b.WriteString("the settings can't be used yet:")
	for _, one := range m {
		b.WriteString("\n  " + strings.ReplaceAll(one.String(), "\n", "\n  "))
	}
	return b.String()
}
