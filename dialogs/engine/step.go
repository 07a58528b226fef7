package engine

import (
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// Step takes one input and says what comes next. It is pure and total: whatever comes in, the answer is a turn, never an
// error or a panic. It does not change s; the new state shares no memory with it that either may write.
//
// When the turn has an effect that waits, nothing is to be shown yet: the town's answer goes in as an Outcome first.
func Step(d *dialogs.Dialog, s State, in Input) Turn {
	w := walk{d: d, s: s, in: in}
	if in.Kind != Begin && !s.sound(d) {
		w.s = State{Version: Version, Pin: d.Pin, Lang: s.Lang, Step: -1}
		w.wishes()
		w.over("withdrawn")
		return Turn{State: w.s, Prompts: w.show(), Effects: w.effects}
	}
	w.take()
	if w.s.Note != "" && in.Kind != Turned { // it stands on the first page
		w.s.Page = 0
	}
	t := Turn{State: w.s, Effects: w.effects}
	if w.s.Mode != Waiting && !w.quiet {
		t.Prompts = w.show()
	}
	if w.s.Mode == Over {
		t.State.forget()
	}
	return t
}

// forget drops what was answered once the conversation is over: the record is kept by then, or nothing is to be.
func (s *State) forget() {
	s.Answers, s.Part, s.Among, s.Found = nil, nil, nil, nil
	s.Seed = 0
}

// walk is one Step under way.
type walk struct {
	d       *dialogs.Dialog
	s       State
	in      Input
	effects []Effect
	owned   bool   // s.Answers is ours to write
	quiet   bool   // nothing is to be shown
	sure    bool   // what was given was read back already
	noted   string // the note that stood on show
	untold  int    // the first statement that an answer made apply although we were past it; 0: none
}

func (w *walk) take() {
	s, in := &w.s, &w.in
	switch in.Kind {
	case Begin:
		w.begin()
		return
	case Outcome:
		w.outcome()
		return
	case Reminder:
		w.remind()
		return
	case Expiry:
		w.expire()
		return
	}
	if s.Mode == Over {
		w.wishes()
		return
	}
	if s.Mode == Waiting { // the town never answered: go on as if nothing had been said
		s.Mode, s.Await, s.Part = Asking, "", nil
		w.wishes()
		w.advance()
		return
	}
	away := in.At.Sub(time.Unix(s.Last, 0))
	s.Last = in.At.Unix()
	if in.Kind == Told && w.always() {
		return
	}
	if w.closed() && s.Mode != Erasing && !(in.Kind == Told && in.Command == locales.Erase) {
		w.over("closed")
		return
	}
	if in.Kind != Unclear && in.Kind != Unsure || away > lull {
		s.Lost = 0
	} else if s.Lost++; s.Lost > loop && !in.Can.Live {
		s.Lost, w.quiet = loop, true
		return
	}
	w.noted = s.Note
	if in.Kind != Turned || s.Note == PhrasePerson { // the pages of what is on show stay as they are while they are turned
		s.Note = ""
	}
	if s.Mode == Paused && in.Kind == Silence {
		return
	}
	if s.Mode == Paused {
		w.ask()
		if in.Kind != Said && in.Kind != Turned && in.Kind != Told {
			w.resume()
			return
		}
	}
	if in.Kind != Silence {
		s.Silent = 0
	}
	switch in.Kind {
	case Resume:
		w.resume()
	case Returned:
		w.settle()
		s.Mode, s.Note = Stuck, PhraseAbsent
	case Turned:
		s.Page = max(in.Page, 0)
	case Silence:
		w.silence()
	case Told:
		w.told()
	case Unsure:
		w.unsure()
	case Said:
		w.said()
	default:
		w.unclear("")
	}
}

func (w *walk) begin() {
	in := &w.in
	lang := in.Lang
	for lang != "" && !w.speaks(lang) { // es-MX, es
		lang = lang[:max(strings.LastIndexByte(lang, '-'), 0)]
	}
	if lang == "" {
		lang = w.d.Language
	}
	w.s = State{
		Version: Version, Pin: w.d.Pin, Lang: lang, Step: -1, From: -1, Seed: in.Seed, Hint: in.New,
		Began: in.At.Unix(), Last: in.At.Unix(),
	}
	if !w.d.Opens.IsZero() && in.At.Before(w.d.Opens) {
		w.over("notopen")
		return
	}
	if w.closed() {
		w.over("closed")
		return
	}
	if w.d.RemindAfter > 0 {
		w.timer("remind", in.At.Add(w.d.RemindAfter))
	}
	w.timer("expire", in.At.Add(w.expiry()))
	if w.d.Who == dialogs.OneNumber && (in.Can.Address || in.Can.Form == Text) { // a chat may be put together with a number
		w.await(Effect{Kind: CheckVoted})
		return
	}
	w.advance()
}

// closed says whether it is too late for an answer to count.
func (w *walk) closed() bool {
	return !w.d.Closes.IsZero() && !w.in.At.Before(w.d.Closes) && !w.s.Kept
}

// speaks says whether the dialog can be held in lang.
func (w *walk) speaks(lang string) bool {
	if lang == w.d.Language {
		return true
	}
	for _, l := range w.d.Languages {
		if l == lang {
			return true
		}
	}
	return false
}

func (w *walk) expiry() time.Duration {
	if w.d.ExpireAfter > 0 {
		return w.d.ExpireAfter
	}
	return dialogs.DefaultExpire
}

func (w *walk) timer(name string, at time.Time) {
	w.effects = append(w.effects, Effect{Kind: SetTimer, Timer: name, At: at})
}

// await stops the step until the town has answered e.
func (w *walk) await(e Effect) {
	e.Waits = true
	w.s.Mode, w.s.Await = Waiting, e.Kind
	w.effects = append(w.effects, e)
}

// over ends the conversation.
func (w *walk) over(how string) {
	w.s.Mode, w.s.End, w.s.Page = Over, how, 0
	if w.s.Note != PhraseUnchecked { // what is said with the last words
		w.s.Note = ""
	}
	w.s.Await = ""
	if w.d.RemindAfter > 0 {
		w.effects = append(w.effects, Effect{Kind: StopTimer, Timer: "remind"})
	}
	w.effects = append(w.effects, Effect{Kind: StopTimer, Timer: "expire"}, Effect{Kind: Ended})
}

// settle puts the counters of the open question back to the start.
func (w *walk) settle() {
	w.s.Page, w.s.Tries, w.s.Silent, w.s.Among = 0, 0, 0, nil
}

// wishes hears STOP and START where nothing else is heard any more.
func (w *walk) wishes() {
	switch {
	case w.in.Kind != Told:
	case w.in.Command == locales.Stop:
		w.effects = append(w.effects, Effect{Kind: OptOut})
	case w.in.Command == locales.Start:
		w.effects = append(w.effects, Effect{Kind: OptIn})
	}
}

// always takes the commands that work even where nothing else does; it says whether it took one.
func (w *walk) always() bool {
	s := &w.s
	switch w.in.Command {
	case locales.Stop:
		w.effects = append(w.effects, Effect{Kind: OptOut})
		if w.d.RemindAfter > 0 {
			w.effects = append(w.effects, Effect{Kind: StopTimer, Timer: "remind"})
			s.Remind = true
		}
		w.settle()
		s.Mode, s.Note = Paused, PhraseStopped
		return true
	case locales.Start:
		w.effects = append(w.effects, Effect{Kind: OptIn})
		w.settle()
		s.Mode, s.Note, s.From = Asking, PhraseStarted, s.Step
		return true
	}
	return false
}

// resume says where we are. What this channel can't carry, or answers by itself, isn't asked any more.
func (w *walk) resume() {
	s := &w.s
	page, same := s.Page, w.in.Offered && s.Mode == Asking && w.noted == "" && (s.From == -1 || s.From == s.Step)
	if w.in.Offered && s.Mode == Asking && !leads(w.noted) && w.noted != PhraseResume { // the question stood there alone
		s.From = s.Step
	}
	w.ask()
	if w.in.Lang != s.Lang && w.in.Lang != "" && w.speaks(w.in.Lang) {
		s.Lang = w.in.Lang
	}
	s.Note = PhraseResume
	if w.in.Due {
		s.Note = PhraseRemind + string(w.d.Purpose)
	}
	if w.in.New { // it came from elsewhere
		w.timer("expire", w.in.At.Add(w.expiry()))
		if w.d.RemindAfter > 0 && !s.Remind {
			w.timer("remind", w.in.At.Add(w.d.RemindAfter))
		}
	}
	if s.From != -1 {
		s.From = s.Step
	}
	if w.in.Offered {
		s.Note = ""
	}
	if same {
		s.Page = page
	}
	_, answered := s.Answer(s.Step)
	lost := w.st().Type == dialogs.Similar && len(s.Found) == 0 // what was found isn't told on a call that came after it
	if s.Held == nil && (lost || !answered && w.passes(s.Step, w.st())) {
		w.next()
	}
}

func (w *walk) remind() {
	s := &w.s
	if s.Mode == Over || s.Remind || w.d.RemindAfter <= 0 {
		w.quiet = true
		return
	}
	if due := time.Unix(s.Last, 0).Add(w.d.RemindAfter); due.After(w.in.At) {
		w.quiet = true
		w.timer("remind", due.In(w.in.At.Location()))
		return
	}
	w.effects = append(w.effects, Effect{Kind: StopTimer, Timer: "remind"})
	s.Remind = true
	if w.closed() {
		w.quiet = true
		return
	}
	w.settle()
	s.From = s.Step
	s.Mode, s.Note = Asking, PhraseRemind+string(w.d.Purpose)
}

func (w *walk) expire() {
	s := &w.s
	w.quiet = true
	if s.Mode == Over {
		return
	}
	if due := time.Unix(s.Last, 0).Add(w.expiry()); due.After(w.in.At) {
		w.timer("expire", due.In(w.in.At.Location()))
		return
	}
	w.over("expired")
}

// told takes a command word or key.
func (w *walk) told() {
	s := &w.s
	if w.in.Lang != "" && w.in.Lang != s.Lang && w.speaks(w.in.Lang) {
		w.tongue(w.in.Lang)
	}
	switch w.in.Command {
	case locales.Help:
		w.settle()
		s.Mode = Helping
	case locales.Repeat:
		s.Page = 0
	case locales.Back:
		w.back()
	case locales.Menu:
		w.effects = append(w.effects, Effect{Kind: OpenMenu})
	case locales.Person:
		w.await(Effect{Kind: PassOn, Record: w.record()})
	case locales.Tongue:
		switch {
		case len(w.in.Values) == 1 && w.speaks(w.in.Values[0]):
			w.ask()
			w.tongue(w.in.Values[0])
		case len(w.d.Languages) == 0:
			w.ask()
			s.Note = PhraseTongueOnly
		default:
			w.settle()
			s.Mode = Tongue
		}
	case locales.Skip:
		w.skip()
	case locales.Erase:
		w.erase()
	default:
		w.unclear("")
	}
}

// erase asks whether all is to be erased. On a call that is asked outside the conversation: the number alone is no proof that it
// is the resident who asks.
func (w *walk) erase() {
	if w.calls() {
		w.ask()
		w.effects = append(w.effects, Effect{Kind: OpenErase})
		return
	}
	w.settle()
	w.s.Mode = Erasing
}

func (w *walk) tongue(lang string) {
	w.s.Lang, w.s.Note = lang, PhraseTongueSet
	w.effects = append(w.effects, Effect{Kind: SetLanguage, Lang: lang})
}

// back goes to the question before; from one of the engine's own menus, to the question that is open.
func (w *walk) back() {
	s := &w.s
	switch s.Mode {
	case Asking:
	case Confirming: // it is taken back
		s.Held = nil
		w.ask()
		return
	default:
		w.ask()
		return
	}
	if n := len(s.Part); n > 0 {
		s.Part = append([]string(nil), s.Part[:n-1]...)
		w.settle()
		return
	}
	if s.Kept {
		s.Note = PhraseBackSent
		return
	}
	for i := s.Step - 1; i >= 0; i-- {
		a, ok := s.Answer(i)
		st := &w.d.Steps[i]
		lost := st.Type == dialogs.Similar && len(s.Found) == 0
		if !ok || a.Skip == NotAsked || st.Type == dialogs.Code || !w.carries(i) || lost && w.calls() {
			continue
		}
		if lost { // it is looked for again
			w.drop(i)
			w.settle()
			w.advance()
			return
		}
		w.reopen(i)
		return
	}
	s.Note = PhraseBackFirst
}

// reopen asks step i again; its answer stays until there is another.
func (w *walk) reopen(i int) {
	w.settle()
	w.s.Mode, w.s.Step, w.s.From, w.s.Part, w.s.Back, w.s.Held = Asking, i, i, nil, true, nil
}

func (w *walk) skip() {
	s := &w.s
	if s.Mode != Asking {
		w.ask()
		return
	}
	clear := len(w.in.Values) == 1 && w.in.Values[0] == "clear" // take it away
	if a, ok := s.Answer(s.Step); ok && s.Back && !clear {      // keep what was said before
		if a.Skip == Answered {
			s.Return = 0
			w.next()
			return
		}
	}
	st := &w.d.Steps[s.Step]
	if !st.Optional || st.Type == dialogs.Review || st.Type == dialogs.Code {
		s.Note = PhraseNoSkip
		return
	}
	s.Note = PhraseSkipped
	if st.Type == dialogs.Consent { // to leave a consent out is to refuse it
		s.Note = ""
		w.agreed("no")
		return
	}
	w.put(Answer{Step: s.Step, Skip: Declined})
	w.next()
}
