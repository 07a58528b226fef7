package exchange

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

const (
	mostCases   = 20_000 // that are listed: more wait in no town, and each is a line of a hundred bytes
	mostLetters = 200    // of one case that are shown
	caseKind    = "case"

	// answerWithin is how long the desk is open before somebody who waits is overdue, unless told otherwise.
	answerWithin = 4 * time.Hour
)

var (
	_ channels.Cases     = (*Exchange)(nil)
	_ channels.CaseMedia = (*Exchange)(nil)
)

// caseID names a case to clerks: it can't be turned back into the resident, and the next case of theirs has another.
func (x *Exchange) caseID(c *store.Case) string {
	k := x.keys.Address(caseKind, fmt.Sprintf("%x:%d", c.Resident, c.Since.UnixMilli()))
	return hex.EncodeToString(k[:])
}

// Cases lists the cases that aren't closed.
func (x *Exchange) Cases(ctx context.Context, desk string) ([]channels.Case, error) {
	all, err := x.store.Cases(ctx, desk, mostCases)
	if err != nil {
		return nil, fmt.Errorf("exchange: list the cases: %w", err)
	}
	out := make([]channels.Case, 0, len(all))
	for i := range all {
		out = append(out, x.listed(&all[i]))
	}
	return out, nil
}

func (x *Exchange) listed(c *store.Case) channels.Case {
	return channels.Case{
		ID: x.caseID(c), Desk: c.Desk, Clerk: c.Clerk, Since: c.Since, Last: c.Last, Unread: c.Unread, Title: x.titleOf(c.Dialog),
		Channel: c.Channel, Lang: c.Lang, Overdue: x.overdue(c),
	}
}

// overdue says whether somebody has waited for an answer longer than the town wants, while the desk was open.
func (x *Exchange) overdue(c *store.Case) bool {
	from := c.Last
	switch {
	case c.State == store.Waiting:
		from = c.Since
	case c.Unread == 0:
		return false
	}
	within := x.answerWithin
	if within <= 0 {
		within = answerWithin
	}
	return x.calendar.Staffed(c.Desk, from, x.clock.Now(), within) >= within
}

func (x *Exchange) titleOf(id string) string {
	if id == "" {
		return ""
	}
	for _, d := range x.town.Dialogs.Current() {
		if d.ID == id {
			return d.Title.Text
		}
	}
	return id
}

// findCase finds the case that clerks know by an id.
func (x *Exchange) findCase(ctx context.Context, id string) (store.Case, error) {
	all, err := x.store.Cases(ctx, "", mostCases)
	if err != nil {
		return store.Case{}, fmt.Errorf("exchange: list the cases: %w", err)
	}
	for i := range all {
		if x.caseID(&all[i]) == id {
			return all[i], nil
		}
	}
	return store.Case{}, channels.ErrNoCase
}

// inCase is a case with all that is remembered of its resident.
type inCase struct {
	store.Case
	kept   store.Conversation
	row    row
	memory talk.Memory
	way    way
	reach  channels.CaseReach
	number string // Called
}

func (x *Exchange) enterCase(ctx context.Context, c store.Case) (inCase, error) {
	in := inCase{Case: c}
	var err error
	if in.kept, in.row, in.memory, err = x.remembered(ctx, c.Resident); err != nil {
		return in, err
	}
	if in.kept.Version == 0 || in.row.gone {
		return in, channels.ErrNoCase
	}
	t := turn{x: x, resident: c.Resident}
	if err := t.recall(ctx, in.kept, in.row); err != nil { // fetches the dialogs
		return in, err
	}
	addresses, err := x.store.Addresses(ctx, c.Resident)
	if err != nil {
		return in, fmt.Errorf("find the resident's addresses: %w", err)
	}
	in.reaches(x, addresses)
	return in, nil
}

// reaches says how a clerk's words get to the resident now: they may be on another channel than when they asked.
func (in *inCase) reaches(x *Exchange, addresses []store.Address) {
	of := func(kind string) string {
		for _, a := range addresses {
			if a.Kind == kind {
				return a.Address
			}
		}
		return ""
	}
	t := turn{x: x}
	t.more = in.row.more
	in.way = in.row.way
	switch {
	case in.row.more.Behind != nil || in.way.kind == pinKind:
		in.reach = channels.BehindPIN
	case in.memory.Stopped && in.memory.Desk != nil && in.memory.Desk.By == "call" && of("tel") != "": // asked for since
		in.reach, in.number = channels.Called, of("tel")
	case in.memory.Stopped:
		in.reach = channels.Unwanted
	case in.way.channel != "" && of(in.way.kind) != "" && !t.unreachable(in.way):
		in.reach = channels.Written
	case in.memory.Desk != nil && in.memory.Desk.By == "text" && of("tel") != "" && !t.unreachable(way{x.textLine(), "tel"}):
		in.way, in.reach = way{x.textLine(), "tel"}, channels.Written
	case of("tel") != "":
		in.reach, in.number = channels.Called, of("tel")
	case of(contactKind) != "":
		in.reach, in.number = channels.Called, of(contactKind)
	default:
		in.reach = channels.Nowhere
	}
}

// Case opens a case.
func (x *Exchange) Case(ctx context.Context, id string) (channels.CaseWhole, error) {
	c, err := x.findCase(ctx, id)
	if err != nil {
		return channels.CaseWhole{}, err
	}
	in, err := x.enterCase(ctx, c)
	if err != nil {
		return channels.CaseWhole{}, err
	}
	w := channels.CaseWhole{Case: x.listed(&c), Call: in.number}
	w.Reach = in.reach
	if err := x.context(&in, &w); err != nil {
		return w, err
	}
	requests, err := x.store.Requests(ctx, store.RequestQuery{Resident: c.Resident, Limit: 10})
	if err != nil {
		return w, fmt.Errorf("find the resident's requests: %w", err)
	}
	for i := range requests {
		r := &requests[i]
		w.Requests = append(w.Requests, channels.CaseRequest{
			Reference: r.Reference, What: r.Label, Status: r.Status, Due: r.Due, This: in.memory.Desk != nil && in.memory.Desk.Ref == r.Reference,
		})
	}
	letters, err := x.store.Letters(ctx, c.Resident, mostLetters)
	if err != nil {
		return w, fmt.Errorf("read what was said: %w", err)
	}
	for _, l := range letters {
		w.Letters = append(w.Letters, channels.CaseLetter{At: l.At, By: l.By, Channel: l.Channel, Words: l.Words, Media: l.Media})
	}
	return w, nil
}

// context is what is on show to the resident, and what they answered so far, as far as a clerk may see it.
func (x *Exchange) context(in *inCase, w *channels.CaseWhole) error {
	m := &in.memory
	var d *dialogs.Dialog
	if m.Now != nil {
		d = x.town.Dialogs.Pinned(m.Now.Pin)
	}
	if d != nil {
		w.Title = d.Title.Text
		if talk.Private(d) {
			w.Hidden = string(d.Secrecy)
			return nil
		}
	}
	traits := render.SMS
	if l := x.channels[in.way.channel]; l != nil && l.traits.Form == engine.Text {
		traits = l.traits
	}
	now := x.calendar.local(x.clock.Now())
	said, err := x.town.Hear(*m, talk.Heard{Kind: talk.Looked, At: now, Traits: traits}, nothingAsked)
	if err != nil {
		return err
	}
	var shown []string
	for i := range said.Pages {
		shown = append(shown, said.Pages[i].String())
	}
	w.Shown = strings.Join(shown, "\n")
	if d == nil {
		return nil
	}
	var items []engine.Item
	for i := range m.Now.Answers {
		a := &m.Now.Answers[i]
		if a.Step < 0 || a.Step >= len(d.Steps) || a.Skip != engine.Answered || d.Steps[a.Step].Type == dialogs.Consent || d.Steps[a.Step].Type == dialogs.Code {
			continue
		}
		items = append(items, engine.Item{Key: d.Steps[a.Step].ID, Step: a.Step, Answer: a})
	}
	if len(items) == 0 {
		return nil
	}
	lang := m.Now.Lang
	words := &render.Words{
		Dialog: d, Lang: x.town.Locales.Language(lang), Tag: lang, Catalogue: x.town.Locales, Languages: x.town.Languages, Town: x.town.Name,
		Country: x.town.Country, Emergency: x.town.Emergency,
	}
	for _, p := range render.Render(words, []engine.Prompt{{Key: engine.PhraseReview, Asks: engine.Pick, Step: -1, Items: items}}, render.Kiosk) {
		for _, b := range p.Blocks {
			if b.Kind == "item" {
				w.Answers = append(w.Answers, channels.CaseAnswer{Question: b.Words, Answer: b.Answer})
			}
		}
	}
	return nil
}

var errAsked = errors.New("nothing can be asked of the town here")

func nothingAsked(talk.Effect) (engine.Input, error) { return engine.Input{}, errAsked }

// CaseMedia gives what a letter of a case names.
func (x *Exchange) CaseMedia(ctx context.Context, id, ref string) (channels.Attachment, error) {
	c, err := x.findCase(ctx, id)
	if err != nil {
		return channels.Attachment{}, err
	}
	letters, err := x.store.Letters(ctx, c.Resident, mostLetters)
	if err != nil {
		return channels.Attachment{}, err
	}
	name, ok := channels.MediaID(ref)
	if !ok || !slices.ContainsFunc(letters, func(l store.Letter) bool { return slices.Contains(l.Media, ref) }) {
		return channels.Attachment{}, store.ErrNotFound
	}
	m, err := x.store.Media(ctx, name)
	return channels.Attachment{Type: m.Type, Bytes: m.Bytes}, err
}

// Act does what a clerk wants, as a turn of the resident's.
func (x *Exchange) Act(ctx context.Context, a channels.CaseAct) error {
	a.Words = strings.TrimSpace(a.Words)
	if a.Kind == channels.CaseTake || a.Kind == channels.CaseHandOver { // nothing is said: neither may it look as if it had been
		a.Words = ""
	}
	switch {
	case a.Clerk == "":
		return errors.New("exchange: an act of no clerk")
	case utf8.RuneCountInString(a.Words) > channels.MostSaid:
		return channels.ErrSaidLong
	case a.Kind == channels.CaseSay && a.Words == "":
		return channels.ErrSaidEmpty
	}
	if !x.work.enter() {
		return ErrDraining
	}
	defer x.work.leave()
	c, err := x.findCase(ctx, a.Case)
	if err != nil {
		return err
	}
	if err := x.residents.take(ctx, c.Resident); err != nil {
		return err
	}
	defer x.residents.give(c.Resident)
	for range attempts {
		done, err := x.act(ctx, c.Resident, a)
		if err != nil || done {
			return err
		}
		x.metrics.conflicts.Inc()
	}
	return errContested
}

// act makes one attempt; false when something else was committed meanwhile.
func (x *Exchange) act(ctx context.Context, r store.Resident, a channels.CaseAct) (bool, error) {
	c, known, err := x.store.CaseOf(ctx, r)
	if err != nil {
		return false, fmt.Errorf("find the talk with the desk: %w", err)
	}
	if !known || x.caseID(&c) != a.Case {
		return false, channels.ErrNoCase
	}
	var letter [16]byte
	if a.Words != "" && a.Token != "" {
		letter = derived("said "+a.Token+" "+a.Words, r, 0, 0) // a page that was gone back to has its token still
		said, err := x.store.Letters(ctx, r, mostLetters)
		if err != nil {
			return false, fmt.Errorf("read what was said: %w", err)
		}
		if slices.ContainsFunc(said, func(l store.Letter) bool { return l.ID == letter }) {
			if a.Kind == channels.CaseSay {
				return true, nil
			}
			a.Words = "" // they were said, and nobody heard so; what else is wanted isn't done yet
		}
	}
	if c.Clerk != "" && c.Clerk != a.Clerk && !(a.Kind == channels.CaseTake && a.From == c.Clerk) {
		return false, channels.ErrCaseTaken
	}
	in, err := x.enterCase(ctx, c)
	if err != nil {
		return false, err
	}
	if a.Words != "" {
		if err := sayable(in.reach); err != nil {
			return false, err
		}
	}
	t := &turn{x: x, resident: r, name: in.way.channel, line: x.channels[in.way.channel], now: x.calendar.local(x.clock.Now())}
	t.version, t.memory, t.more = in.kept.Version, in.memory, in.row.more
	if letter == ([16]byte{}) {
		letter = t.id("letter")
	}
	return t.clerked(ctx, &in, a, letter)
}

// sayable says why nothing can be said to somebody.
func sayable(r channels.CaseReach) error {
	switch r {
	case channels.Written, channels.BehindPIN:
		return nil
	case channels.Unwanted:
		return channels.ErrUnwanted
	}
	return channels.ErrNotRead
}

// clerked commits an act.
func (t *turn) clerked(ctx context.Context, in *inCase, a channels.CaseAct, letter [16]byte) (bool, error) {
	c, note := in.Case, ""
	was := c
	if c.Clerk == "" || a.Kind == channels.CaseTake {
		c.Clerk = a.Clerk
	}
	if a.Words != "" { // until then they wait, whoever has taken them
		c.State = store.Taken
	}
	h := talk.Heard{Kind: talk.Clerked, At: t.now, Traits: render.SMS, Clerk: a.Clerk, Words: a.Words, Behind: in.reach == channels.BehindPIN}
	if t.line != nil {
		h.Traits = t.line.traits
	}
	switch a.Kind {
	case channels.CaseTake:
		note = "taken"
		if was.Clerk == a.Clerk {
			return true, nil
		}
	case channels.CaseHandOver:
		if a.To == "" || a.To == a.Clerk {
			return true, nil
		}
		c.Clerk, note = a.To, "handed to "+a.To
	case channels.CaseSay:
		h.Act, note = talk.ClerkSays, "answered"
	case channels.CaseHandBack:
		h.Act, note, c.State = talk.ClerkBack, "handed back", store.Closed
	case channels.CaseClose:
		h.Act, note, c.State = talk.ClerkCloses, "closed", store.Closed
	default:
		return false, fmt.Errorf("exchange: no clerk does %d", a.Kind)
	}
	said := talk.Said{Memory: in.memory}
	if h.Act != 0 {
		var err error
		if said, err = t.x.town.Hear(in.memory, h, nothingAsked); err != nil {
			return false, err
		}
		t.marked(&said)
		if in.reach == channels.Written {
			if err := t.push(said.Pages, in.way, classReply); err != nil {
				return false, err
			}
		}
		if err := t.effects(ctx, said.Effects); err != nil {
			return false, err
		}
	}
	if a.Words != "" {
		c.Last, c.Unread = t.now, 0
		t.change.Letters = append(t.change.Letters, store.Letter{ID: letter, At: t.now, By: a.Clerk, Channel: c.Channel, Words: a.Words})
	}
	t.change.Case, t.change.At = &c, t.now
	if err := t.notes(ctx, in, a, note); err != nil {
		return false, err
	}
	in.row.more = t.more
	done, err := t.x.rewrite(ctx, in.kept, in.row, said.Memory, t.change)
	if err != nil || !done {
		return false, err
	}
	t.x.metrics.records(&t.change)
	t.x.posted(t.change.Outbox)
	for i := range t.change.Timers {
		t.x.timers.by(t.now, t.change.Timers[i].At)
	}
	return true, nil
}

// notes writes an act into the history of the request that the case belongs to: who did what, never what was said. A request that
// was nothing but the wish for a person is done with the case.
func (t *turn) notes(ctx context.Context, in *inCase, a channels.CaseAct, note string) error {
	if in.memory.Desk == nil || in.memory.Desk.Ref == "" {
		return nil
	}
	r, err := t.x.store.Request(ctx, in.memory.Desk.Ref)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the request of a case: %w", err)
	}
	e := store.RequestEvent{Reference: r.Reference, Kind: "desk", At: t.now, By: a.Clerk, Channel: in.Channel, Text: note}
	if t.change.Case.State == store.Closed && r.Service == servicePerson && r.Status == statusOpen {
		e.Status = statusClosed
	}
	t.change.Requests = append(t.change.Requests, e)
	return nil
}
