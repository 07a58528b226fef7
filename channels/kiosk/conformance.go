package kiosk

// Standard is one that the machine and its pages are measured against.
type Standard string

const (
	WCAG Standard = "WCAG 2.2"
	EN   Standard = "EN 301 549"
	S508 Standard = "Section 508"
	VVSG Standard = "VVSG 2.0"
)

// Verdict is how we know whether a clause is met.
type Verdict string

const (
	Proved       Verdict = "by test"        // tests prove it, on every run
	ByHand       Verdict = "by hand"        // somebody has to look or listen; Note says how
	Hardware     Verdict = "hardware"       // what is bought and where it is put decides; Note says what it must have
	NotMet       Verdict = "not met"        // Note says why, and what there is instead
	DoesNotApply Verdict = "does not apply" // Note says why
)

// Clause is one demand of a standard, and what there is to show for it. Numbers are data: they change with each edition.
type Clause struct {
	Standard Standard
	ID       string // in the edition that is in force; "" for what only a draft asks
	Draft    string // EN 301 549 V4.1.0, a final draft of June 2026, where its number differs; "" where it doesn't
	Level    string // A, AA or AAA of WCAG, "should" of what is only recommended
	Title    string
	Asks     string // in plain English, in our words
	Memory   bool   // the text itself could not be had: it is written down from memory, and to be checked before it is relied on

	Verdict Verdict
	Tests   []string // "channels/kiosk TestPages": of the whole clause when proved, otherwise of a part of it
	Note    string
	Like    []string // clauses of EN 301 549 that ask the machine for the same; Note is what there is besides
	Only    string   // "kiosk" where the verdict is about the machine alone, and on the web the clause is met
	Place   Place    // where the installation sheet has it; "" when it isn't about the machine's place or parts
}

// Place is a heading of the installation sheet.
type Place string

const (
	PlaceScreen Place = "Screen"
	PlaceReach  Place = "Heights and space"
	PlaceKeys   Place = "Keys and switches"
	PlaceSound  Place = "Sound"
	PlacePaper  Place = "Printer and leaflet"
)

// Places are the headings of the installation sheet, in its order.
func Places() []Place { return []Place{PlaceScreen, PlaceReach, PlaceKeys, PlaceSound, PlacePaper} }

// Conformance lists every clause: the one table that "townline accessibility", the statement's page of clauses and the
// installation sheet are made from. The caller may change the slice.
func Conformance() []Clause {
	var all []Clause
	for _, part := range [][]Clause{of(WCAG, wcagClauses()), of(EN, enClauses()), of(S508, sectionClauses()), of(VVSG, votingClauses())} {
		all = append(all, part...)
	}
	return all
}

// Standards are the standards in the table's order, each with the edition that was used.
func Standards() []struct {
	Standard Standard
	Edition  string
} {
	return []struct {
		Standard Standard
		Edition  string
	}{
		{WCAG, "Web Content Accessibility Guidelines 2.2, W3C Recommendation, levels A, AA and AAA"},
		{EN, "EN 301 549 V3.2.1 (2021-03); numbers of the final draft V4.1.0 (2026-06) where they differ"},
		{S508, "Revised Section 508 Standards, 36 CFR 1194, appendix C, chapter 4"},
		{VVSG, "Voluntary Voting System Guidelines 2.0 (2021): what they ask of a machine that people answer at"},
	}
}

// Count is how many clauses of s have each verdict; of all standards when s is "".
func Count(all []Clause, s Standard) map[Verdict]int {
	n := map[Verdict]int{}
	for _, c := range all {
		if s == "" || c.Standard == s {
			n[c.Verdict]++
		}
	}
	return n
}

// Verdicts are all verdicts, the surest first.
func Verdicts() []Verdict { return []Verdict{Proved, ByHand, Hardware, NotMet, DoesNotApply} }

// Number is the clause's number as it is printed, of both editions where they differ.
func (c Clause) Number() string {
	switch {
	case c.ID == "":
		return c.Draft + " (draft V4.1.0)"
	case c.Draft != "":
		return c.ID + " (draft V4.1.0: " + c.Draft + ")"
	}
	return c.ID
}

func of(s Standard, list []Clause) []Clause {
	for i := range list {
		list[i].Standard = s
	}
	return list
}

// The rows of the tables are written with these, so that a verdict can't be without what it needs.

// row begins a clause of WCAG.
func row(id, level, title, asks string, e evidence) Clause {
	c := Clause{ID: id, Level: level, Title: title, Asks: asks}
	e(&c)
	return c
}

// evidence fills in a verdict.
type evidence func(*Clause)

// proved: these tests show the whole of it. A test without a folder is of this package.
func proved(tests ...string) evidence {
	return func(c *Clause) { c.Verdict, c.Tests = Proved, named(tests) }
}

func byHand(how string, tests ...string) evidence {
	return func(c *Clause) { c.Verdict, c.Note, c.Tests = ByHand, how, named(tests) }
}

func hardware(where Place, needs string, tests ...string) evidence {
	return func(c *Clause) { c.Verdict, c.Note, c.Tests, c.Place = Hardware, needs, named(tests), where }
}

// likeEN: the machine must have what these clauses of EN 301 549 ask for; besides may be "".
func likeEN(where Place, besides string, ids ...string) evidence {
	return func(c *Clause) { c.Verdict, c.Note, c.Like, c.Place = Hardware, besides, ids, where }
}

// testsOf adds tests of a part of what a clause asks.
func testsOf(e evidence, tests ...string) evidence {
	return func(c *Clause) {
		e(c)
		c.Tests = append(c.Tests, named(tests)...)
	}
}

func notMet(why string, tests ...string) evidence {
	return func(c *Clause) { c.Verdict, c.Note, c.Tests = NotMet, why, named(tests) }
}

// notMetAtKiosk is for the machine in a public place alone; on the web the tests show that it is met.
func notMetAtKiosk(why string, tests ...string) evidence {
	return func(c *Clause) { c.Verdict, c.Note, c.Tests, c.Only = NotMet, why, named(tests), Name }
}

func notFor(why string) evidence {
	return func(c *Clause) { c.Verdict, c.Note = DoesNotApply, why }
}

// with adds a remark to a proof.
func with(note string, e evidence) evidence {
	return func(c *Clause) {
		e(c)
		c.Note = note
	}
}

func named(tests []string) []string {
	var out []string
	for _, t := range tests {
		if len(t) > 4 && t[:4] == "Test" {
			t = "channels/kiosk " + t
		}
		out = append(out, t)
	}
	return out
}
