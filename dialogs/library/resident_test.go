package library_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// comply does what the town asks for, as somebody would who wants to get to the end of the dialog.
func (w *walk) comply() error {
	r, m := w.r, w.r.Memory()
	switch {
	case m.Stopped && !r.Traits.Live:
		r.Says("START")
		return nil
	case r.Pass:
		r.Returns()
		return nil
	case len(r.Pages) == 0 || r.Over || r.Shown.Name != r.Traits.Name: // nothing is on show: a live channel comes in again, elsewhere a word brings it back
		return w.again()
	case m.Hall != nil:
		return w.inHall(m.Hall)
	case m.Now == nil || m.Now.Pin.ID != w.d.ID && r.Dialog() == nil:
		return w.again()
	}
	switch m.Now.Mode {
	case engine.Helping:
		return r.Picks("on")
	case engine.Confirming:
		if w.understood(m.Now) {
			return r.Picks("right")
		}
		return r.Picks("redo")
	case engine.Stuck:
		return r.Picks("again")
	case engine.Tongue:
		return r.Picks(r.Dialog().Language)
	case engine.Erasing:
		return r.Picks("no")
	case engine.Which:
		return r.Picks(m.Now.Among[0])
	case engine.Changing:
		r.GoesBack()
		return nil
	}
	st := r.Asked()
	if st == nil {
		return fmt.Errorf("nothing is asked in mode %d", m.Now.Mode)
	}
	return w.answer(st)
}

// again makes the town show where things stand.
func (w *walk) again() error {
	r := w.r
	switch {
	case r.Traits.Live:
		r.Comes(r.Traits)
	case r.Memory().Now == nil && w.d.Start != "":
		r.Says(w.d.Start)
	default:
		r.Says("repeat")
	}
	return nil
}

func (w *walk) inHall(hall *talk.Hall) error {
	r := w.r
	switch hall.Kind {
	case talk.OfferHall:
		return r.Picks("on")
	case talk.TongueHall:
		return r.Picks(r.Town.Languages[0])
	case talk.EraseHall, talk.KeepHall:
		return r.Picks("no")
	case talk.FirstHall:
		return r.Picks(r.Town.Languages[0])
	case talk.HelpHall, talk.EarHall:
		return r.Picks("on")
	case talk.StuckHall:
		return r.Picks("again")
	case talk.ReachHall:
		return r.Picks("call")
	case talk.CodeHall, talk.PINHall, talk.PINEnterHall, talk.PINUnknownHall, talk.PINChooseHall, talk.PINTwiceHall, talk.PINMineHall, talk.PINOpenHall, talk.LinkHall, talk.LinkEnterHall, talk.LinkSureHall, talk.PartHall:
		r.GoesBack()
		return nil
	case talk.HoldHall:
		r.Presses("5")
		return nil
	}
	return r.Picks(w.d.ID)
}

// understood says whether what is read back on a call is what was meant.
func (w *walk) understood(s *engine.State) bool {
	st := &w.r.Dialog().Steps[s.Step]
	return s.Held != nil && (w.stands(st, s.Held) || st.Type == dialogs.Status || st.Type == dialogs.Code && len(s.Held.Values) == 1 && s.Held.Values[0] == "482715")
}

// answer gives the answer that is meant to the open question; before it does, an earlier answer that came out otherwise is
// gone back to.
func (w *walk) answer(st *dialogs.Step) error {
	r, s, d := w.r, w.r.Memory().Now, w.r.Dialog()
	if !s.Kept {
		for i := range s.Answers {
			a := &s.Answers[i]
			x := &d.Steps[a.Step]
			if a.Step >= s.Step {
				break
			}
			if w.stands(x, a) {
				continue
			}
			r.GoesBack()
			return nil
		}
	}
	if a, ok := s.Answer(s.Step); ok && s.Back && w.stands(st, a) && st.Type != dialogs.Review { // went back further than needed
		r.Skips()
		return nil
	}
	if !prefix(st, s.Part, w.means(st)) { // what was given so far came out otherwise
		r.GoesBack()
		return nil
	}
	return r.Gives(st, w.means(st), w.way())
}

// prefix says whether what was given so far of an answer is the beginning of what is meant.
func prefix(st *dialogs.Step, part, meant []string) bool {
	if st.Type == dialogs.Choices {
		return !slices.ContainsFunc(part, func(id string) bool { return !slices.Contains(meant, id) })
	}
	return len(part) <= len(meant) && slices.Equal(part, meant[:len(part)])
}

// stands says whether an answer is the one that was meant, or can't be another.
func (w *walk) stands(st *dialogs.Step, a *engine.Answer) bool {
	switch {
	case st.Type == dialogs.Similar && a.Veiled && w.r.Traits.Form == engine.Speech: // what was found isn't told again on this call
		return true
	case a.Skip == engine.NotAsked, st.Type == dialogs.Photo, st.Type == dialogs.Contact, w.r.Traits.Form == engine.Speech && unsaid(w.r.Dialog(), st), st.Type == dialogs.Code, st.Type == dialogs.Review:
		return true
	case a.Skip != engine.Answered || len(a.Media) > 0:
		return false
	}
	return slices.Equal(a.Values, w.means(st))
}

func (w *walk) way() dialogtest.Way {
	if w.r.Traits.Form == engine.Screen {
		return dialogtest.ByDigit
	}
	return dialogtest.Way(w.rng.IntN(3))
}

// means is the answer that this mind gives to a step: always the same.
func (w *walk) means(st *dialogs.Step) []string {
	h := fnv.New64a()
	h.Write([]byte(st.ID))
	rng := rand.New(rand.NewPCG(w.mind, h.Sum64()))
	switch st.Type {
	case dialogs.Choice, dialogs.Scale:
		return []string{st.Options[rng.IntN(len(st.Options))].ID}
	case dialogs.Choices:
		most := len(st.Options)
		if st.Limit > 0 {
			most = st.Limit
		}
		var ids []string
		for _, i := range rng.Perm(len(st.Options))[:1+rng.IntN(min(most, 4))] {
			ids = append(ids, st.Options[i].ID)
		}
		slices.SortFunc(ids, func(a, b string) int { return place(st, a) - place(st, b) })
		return ids
	case dialogs.Rank:
		var ids []string
		for _, i := range rng.Perm(len(st.Options)) {
			ids = append(ids, st.Options[i].ID)
		}
		return ids
	case dialogs.Budget:
		left := st.Total
		amounts := make([]string, len(st.Options))
		for i := range amounts {
			n := rng.IntN(left + 1)
			if i == len(amounts)-1 {
				n = left
			}
			left -= n
			amounts[i] = strconv.Itoa(n)
		}
		return amounts
	case dialogs.YesNo:
		return []string{[]string{"yes", "no"}[rng.IntN(2)]}
	case dialogs.Consent:
		if st.Optional {
			return []string{[]string{"yes", "no"}[rng.IntN(2)]}
		}
		return []string{"yes"}
	case dialogs.Review:
		return []string{"ok"}
	case dialogs.Number:
		return []string{strconv.Itoa(int(st.Min) + rng.IntN(int(st.Max-st.Min)+1))}
	case dialogs.Date:
		return []string{w.began.AddDate(0, 0, 10+rng.IntN(35)).Format(time.DateOnly)}
	case dialogs.Words:
		return []string{[]string{"a clock on the market tower", "water comes out of the ground", "ninety nine red balloons", "TX-2027-118"}[rng.IntN(4)]}
	case dialogs.Place:
		if len(st.Options) > 0 && rng.IntN(2) == 0 { // a card at the kiosk, a name in some language everywhere else
			return []string{st.Options[rng.IntN(len(st.Options))].Text.Text}
		}
		return []string{[]string{"12 Oak Street", "corner of Mill Road", "behind the market"}[rng.IntN(3)]}
	case dialogs.Contact:
		return []string{"+15552340100"}
	case dialogs.Code:
		return []string{"482715"}
	case dialogs.Status:
		return []string{"311-204-7"}
	case dialogs.Similar:
		return []string{[]string{"none", "311-204-7"}[rng.IntN(2)]}
	case dialogs.Photo:
		return []string{"hole.jpg"}
	}
	return []string{"ok"}
}

func place(st *dialogs.Step, id string) int {
	return slices.IndexFunc(st.Options, func(o dialogs.Option) bool { return o.ID == id })
}

var (
	rubbish = []string{
		"", " ", "?", "????", "asdf qwer", "😀😀", "👍", "1 2 3", "99", "-1", "3.5", "2/2", "12:30", "geo:52.1,4.3", "geo:", "yes", "no", "maybe", "1", "2",
		"7", "31 February", "tomorrow", "yesterday", "not the first one", "all", "none", "1,1,1", "5 5", "0", "8", "9", "*", "00", "#", "##", "*#", "+15552340100",
		"a@b.example", "2.", "(2)", "option 2", "２", "٢", "二", "dos", "deux", "two", "second", "skip it", "I do not know", "\x00\xff\xfe", "\u202e\u200f2\u200e",
		"e\u0301e\u0301", "line\nbreak\n2", "2\r\n", "\U0001F469\u200d\U0001F469\u200d\U0001F467", "<b>2</b>", "'; drop table x;--",
		strings.Repeat("word ", 1000), strings.Repeat("字", 700), strings.Repeat("x", 5000), strings.Repeat("1", 400),
	}
	commands = []string{
		"help", "ayuda", "aide", "帮助", "مساعدة", "caawimaad", "repeat", "repetir", "back", "atrás", "retour", "返回", "menu", "menú", "菜单", "person", "persona",
		"language", "idioma", "langue", "语言", "español", "english", "français", "中文", "العربية", "soomaali", "skip", "saltar", "passer", "跳过", "more", "más",
		"STOP", "parar", "START", "erase", "borrar", "Menu", "HELP!", "please help", "go back", "stop it",
	}
)

// mischief does anything but answer. It returns false where the town may have nothing to say to it.
func (w *walk) mischief() bool {
	r := w.r
	kind := w.rng.IntN(16)
	if st := r.Asked(); st != nil && st.Type == dialogs.Consent { // what is sent can't be taken back
		kind = 8 + kind%6
	}
	switch kind {
	case 0, 1, 2, 3:
		r.Says(rubbish[w.rng.IntN(len(rubbish))])
	case 4, 5, 6:
		r.Says(commands[w.rng.IntN(len(commands))])
	case 7:
		r.Presses(strconv.Itoa(w.rng.IntN(10)))
	case 8:
		r.Silent()
	case 9:
		r.GoesBack()
	case 10:
		r.Switches(w.channel())
		return r.Traits.Live
	case 11:
		if r.Traits.Live {
			r.Leaves()
			r.Comes(r.Traits)
			return true
		}
		r.Silent()
	case 12:
		if r.Traits.Live {
			r.Comes(render.Kiosk)
			return true
		}
		all := r.Town.Dialogs.Current()
		r.Says(all[w.rng.IntN(len(all))].Start)
	case 13:
		wait := time.Duration(1+w.rng.IntN(30)) * time.Hour
		if w.waited += wait; w.waited < 5*24*time.Hour {
			r.Waits(wait)
		}
		return false
	case 14:
		r.Sends([]string{"image/jpeg", "audio/ogg", "text/plain"}[w.rng.IntN(3)], "x.bin")
	default:
		if st := r.Asked(); st != nil && len(st.Options) > 0 { // an answer that is not meant
			r.Says(st.Options[w.rng.IntN(len(st.Options))].Text.Text)
			return true
		}
		r.Says("2")
	}
	return true
}
