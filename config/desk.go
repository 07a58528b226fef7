package config

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Desk is where clerks talk with residents.
type Desk struct {
	Clerks       map[string]Secret // hashes of their passwords, by the names that residents read
	AnswerWithin time.Duration     // while the desk is open, until somebody who waits is overdue
}

func (r *reading) setDesk(c *Desk, s Setting, text string) {
	switch s.Key {
	case "desk.clerks":
		c.Clerks = r.clerks(s.Key, text)
	case "desk.answer_within":
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Minute || d > 1000*time.Hour {
			r.wrong(s.Key, fmt.Sprintf("%q is no time to answer within", text), "write hours and minutes, such as 4h or 30m")
			return
		}
		c.AnswerWithin = d
	}
}

// clerks reads "Anna=argon2id:…, Bert=argon2id:…".
func (r *reading) clerks(key, text string) map[string]Secret {
	var all map[string]Secret
	for _, entry := range strings.Split(text, ",") { // names may have blanks
		if strings.TrimSpace(entry) == "" {
			continue
		}
		name, hash, _ := strings.Cut(entry, "=")
		name, hash = strings.TrimSpace(name), strings.TrimSpace(hash)
		if hash == "" || !isClerk(name) {
			r.wrong(key, "holds something that is not a clerk's name and what stands for their password", "write Anna= and what \"townline desk password\" prints; residents read the name")
			continue
		}
		if _, twice := all[name]; twice {
			r.wrong(key, fmt.Sprintf("names %q twice", name), "give each clerk a name of their own")
		}
		if all == nil {
			all = map[string]Secret{}
		}
		all[name] = NewSecret(hash)
	}
	return all
}

// isClerk says whether residents can be told a name.
func isClerk(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= 40 && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" .'’-", r)
	})
}
