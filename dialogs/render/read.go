package render

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// Heard is what came in by a channel, not understood yet.
type Heard struct {
	Words  string         // text, or keys pressed
	Choice string         // what was pressed, not said: see Press; "" otherwise
	Media  []engine.Media // recordings, pictures
	Quiet  bool           // nothing, for as long as the channel waits
}

// Presses are what a button may stand for besides the digits of options, of which several may stand in a row ("2", "1 3"),
// and the keys "0", "8", "9" and "*". With PressTongue and PressChange goes a space and the language, or the step.
const (
	PressSkip   = "skip"
	PressClear  = "clear" // takes away what was answered before, where the question may be skipped
	PressDone   = "done"  // that is all: no more choices
	PressPerson = "person"
	PressMenu   = "menu"
	PressCarry  = "carry" // with a number in Words: texts the code there
	PressErase  = "erase"
	PressTongue = "language"
	PressChange = "change"
)

// longest is how many bytes of a message are looked at for an option, a number or a command. Own words may be longer.
const longest = 600

// Read understands what a resident said in answer to what is on show; page counts from 0 and says which page that is. It
// never guesses: what fits two readings is Unsure and names them, what fits none is Unclear. At, Can and Seed of the input
// are left to the caller.
func Read(w *Words, prompts []engine.Prompt, page int, t Traits, h Heard) engine.Input {
	r := reader{w: w, prompts: prompts, q: open(prompts), t: t, page: max(page, 0), heard: h}
	return r.read()
}

// reader is one Read under way.
type reader struct {
	w       *Words
	prompts []engine.Prompt
	q       *engine.Prompt // nil: nothing is asked
	t       Traits
	page    int
	heard   Heard

	raw    string // as it came, without what can't be seen
	folded string
	said   string // folded, its contractions in full
	bare   string // folded, and without what people put around an answer
	laid   []Page
	names  []name
	tongue []*locales.Language // the conversation's first
}

func unclear() engine.Input { return engine.Input{Kind: engine.Unclear} }

func said(values ...string) engine.Input { return engine.Input{Kind: engine.Said, Values: values} }

func told(c locales.Command) engine.Input { return engine.Input{Kind: engine.Told, Command: c} }

func (r *reader) read() engine.Input {
	if r.heard.Quiet {
		return engine.Input{Kind: engine.Silence}
	}
	pressed := r.heard.Choice != ""
	r.raw = seen(r.heard.Words)
	if pressed {
		r.raw = seen(r.heard.Choice)
	}
	if pressed {
		if in, ok := r.press(); ok {
			return in
		}
	}
	speech := r.t.Form == engine.Speech
	if in, ok := r.media(); ok && !(speech && commanding(r.raw)) { // a key that asks for something else outdoes what was recorded until then
		return in
	}
	if speech {
		if r.raw == "#" { // it ends an entry and is no command: one too many means nothing
			return engine.Input{Kind: engine.Turned, Page: r.page}
		}
		r.raw = strings.TrimRight(r.raw, "#")
	}
	if r.raw == "" || r.raw == "#" {
		return unclear()
	}
	if in, ok := r.key(pressed); ok {
		return in
	}
	if len(r.raw) <= longest {
		r.folded = locales.Fold(r.raw)
		r.said = unfold(r.folded)
	}
	if pressed && r.q != nil {
		for i := range r.q.Options {
			if r.q.Options[i].ID == r.heard.Choice {
				return r.one(r.q.Options[i].ID)
			}
		}
	}
	if r.q == nil {
		if in, ok := r.command(); ok {
			return in
		}
		return unclear()
	}
	switch r.q.Asks {
	case dialogs.Words, dialogs.Place:
		return r.ownWords()
	case dialogs.Choices, dialogs.Rank:
		return r.several()
	case dialogs.Budget:
		return r.shares()
	case dialogs.Number, dialogs.Date, dialogs.Contact, dialogs.Code, dialogs.Photo:
		return r.plain()
	case dialogs.Status:
		if len(r.q.Options) == 0 {
			return r.plain()
		}
	}
	return r.single()
}

// seen drops what can't be seen or is no character, and the white space around.
func seen(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] < 0x7f
	}
	if clean {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || unicode.IsControl(r) || invisible(r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\u200c' || r == '\u200d' })
}

// commanding says whether a key is one of those that work everywhere.
func commanding(key string) bool { return key == "0" || key == "8" || key == "9" || key == "*" }

// media takes recordings and pictures, where the question takes them.
func (r *reader) media() (engine.Input, bool) {
	if len(r.heard.Media) == 0 || r.q == nil {
		return engine.Input{}, false
	}
	kind := ""
	switch r.q.Asks {
	case dialogs.Photo:
		kind = "image/"
	case dialogs.Words:
		if st := r.w.step(r.q.Step); st != nil && st.Voice || r.w.recorded(r.q, r.t) {
			kind = "audio/"
		}
	case dialogs.Place:
		if r.w.recorded(r.q, r.t) {
			kind = "audio/"
		}
	}
	if kind == "" {
		return engine.Input{}, false
	}
	var fit []engine.Media
	for _, m := range r.heard.Media {
		if strings.HasPrefix(strings.ToLower(m.Type), kind) {
			fit = append(fit, m)
		}
	}
	if len(fit) == 0 {
		return engine.Input{}, false
	}
	in := engine.Input{Kind: engine.Said, Media: fit}
	if r.q.Asks != dialogs.Photo && r.raw != "" && !keysOnly(r.raw) {
		in.Values = []string{r.raw}
	}
	return in, true
}

func keysOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && c != '*' && c != '#' && c != ' ' {
			return false
		}
	}
	return true
}

// key reads the keys that work everywhere: 0 help, 9 repeat, 8 more, * back; where digits are the answer, only *.
func (r *reader) key(pressed bool) (engine.Input, bool) {
	k := r.raw
	if len(k) > 4 {
		return engine.Input{}, false
	}
	if k[0] >= utf8.RuneSelf { // digits of another script
		if k = locales.Fold(k); k == "" {
			return engine.Input{}, false
		}
	}
	own := r.q != nil && ownDigits(r.q.Asks, r.q) && !pressed
	if own && r.t.Form == engine.Screen { // there are buttons for that: what is typed is the answer
		return engine.Input{}, false
	}
	if own && (r.t.Form == engine.Speech || r.t.dialled()) && ownWords(r.q.Asks) { // keys are nobody's own words
		own = false
	}
	switch {
	case k == "*" || k == "00" && r.t.Star == "00":
		if own && !underWay(r.q, r.t) {
			return told(locales.Help), true
		}
		return told(locales.Back), true
	case k == "8" && !own && r.leavesOut():
		return r.obey(locales.Skip, r.w.Lang.Tag), true
	case k == "8" && (!own || r.leadsOn()):
		return r.turn(), true
	case own && r.unread(k):
		return r.turn(), true
	case own:
	case k == "0":
		return told(locales.Help), true
	case k == "9":
		return told(locales.Repeat), true
	case keysOnly(k) && r.unseen():
		return r.turn(), true
	}
	return engine.Input{}, false
}

// leavesOut says whether 8 leaves the question out, or ends it: on a call, after its last options. On a menu it ends choices.
func (r *reader) leavesOut() bool {
	if r.q == nil || r.leadsOn() {
		return false
	}
	given := r.q.Asks == dialogs.Choices && len(r.q.Given) > 0
	return r.t.Form == engine.Speech && (r.q.Skip || given) || r.t.dialled() && given
}

// unread says whether one key was pressed on a menu's page that only leads up to a question which digits answer: nobody has
// seen that yet.
func (r *reader) unread(k string) bool {
	if !r.t.dialled() || len(k) != 1 || !keysOnly(k) || len(r.prompts) < 2 || !r.leadsOn() {
		return false
	}
	question := Thrifty(compose(r.w, r.prompts, r.t).question.words)
	for _, p := range r.pages()[:r.page%len(r.pages())+1] {
		if strings.Contains(p.Text, question) {
			return false
		}
	}
	return true
}

// unseen says whether there are options to choose from and the page on show, which leads up to them, has none yet: a digit
// then answers a question that nobody has seen, so the next page is shown instead.
func (r *reader) unseen() bool {
	if r.q == nil || len(r.q.Options) == 0 || len(r.prompts) == 1 && (r.t.Limit == 0 || r.t.Limit > 400) || !r.leadsOn() {
		return false // a question alone starts its first page, and has room for an option there
	}
	for _, o := range r.pages()[r.page%len(r.pages())].Options {
		if o.ID != "" {
			return false
		}
	}
	return true
}

// leadsOn says whether the page on show asks for 8 to read on.
func (r *reader) leadsOn() bool {
	pages := r.pages()
	return len(pages) > 1 && r.page%len(pages) < len(pages)-1
}

func (r *reader) pages() []Page {
	if r.laid == nil {
		r.laid = Render(r.w, r.prompts, r.t)
	}
	return r.laid
}

// turn goes to the next page, from the last to the first.
func (r *reader) turn() engine.Input {
	n := len(r.pages())
	if n < 2 {
		return unclear()
	}
	return engine.Input{Kind: engine.Turned, Page: (r.page%n + 1) % n}
}

// tongues are the languages to understand: the conversation's, then the town's others, then the dialog's.
func (r *reader) tongues() []*locales.Language {
	if r.tongue != nil {
		return r.tongue
	}
	r.tongue = append(make([]*locales.Language, 0, 6), r.w.Lang)
	if r.w.Catalogue == nil {
		return r.tongue
	}
	add := func(tag string) {
		if !r.w.Catalogue.Has(tag) {
			return
		}
		l := r.w.Catalogue.Language(tag)
		for _, had := range r.tongue {
			if had == l {
				return
			}
		}
		r.tongue = append(r.tongue, l)
	}
	for _, tag := range r.w.Languages {
		add(tag)
	}
	if d := r.w.Dialog; d != nil {
		add(d.Language)
		for _, tag := range d.Languages {
			add(tag)
		}
	}
	return r.tongue
}

// command reads a command word in the conversation's language, then in the others. STOP is heard in every language there
// is. Where own words are asked for, only one word and nothing else is a command, but STOP is heard however politely.
func (r *reader) command() (engine.Input, bool) {
	if r.said == "" {
		return engine.Input{}, false
	}
	own := r.q != nil && (r.q.Asks == dialogs.Words || r.q.Asks == dialogs.Place)
	for _, l := range r.tongues() {
		c, ok := l.Command(r.folded)
		if !ok || own && c != locales.Stop && strings.Contains(r.said, " ") {
			continue
		}
		return r.obey(c, l.Tag), true
	}
	if r.w.Catalogue != nil {
		if c, tag, ok := r.w.Catalogue.Command(r.folded, r.w.Lang.Tag); ok && c == locales.Stop {
			return r.obey(c, tag), true
		}
	}
	if own || r.w.Catalogue == nil {
		return engine.Input{}, false
	}
	if tag, ok := r.w.Catalogue.Named(r.folded); ok {
		in := told(locales.Tongue)
		in.Values = []string{tag}
		return in, true
	}
	return engine.Input{}, false
}

func (r *reader) obey(c locales.Command, tag string) engine.Input {
	if c == locales.More {
		return r.turn()
	}
	if c == locales.Skip && r.q != nil && r.q.Asks == dialogs.Choices && len(r.q.Given) > 0 {
		return r.enough()
	}
	in := told(c)
	if tag != r.w.Lang.Tag {
		in.Lang = tag
	}
	return in
}

// ownWords takes what was said as it is, but for keys of a telephone, which are nobody's own words; a landmark that was named by one of its names is what the town calls it.
func (r *reader) ownWords() engine.Input {
	if r.t.Form == engine.Speech && keysOnly(r.raw) {
		return unclear()
	}
	if underWay(r.q, r.t) {
		return r.writes()
	}
	if r.t.Form != engine.Screen { // where there are buttons for commands, what is typed is the answer
		if in, ok := r.command(); ok {
			return in
		}
	}
	if r.full() {
		return r.piece()
	}
	pin, shared := geo(r.raw)
	if shared && r.q.Asks != dialogs.Place { // where somebody is isn't kept unless it was asked
		return unclear()
	}
	if r.q.Asks == dialogs.Place {
		if shared {
			return said(pin)
		}
		if r.heard.Choice != "" && len(r.q.Options) > 0 {
			return r.card()
		}
		if words, ok := r.landmark(); ok {
			return said(words)
		}
		return said(plain(r.raw))
	}
	return said(r.raw)
}
