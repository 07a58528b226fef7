package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// The dialogs that people hold while the town has trouble, on every channel. What they said comes back in the question after it: a
// reply that is somebody else's, or of another turn, shows at once.
var faultDialogs = map[string]string{
	"crash": strings.NewReplacer("second word?", "second word after ${first}?", "third word?", "third word after ${second}?", "Thank you.", "Thank you for ${first}.").Replace(crashDialog),
	"vote": `dialog: vote
version: 1
title: Vote on the day
purpose: consultation
language: en
start: VOTE
who: number
secrecy: confidential
decides: The council decides on 1 May and is not bound by this. Its answer comes by 1 June.
steps:
  - id: plan
    type: choice
    say: Which day should it close?
    options:
      sunday: Sunday
      monday: Monday
      no_opinion: I do not mind
  - id: agree
    type: consent
    say: May the town count this vote?
    refuse: Nothing was kept.
  - id: saved
    type: submit
  - id: receipt
    type: end
    say: Thank you. Your receipt is ${reference}.
`,
	"keys": keysDialog,
	"mend": `dialog: mend
version: 1
title: Mend a street
purpose: request
service:
  code: street
  department: works
  days: 5
language: en
start: MEND
steps:
  - id: what
    type: text
    limit: 100
    say: What is broken?
  - id: saved
    type: submit
  - id: receipt
    type: end
    say: Thank you for ${what}. Your number is ${reference}.
`,
}

const (
	faultSecret = "0123456789abcdef0123456789abcdef" // of Telegram, and of the menus' gateway
)

// crowd is people on many channels, and what the town told them.
type crowd struct {
	*traffic
	chats *chatTown
	pace  time.Duration // between two messages of one, on average
	twice atomic.Int64  // messages that a provider sent twice at once

	votes         atomic.Int64 // that were told to count
	reports       map[string]string
	perhaps       atomic.Int64  // reports whose last answer got no reply
	perhapsVotes  atomic.Int64  // likewise
	rang, visited atomic.Int64  // conversations that ended on the telephone, and on pages
	machine       *kioskMachine // nil: there is no kiosk machine
	quiet         quiet
	all           sync.WaitGroup
}

// quiet is how long nothing was answered.
type quiet struct {
	mu      sync.Mutex
	last    time.Time
	count   int64
	watched map[*time.Duration]bool // the longest silences since they are watched
}

func (q *quiet) answered(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.notes(now)
	q.last = now
	q.count++
}

// many is how much the town has answered.
func (q *quiet) many() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

func (q *quiet) notes(now time.Time) {
	if q.last.IsZero() {
		return
	}
	for longest := range q.watched {
		*longest = max(*longest, now.Sub(q.last))
	}
}

// watch returns what tells the longest silence since now.
func (q *quiet) watch() (longest func(now time.Time) time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.watched == nil {
		q.watched = map[*time.Duration]bool{}
	}
	silence := new(time.Duration)
	q.watched[silence] = true
	return func(now time.Time) time.Duration {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.notes(now)
		delete(q.watched, silence)
		return *silence
	}
}

// newCrowd is people of whom a town hears by a door, and whose chats are at host.
func newCrowd(t *testing.T, host string) *crowd {
	c := &crowd{
		traffic: &traffic{url: "http://town", done: map[string]bool{}, maybe: map[string]bool{}, client: &http.Client{Timeout: 5 * time.Second}},
		pace:    *faultRush, reports: map[string]string{},
	}
	c.chats = newChatTown(t, c, host)
	return c
}

// env are the settings with which a town has the crowd's channels.
func (c *crowd) env() []string {
	return []string{
		"TOWNLINE_PUBLIC_URL=" + loadURL, "TOWNLINE_PREVIEW=off", "TOWNLINE_LOG_LEVEL=warn",
		"PATH=/nowhere", // no voice is made: calls are heard as words
		"TOWNLINE_TOWN_LANGUAGES=en", "TOWNLINE_VOICE_TWILIO_FROM=+12025550100", "TOWNLINE_KIOSK_OUTPOSTS=library=" + kioskSecret, "TOWNLINE_KIOSK_SECRET=" + kioskSecret,
		"TOWNLINE_SMS_GATEWAY_SECRET=" + crashSecret, "TOWNLINE_LIMITS_RATE=telegram=2000 each=2000",
		"TOWNLINE_SMS_TWILIO_ACCOUNT_SID=" + loadSID, "TOWNLINE_SMS_TWILIO_AUTH_TOKEN=" + loadToken, "TOWNLINE_SMS_TWILIO_FROM=+12025550100",
		"TOWNLINE_USSD_GATEWAYS=africastalking code=*384*123#", "TOWNLINE_USSD_SECRETS=africastalking=" + faultSecret,
		"TOWNLINE_TELEGRAM_TOKEN=" + botToken, "TOWNLINE_TELEGRAM_WEBHOOK=on", "TOWNLINE_TELEGRAM_SECRET=" + faultSecret, "TOWNLINE_TELEGRAM_API=" + c.chats.URL,
		"HTTPS_PROXY=http://127.0.0.1:9", // nothing that a town of a test texts by Twilio leaves the machine
	}
}

// begin has so many people talk on each channel, from seeds of their own.
func (c *crowd) begin(each int, seed uint64) {
	for i := range each {
		chance := func(channel uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i)<<8|channel)) }
		text := &resident{tr: c.traffic, number: fmt.Sprintf("+1202555%04d", i), chance: chance(1)}
		text.by = c.once(chance(5), c.traffic.texts)
		signed := &resident{tr: c.traffic, number: fmt.Sprintf("+1415555%04d", i), chance: chance(2)}
		signed.by = c.once(chance(6), c.textsTwilio)
		for _, r := range []*resident{text, signed} {
			c.all.Go(func() { c.lives(r) })
		}
		menu := &dialler{crowd: c, number: fmt.Sprintf("+1303555%04d", i), chance: chance(3)}
		c.all.Go(menu.lives)
		chat := &chatter{crowd: c, id: 7_000_000 + int64(i), chance: chance(4)}
		c.all.Go(chat.lives)
		call := &caller{crowd: c, first: (i + 1) * 10_000, number: fmt.Sprintf("+1617555%04d", i), chance: chance(7)}
		c.all.Go(call.lives)
		screens := map[string]string{"kiosk": c.url + "/kiosk", "web": c.url + "/web"}
		if c.machine != nil {
			screens["machine"] = c.machine.screen + "/kiosk"
		}
		for name, at := range screens {
			g := &guest{tr: c.traffic, chance: chance(8 + uint64(len(name))), at: at}
			if name != "machine" {
				g.way = c.client.Transport
			}
			c.all.Go(func() { c.visits(g, fmt.Sprint(name, i)) })
		}
	}
}

// end waits until everybody has finished what they began.
func (c *crowd) end() {
	c.stop.Store(true)
	c.all.Wait()
}

// once is a try by a provider that takes its time between two, and now and then sends one message twice at once.
func (c *crowd) once(chance *rand.Rand, try func(string, sent) (string, error)) func(string, sent) (string, error) {
	return func(number string, m sent) (string, error) {
		if chance.IntN(30) > 0 {
			reply, err := try(number, m)
			if err == nil {
				c.quiet.answered(time.Now())
			}
			return reply, err
		}
		c.twice.Add(1)
		var replies [2]string
		var errs [2]error
		var both sync.WaitGroup
		for i := range replies {
			both.Go(func() { replies[i], errs[i] = try(number, m) })
		}
		both.Wait()
		switch {
		case errs[0] != nil:
			return replies[1], errs[1]
		case errs[1] == nil && replies[0] != replies[1]:
			c.say("%s came twice at once, and was answered %q and %q", m.id, replies[0], replies[1])
		}
		return replies[0], nil
	}
}

// textsTwilio is one try of Twilio's.
func (c *crowd) textsTwilio(number string, m sent) (string, error) {
	form := url.Values{
		"MessageSid": {"SM" + fmt.Sprintf("%032x", m.id)[:32]}, "AccountSid": {loadSID}, "From": {number}, "To": {"+12025550100"}, "Body": {m.words}, "NumMedia": {"0"},
	}
	if person, n, ok := strings.Cut(m.id, "/"); ok {
		form.Set("MessageSid", fmt.Sprintf("SM%016s%016s", strings.TrimPrefix(person, "+"), n))
	}
	req, err := http.NewRequest(http.MethodPost, c.url+"/sms/twilio", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", twilioSignature(form))
	reply, err := c.asks(req)
	if err == nil && !strings.Contains(reply, "<Message>") {
		err = errors.New("an empty answer")
		c.say("%s was answered by nothing", m.id)
	}
	return reply, err
}

// saying is a message and what the town must ask or tell next.
type saying struct{ words, next string }

// talks is what somebody says from first to last: a vote first, then reports and words by turns.
func talks(name string, n int) []saying {
	switch {
	case n == 1:
		return []saying{{"VOTE", "Which day should it close?"}, {"2", "May the town count this vote?"}, {"yes", "Your receipt is"}}
	case n%4 == 2:
		return []saying{{"MEND", "What is broken?"}, {name + "-x", "Thank you for " + name + "-x. Your number is"}}
	}
	return []saying{
		{"WORDS", "What is the first word?"}, {name + "-a", "What is the second word after " + name + "-a?"},
		{name + "-b", "What is the third word after " + name + "-b?"}, {name + "-c", "May the town keep these words?"}, {"yes", "Thank you for " + name + "-a. Your receipt is"},
	}
}

var numberForm = regexp.MustCompile(`Your number is ([0-9-]+[0-9])`)

// ended notes what somebody was told in the end.
func (c *crowd) ended(name string, n int, reply string) {
	switch {
	case n == 1:
		c.votes.Add(1)
		return
	case n%4 == 2:
		m := numberForm.FindStringSubmatch(reply)
		if m == nil {
			c.say("%s got no number: %q", name, reply)
			return
		}
		c.mu.Lock()
		was, taken := c.reports[m[1]]
		c.reports[m[1]] = name
		c.mu.Unlock()
		if taken {
			c.say("%s and %s got the same number", name, was)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[name] = true
}

// lives has somebody text until the crowd ends.
func (c *crowd) lives(r *resident) {
	for n := 1; !c.stop.Load(); n++ {
		name := fmt.Sprintf("%s-%d", r.number, n)
		for i, l := range talks(name, n) {
			c.thinks(r.chance)
			if n == 1 && i == 2 { // a ballot that is cast takes the replies before it away
				r.recent = nil
			}
			reply, ok := r.text(l.words)
			if !ok {
				return
			}
			if !strings.Contains(reply, l.next) {
				c.say("%s, message %d: after %q it said %q, not %q", name, i+1, l.words, reply, l.next)
				return
			}
			if i == len(talks(name, n))-1 {
				c.ended(name, n, reply)
			}
		}
	}
}

func (c *crowd) thinks(chance *rand.Rand) {
	pause := time.NewTimer(time.Duration((0.5 + chance.Float64()) * float64(c.pace)))
	<-pause.C
}

// holds holds a store against what people were told.
func (c *crowd) holds(t *testing.T, s store.Store) {
	t.Helper()
	if c.broken.Load() {
		return
	}
	c.kept(t, s)
	var votes int64
	if err := s.Ballots(t.Context(), "vote", func(store.Ballot) error { votes++; return nil }); err != nil {
		t.Fatal(err)
	}
	if extra := votes - c.votes.Load(); extra < 0 || extra > c.perhapsVotes.Load() {
		c.say("%d votes were told to count, %d are in the box", c.votes.Load(), votes)
	}
	all, err := s.Requests(t.Context(), store.RequestQuery{Dialog: "mend", Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, q := range all {
		found[q.Reference]++
	}
	for number, name := range c.reports {
		if found[number] != 1 {
			c.say("%s of %s is there %d times", number, name, found[number])
		}
	}
	if extra := int64(len(all) - len(c.reports)); extra < 0 || extra > c.perhaps.Load() {
		c.say("%d numbers were told, %d reports are there", len(c.reports), len(all))
	}
	stats, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.chats.judge(stats)
}

// dialler is a phone with menus: it dials again whenever something goes wrong, and answers what it is asked.
type dialler struct {
	*crowd
	number  string
	chance  *rand.Rand
	session int
	keyed   string
	asked   int // the last question that it saw: 0 none, 4 the consent
}

var questions = []string{"", "What is the first word?", "What is the second word after ", "What is the third word after ", "May the town keep these words?"}

func (d *dialler) lives() {
	for n := 1; !d.stop.Load(); n++ {
		if !d.holds(fmt.Sprintf("%s-%d", d.number, n)) {
			return
		}
	}
}

// holds goes through one conversation; false: the crowd is broken.
func (d *dialler) holds(name string) bool {
	d.asked = 0
	screen, ok := d.dials()
	consented := false
	for ok {
		d.thinks(d.chance)
		q := 0
		for i, text := range questions[1:] {
			if strings.Contains(screen, text) {
				q = i + 1
			}
		}
		if q > 1 && q < 4 && !strings.Contains(screen, name+"-"+string("ab"[q-2])) {
			d.say("%s is shown %q", name, screen)
			return false
		}
		if q > 0 && q < d.asked {
			d.say("%s had come to question %d, and is asked question %d again: %q", name, d.asked, q, screen)
			return false
		}
		d.asked = max(d.asked, q)
		key := ""
		switch {
		case strings.Contains(screen, "Your receipt is"):
			d.mu.Lock()
			d.done[name] = true
			d.mu.Unlock()
			return true
		case !strings.HasPrefix(screen, "CON "): // too slow, or over
			screen, ok = d.dials()
			continue
		case q == 4 && strings.Contains(screen, "1 "), strings.Contains(screen, "1 Go on"):
			key = "1"
			consented = consented || q == 4
		case q == 4:
			key = "8"
		case q > 0:
			key = name + "-" + string("abc"[q-1])
		case strings.Contains(screen, "Three words") && regexp.MustCompile(`\d Three words`).MatchString(screen):
			if consented { // the town had taken the last answer, though nobody heard of it
				d.mu.Lock()
				d.maybe[name] = true
				d.mu.Unlock()
				return true
			}
			if d.asked > 0 {
				d.say("%s had come to question %d, and is shown the menu: %q", name, d.asked, screen)
				return false
			}
			key = regexp.MustCompile(`(\d) Three words`).FindStringSubmatch(screen)[1]
		default:
			key = "8"
		}
		if d.keyed != "" {
			d.keyed += "*"
		}
		d.keyed += key
		if screen, ok = d.asks(); !ok && !d.broken.Load() {
			screen, ok = d.dials()
		}
	}
	return false
}

// dials opens a menu; false: the crowd is broken.
func (d *dialler) dials() (string, bool) {
	for !d.broken.Load() {
		d.session++
		d.keyed = ""
		if screen, ok := d.asks(); ok {
			return screen, true
		}
		d.thinks(d.chance)
	}
	return "", false
}

// asks sends what was keyed, as gateways do: once more if there was no answer, and now and then though there was one.
func (d *dialler) asks() (string, bool) {
	form := url.Values{"sessionId": {fmt.Sprintf("%s-%d", d.number, d.session)}, "serviceCode": {"*384*123#"}, "phoneNumber": {d.number}, "networkCode": {"310260"}, "text": {d.keyed}}
	try := func() (string, error) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, d.url+"/ussd/africastalking/"+faultSecret, strings.NewReader(form.Encode()))
		if err != nil {
			return "", err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return d.traffic.asks(req)
	}
	screen, err := try()
	if err != nil {
		d.retries.Add(1)
		if screen, err = try(); err != nil {
			return "", false
		}
	}
	d.answers.Add(1)
	if strings.HasPrefix(screen, "CON ") { // the promise of a text is no answer
		d.quiet.answered(time.Now())
	}
	if d.chance.IntN(12) == 0 {
		if again, err := try(); err == nil {
			d.repeats.Add(1)
			// Where a screen was too slow the text that it promised is on its way, and the menu is over.
			// Nor does a town contradict itself that says it can't answer now.
			late := strings.HasPrefix(again, "END This takes a moment") || strings.HasPrefix(again, "END We can't go on just now")
			if again != screen && !strings.HasPrefix(screen, "END ") && !late {
				d.say("%s was shown %q, and when it came again %q", d.number, screen, again)
			}
		}
	}
	return screen, true
}
