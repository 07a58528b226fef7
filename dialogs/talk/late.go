package talk

import "github.com/townline/townline/dialogs/engine"

// A provider may tell that a caller rang off before it hands over the last key. The key is then taken as it was meant: what the
// caller was asked to confirm is kept as it was, until they come again.

// keepHeld notes what was to be confirmed when the caller rang off.
func (x *hearing) keepHeld() {
	if x.m.Now != nil && x.m.Now.Held != nil && x.calls() {
		held := *x.m.Now
		x.m.Late = &held
	}
}

// lateKey takes a key that was pressed before the caller rang off, which is known already.
func (x *hearing) lateKey(held *engine.State) error {
	now := *held
	x.m.Now = &now
	if err := x.heard(false); err != nil {
		return err
	}
	x.said.Pages = nil
	x.hungUp()
	return nil
}

// late says whether what is heard now belongs to a call that is over, in which held was to be confirmed.
func (x *hearing) late(held *engine.State, moved bool) bool {
	return held != nil && x.h.Kind == Words && x.calls() && !moved && x.m.Hall == nil &&
		x.m.Now != nil && x.m.Now.Pin == held.Pin && x.m.Now.Began == held.Began && x.m.Now.Last == held.Last && x.m.Now.Step == held.Step
}
