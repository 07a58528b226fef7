package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/store"
)

// Where it is one answer a person, everybody whom the town knows to be one person counts once: whoever has several numbers is marked on
// the roll with each of them when they vote with one, and when they are put together afterwards. A chat is marked as well, though an
// answer from it is counted apart where no number belongs to it. Marks stay with the address, whomever it finds later.

// addressVoter is the voter that an address stands for.
func addressVoter(k Keys, poll, kind, id string) [16]byte { return k.Voter(poll, kind+":"+id) }

// voters are all voters on a poll's roll that this turn's resident is. A screen is anybody's, and so is what a call shows that withholds
// its number; behind a PIN there is nobody whom the town knows.
func (t *turn) voters(ctx context.Context, poll string) ([][16]byte, error) {
	var all []store.Address
	if t.event != nil && !t.event.Withheld && !t.isBehind() && !t.onPage() && proved(t.event.From.Kind) {
		all = append(all, store.Address{Kind: t.event.From.Kind, Address: t.event.From.ID})
	}
	if t.version > 0 {
		more, err := t.x.proved(ctx, t.resident)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return votersOf(t.x.keys, poll, all), nil
}

func votersOf(k Keys, poll string, all []store.Address) (out [][16]byte) {
	for _, a := range all {
		switch a.Kind {
		case pinKind, withheldKind, "kiosk", "web":
			continue
		}
		if v := addressVoter(k, poll, a.Kind, a.Address); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// votedBefore says whether one of the voters is marked.
func (x *Exchange) votedBefore(ctx context.Context, poll string, voters [][16]byte) (bool, error) {
	for _, v := range voters {
		if voted, err := x.store.Voted(ctx, poll, v); voted || err != nil {
			return voted, wrapped("look on the roll", err)
		}
	}
	return false, nil
}

// marks marks all voters but one on a poll's roll.
func (t *turn) marks(poll string, voters [][16]byte, but [16]byte) {
	for _, v := range voters {
		if v != but && !slices.Contains(t.change.Marks, store.Mark{Poll: poll, Voter: v}) {
			t.change.Marks = append(t.change.Marks, store.Mark{Poll: poll, Voter: v})
		}
	}
}

// marksBoth marks, in each consultation that is open, all addresses of two who are one from now on, if one of them has voted.
func (t *turn) marksBoth(ctx context.Context, mine, theirs []store.Address) error {
	polls, err := t.x.openPolls(ctx, t.now)
	if err != nil {
		return err
	}
	both := slices.Concat(mine, theirs)
	for _, poll := range polls {
		voters := votersOf(t.x.keys, poll, both)
		voted, err := t.x.votedBefore(ctx, poll, voters)
		if err != nil {
			return err
		}
		if !voted {
			continue
		}
		// Both may have answered, each with a number: the answer of the one that goes on here stays. A mark alone tells of no answer:
		// whoever left once has the mark of what was answered with another number.
		twice, err := t.x.cast(ctx, poll, votersOf(t.x.keys, poll, mine))
		if err != nil {
			return err
		}
		t.marks(poll, voters, [16]byte{})
		for _, v := range votersOf(t.x.keys, poll, theirs) {
			if i := slices.Index(t.change.Marks, store.Mark{Poll: poll, Voter: v}); twice && i >= 0 {
				t.change.Marks[i].Recall = true
			}
		}
	}
	return nil
}

// cast says whether an answer of one of the voters is in the box that the town can tell is theirs.
func (x *Exchange) cast(ctx context.Context, poll string, voters [][16]byte) (bool, error) {
	for _, v := range voters {
		if linked, err := x.store.Linked(ctx, poll, v); linked || err != nil {
			return linked, wrapped("look on the roll", err)
		}
	}
	return false, nil
}

// openPolls are the consultations of one answer a number that aren't over, in service or not.
func (x *Exchange) openPolls(ctx context.Context, now time.Time) ([]string, error) {
	all := slices.Clone(x.town.Dialogs.Current())
	if r, ok := x.town.Dialogs.(retirer); ok {
		retired, err := r.Retired(ctx)
		if err != nil {
			return nil, fmt.Errorf("find dialogs that are out of service: %w", err)
		}
		all = append(all, retired...)
	}
	var out []string
	for _, d := range all {
		if d.Purpose == dialogs.Consultation && d.Who == dialogs.OneNumber && (d.Closes.IsZero() || now.Before(d.Closes)) && !slices.Contains(out, d.ID) {
			out = append(out, d.ID)
		}
	}
	return out, nil
}
