package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one "name=value" of an entry that begins with a name of its own, such as "mtn host=smpp.example.net window=20".
type field struct {
	r     *reading
	key   string // the setting's
	entry string // what the entry is called
	word  string // as it is written
	name  string
	value string
}

func (r *reading) field(key, entry, word string) field {
	name, value, _ := strings.Cut(word, "=")
	return field{r, key, entry, word, name, value}
}

// bad says that the value won't do, and how to mend it.
func (f *field) bad(mend string) {
	f.r.wrong(f.key, fmt.Sprintf("%s: %q is no %s that will do", f.entry, f.value, f.name), mend)
}

// unknown says that nothing has this name.
func (f *field) unknown(names []string) {
	mend := "write " + strings.Join(names, "=, ") + "="
	if near := Near(f.name, names); near != "" {
		mend = "did you mean " + near + "=?"
	}
	f.r.wrong(f.key, fmt.Sprintf("%s: there is no %q", f.entry, f.word), mend)
}

func (f *field) yes() bool {
	switch strings.ToLower(f.value) {
	case "true", "yes", "on":
		return true
	case "false", "no", "off":
	default:
		f.bad("write on or off")
	}
	return false
}

func (f *field) oneOf(words ...string) string {
	if !slices.Contains(words, f.value) {
		f.bad("write one of: " + strings.Join(words, ", "))
		return ""
	}
	return f.value
}

func (f *field) number(least, most int) int {
	n, err := strconv.ParseInt(f.value, 0, 32)
	if err != nil || int(n) < least || int(n) > most {
		f.bad(fmt.Sprintf("write a number from %d to %d", least, most))
		return least
	}
	return int(n)
}

func (f *field) seconds(least, most int) time.Duration {
	n, err := strconv.Atoi(f.value)
	if err != nil || n < least || n > most {
		f.bad(fmt.Sprintf("write seconds, from %d to %d", least, most))
	}
	return time.Duration(n) * time.Second
}

func (f *field) span(least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(f.value)
	if err != nil || d < least || d > most {
		f.bad(fmt.Sprintf("write a time from %v to %v, such as %v", least, most, least*2))
		return 0
	}
	return d
}

func (f *field) short(most int) string {
	if f.value == "" || len(f.value) > most {
		f.bad(fmt.Sprintf("write 1 to %d characters", most))
	}
	return f.value
}

// code is what residents dial.
func (f *field) code() string {
	if !isDialCode(f.value) {
		f.bad("write it with its stars and its hash key, such as *384*123#")
	}
	return f.value
}

// network is an address, or a network, that may call.
func (f *field) network() (netip.Prefix, bool) {
	p, ok := network(f.value)
	if !ok {
		f.bad("write an address or a network, such as 192.0.2.10 or 192.0.2.0/24; several: allow= more than once")
	}
	return p, ok
}
