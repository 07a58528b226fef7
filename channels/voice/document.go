package voice

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
)

// document is TwiML under way. Attributes come in the order in which they are written: the same turn gives the same bytes,
// which twilio-go's own writer doesn't.
type document struct {
	t     *Twilio
	b     []byte
	whole bool // addresses are written whole: the document goes with a call and has none of its own to begin from
}

func (t *Twilio) document() *document {
	return &document{t: t, b: append(make([]byte, 0, 2<<10), twilio.Opening...)}
}

// address is one of ours, as a document names it.
func (d *document) address(path string) string {
	if d.whole {
		return d.t.account.Address(path)
	}
	return d.t.path + path
}

func (d *document) close() []byte { return append(d.b, twilio.Closing...) }

// begin writes a tag with its attributes, in pairs. An empty value is left out.
func (d *document) begin(name string, attributes ...string) {
	d.b = append(append(d.b, '<'), name...)
	for i := 0; i+1 < len(attributes); i += 2 {
		if attributes[i+1] != "" {
			d.b = twilio.AppendAttribute(d.b, attributes[i], attributes[i+1])
		}
	}
	d.b = append(d.b, '>')
}

func (d *document) end(name string) {
	d.b = append(append(append(d.b, '<', '/'), name...), '>')
}

// empty writes a tag with nothing in it.
func (d *document) empty(name string, attributes ...string) {
	d.begin(name, attributes...)
	d.b = append(d.b[:len(d.b)-1], '/', '>')
}

func (d *document) element(name, words string, attributes ...string) {
	d.begin(name, attributes...)
	d.b = twilio.AppendText(d.b, words)
	d.end(name)
}

// play says parts.
func (d *document) play(parts []call.Part) {
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Silence > 0:
			d.silence(p.Silence)
		case p.Media != "":
			d.element("Play", d.address("/voice/twilio/said/"+d.t.saidName(p.Media)))
		case p.Words != "":
			d.words(p)
		}
	}
}

// silence is whole seconds as Twilio makes them, and a file for what is shorter.
func (d *document) silence(s time.Duration) {
	if s%time.Second == 0 {
		d.empty("Pause", "length", strconv.Itoa(int(s/time.Second)))
		return
	}
	d.element("Play", d.address(silencePath+strconv.Itoa(int(s/time.Millisecond))+".wav"))
}

// words are said by our own voice where there is one, so that a town sounds the same on all lines.
func (d *document) words(p *call.Part) {
	address, here := "", false
	if d.t.cfg.Sound != nil {
		address, here = d.t.cfg.Sound(*p)
	}
	v, has := voiceOf(p.Lang)
	switch {
	case here, address != "" && !has:
		if strings.HasPrefix(address, "/") {
			address = d.address(address)
		}
		d.element("Play", address)
		return
	case !has:
		v, _ = voiceOf("en")
	}
	d.begin("Say", "voice", v.name, "language", v.lang)
	words := clip(plain(p.Words), mostSay)
	if p.Pace != 0 || p.Gain != 0 {
		rate, volume := "", ""
		if p.Pace != 0 {
			rate = strconv.Itoa(p.Pace) + "%"
		}
		if p.Gain != 0 {
			volume = "+" + strconv.Itoa(p.Gain) + "dB"
		}
		d.element("prosody", words, "rate", rate, "volume", volume)
	} else {
		d.b = twilio.AppendText(d.b, words)
	}
	d.end("Say")
}

// mostSay is the most characters that <Say> takes.
const mostSay = 4096

func clip(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i]
		}
	}
	return s
}

// plain is words without what XML can't hold.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case r < 0x20, r == 0xFFFE, r == 0xFFFF:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// place is where in a call a document stands.
type place struct {
	caller
	turn     int    // the next one
	lang     string // of the page
	afterKey bool
}

// action is where the answer to a document is posted.
func (d *document) action(p place, more ...string) string {
	q := "/voice/twilio/turn?n=" + strconv.Itoa(p.turn) + "&l=" + url.QueryEscape(p.lang)
	for i := 0; i+1 < len(more); i += 2 {
		q += "&" + more[i] + "=" + url.QueryEscape(more[i+1])
	}
	return d.address(q)
}

const (
	breath   = "1"   // seconds between the last word and the tone of a recording
	longHold = "180" // seconds that a caller may have asked to be left alone for
	ringDesk = "25"  // seconds that a person's telephone rings
)

// reply writes what answers a turn.
func (d *document) reply(r channels.Reply, p place, listen render.Listen, asks bool) {
	parts := call.AllParts(r.Pages, p.afterKey)
	if p.afterKey && len(parts) > 0 && parts[0].Silence > 0 { // nothing is listened to yet: a finger that shakes may press twice
		d.play(parts[:1])
		parts = parts[1:]
	}
	switch {
	case asks && listen.Record > 0:
		d.begin("Gather", "input", "dtmf", "action", d.action(p), "method", "POST", "numDigits", "1", "timeout", breath)
		d.play(parts)
		d.end("Gather")
		d.empty("Record", "action", d.action(p, "r", "1"), "method", "POST", "maxLength", strconv.Itoa(max(listen.Record, 2)),
			"timeout", strconv.Itoa(max(listen.Pause, 2)), "finishOnKey", "0123456789*#", "playBeep", "true", "trim", "trim-silence")
		d.element("Redirect", d.action(p, "q", "1"), "method", "POST") // nothing was said
	case asks:
		d.gather(r, p, listen)
		d.play(parts)
		d.end("Gather")
	case r.Pass != nil && !r.Over:
		d.play(parts)
		d.dial(p, d.t.cfg.Desks[r.Pass.Desk])
	default:
		d.play(parts)
		d.empty("Hangup")
	}
}

func (d *document) gather(r channels.Reply, p place, l render.Listen) {
	timeout := strconv.Itoa(max(l.Wait, 1))
	if l.Hold {
		timeout = longHold
	}
	input, language, hints, speechTimeout := "dtmf", "", "", ""
	if tag, ok := speechOf(p.lang); d.t.cfg.Speech && ok {
		input, language, speechTimeout = "dtmf speech", tag, "auto"
		hints = hintsOf(r.Pages)
	}
	d.begin("Gather", "input", input, "action", d.action(p), "method", "POST", "numDigits", strconv.Itoa(max(l.Keys, 1)),
		"timeout", timeout, "finishOnKey", "#", "actionOnEmptyResult", "true", "language", language, "speechTimeout", speechTimeout, "hints", hints)
}

// hintsOf are the options of a page, for Twilio's ear: 500 phrases of 100 characters at most.
func hintsOf(pages []render.Page) string {
	if len(pages) == 0 {
		return ""
	}
	var out []string
	for _, o := range pages[len(pages)-1].Options {
		if label := clip(strings.Join(strings.Fields(strings.ReplaceAll(plain(o.Label), ",", " ")), " "), 100); label != "" && len(out) < 20 {
			out = append(out, label)
		}
	}
	return strings.Join(out, ", ")
}

// dial passes the call on. Who called stays who calls, so that the person sees whom they talk to; where the town called, it
// is the town's number.
func (d *document) dial(p place, number string) {
	from := ""
	if p.out || p.withheld {
		from = d.t.cfg.From
	}
	d.begin("Dial", "action", d.action(p, "b", "1"), "method", "POST", "timeout", ringDesk, "callerId", from)
	d.element("Number", number)
	d.end("Dial")
}
