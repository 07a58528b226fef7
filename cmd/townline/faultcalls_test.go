package main

import (
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// keysDialog is answered by keys alone. What was pressed comes back in the question after it.
const keysDialog = `dialog: keys
version: 1
title: Three keys
purpose: consultation
language: en
start: KEYS
who: anyone
secrecy: public
decides: The council decides on 1 May and is not bound by this. Its answer comes by 1 June.
steps:
  - id: first
    type: number
    max: 99999999
    say: What is the first number?
  - id: second
    type: number
    max: 99999999
    say: What is the second number after ${first}?
  - id: third
    type: choice
    say: Which day after ${second}?
    options:
      sunday: Sunday
      monday: Monday
      no_opinion: I do not mind
  - id: agree
    type: consent
    say: May the town keep these numbers?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: receipt
    type: end
    say: Thank you for ${first}. Your receipt is ${reference}.
`

// keysWords are what is on record of a caller's conversation.
func keysWords(name string) map[string]string {
	return map[string]string{"first": name, "second": "5" + name, "third": "monday"}
}

// caller rings by Twilio, from a telephone with keys. Twilio asks each turn once more where there was no answer; then the call is
// over, and they ring again.
type caller struct {
	*crowd
	first  int // of their conversations' numbers
	number string
	chance *rand.Rand
	calls  int
	rung   int // how often, for one conversation
	heard  string
	next   string // where what is pressed goes; "": the town has ended the call
	wait   string // where the town wants the call to come again
}

// keyed is a question that a caller hears, and the keys that they answer it with.
type keyed struct{ asks, again, keys, echo string }

func (c *caller) lives() {
	for n := 1; !c.stop.Load(); n++ {
		name, title := strconv.Itoa(c.first+n), "Three keys"
		all := []keyed{
			{"What is the first number?", "", name, name}, {"What is the second number after " + name + "?", "What is the second number after what you told us?", "5" + name, "5" + name},
			{"Which day after 5" + name + "?", "Which day after what you told us?", "2", "Monday"}, {"May the town keep these numbers?", "", "1", ""},
		}
		if n == 1 {
			title, all = "Vote on the day", []keyed{{"Which day should it close?", "", "2", "Monday"}, {"May the town count this vote?", "", "1", ""}}
		}
		told, ok := c.holds(name, title, all)
		if !ok {
			return
		}
		c.mu.Lock()
		switch {
		case n == 1 && told:
			c.votes.Add(1)
		case n == 1:
			c.perhapsVotes.Add(1)
		case told:
			c.done[name] = true
		default:
			c.maybe[name] = true
		}
		c.mu.Unlock()
	}
}

var (
	sayTag      = regexp.MustCompile(`<Say[^>]*>(?:<prosody[^>]*>)?([^<]*)(?:</prosody>)?</Say>`) // slower and louder, for who said nothing twice
	gatherTag   = regexp.MustCompile(`<Gather[^>]* action="([^"]*)"`)
	redirectTag = regexp.MustCompile(`<Redirect[^>]*>([^<]*)</Redirect>`)
	echoed      = regexp.MustCompile(`You (?:pressed|chose:) ([^.]*)\.`)
	anotherTry  = regexp.MustCompile(`For another try, press (\d)\.`)
)

// holds goes through one conversation; told: they heard its end. ok is false when the crowd is broken.
func (c *caller) holds(name, title string, all []keyed) (told, ok bool) {
	menu := regexp.MustCompile(`For ` + title + `, press (\d)`)
	asked, consented := 0, false
	c.rung = 0
	for ok = c.rings(); ok; {
		c.thinks(c.chance)
		q := 0
		for i, one := range all {
			if strings.Contains(c.heard, one.asks) || c.rung > 1 && one.again != "" && strings.Contains(c.heard, one.again) {
				q = i + 1
			}
		}
		switch {
		case q > 0 && q < asked:
			c.say("%s had come to question %d on the telephone, and is asked question %d again: %q", name, asked, q, c.heard)
			return false, false
		case q == 0 && (strings.Contains(c.heard, "number after") || strings.Contains(c.heard, "day after")):
			c.say("%s hears somebody else's: %q", name, c.heard)
			return false, false
		}
		asked = max(asked, q)
		keys := ""
		switch {
		case strings.Contains(c.heard, "Your receipt is"):
			if !consented || all[0].echo == name && !strings.Contains(c.heard, "Thank you for "+name+".") && !(c.rung > 1 && strings.Contains(c.heard, "Thank you for what you told us.")) {
				c.say("%s hears an end that isn't theirs: %q", name, c.heard)
				return false, false
			}
			c.hangsUp()
			c.rang.Add(1)
			return true, true
		case c.wait != "":
			if !c.asksTurn(c.wait, nil) {
				ok = c.ringsAgain()
			}
			continue
		case c.next == "", c.chance.IntN(25) == 0:
			ok = c.ringsAgain()
			continue
		case q == len(all):
			keys, consented = all[q-1].keys, true
		case q > 0 && c.chance.IntN(15) == 0: // they say nothing
		case q > 0:
			keys = all[q-1].keys
		case strings.Contains(c.heard, "If that is right, press 1"):
			if m := echoed.FindStringSubmatch(c.heard); asked == 0 || m == nil || strings.NewReplacer(" ", "", ",", "").Replace(m[1]) != all[asked-1].echo {
				c.say("%s is asked at question %d whether it is right: %q", name, asked, c.heard)
				return false, false
			}
			keys = "1"
		case strings.Contains(c.heard, "For going on, press 1"):
			keys = "1"
		case anotherTry.MatchString(c.heard): // they had said nothing for a while
			keys = anotherTry.FindStringSubmatch(c.heard)[1]
		case menu.MatchString(c.heard):
			if consented { // the town had taken the last answer, though nobody heard of it
				c.hangsUp()
				return false, true
			}
			if asked > 0 {
				c.say("%s had come to question %d on the telephone, and is at the menu: %q", name, asked, c.heard)
				return false, false
			}
			keys = menu.FindStringSubmatch(c.heard)[1]
		default:
			c.say("%s knows no way on from %q", name, c.heard)
			return false, false
		}
		if !c.asksTurn(c.next, url.Values{"Digits": {keys}}) {
			ok = c.ringsAgain()
		}
	}
	return false, false
}

// rings begins a call, as often as it takes; false: the crowd is broken.
func (c *caller) rings() bool {
	for !c.broken.Load() {
		c.calls++
		c.rung++
		if c.asksTurn("/voice/twilio", nil) {
			return true
		}
		c.hangsUp()
		c.thinks(c.chance)
	}
	return false
}

func (c *caller) ringsAgain() bool {
	c.hangsUp()
	c.thinks(c.chance)
	return c.rings()
}

// hangsUp has Twilio tell that the call is over, once: it doesn't come again with that.
func (c *caller) hangsUp() {
	_, _ = c.tries("/voice/twilio/status", url.Values{"CallStatus": {"completed"}})
}

// asksTurn is one request of Twilio's: once more if there was no answer, and now and then though there was one.
func (c *caller) asksTurn(path string, more url.Values) bool {
	doc, err := c.tries(path, more)
	if err != nil {
		c.retries.Add(1)
		if doc, err = c.tries(path, more); err != nil {
			return false
		}
	}
	c.answers.Add(1)
	c.hears(doc)
	if c.wait == "" {
		c.quiet.answered(time.Now())
	}
	if c.chance.IntN(12) == 0 {
		if again, err := c.tries(path, more); err == nil {
			c.repeats.Add(1)
			if again != doc && c.wait == "" && !redirectTag.MatchString(again) {
				c.say("%s heard %q, and when %s came again %q", c.number, doc, path, again)
			}
		}
	}
	return true
}

func (c *caller) hears(doc string) {
	var all []string
	for _, m := range sayTag.FindAllStringSubmatch(doc, -1) {
		all = append(all, html.UnescapeString(m[1]))
	}
	c.heard, c.next, c.wait = strings.Join(all, " "), "", ""
	if m := gatherTag.FindStringSubmatch(doc); m != nil {
		c.next = html.UnescapeString(m[1])
	} else if m := redirectTag.FindStringSubmatch(doc); m != nil {
		c.wait = html.UnescapeString(m[1])
	}
}

// tries is one signed try.
func (c *caller) tries(path string, more url.Values) (string, error) {
	form := url.Values{
		"CallSid": {fmt.Sprintf("CA%015d%017d", c.first, c.calls)}, "AccountSid": {loadSID}, "From": {c.number}, "To": {"+12025550100"}, "CallStatus": {"in-progress"}, "Direction": {"inbound"},
	}
	for name, values := range more {
		form[name] = values
	}
	req, err := http.NewRequest(http.MethodPost, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", twilioSigned(path, form))
	doc, err := c.traffic.asks(req)
	if err == nil && !strings.Contains(doc, "<Response>") {
		err = errors.New("no document")
	}
	return doc, err
}
