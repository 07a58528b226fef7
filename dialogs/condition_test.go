package dialogs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
)

// asked are the questions that the conditions of these tests compare.
func asked() []dialogs.Step {
	return []dialogs.Step{
		{ID: "hello", Type: dialogs.Say},
		{ID: "what", Type: dialogs.Choice, Options: []dialogs.Option{{ID: "light"}, {ID: "hole"}, {ID: "wire"}}},
		{ID: "wishes", Type: dialogs.Choices, Options: []dialogs.Option{{ID: "seats"}, {ID: "trees"}, {ID: "shade"}}},
		{ID: "danger", Type: dialogs.YesNo},
		{ID: "age", Type: dialogs.Number, Min: 0, Max: 120, HasMin: true, HasMax: true},
		{ID: "height", Type: dialogs.Number},
		{ID: "day", Type: dialogs.Date},
		{ID: "place.where", Type: dialogs.Place},
		{ID: "same", Type: dialogs.Similar},
		{ID: "here", Type: dialogs.Say},
		{ID: "later", Type: dialogs.YesNo},
	}
}

const here = 9

func TestConditionHolds(t *testing.T) {
	steps := asked()
	type given map[string][]string
	for _, c := range []struct {
		condition string
		given     given
		want      bool
	}{
		{"what is wire", given{"what": {"wire"}}, true},
		{"what is wire", given{"what": {"hole"}}, false},
		{"what is wire", given{}, false},
		{"what is not wire", given{"what": {"hole"}}, true},
		{"what is not wire", given{"what": {"wire"}}, false},
		{"what is not wire", given{}, false}, // a comparison with an unanswered question is false
		{`what is "wire"`, given{"what": {"wire"}}, true},
		{"what in (light, wire)", given{"what": {"wire"}}, true},
		{"what in (light,wire)", given{"what": {"hole"}}, false},
		{"wishes has trees", given{"wishes": {"seats", "trees"}}, true},
		{"wishes has shade", given{"wishes": {"seats", "trees"}}, false},
		{"what is answered", given{"what": {"hole"}}, true},
		{"what is answered", given{}, false},
		{"what is not answered", given{}, true},
		{"what is not answered", given{"what": {"hole"}}, false},
		{"place.where is answered", given{"place.where": {"Oak Street"}}, true},
		{"same is none", given{"same": {"none"}}, true},
		{"same is not none", given{"same": {"482-173-5"}}, true},
		{"age < 18", given{"age": {"17"}}, true},
		{"age < 18", given{"age": {"18"}}, false},
		{"age <= 18", given{"age": {"18"}}, true},
		{"age > 9", given{"age": {"10"}}, true}, // as numbers, not letter by letter
		{"age >= 18", given{"age": {"17.5"}}, false},
		{"age is 18", given{"age": {"18"}}, true},
		{"height < 2.5", given{"height": {"2.25"}}, true},
		{"height > -3", given{"height": {"-2"}}, true},
		{"day < 2027-03-15", given{"day": {"2027-03-14"}}, true},
		{"day >= 2027-03-15", given{"day": {"2027-03-14"}}, false},
		{"what is wire or danger is yes", given{"danger": {"yes"}}, true},
		{"what is wire and danger is yes", given{"danger": {"yes"}}, false},
		{"(what is wire or what is hole) and danger is no", given{"what": {"hole"}, "danger": {"no"}}, true},
		{"what is wire or (what is hole and danger is no)", given{"what": {"wire"}}, true},
		{"danger is yes or (what is hole or what is wire)", given{"what": {"wire"}}, true},
	} {
		parsed, err := dialogs.ParseCondition(c.condition, steps, here, "")
		if err != nil {
			t.Errorf("%s: %v", c.condition, err)
			continue
		}
		values := func(step int) ([]string, bool) { v, ok := c.given[steps[step].ID]; return v, ok }
		if got := parsed.Holds(values); got != c.want {
			t.Errorf("%s with %v: %v", c.condition, c.given, got)
		}
		again, err := dialogs.ParseCondition(parsed.Source, steps, here, "")
		if err != nil {
			t.Errorf("%s is spelled %q, which does not parse: %v", c.condition, parsed.Source, err)
			continue
		}
		if again.Source != parsed.Source || again.Holds(values) != c.want {
			t.Errorf("%s: spelled %q, then %q", c.condition, parsed.Source, again.Source)
		}
	}
	if !(*dialogs.Condition)(nil).Holds(nil) {
		t.Error("no condition does not hold")
	}
}

func TestConditionInAPart(t *testing.T) {
	c, err := dialogs.ParseCondition("where is answered", asked(), here, "place.")
	if err != nil {
		t.Fatal(err)
	}
	if c.Source != "place.where is answered" {
		t.Errorf("bound to %q", c.Source)
	}
	if _, err := dialogs.ParseCondition("what is wire", asked(), here, "place."); err == nil {
		t.Error("a part sees the steps of the dialog that uses it")
	}
}

func TestConditionMistakes(t *testing.T) {
	for _, c := range []struct{ condition, want string }{
		{"what is wires", `column 9: "wires" is not an answer to "what"; did you mean "wire"?`},
		{"what is elephants", `column 9: "elephants" is not an answer to "what"`},
		{"what = wire", `column 6: write "is" instead of "="`},
		{"what == wire", `column 6: write "is" instead of "=="`},
		{"what != wire", `column 6: write "is not" instead of "!="`},
		{"what is wire && danger is yes", `column 14: write "and" instead of "&&"`},
		{"what is wire || danger is yes", `column 14: write "or" instead of "||"`},
		{"what is wire AND danger is yes", `column 14: write "and" instead of "AND"`},
		{"wishes contains trees", `column 8: write "has" instead of "contains"`},
		{"wishes is trees", `column 8: the answer to "wishes" can't be compared with "is"`},
		{"what has wire", `column 6: the answer to "what" can't be compared with "has"`},
		{"what > 3", `column 6: the answer to "what" can't be compared with ">"`},
		{"what is in (wire)", `column 9: write "in" without "is"`},
		{"what in wire", `column 9: after "in" comes a list in brackets`},
		{"what in (wire hole)", `column 15: put a comma between two values, and a bracket at the end`},
		{"what in ()", `column 10: a value is missing here`},
		{"what is", `column 8: a value is missing here`},
		{"what", `column 5: the condition ends too early`},
		{"", `column 1: the condition ends too early`},
		{"waht is wire", `column 1: there is no step "waht"; did you mean "what"?`},
		{"later is yes", `column 1: "later" is asked later`},
		{"hello is answered", `column 1: "hello" asks nothing, so there is no answer to compare`},
		{"age is old", `column 8: "old" is not a number`},
		{"age > 007", `column 7: "007" is not a number`},
		{"age > 200", `column 7: 200 can never be the answer to "age"`},
		{"day < tomorrow", `column 7: "tomorrow" is not a day`},
		{"day < 2027-02-30", `column 7: "2027-02-30" is not a day`},
		{"not what is wire", `column 1: "not" stands only behind "is"`},
		{"what is wire or danger is yes and age > 3", `column 31: "and" and "or" are mixed: put brackets around what belongs together`},
		{"(what is wire", `column 1: this bracket is never closed`},
		{"what is wire)", `column 13: this bracket was never opened`},
		{"what is wire danger is yes", `column 14: "danger" does not belong here`},
		{"what is wire; drop", `column 13: ";" does not belong here`},
		{"é is wire", `column 1: "é" does not belong here`},
		{strings.Repeat("(", 9) + "what is wire" + strings.Repeat(")", 9), `column 9: there are more than 8 brackets inside one another`},
		{strings.Repeat("age is 1 or ", 40) + "age is 1 or what is wire or what is wire", `column 500: the condition has more than 500 characters`},
	} {
		_, err := dialogs.ParseCondition(c.condition, asked(), here, "")
		if err == nil {
			t.Errorf("%s: nothing was noticed", c.condition)
		} else if err.Error() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.condition, err, c.want)
		} else if err.Hint == "" || err.Code == "" {
			t.Errorf("%s: no mend or no code", c.condition)
		}
	}
}

func TestConditionCantLookAtItsOwnStep(t *testing.T) {
	steps := asked()
	own := len(steps) - 1
	if _, err := dialogs.ParseCondition("later is yes", steps, own, ""); err == nil || err.Code != "later-step" {
		t.Errorf("got %v", err)
	}
	if _, err := dialogs.ParseCondition("later is yes", steps, own+1, ""); err != nil {
		t.Error(err)
	}
}

func FuzzCondition(f *testing.F) {
	for _, c := range []string{"what is wire", "(what in (light, wire) or age >= 18) and wishes has trees", `day < 2027-03-15 and "x`, "((((", "what is not answered", "a.b-c is\tx"} {
		f.Add(c)
	}
	steps := asked()
	f.Fuzz(func(t *testing.T, source string) {
		c, err := dialogs.ParseCondition(source, steps, here, "")
		if err != nil {
			if most := len([]rune(source)) + 1; err.Column < 1 || err.Column > most {
				t.Fatalf("column %d of %d", err.Column, most)
			}
			return
		}
		again, err := dialogs.ParseCondition(c.Source, steps, here, "")
		if err != nil {
			if err.Code == "condition-too-long" {
				return // spelled with blanks it may grow beyond the cap
			}
			t.Fatalf("%q is spelled %q: %v", source, c.Source, err)
		}
		for _, answer := range []string{"wire", "light", "yes", "18", "2027-03-15", "none"} {
			values := func(step int) ([]string, bool) { return []string{answer}, step%2 == len(answer)%2 }
			if c.Holds(values) != again.Holds(values) {
				t.Fatalf("%q and %q differ", source, c.Source)
			}
		}
	})
}

func BenchmarkHolds(b *testing.B) {
	c, err := dialogs.ParseCondition("(what in (light, wire) or danger is yes) and age >= 18", asked(), here, "")
	if err != nil {
		b.Fatal(err)
	}
	wire, yes, age := []string{"hole"}, []string{"yes"}, []string{"42"}
	values := func(step int) ([]string, bool) {
		switch step {
		case 1:
			return wire, true
		case 3:
			return yes, true
		}
		return age, true
	}
	b.ReportAllocs()
	for b.Loop() {
		if !c.Holds(values) {
			b.Fatal("does not hold")
		}
	}
}

func TestHoldsDoesNotAllocate(t *testing.T) {
	c, err := dialogs.ParseCondition("(what in (light, wire) or danger is yes) and age >= 18", asked(), here, "")
	if err != nil {
		t.Fatal(err)
	}
	answer := []string{"42"}
	values := func(int) ([]string, bool) { return answer, true }
	if n := testing.AllocsPerRun(100, func() { c.Holds(values) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLoadExamples(b *testing.B) {
	options := town(b)
	fsys := os.DirFS("testdata/examples")
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := dialogs.Load(fsys, options); problems.Errors() {
			b.Fatal(problems)
		}
	}
}
