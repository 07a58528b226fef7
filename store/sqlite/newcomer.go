package sqlite

import (
	"slices"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// sealedNewcomer is a Change's Newcomer, sealed under a key of their own.
type sealedNewcomer struct {
	wrapped   []byte
	state     []byte
	addresses [][]byte
}

func (s *Store) sealNewcomer(n *store.Newcomer) (*sealedNewcomer, error) {
	key, wrapped, err := s.secrets.NewKey(n.Resident)
	if err != nil {
		return nil, err
	}
	sealed := &sealedNewcomer{wrapped: wrapped, state: key.Seal(nil, n.State, sealing.UseState)}
	for i := range n.Link {
		sealed.addresses = append(sealed.addresses, key.Seal(nil, []byte(n.Link[i].Address), sealing.UseAddress))
	}
	return sealed, nil
}

// mayMove checks what a change unlinks, and who begins with it.
func (t *tables) mayMove(o *sealedTurn) (store.OutcomeKind, error) {
	c := o.change
	owner := func(key store.AddressKey) (r store.Resident, known bool, err error) {
		known, err = t.one(func(s statement) error { r = column16(s, 0); return nil }, "SELECT resident FROM address WHERE key = ?", key)
		return r, known, err
	}
	for _, key := range c.Unlink {
		if r, known, err := owner(key); err != nil || !known || !isTheirs(c, r) {
			return store.Conflict, err
		}
	}
	n := c.Newcomer
	if n == nil {
		return store.Applied, nil
	}
	if n.Resident == c.Resident {
		return store.Conflict, nil
	}
	var there store.Resident
	found, err := t.one(func(s statement) error { there = column16(s, 0); return nil }, selectRow, rowOf(n.Resident))
	switch {
	case err != nil:
		return 0, err
	case found && there != n.Resident:
		return 0, errSharedRow
	case found:
		return store.Conflict, nil
	case rowOf(n.Resident) == rowOf(c.Resident): // neither has a row yet
		return 0, errSharedRow
	}
	for i := range n.Link {
		key := n.Link[i].Key
		if slices.ContainsFunc(c.Link, func(a store.Address) bool { return a.Key == key }) {
			return store.Conflict, nil
		}
		if _, known, err := owner(key); err != nil || known && !slices.Contains(c.Unlink, key) {
			return store.Conflict, err
		}
	}
	return store.Applied, nil
}

// welcome writes the row of a change's newcomer; what they take over was unlinked before.
func (t *tables) welcome(c *store.Change, sealed *sealedNewcomer) error {
	n := c.Newcomer
	k := rowOf(n.Resident)
	if err := t.exec(insertKey, k, n.Resident, sealed.wrapped); err != nil {
		return err
	}
	t.counts.conversations++
	if err := t.exec(insertRow, k, n.Resident, int64(1), []byte{}, sealed.state); err != nil {
		return err
	}
	for i := range n.Link {
		a := &n.Link[i]
		if err := t.exec(link, a.Key, n.Resident, a.Kind, c.At, sealed.addresses[i]); err != nil {
			return err
		}
	}
	return nil
}
