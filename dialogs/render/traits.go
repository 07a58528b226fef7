// Package render turns prompts into pages that fit a channel, and reads what a resident said in answer. It is pure.
package render

import "github.com/townline/townline/dialogs/engine"

// Traits are what a channel can show and take, as data. Nothing outside an adapter asks for its name.
type Traits struct {
	Name string // "sms", "voice", "ussd", "telegram", "kiosk", …
	engine.Can
	Short    bool   // prefers the short variant of a text
	GSM      bool   // counts septets when the text is GSM 7-bit, else UCS-2 units (SMS, USSD)
	Limit    int    // most septets (GSM) or UTF-16 units on one page; 0: no limit
	Limit16  int    // most UCS-2 units on one page when the text is not GSM 7-bit
	Options  int    // most options before "8 more"; 0: seven
	Star     string // what to press for back: "*", or "00" where a gateway eats stars
	Buttons  int    // most buttons under a page; 0: none
	Label    int    // most characters on a button
	Rows     int    // most rows in a list; 0: no lists
	RowLabel int    // most characters of a row
	Texts    bool   // a text message can be pushed to any phone number
	Pushed   bool   // nothing can be said in the response to what came in: replies go out through the outbox
}

// The channels that dialogs are checked against. Adapters return these from Traits, or a variant of their own.
var (
	SMS      = Traits{Name: "sms", Can: engine.Can{Form: engine.Text, Photo: true, Address: true, Carried: true}, Short: true, GSM: true, Limit: 1224, Limit16: 536, Star: "*", Texts: true}
	WhatsApp = Traits{Name: "whatsapp", Can: engine.Can{Form: engine.Text, Photo: true, Voice: true, Address: true, Pin: true, Carried: true}, Limit: 1024, Star: "*", Buttons: 3, Label: 20, Rows: 10, RowLabel: 24}
	Voice    = Traits{Name: "voice", Can: engine.Can{Form: engine.Speech, Voice: true, Address: true, Piecewise: true, Live: true, Carried: true, Ring: true}, Options: 4, Star: "*"}
	USSD     = Traits{Name: "ussd", Can: engine.Can{Form: engine.Text, Address: true, Piecewise: true, Live: true, Carried: true, Cut: 100}, Short: true, GSM: true, Limit: 160, Limit16: 70, Star: "00"}
	Telegram = Traits{Name: "telegram", Can: engine.Can{Form: engine.Text, Photo: true, Voice: true, Pin: true, Carried: true}, Limit: 4096, Star: "*", Buttons: 8, Label: 64}
	Kiosk    = Traits{Name: "kiosk", Can: engine.Can{Form: engine.Screen, Voice: true, InTurn: true, Live: true}, Star: "*"}
	Web      = Traits{Name: "web", Can: engine.Can{Form: engine.Screen, Photo: true, Voice: true, InTurn: true, Live: true}, Star: "*"}
)

// Channels are the traits above but for Web, which shows what a kiosk does and takes more.
func Channels() []Traits { return []Traits{SMS, WhatsApp, Voice, USSD, Telegram, Kiosk} }

// presses says whether answers are buttons in a chat.
func (t *Traits) presses() bool { return t.Form == engine.Text && t.Buttons > 0 }

// dialled says whether the channel is a menu on any handset (USSD): one screen at a time, answered by keys.
func (t *Traits) dialled() bool { return t.Form == engine.Text && t.Live }
