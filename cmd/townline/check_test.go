package main

import "testing"

// An option that can't be chosen by its own words, in one language, on some channels, keeps a dialog from being published.
func TestCheckProvesThatAnswersCanBeGiven(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	p.change("dialogs/oak-park.es.yaml", "    text: Columpios", "    text: \"9\"") // the key that says it again
	p.run("", "check", "dialogs").must(t, 1, "dialogs/oak-park.es.yaml:", `who answers "9" to "thing" on sms`, "whatsapp", "telegram", "in es", "[words-mislead]", "= word it so", "to mend")
}
