package twilio

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Form is a decoded form in the order in which it came. It is read as Twilio writes it: only & parts parameters (net/url
// refuses a bare semicolon), and an escape that is none stays as it is.
type Form []Param

type Param struct{ Name, Value string }

func ParseForm(body []byte) Form {
	rest := string(body)
	f := make(Form, 0, min(1+strings.Count(rest, "&"), 32))
	for rest != "" {
		var one string
		one, rest, _ = strings.Cut(rest, "&")
		if one == "" {
			continue
		}
		name, value, _ := strings.Cut(one, "=")
		f = append(f, Param{unquery(name), unquery(value)})
	}
	return f
}

// Get returns the first value of a parameter.
func (f Form) Get(name string) (string, bool) {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value, true
		}
	}
	return "", false
}

// Value returns the first value of a parameter, or "".
func (f Form) Value(name string) string {
	v, _ := f.Get(name)
	return v
}

// Signed appends what Twilio signs of a form: names and values in the order of the names, and where a name comes more
// than once each different value once, in order.
func (f Form) Signed(b []byte) []byte {
	var held [32]Param
	sorted := append(held[:0], f...)
	slices.SortFunc(sorted, func(a, b Param) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
	for _, p := range slices.Compact(sorted) {
		b = append(b, p.Name...)
		b = append(b, p.Value...)
	}
	return b
}

func unquery(s string) string {
	i := strings.IndexAny(s, "+%")
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	b = append(b, s[:i]...)
	for ; i < len(s); i++ {
		if s[i] == '+' {
			b = append(b, ' ')
			continue
		}
		if c, ok := unhex(s, i); ok {
			b = append(b, c)
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// unhex reads an escape such as %C3 at s[i].
func unhex(s string, i int) (byte, bool) {
	if s[i] != '%' || i+2 >= len(s) {
		return 0, false
	}
	high, ok1 := digit(s[i+1])
	low, ok2 := digit(s[i+2])
	return high<<4 | low, ok1 && ok2
}

func digit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// ParseJSON reads a flat JSON object as a form. What is neither text, number nor truth value is left out.
func ParseJSON(body []byte) (Form, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil || all == nil || d.More() {
		return nil, errors.New("the JSON can't be read")
	}
	f := make(Form, 0, len(all))
	for name, v := range all {
		switch v := v.(type) {
		case string:
			f = append(f, Param{name, v})
		case json.Number:
			f = append(f, Param{name, v.String()})
		case bool:
			f = append(f, Param{name, strconv.FormatBool(v)})
		}
	}
	return f, nil
}
