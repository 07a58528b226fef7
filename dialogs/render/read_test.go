package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// brief writes an input in one line: "said buses", "unsure pond both", "told help", "turned 1", "unclear".
func brief(in engine.Input) string {
	words := append([]string(nil), in.Values...)
	for _, m := range in.Media {
		words = append(words, "<"+m.Ref+">")
	}
	kind := map[engine.Kind]string{engine.Said: "said", engine.Unclear: "unclear", engine.Unsure: "unsure", engine.Silence: "silence", engine.Told: "told", engine.Turned: "turned"}[in.Kind]
	switch in.Kind {
	case engine.Told:
		words = append([]string{string(in.Command)}, words...)
		if in.Lang != "" {
			words = append(words, "("+in.Lang+")")
		}
	case engine.Turned:
		words = []string{fmt.Sprint(in.Page)}
	}
	if in.Part {
		words = append(words, "+")
		if in.Next != "" {
			words = append(words, "next "+in.Next)
		}
		if in.Toggles {
			words = append(words, "toggles")
		}
	}
	return strings.TrimSpace(kind + " " + strings.Join(words, "|"))
}

type reading struct{ words, want string }

// asked finds a step's prompts, with a town that shows options in the order of the dialog.
func asked(t *testing.T, dialog, step string, traits render.Traits) (*dialogs.Dialog, []engine.Prompt) {
	t.Helper()
	d := town(t).Get(dialog)
	if d == nil || d.Index(step) < 0 {
		t.Fatalf("no step %s in %s", step, dialog)
	}
	copied := *d
	copied.Steps = slices.Clone(d.Steps)
	for i := range copied.Steps {
		copied.Steps[i].Rotate = false
	}
	return &copied, shown(&copied, copied.Index(step), traits)
}

func readAll(t *testing.T, lang string, traits render.Traits, d *dialogs.Dialog, prompts []engine.Prompt, table []reading) {
	t.Helper()
	c := catalogue(t)
	w := wordsFor(c, d, lang)
	w.Languages = c.Tags()
	for _, r := range table {
		got := brief(render.Read(w, prompts, 0, traits, render.Heard{Words: r.words}))
		if got != r.want {
			t.Errorf("%q in %s: got %q, want %q", r.words, lang, got, r.want)
		}
	}
}

func TestReadsAChoice(t *testing.T) {
	d, prompts := asked(t, "main-street", "first", render.SMS)
	readAll(t, "en", render.SMS, d, prompts, []reading{
		{"1", "said buses"}, {" 1 ", "said buses"}, {"2.", "said trees"}, {"(2)", "said trees"}, {"#2", "said trees"},
		{"option 2", "said trees"}, {"Press 2", "said trees"}, {"２", "said trees"}, {"٢", "said trees"}, {"۲", "said trees"},
		{"two", "said trees"}, {"the second", "said trees"}, {"2nd", "said trees"}, {"number three please", "said bikes"},
		{"the last one", "said unsure"}, {"5", "said unsure"}, {"6", "unclear"}, {"7", "unclear"}, {"12", "unclear"}, {"1.5", "unclear"}, {"-1", "unclear"},
		{"More frequent buses", "said buses"}, {"more frequent buses!", "said buses"}, {"MORE  FREQUENT BUSES", "said buses"},
		{"bike lane", "said bikes"}, {"a protected bike lane", "said bikes"}, {"bikes", "said bikes"}, {"other", "said other"}, {"unsure", "said unsure"},
		{"buses", "said buses"}, {"bus", "unclear"}, {"frequent", "said buses"}, {"freq", "said buses"}, {"shade", "said trees"}, {"shade and trees", "said trees"},
		{"frequent buses", "said buses"}, {"protected", "said bikes"}, {"bsues", "unclear"}, {"busses", "said buses"}, {"busess", "said buses"}, {"tres", "unsure trees|bikes"}, {"shde", "said trees"},
		{"I want more frequent buses please", "said buses"}, {"I would like trees and shade, thank you", "said trees"},
		{"not buses", "unclear"}, {"anything but buses", "unclear"}, {"no buses", "unclear"}, {"buses are terrible", "unclear"},
		{"never more frequent buses", "unclear"}, {"I don't want more frequent buses", "unclear"}, {"not 2", "unclear"}, {"less frequent buses", "unclear"},
		{"1 or 2", "unsure buses|trees"}, {"buses or trees", "unsure buses|trees"}, {"1 2", "unsure buses|trees"},
		{"i do not know", "said unsure"}, {"I don't know", "said unsure"}, {"dont know", "said unsure"},
		{"Autobuses más frecuentes", "said buses"}, {"carril bici", "said bikes"}, {"otra cosa", "said other"},
		{"0", "told help"}, {"9", "told repeat"}, {"*", "told back"}, {"8", "unclear"}, {"00", "unclear"},
		{"help", "told help"}, {"STOP", "told stop"}, {"stop please", "told stop"}, {"back", "told back"}, {"skip", "told skip"},
		{"ayuda", "told help|(es)"}, {"español", "told language|es"}, {"Spanish", "told language|es"}, {"language", "told language"},
		{"", "unclear"}, {"   ", "unclear"}, {"👍", "unclear"}, {"🚌🚌", "unclear"}, {"\u200b2\u200f", "said trees"}, {"\u202e2", "said trees"}, {"what?", "unclear"},
		{strings.Repeat("buses ", 900), "unclear"}, {"yes", "unclear"}, {"no", "unclear"}, {"ok", "unclear"}, {"\xff\xfe", "unclear"},
	})
	readAll(t, "es", render.SMS, d, prompts, []reading{
		{"1", "said buses"}, {"opción 2", "said trees"}, {"dos", "said trees"}, {"la segunda", "said trees"}, {"Autobuses mas frecuentes", "said buses"},
		{"arboles", "said trees"}, {"Quiero autobuses más frecuentes, por favor", "said buses"}, {"no quiero autobuses", "unclear"}, {"sin arboles", "unclear"},
		{"More frequent buses", "said buses"}, {"No lo sé", "said unsure"}, {"atrás", "told back"}, {"go back", "told back|(en)"}, {"English", "told language|en"},
	})
}

func TestNeverReadsTheOpposite(t *testing.T) {
	d, prompts := asked(t, "park", "build", render.SMS)
	readAll(t, "en", render.SMS, d, prompts, []reading{
		{"build a pond", "said pond"}, {"do not build a pond", "said leave"}, {"do not build", "said leave"}, {"don't build a pond", "said leave"},
		{"pond", "said pond"}, // its own id
		{"build", "said pond"}, {"lake", "said pond"}, {"a lake please", "said pond"}, {"no lake", "unclear"}, {"small pond", "said both"},
		{"meadow", "said both"}, {"no meadow", "unclear"}, {"I know", "unclear"}, {"know", "unclear"}, {"build a pool", "unclear"},
	})
}

func TestAsksWhenTwoReadingsFit(t *testing.T) {
	d := &dialogs.Dialog{Language: "en"}
	pick := func(words ...string) []engine.Prompt {
		p := engine.Prompt{Key: "@which", Asks: engine.Pick, Step: -1}
		for i, s := range words {
			p.Options = append(p.Options, engine.Option{ID: fmt.Sprintf("o%d", i+1), Words: s, Place: i})
		}
		return []engine.Prompt{p}
	}
	for _, test := range []struct {
		options []string
		table   []reading
	}{
		{[]string{"Main Street 4", "Main Street 9", "Mill Lane"}, []reading{{"main street", "unsure o1|o2"}, {"main street 4", "said o1"}, {"mill", "said o3"}, {"lane", "said o3"}, {"main street 5", "unclear"}, {"street", "unsure o1|o2"}}},
		{[]string{"Hole", "Pole", "Light"}, []reading{{"holr", "unclear"}, {"hole", "said o1"}, {"lihgt", "said o3"}, {"lite", "unclear"}}},
		{[]string{"Same", "Same", "Light"}, []reading{{"same", "unsure o1|o2"}}},
		{[]string{"Yes, now", "Yes, later", "No"}, []reading{{"yes", "unsure o1|o2"}, {"no", "said o3"}, {"nope", "said o3"}, {"yes later", "said o2"}}},
		{[]string{"Yes, build it", "No, leave it"}, []reading{{"yes", "said o1"}, {"no", "said o2"}, {"y", "said o1"}}},
	} {
		readAll(t, "en", render.SMS, d, pick(test.options...), test.table)
	}
}

func TestNumbersThatAreLabels(t *testing.T) {
	c := catalogue(t)
	d, prompts := asked(t, "rooms", "rooms", render.SMS)
	readAll(t, "en", render.SMS, d, prompts, []reading{
		{"1", "unsure none|one"}, {"one", "unsure none|one"}, {"2", "unsure one|two"}, {"3", "unsure two|more"}, {"none", "said none"}, {"4", "said more"}, {"three or more", "said more"},
	})
	_ = c
}

func TestReadsSeveral(t *testing.T) {
	d, prompts := asked(t, "park", "things", render.SMS)
	readAll(t, "en", render.SMS, d, prompts, []reading{
		{"1 3", "said benches|football|+|next bikes"}, {"3,1", "said benches|football|+|next bikes"}, {"1 and 3", "said benches|football|+|next bikes"}, {"13", "unclear"},
		{"8", "turned 1"}, {"more", "turned 1"}, {"swings, football field", "said swings|football|+|next bikes"}, {"swings and dogs", "said swings|dogs|+|next bikes"},
		{"1 or 3", "unclear"}, {"not dogs", "unclear"}, {"dogs and cats", "unclear"}, {"skip", "told skip"}, {"1", "said benches|+|next bikes"}, {"9", "told repeat"},
		{"swings and slides", "said swings|+|next bikes"}, {"toilets; swings; water", "said swings|toilets|water|+|next bikes"}, {"all", "said benches|swings|football|toilets|dogs|garden|stage|bikes|water|+|next bikes"},
	})
	w := wordsFor(catalogue(t), d, "en")
	for _, r := range []reading{{"1 3", "said bikes|other|+"}, {"8", "turned 0"}, {"none", "unclear"}} {
		if got := brief(render.Read(w, prompts, 1, render.SMS, render.Heard{Words: r.words})); r.want != strings.TrimSuffix(got, "|+")+"|+" && got != r.want {
			t.Errorf("page 2, %q: got %q, want %q", r.words, got, r.want)
		}
	}
	prompts[len(prompts)-1].Given = []string{"dogs"}
	for _, r := range []reading{{"no", "said +"}, {"that's all", "said +"}, {"That is all", "said +"}, {"skip", "said +"}, {"2", "said water|+"}} {
		if got := brief(render.Read(w, prompts, 1, render.SMS, render.Heard{Words: r.words})); got != r.want {
			t.Errorf("page 2 after dogs, %q: got %q, want %q", r.words, got, r.want)
		}
	}
}

func TestReadsKeysPressedOneByOne(t *testing.T) {
	d, prompts := asked(t, "park", "things", render.Voice)
	readAll(t, "en", render.Voice, d, prompts, []reading{{"13#", "said benches|football|+|next swings"}, {"1", "said benches|+|next swings"}, {"8", "turned 1"}, {"113", "unclear"}})
	prompts[len(prompts)-1].Given = []string{"dogs"}
	readAll(t, "en", render.Voice, d, prompts, []reading{{"#", "turned 0"}, {"8", "turned 1"}})
}

func TestReadsAnOrder(t *testing.T) {
	d, prompts := asked(t, "main-street", "order", render.SMS)
	readAll(t, "en", render.SMS, d, prompts, []reading{
		{"2 1 3", "said seats|crossings|lights"}, {"213", "said seats|crossings|lights"}, {"2 > 1 > 3", "said seats|crossings|lights"}, {"2,1,3", "said seats|crossings|lights"}, {"2-1-3", "said seats|crossings|lights"},
		{"two one three", "said seats|crossings|lights"}, {"seats, crossings, lights", "said seats|crossings|lights"}, {"better lighting, places to sit, safer crossings", "said lights|seats|crossings"},
		{"lights then seats then crossings", "said lights|seats|crossings"}, {"2 2 1", "unclear"}, {"2 1 4", "unclear"}, {"skip", "told skip"}, {"2 1 3 please", "said seats|crossings|lights"}, {"not 2 1 3", "unclear"},
		{"٢ ١ ٣", "said seats|crossings|lights"},
	})
	d, prompts = asked(t, "main-street", "order", render.Voice)
	readAll(t, "en", render.Voice, d, prompts, []reading{{"2", "said seats|+"}, {"2#", "said seats|+"}, {"0", "told help"}, {"*", "told back"}})
}

func TestReadsABudget(t *testing.T) {
	d, prompts := asked(t, "main-street", "coins", render.SMS)
	readAll(t, "en", render.SMS, d, prompts, []reading{
		{"5 3 2", "said 5|3|2"}, {"5,3,2", "said 5|3|2"}, {"5-3-2", "said 5|3|2"}, {"5/3/2", "said 5|3|2"}, {"5, 3 and 2", "said 5|3|2"}, {"five three two", "said 5|3|2"},
		{"buses 5 trees 3 bikes 2", "said 5|3|2"}, {"5 buses, 3 trees, 2 bikes", "said 5|3|2"}, {"trees 3, bike lane 2, buses 5", "said 5|3|2"}, {"buses: 5, trees: 3, bike lane: 2", "said 5|3|2"},
		{"5 for buses and 5 on trees", "said 5|5|0"}, {"all on buses", "said 10|0|0"}, {"everything for trees", "said 0|10|0"}, {"10 on buses", "said 10|0|0"},
		{"5 3", "unclear"}, {"532", "unclear"}, {"5 3 2 1", "unclear"}, {"5", "unclear"}, {"buses 5 buses 3", "unclear"}, {"buses", "unclear"}, {"5 or 6 on buses", "unclear"}, {"not buses 5", "unclear"}, {"buses trees 5 5", "unclear"}, {"5 5 buses trees", "unclear"}, {"5.5 3 2", "unclear"}, {"-5 3 2", "unclear"},
		{"*", "told help"}, {"help", "told help"}, {"0 0 10", "said 0|0|10"}, {"9 1 0", "said 9|1|0"}, {"٥ ٣ ٢", "said 5|3|2"},
	})
	d, prompts = asked(t, "main-street", "coins", render.USSD)
	readAll(t, "en", render.USSD, d, prompts, []reading{{"5", "said 5|+"}, {"0", "said 0|+"}, {"8", "said 8|+"}, {"9", "said 9|+"}, {"00", "told help"}, {"5 3 2", "said 5|3|2|+"}, {"buses 5", "said 5|+"}, {"trees 5", "said 0|5|0"}})
}

func TestReadsYesAndNo(t *testing.T) {
	d, prompts := asked(t, "street-problem", "danger", render.SMS)
	for lang, table := range map[string][]reading{
		"en": {{"1", "said yes"}, {"2", "said no"}, {"yes", "said yes"}, {"Yes!", "said yes"}, {"y", "said yes"}, {"NO", "said no"}, {"nope", "said no"}, {"yes please", "said yes"}, {"no thank you", "said no"},
			{"Yes, my son is hurt", "said yes"}, {"No, nobody", "said no"}, {"no problem", "unclear"}, {"yes and no", "unsure yes|no"}, {"yes but not badly", "unclear"}, {"maybe", "unclear"}, {"not yes", "unclear"}, {"sí", "said yes"}, {"oui", "said yes"}, {"是", "said yes"},
			{"3", "unclear"}, {"0", "told help"}, {"9", "told repeat"}, {"stop", "told stop"}},
		"es": {{"si", "said yes"}, {"Sí, señor", "said yes"}, {"no", "said no"}, {"yes", "said yes"}, {"uno", "said yes"}},
		"fr": {{"oui", "said yes"}, {"non", "said no"}, {"deux", "said no"}},
		"zh": {{"是", "said yes"}, {"不是", "said no"}, {"没有", "said no"}, {"二", "said no"}},
		"ar": {{"نعم", "said yes"}, {"لا", "said no"}, {"٢", "said no"}},
		"so": {{"haa", "said yes"}, {"maya", "said no"}, {"laba", "said no"}},
	} {
		readAll(t, lang, render.SMS, d, prompts, table)
	}
	d, prompts = asked(t, "main-street", "agree", render.SMS)
	readAll(t, "en", render.SMS, d, prompts, []reading{{"yes", "said yes"}, {"yes, but not my street", "unclear"}, {"Yes, all of it", "unclear"}, {"ok", "said yes"}, {"no", "said no"}, {"1", "said yes"}})
}

func TestReadsPlainAnswers(t *testing.T) {
	for _, test := range []struct {
		dialog, step string
		traits       render.Traits
		lang         string
		table        []reading
	}{
		{"park", "visits", render.SMS, "en", []reading{{"12", "said 12"}, {"0", "said 0"}, {"9", "said 9"}, {"8", "said 8"}, {"twelve", "said 12"}, {"twenty-one", "said 21"}, {"2.5", "said 2.5"}, {"1,200", "said 1200"}, {"99", "said 99"}, {"I am 72", "said 72"}, {"12 or 13", "unclear"}, {"under 12", "unclear"}, {"*", "told help"}, {"help", "told help"}, {"١٢", "said 12"}, {"many", "unclear"}, {"12 days", "unclear"}, {"-3", "said -3"}}},
		{"park", "visits", render.Voice, "en", []reading{{"12#", "said 12"}, {"*#", "told help"}, {"#", "turned 0"}, {"0", "said 0"}}},
		{"park", "visits", render.SMS, "es", []reading{{"doce", "said 12"}, {"2,5", "said 2.5"}, {"veintiuno", "said 21"}, {"twelve", "said 12"}}},
		{"park", "rate", render.SMS, "en", []reading{{"1", "said 1"}, {"5", "said 5"}, {"6", "unclear"}, {"very safe", "said 5"}, {"safe", "said 4"}, {"unsafe", "said 2"}, {"neither", "said 3"}, {"not safe", "unclear"}, {"four", "said 4"}}},
		{"park", "day", render.SMS, "en", []reading{{"tomorrow", "said 2027-01-12"}, {"15 March", "said 2027-03-15"}, {"March 15th", "said 2027-03-15"}, {"2027-03-15", "said 2027-03-15"}, {"Friday", "said 2027-01-15"}, {"whenever", "unclear"}, {"*", "told help"}, {"3/4", "unsure 2027-03-04|2027-04-03"}}},
		{"park", "day", render.Voice, "en", []reading{{"15032027#", "said 2027-03-15"}, {"1503", "said 2027-03-15"}, {"0315", "said 2027-03-15"}, {"99", "unclear"}}},
		{"park", "where", render.SMS, "en", []reading{{"Mill Lane 4", "said Mill Lane 4"}, {"the bus stop", "said the bus stop"}, {"geo:52.1,4.30", "said geo:52.1,4.3"}, {"geo:99,4", "said geo:99,4"}, {"4", "said 4"}, {"stop", "told stop"}, {"skip", "told skip"}, {"no", "said no"}, {"help me with this", "said help me with this"}, {"*", "told help"}, {"español", "said español"}, {"two\nlines", "said two lines"}}},
		{"park", "where", render.Voice, "en", []reading{{"0", "told help"}, {"9", "told repeat"}, {"5", "unclear"}, {"12345", "unclear"}, {"*", "told back"}, {"8", "told skip"}, {"Mill Lane", "said Mill Lane"}}},
		{"park", "ideas", render.SMS, "en", []reading{{"geo:52.1,4.3", "unclear"}, {" More trees, please! ", "said More trees, please!"}, {"yes", "said yes"}, {"1", "said 1"}, {"0", "said 0"}, {"back", "told back"}, {"Please stop", "told stop"}, {"jooji", "told stop|(so)"}, {"go back home you", "said go back home you"}, {"two\nlines", "said two\nlines"}, {"👍", "said 👍"}, {"\u200f\u200b", "unclear"}}},
		{"park", "picture", render.SMS, "en", []reading{{"skip", "told skip"}, {"no", "told skip"}, {"here it is", "unclear"}}},
		{"park", "reach", render.SMS, "en", []reading{{"(202) 555-0100", "said +12025550100"}, {"202.555.0100", "said +12025550100"}, {"+34 612 345 678", "said +34612345678"}, {"0034612345678", "said +34612345678"}, {"1 202 555 0100", "said +12025550100"}, {"555 0100", "unclear"}, {"+1", "unclear"}, {"+1234567890123456", "unclear"}, {"٢٠٢٥٥٥٠١٠٠", "said +12025550100"}, {"Ann@Example.ORG", "said Ann@example.org"}, {"ann@", "unclear"}, {"no", "told skip"}, {"skip", "told skip"}, {"my number is 2025550100", "unclear"}, {"*", "told help"}}},
		{"park", "answers", render.SMS, "en", []reading{{"1", "said ok"}, {"ok", "said ok"}, {"yes", "said ok"}, {"all correct", "said ok"}, {"2", "said change"}, {"change", "said change"}, {"no", "said change"}, {"visits", "said visits"}, {"is a hedge better than a fence", "said hedge"}, {"not correct", "unclear"}}},
		{"street-problem", "same", render.SMS, "en", []reading{{"1", "said 111-222-3"}, {"3", "said none"}, {"none", "said none"}, {"no", "said none"}, {"none of these", "said none"}, {"yes", "unclear"}, {"Mill Lane 9", "said 111-333-4"}, {"Mill Lane", "unsure 111-222-3|111-333-4"}}},
	} {
		t.Run(test.step+" "+test.traits.Name+" "+test.lang, func(t *testing.T) {
			d, prompts := asked(t, test.dialog, test.step, test.traits)
			readAll(t, test.lang, test.traits, d, prompts, test.table)
		})
	}
}

func TestReadsTheCodeFromALetter(t *testing.T) {
	d := &dialogs.Dialog{Language: "en", Steps: []dialogs.Step{{ID: "roll_code", Type: dialogs.Code}}}
	prompts := []engine.Prompt{{Key: engine.PhraseCode, Asks: dialogs.Code}}
	readAll(t, "en", render.SMS, d, prompts, []reading{{"ab-12 cd", "said AB12CD"}, {"AB１２", "said AB12"}, {"9", "said 9"}, {"help", "told help"}, {"--", "unclear"}, {"*", "told help"}})
	prompts[0].Asks = dialogs.Status
	readAll(t, "en", render.SMS, d, prompts, []reading{{"482-173-5", "said 4821735"}, {"4821735", "said 4821735"}, {"menu", "told menu"}})
}

func TestTakesPicturesAndRecordings(t *testing.T) {
	photo := engine.Media{Type: "image/jpeg", Ref: "p"}
	voice := engine.Media{Type: "audio/ogg", Ref: "v"}
	for _, test := range []struct {
		step  string
		heard render.Heard
		want  string
	}{
		{"picture", render.Heard{Media: []engine.Media{photo}}, "said <p>"},
		{"picture", render.Heard{Media: []engine.Media{photo}, Words: "the hole"}, "said <p>"},
		{"picture", render.Heard{Media: []engine.Media{voice}}, "unclear"},
		{"ideas", render.Heard{Media: []engine.Media{voice}}, "said <v>"},
		{"ideas", render.Heard{Media: []engine.Media{voice}, Words: "and this"}, "said and this|<v>"},
		{"ideas", render.Heard{Media: []engine.Media{photo}, Words: "and this"}, "said and this"},
		{"ideas", render.Heard{Media: []engine.Media{photo}}, "unclear"},
		{"build", render.Heard{Media: []engine.Media{photo}}, "unclear"},
		{"build", render.Heard{Media: []engine.Media{photo}, Words: "2"}, "said leave"},
		{"build", render.Heard{Choice: "2"}, "said leave"},
		{"build", render.Heard{Choice: "both"}, "said both"},
		{"build", render.Heard{Choice: "0"}, "told help"},
		{"build", render.Heard{Quiet: true}, "silence"},
		{"ideas", render.Heard{Choice: "0"}, "told help"},
		{"things", render.Heard{Choice: "2"}, "said swings|+|next benches|toggles"},
		{"things", render.Heard{Choice: "garden"}, "said garden|+|next benches|toggles"},
		{"things", render.Heard{Choice: "8"}, "turned 1"},
	} {
		d, prompts := asked(t, "park", test.step, render.Telegram)
		w := wordsFor(catalogue(t), d, "en")
		if got := brief(render.Read(w, prompts, 0, render.Telegram, test.heard)); got != test.want {
			t.Errorf("%s, %+v: got %q, want %q", test.step, test.heard, got, test.want)
		}
	}
}

// TestReadsWhatIsRendered reads every digit and label of every page back, in each language, on each channel.
func TestReadsWhatIsRendered(t *testing.T) {
	c := catalogue(t)
	read := 0
	for _, d := range town(t).All() {
		for _, lang := range d.AllLanguages() {
			for _, traits := range render.Channels() {
				w := wordsFor(c, d, lang)
				for i := range d.Steps {
					if !d.Steps[i].Type.Asks() {
						continue
					}
					prompts := shown(d, i, traits)
					pages := render.Render(w, prompts, traits)
					for n, p := range pages {
						for _, o := range p.Options {
							if o.ID == "" || o.Digit == "" {
								continue
							}
							for _, words := range []string{o.Digit, o.Label, strings.ToUpper(o.Label)} {
								if strings.HasSuffix(words, "…") {
									continue
								}
								in := render.Read(w, prompts, n, traits, render.Heard{Words: words})
								if d.ID == "rooms" && in.Kind == engine.Unsure && slices.Contains(in.Values, o.ID) {
									continue // its labels are numbers
								}
								if in.Kind != engine.Said || !slices.Equal(in.Values, []string{o.ID}) {
									t.Errorf("%s %s %s, page %d, %q: got %q, want %s", d.ID, d.Steps[i].ID, traits.Name, n, words, brief(in), o.ID)
								}
								read++
							}
						}
					}
				}
			}
		}
	}
	if read < 500 {
		t.Fatalf("only %d readings", read)
	}
}

// TestReadsEveryLanguage holds one short dialog in each language of the town.
func TestReadsEveryLanguage(t *testing.T) {
	tables := map[string]map[string][]reading{
		"en": {
			"what":  {{"1", "said buses"}, {"more buses", "said buses"}, {"shade", "said trees"}, {"the bench", "said bench"}, {"second", "said trees"}, {"not buses", "unclear"}, {"buses or trees", "unsure buses|trees"}, {"I want more buses", "said buses"}, {"I don't want more buses", "unclear"}},
			"order": {{"2 1 3", "said trees|buses|bench"}, {"trees, bench, buses", "said trees|bench|buses"}},
			"coins": {{"5 3 2", "said 5|3|2"}, {"all on trees", "said 0|10|0"}, {"bench 4 and trees 6", "said 0|6|4"}},
			"many":  {{"4", "said 4"}, {"four", "said 4"}, {"*", "told help"}},
			"day":   {{"tomorrow", "said 2027-01-12"}, {"15 March", "said 2027-03-15"}},
		},
		"es": {
			"what":  {{"2", "said trees"}, {"más autobuses", "said buses"}, {"autobuses", "said buses"}, {"sombra", "said trees"}, {"el segundo", "said trees"}, {"no quiero árboles", "unclear"}, {"sin árboles", "unclear"}, {"quiero un banco por favor", "said bench"}, {"más autobuses o un banco", "unsure buses|bench"}, {"no lo se", "said unsure"}, {"arboels", "said trees"}, {"ayuda", "told help"}},
			"order": {{"2 1 3", "said trees|buses|bench"}, {"árboles y sombra, un banco, más autobuses", "said trees|bench|buses"}, {"2, 1 y 3", "said trees|buses|bench"}},
			"coins": {{"5 3 2", "said 5|3|2"}, {"todo para un banco", "said 0|0|10"}, {"banco 4", "unclear"}, {"un banco 4, más autobuses 6", "said 6|0|4"}},
			"hurt":  {{"sí", "said yes"}, {"si", "said yes"}, {"no", "said no"}, {"Sí, mi hijo", "said yes"}, {"omitir", "told skip"}},
			"many":  {{"cuatro", "said 4"}, {"veintiuno", "said 21"}, {"2,5", "said 2.5"}},
			"day":   {{"mañana", "said 2027-01-12"}, {"15 de marzo", "said 2027-03-15"}, {"15/3", "said 2027-03-15"}},
		},
		"fr": {
			"what":  {{"2", "said trees"}, {"plus de bus", "said buses"}, {"ombre", "unclear"}, {"arbres", "said trees"}, {"deux", "said trees"}, {"le deuxième", "said trees"}, {"pas de bus", "unclear"}, {"je veux un banc s'il vous plaît", "said bench"}, {"je ne sais pas", "said unsure"}, {"aide", "told help"}, {"arbers", "said trees"}},
			"order": {{"2 > 1 > 3", "said trees|buses|bench"}, {"un banc puis plus de bus puis des arbres et de l'ombre", "said bench|buses|trees"}},
			"coins": {{"5, 3 et 2", "said 5|3|2"}, {"tout pour un banc", "said 0|0|10"}},
			"hurt":  {{"oui", "said yes"}, {"non", "said no"}, {"Non, personne", "said no"}},
			"many":  {{"quatre-vingt-dix", "said 90"}, {"quatre", "said 4"}},
			"day":   {{"demain", "said 2027-01-12"}, {"15 mars", "said 2027-03-15"}},
		},
		"zh": {
			"what":  {{"2", "said trees"}, {"２", "said trees"}, {"二", "said trees"}, {"第二", "said trees"}, {"更多公交车", "said buses"}, {"公交车", "said buses"}, {"我要更多公交车", "said buses"}, {"不要更多公交车", "unclear"}, {"不要公交车", "unclear"}, {"长椅", "said bench"}, {"不知道", "said unsure"}, {"知道", "unclear"}, {"更多公交车或者长椅", "unsure buses|bench"}, {"帮助", "told help"}},
			"order": {{"2 1 3", "said trees|buses|bench"}, {"２、１、３", "said trees|buses|bench"}, {"长椅、更多公交车、树木和阴凉", "said bench|buses|trees"}},
			"coins": {{"5 3 2", "said 5|3|2"}, {"5，3，2", "said 5|3|2"}, {"更多公交车5树木和阴凉3长椅2", "said 5|3|2"}},
			"hurt":  {{"是", "said yes"}, {"没有", "said no"}},
			"many":  {{"四", "said 4"}, {"二十一", "said 21"}},
			"day":   {{"明天", "said 2027-01-12"}, {"三月十五日", "said 2027-03-15"}},
		},
		"ar": {
			"what":  {{"٢", "said trees"}, {"2", "said trees"}, {"حافلات أكثر", "said buses"}, {"حافلات اكثر", "said buses"}, {"اثنان", "said trees"}, {"اريد حافلات أكثر من فضلك", "said buses"}, {"لا اريد حافلات أكثر", "unclear"}, {"بدون حافلات", "unclear"}, {"\u200fمقعد\u200f", "said bench"}, {"لا أعرف", "said unsure"}, {"مساعدة", "told help"}},
			"order": {{"٢ ١ ٣", "said trees|buses|bench"}, {"مقعد، حافلات أكثر، أشجار وظل", "said bench|buses|trees"}},
			"coins": {{"٥ ٣ ٢", "said 5|3|2"}},
			"hurt":  {{"نعم", "said yes"}, {"لا", "said no"}},
			"many":  {{"٤", "said 4"}, {"اربعة", "said 4"}},
			"day":   {{"غدا", "said 2027-01-12"}, {"١٥ مارس", "said 2027-03-15"}},
		},
		"so": {
			"what":  {{"2", "said trees"}, {"laba", "said trees"}, {"basas badan", "said buses"}, {"basas", "said buses"}, {"waxaan rabaa basas badan", "said buses"}, {"ma rabo basas badan", "unclear"}, {"kursi dheer", "said bench"}, {"ma aqaan", "said unsure"}, {"aqaan", "unclear"}, {"caawimo", "told help"}},
			"order": {{"2 1 3", "said trees|buses|bench"}, {"2 iyo 1 iyo 3", "said trees|buses|bench"}},
			"coins": {{"5 3 2", "said 5|3|2"}},
			"hurt":  {{"haa", "said yes"}, {"maya", "said no"}},
			"many":  {{"afar", "said 4"}},
			"day":   {{"berri", "said 2027-01-12"}},
		},
	}
	for lang, steps := range tables {
		for step, table := range steps {
			t.Run(lang+" "+step, func(t *testing.T) {
				d, prompts := asked(t, "square", step, render.SMS)
				readAll(t, lang, render.SMS, d, prompts, table)
			})
		}
	}
}
