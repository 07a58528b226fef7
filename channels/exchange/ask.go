package exchange

import (
	"context"
	"errors"
	"fmt"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// ask answers what the engine waits for. What is to be written goes into the change; nothing is written yet.
func (t *turn) ask(ctx context.Context, e talk.Effect) (engine.Input, error) {
	var in engine.Input
	var err error
	switch e.Kind {
	case engine.Keep:
		in.Result, err = t.keep(ctx, &e)
	case engine.FindSimilar:
		in.Found, err = t.x.similar(ctx, &e, t.now)
	case engine.FindStatus:
		in.Found, err = t.status(ctx, &e)
	case engine.CheckCode:
		in.Result, err = t.checkCode(ctx, &e)
	case engine.CheckVoted:
		in.Result, err = t.checkVoted(ctx, &e)
	case engine.Carry:
		in.Result, err = t.carry()
	case engine.Redeem:
		in, err = t.redeem(ctx, e.Values)
	case engine.LinkCode:
		in.Result, err = t.giveLink(ctx)
	case engine.LinkWith:
		in.Result, err = t.linkWith(ctx, &e)
	case engine.LeaveHere:
		in.Result, err = t.leaveHere(ctx, e.Values)
	case engine.PassOn:
		in.Result, err = t.passOn(ctx, &e)
	case engine.EnterPIN:
		in.Result, err = t.enterPIN(ctx, e.Values)
	case engine.ChoosePIN:
		in.Result, err = t.choosePIN(ctx, e.Values)
	default:
		err = fmt.Errorf("nobody answers %q", e.Kind)
	}
	if err != nil {
		return engine.Input{}, fmt.Errorf("%s: %w", e.Kind, err)
	}
	return in, nil
}

// keep makes the record of a dialog.
func (t *turn) keep(ctx context.Context, e *talk.Effect) (map[string]string, error) {
	if e.Record == nil || e.Dialog == nil {
		return nil, errors.New("there is no record")
	}
	switch e.Dialog.Purpose {
	case dialogs.Consultation:
		return t.answer(ctx, e)
	case dialogs.Request:
		return t.open(ctx, e)
	}
	return map[string]string{}, nil
}

// answer counts an answer to a consultation:
//
//	who      secrecy       record    the link to the resident
//	anyone   public        Response  stays
//	anyone   confidential  Ballot    a voter of its own for each answer, linked until the roll is closed
//	anyone   secret        Ballot    none: no voter
//	number,  public        Ballot    voter marked on the roll, linked; CloseRoll is never called for it
//	roll     confidential  Ballot    voter marked on the roll, linked until the roll is closed
//	         secret        Ballot    voter marked on the roll, not linked
//
// A resident who answers a `number` consultation without a number casts a ballot without a voter, which is counted apart.
// Where anyone may answer, the voter limits nothing: it is a hash of the resident and of this turn, so that it is there
// to be found while the promise says that the town can link the two, and for nothing else.
//
// The receipt is random. It is kept in the conversation, never beside a ballot.
func (t *turn) answer(ctx context.Context, e *talk.Effect) (map[string]string, error) {
	if t.before {
		return map[string]string{"counted": "before"}, nil
	}
	d := e.Dialog
	record, err := engine.Encode(e.Record)
	if err != nil {
		return nil, err
	}
	receipt, err := t.reference(0)
	if err != nil {
		return nil, err
	}
	t.recorded.addRecord(d, e.Record)
	t.contact(e.Contact)
	result := map[string]string{"reference": receipt}
	who := d.Who
	if who == "" {
		who = dialogs.Anyone
	}
	if who == dialogs.Anyone && d.Secrecy == dialogs.Public {
		t.change.Responses = append(t.change.Responses, store.Response{
			ID: t.id("response"), Poll: d.ID, Version: d.Version, Channel: t.class(), Lang: t.lang(d), At: t.now,
			Record: record, Order: e.Order,
		})
		return result, nil
	}
	b := store.Ballot{Poll: d.ID, Version: d.Version, Channel: t.class(), Day: t.x.calendar.Day(t.now), Record: record}
	if t.done != nil {
		b.ID = t.done.Ballot
	} else if err := t.x.random(b.ID[:]); err != nil {
		return nil, err
	}
	switch who {
	case dialogs.Roll:
		if len(e.Values) != 1 {
			return nil, errors.New("a ballot without the code of its voter")
		}
		b.Voter = CodeVoter(t.x.keys, d.ID, e.Values[0])
		on, err := t.x.store.OnRoll(ctx, d.ID, b.Voter)
		if err != nil {
			return nil, err
		}
		if !on {
			return nil, errors.New("a ballot with a code that is not on the roll")
		}
	case dialogs.OneNumber:
		number, err := t.number(ctx)
		if err != nil {
			return nil, err
		}
		voters, err := t.voters(ctx, d.ID)
		if err != nil {
			return nil, err
		}
		before, err := t.x.votedBefore(ctx, d.ID, voters)
		switch {
		case err != nil:
			return nil, err
		case before:
			t.before = true
			return map[string]string{"counted": "before"}, nil
		case number != "":
			b.Voter = numberVoter(t.x.keys, d.ID, number)
		}
		t.marks(d.ID, voters, b.Voter)
	default:
		if d.Secrecy == dialogs.Confidential {
			b.Voter = t.x.keys.Voter(d.ID, fmt.Sprintf("answer:%x:%d", t.resident, t.version))
		}
	}
	if b.Voter != ([16]byte{}) {
		b.Linked = d.Secrecy == dialogs.Public || d.Secrecy == dialogs.Confidential && !t.x.polls.closed(d.ID)
	}
	t.change.Ballots = append(t.change.Ballots, b)
	t.change.Forget = d.Secrecy != dialogs.Public // the pages before read the answers back
	return result, nil
}

// class is the class of the channel, as records name it: "sms", "voice", never an adapter's own name.
func (t *turn) class() string {
	if t.line == nil {
		return t.name
	}
	return t.line.traits.Name
}

func (t *turn) lang(d *dialogs.Dialog) string {
	if t.memory.Now != nil && t.memory.Now.Pin == d.Pin {
		return t.memory.Now.Lang
	}
	if t.memory.Lang != "" {
		return t.memory.Lang
	}
	return d.Language
}

// CodeVoter is the voter that a code from a letter stands for, to be reserved on the roll of a poll and found there. The
// code is as the dialog reads it: digits and upper-case letters, nothing between.
func CodeVoter(k Keys, poll, code string) [16]byte { return k.Voter(poll, "code:"+code) }

func numberVoter(k Keys, poll, number string) [16]byte { return k.Voter(poll, "tel:"+number) }

// number is the resident's proved phone number, "" when there is none.
func (t *turn) number(ctx context.Context) (string, error) {
	if t.event != nil && t.event.From.Kind == "tel" {
		return t.event.From.ID, nil
	}
	if t.version == 0 {
		return "", nil
	}
	all, err := t.x.store.Addresses(ctx, t.resident)
	if err != nil {
		return "", err
	}
	for _, a := range all {
		if a.Kind == "tel" {
			return a.Address, nil
		}
	}
	return "", nil
}

func (t *turn) checkCode(ctx context.Context, e *talk.Effect) (map[string]string, error) {
	if e.Dialog == nil || len(e.Values) != 1 {
		return map[string]string{"code": "unknown"}, nil
	}
	if t.guesses(&t.x.voters, mostVoters) {
		return map[string]string{"away": "yes"}, nil
	}
	v := CodeVoter(t.x.keys, e.Dialog.ID, e.Values[0])
	on, err := t.x.store.OnRoll(ctx, e.Dialog.ID, v)
	if err != nil {
		return nil, err
	}
	if !on {
		t.guessed(&t.x.voters, mostVoters)
		return map[string]string{"code": "unknown"}, nil
	}
	used, err := t.x.store.Voted(ctx, e.Dialog.ID, v)
	if err != nil {
		return nil, err
	}
	if used {
		return map[string]string{"code": "used"}, nil
	}
	return map[string]string{"code": "good"}, nil
}

func (t *turn) checkVoted(ctx context.Context, e *talk.Effect) (map[string]string, error) {
	if e.Dialog == nil {
		return map[string]string{"voted": "no"}, nil
	}
	voters, err := t.voters(ctx, e.Dialog.ID)
	if err != nil {
		return nil, err
	}
	voted, err := t.x.votedBefore(ctx, e.Dialog.ID, voters)
	if err != nil {
		return nil, err
	}
	if voted {
		return map[string]string{"voted": "yes"}, nil
	}
	return map[string]string{"voted": "no"}, nil
}
