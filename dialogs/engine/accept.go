package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// said takes an answer to whatever question is open.
func (w *walk) said() {
	s, v := &w.s, w.in.Values
	one := ""
	if len(v) == 1 {
		one = v[0]
	}
	switch s.Mode {
	case Helping, Stuck:
		w.picked(one)
	case Tongue:
		if !w.speaks(one) {
			w.unclear("")
			return
		}
		w.ask()
		w.tongue(one)
	case Confirming:
		w.confirmed(one)
	case Which:
		if !w.fits(one) {
			w.unclear("")
			return
		}
		s.Mode, w.sure = Asking, true
		if n := len(s.Part); n > 0 || w.st().Type != dialogs.Choice && w.st().Type != dialogs.Date && w.st().Type != dialogs.Scale && w.st().Type != dialogs.Similar {
			w.in.Part = true
		}
		w.answer()
	case Changing:
		i := w.d.Index(one)
		if a, ok := s.Answer(i); !ok || a.Skip == NotAsked || !reviewed(w.d.Steps[i].Type) || !w.carries(i) {
			w.unclear("")
			return
		}
		s.Return = s.Step + 1
		w.reopen(i)
	case Erasing:
		switch one {
		case "yes":
			w.effects = append(w.effects, Effect{Kind: EraseAll})
			w.over("erased")
		case "no":
			w.ask()
			s.Note = PhraseErasedNot
		default:
			w.unclear("")
		}
	default:
		w.answer()
	}
}

func (w *walk) st() *dialogs.Step { return &w.d.Steps[w.s.Step] }

// picked takes a choice from the help menu, or from what is offered when we are stuck.
func (w *walk) picked(id string) {
	s := &w.s
	w.in.Lang, w.in.Values = "", nil
	switch id {
	case "on", "again":
		w.ask()
	case "person":
		w.ask()
		w.await(Effect{Kind: PassOn, Record: w.record()})
	case "language":
		w.in.Command = locales.Tongue
		w.told()
	case "back":
		w.ask()
		w.back()
	case "skip", "keep":
		w.ask()
		w.skip()
	case "ear":
		w.ask()
		w.effects = append(w.effects, Effect{Kind: OpenEar})
	case "ring":
		if !w.rings() {
			w.unclear("")
			return
		}
		w.settle()
		s.Mode, s.Note = Paused, PhraseRing
		w.effects = append(w.effects, Effect{Kind: RingBack, At: w.in.At.Add(ringAfter)})
	case "menu":
		w.ask()
		w.effects = append(w.effects, Effect{Kind: OpenMenu})
	case "later":
		w.pause()
	case "reach":
		w.ask()
		w.effects = append(w.effects, Effect{Kind: OpenReach})
	case "erase":
		w.erase()
	default:
		w.unclear("")
	}
}

// fits says whether v is a possible value, or part of one, of the open question.
func (w *walk) fits(v string) bool {
	st := w.st()
	switch st.Type {
	case dialogs.Choice, dialogs.Choices, dialogs.Rank, dialogs.Budget, dialogs.Scale:
		return option(st, v) >= 0
	case dialogs.Similar:
		return v == "none" || slices.ContainsFunc(w.s.Found, func(f Found) bool { return f.Ref == v })
	case dialogs.Date:
		_, err := time.Parse(time.DateOnly, v)
		return err == nil
	case dialogs.YesNo, dialogs.Consent:
		return v == "yes" || v == "no"
	}
	return false
}

func option(st *dialogs.Step, id string) int {
	for i := range st.Options {
		if st.Options[i].ID == id {
			return i
		}
	}
	return -1
}

// answer takes an answer to the open step: keeps it, asks for the rest of it, or says why it can't be taken.
func (w *walk) answer() {
	st, v := w.st(), w.in.Values
	switch st.Type {
	case dialogs.Choice, dialogs.Similar, dialogs.YesNo, dialogs.Scale:
		if len(v) != 1 || !w.fits(v[0]) {
			w.unclear("")
			return
		}
		w.done(v, nil)
	case dialogs.Consent:
		if len(v) != 1 || !w.fits(v[0]) {
			w.unclear("")
			return
		}
		w.agreed(v[0])
	case dialogs.Choices:
		w.choices(st, v)
	case dialogs.Rank:
		w.rank(st, v)
	case dialogs.Budget:
		w.budget(st, v)
	case dialogs.Number:
		w.number(st, v)
	case dialogs.Date:
		w.date(st, v)
	case dialogs.Words:
		if v, whole := w.pieces(longestWords(st)); whole {
			w.words(st, v)
		}
	case dialogs.Place:
		v, whole := w.pieces(longestPlace)
		switch {
		case !whole:
		case len(v) == 1 && v[0] != "":
			w.done([]string{cut(v[0], longestPlace)}, nil)
		case len(v) == 0 && len(w.in.Media) > 0 && w.records():
			w.done(nil, w.in.Media)
		default:
			w.unclear("")
		}
	case dialogs.Photo:
		if len(w.in.Media) == 0 {
			w.unclear("")
			return
		}
		w.done(nil, w.in.Media)
	case dialogs.Contact:
		if len(v) != 1 || len(v[0]) < 5 || len(v[0]) > 120 {
			w.unclear("")
			return
		}
		w.done(v, nil)
	case dialogs.Review:
		switch {
		case len(v) == 1 && v[0] == "ok":
			w.done(v, nil)
		case len(v) == 1 && v[0] == "change":
			w.settle()
			w.s.Mode = Changing
		case len(v) == 1 && w.d.Index(v[0]) >= 0: // named the answer to change at once
			w.s.Mode = Changing
			w.said()
		default:
			w.unclear("")
		}
	case dialogs.Code:
		if len(v) != 1 || v[0] == "" || len(v[0]) > 40 {
			w.unclear("")
			return
		}
		w.done([]string{v[0]}, nil)
	case dialogs.Status:
		if len(v) != 1 || v[0] == "" || len(v[0]) > 40 {
			w.unclear("")
			return
		}
		w.done([]string{v[0]}, nil)
	default:
		w.unclear("")
	}
}

// agreed keeps a yes or no to the open consent, with the language of its words, and goes on.
func (w *walk) agreed(said string) {
	a := Answer{Step: w.s.Step, Values: []string{said}, Lang: w.s.Lang}
	if w.s.Kept {
		w.consent(&a)
	}
	w.put(a)
	w.next()
}

// done keeps the answer to the open step and goes on; on a call, once it is confirmed.
func (w *walk) done(values []string, media []Media) {
	a := Answer{Step: w.s.Step, Values: slices.Clone(values), Media: slices.Clone(media)}
	if w.confirms() {
		w.hold(a)
		return
	}
	w.accept(a)
}

// part keeps what was given so far of an answer, and asks for the rest.
func (w *walk) part(given []string) {
	w.settle()
	w.s.Part = given
	w.echoPart()
}

func (w *walk) choices(st *dialogs.Step, v []string) {
	all := slices.Clone(w.s.Part)
	for _, id := range v {
		if option(st, id) < 0 {
			w.unclear("")
			return
		}
		switch at := slices.Index(all, id); {
		case at < 0:
			all = append(all, id)
		case w.in.Toggles:
			all = slices.Delete(all, at, at+1)
		}
	}
	most := st.Limit
	if most > 0 && len(all) > most {
		w.unclear(PhraseMany)
		return
	}
	if w.in.Part && w.in.Next != "" && (most == 0 || len(all) < most) { // more options follow: whoever shows them turns to the page
		w.part(all)
		return
	}
	if len(all) == 0 && !st.Optional {
		w.unclear("")
		return
	}
	slices.SortFunc(all, func(a, b string) int { return option(st, a) - option(st, b) })
	w.done(all, nil)
}

func (w *walk) rank(st *dialogs.Step, v []string) {
	given := w.s.Part
	if len(v) == len(st.Options) { // the whole order at once
		given = nil
	}
	all := slices.Clone(given)
	for _, id := range v {
		if option(st, id) < 0 || slices.Contains(all, id) {
			w.unclear("")
			return
		}
		all = append(all, id)
	}
	if len(v) == 0 {
		w.unclear("")
		return
	}
	if len(all) == len(st.Options)-1 { // only one place is left
		for i := range st.Options {
			if id := st.Options[i].ID; !slices.Contains(all, id) {
				all = append(all, id)
				break
			}
		}
	}
	if len(all) < len(st.Options) {
		w.part(all)
		return
	}
	w.done(all, nil)
}

func (w *walk) budget(st *dialogs.Step, v []string) {
	n := len(st.Options)
	whole := len(v) == n && !(w.in.Part && n == 1)
	all := slices.Clone(w.s.Part)
	if whole {
		all = nil
	}
	if len(v) == 0 || len(all)+len(v) > n {
		w.unclear("")
		return
	}
	sum := 0
	for _, x := range append(all, v...) {
		a, err := strconv.Atoi(x)
		if err != nil || a < 0 || a > 1_000_000_000 {
			w.unclear("")
			return
		}
		sum += a
	}
	all = append(all, v...)
	for i := range all {
		all[i] = strings.TrimLeft(all[i], "0+")
		if all[i] == "" {
			all[i] = "0"
		}
	}
	switch {
	case sum > st.Total, len(all) == n && sum != st.Total:
		w.unclear(PhraseSum)
		return
	case sum == st.Total:
		for len(all) < n {
			all = append(all, "0")
		}
	case len(all) == n-1: // the rest goes to the last
		all = append(all, strconv.Itoa(st.Total-sum))
	}
	if len(all) < n {
		w.part(all)
		return
	}
	w.done(all, nil)
}

func (w *walk) number(st *dialogs.Step, v []string) {
	if len(v) != 1 {
		w.unclear("")
		return
	}
	f, err := strconv.ParseFloat(v[0], 64)
	if err != nil || f != f || f > 1e15 || f < -1e15 {
		w.unclear("")
		return
	}
	switch {
	case st.Whole && f != float64(int64(f)):
		w.unclear(PhraseWhole)
		return
	case !(st.HasMin && f < st.Min || st.HasMax && f > st.Max):
	case st.HasMin && st.HasMax:
		w.unclear(PhraseOut)
		return
	case st.HasMin:
		w.unclear(PhraseLeast)
		return
	default:
		w.unclear(PhraseMost)
		return
	}
	w.done([]string{strconv.FormatFloat(f, 'f', -1, 64)}, nil)
}

func (w *walk) date(st *dialogs.Step, v []string) {
	if len(v) != 1 {
		w.unclear("")
		return
	}
	day, err := time.Parse(time.DateOnly, v[0])
	if err != nil {
		w.unclear("")
		return
	}
	today := midnight(w.in.At)
	if st.Earliest.Set && day.Before(st.Earliest.On(today)) || st.Latest.Set && day.After(st.Latest.On(today)) {
		w.unclear(PhraseOutDate)
		return
	}
	w.done(v, nil)
}

func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (w *walk) words(st *dialogs.Step, v []string) {
	media := w.in.Media
	if !st.Voice && !w.records() {
		media = nil
	}
	if len(v) == 0 && len(media) == 0 || len(v) > 1 || len(v) == 1 && strings.TrimSpace(v[0]) == "" && len(media) == 0 {
		w.unclear("")
		return
	}
	limit := longestWords(st)
	var kept []string
	if len(v) == 1 && strings.TrimSpace(v[0]) != "" {
		kept = []string{cut(strings.TrimSpace(v[0]), limit)}
		if len(kept[0]) < len(strings.TrimSpace(v[0])) {
			w.s.Note = PhraseLong + " " + strconv.Itoa(limit)
		}
	}
	w.done(kept, media)
}

// cut keeps at most n characters, whole ones.
func cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return strings.TrimSpace(s[:i])
		}
		n--
	}
	return s
}
