package dialogs

// check notes what is wrong with one dialog beyond its words and names.
func (l *loader) check(f *draft, d *Dialog) {}

// checkSet notes what is wrong between dialogs.
func (l *loader) checkSet(all []*Dialog) {}
