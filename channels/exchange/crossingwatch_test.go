package exchange

import (
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
)

// watcher knows who has proved what, and looks at every page that is shown to anybody.
type watcher struct {
	all    []*crosser
	looked map[string]int // letters of a channel
}

// sent looks at what was pushed.
func (w *watcher) sent(t *testing.T, posts []*post) {
	t.Helper()
	for _, p := range posts {
		all := p.letters()
		for _, l := range all[w.looked[p.name]:] {
			if leak := w.shown(l.to, p.name, 0, []render.Page{{Text: l.text}}); leak != "" {
				t.Errorf("%q is sent by %s to another: %s", leak, p.name, l.text)
			}
		}
		w.looked[p.name] = len(all)
	}
}

// labels are what reviews call the answers that are made of options.
var labels = map[string]string{"trees": "More trees", "seats": "More seats", "unsure": "I do not know"}

// shown looks for answers on pages that went to an address; call says which call, or which session of a menu, it was.
func (w *watcher) shown(to channels.Address, by string, call int, pages []render.Page) (leak string) {
	for i := range pages {
		words := pages[i].String()
		for _, c := range w.all {
			for _, s := range c.said {
				if s.words != "" && strings.Contains(words, s.words) && !c.maySee(to, by, call, s) {
					return s.words
				}
			}
			if pages[i].Asks != dialogs.Review || !c.isAt(to) {
				continue
			}
			for _, s := range c.said { // what a review reads back: on a call, only what was said on it
				if label := labels[s.option]; label != "" && strings.Contains(words, label) && !c.maySee(to, by, call, s) {
					return label
				}
			}
		}
	}
	return ""
}

// saying is an answer that somebody gave.
type saying struct {
	words  string // that nobody else says
	option string
	call   int // on which call; 0: elsewhere
}

// maySee says whether an answer may be told at an address: where the conversation is now, and on a call only if it was given
// on it, or a code was.
func (c *crosser) maySee(to channels.Address, by string, call int, s saying) bool {
	if !c.isAt(to) {
		return false
	}
	return by != "voice" || c.at.channel == "voice" && call == c.calls && (s.call == c.calls || c.proved == c.calls)
}

// isAt says whether an address is known to be that of whoever holds the conversation.
func (c *crosser) isAt(to channels.Address) bool {
	if c.linked && c.known() {
		return to == channels.Address{Kind: "tel", ID: c.number} || to == channels.Address{Kind: "telegram", ID: c.chat}
	}
	return c.at.from() == to
}

// spot is where somebody is: by which channel, from which address.
type spot struct {
	channel string
	id      string
}

func (s spot) from() channels.Address {
	kind := s.channel
	if byNumber(s.channel) {
		kind = "tel"
	}
	return channels.Address{Kind: kind, ID: s.id}
}

func (s spot) live() bool { return slices.Contains([]string{"voice", "ussd", "kiosk"}, s.channel) }

func byNumber(channel string) bool {
	return slices.Contains([]string{"sms", "whatsapp", "voice", "ussd"}, channel)
}
