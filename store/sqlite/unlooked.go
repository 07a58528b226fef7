package sqlite

import (
	"encoding/binary"

	"github.com/townline/townline/store"
)

// unlooked applies a Change whose row is known: it is written without a look if it is still as it was read, and nothing is written if it
// isn't, or if anything else is in the way.
func (t *tables) unlooked(o *sealedTurn, keys *keyring) (done bool, err error) {
	c := o.change
	if !o.known || o.merge != nil || c.Forget || t.moved || o.epoch != keys.now() {
		return false, nil
	}
	heard := c.Inbound != (store.Inbound{})
	if heard {
		if _, again := replyOf(o.before, c.Inbound); again {
			return false, nil
		}
	}
	if kind, err := t.allowed(o); err != nil || kind != store.Applied {
		return false, nil
	}
	k, reply := rowOf(c.Resident), int64(0)
	o.answered = o.answered[:0]
	if heard {
		s, err := t.prepare(addReply)
		if err != nil {
			return false, err
		}
		s.BindInt64(1, k)
		s.BindBytes(2, o.reply)
		if err := run(s); err != nil {
			return false, err
		}
		reply = t.LastInsertRowID()
		o.answered = binary.BigEndian.AppendUint64(append(o.answered, c.Inbound[:6]...), uint64(reply))
		copy(o.answered[6:], c.Inbound[6:])
	}
	o.answered = append(o.answered, o.before...)
	o.answered = o.answered[:min(len(o.answered), answeredSize*answeredMax)]
	s, err := t.prepare(writeRow)
	if err != nil {
		return false, err
	}
	s.BindInt64(1, k)
	s.BindInt64(2, int64(c.Read+1))
	s.BindBytes(3, o.answered)
	s.BindBytes(4, o.state)
	s.BindBytes(5, c.Resident[:])
	if err := run(s); err != nil {
		return false, err
	}
	if t.Changes() == 0 {
		if heard {
			return false, t.exec(dropReply, reply)
		}
		return false, nil
	}
	if err := t.effects(o); err != nil {
		return false, err
	}
	o.outcome = store.Outcome{Kind: store.Applied}
	return true, nil
}
