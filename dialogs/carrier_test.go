package dialogs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
)

// asking is a dialog with one option worded as given, in YAML, and a start word.
func asking(option, start string) map[string]string {
	return map[string]string{"d.yaml": "dialog: d\nversion: 1\ntitle: D\npurpose: information\nlanguage: en\nstart: " + start +
		"\nsteps:\n  - id: a\n    type: choice\n    say: Which way?\n    options:\n      l: " + option + "\n      r: The other way\n  - id: z\n    type: end\n    say: Bye.\n"}
}

// verdict is what is said of one code: "problem", "advice", or nothing.
func verdict(problems dialogs.Problems, code string) string {
	for _, p := range problems {
		switch {
		case p.Code == code && p.Warning:
			return "advice"
		case p.Code == code:
			return "problem"
		}
	}
	return ""
}

// The words in README.md are those that the checker knows, and it does with them what is written there.
func TestWordsThatPhoneCompaniesTake(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## Words that phone companies take")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := regexp.MustCompile(`(?m)^\| ([A-Z, ]+) \|`).FindAllStringSubmatch(table, -1)
	if len(rows) != 3 {
		t.Fatalf("there are %d rows of words", len(rows))
	}
	words, options := 0, town(t)
	for i, row := range rows {
		as := "advice"
		if i == 0 {
			as = "problem"
		}
		for word := range strings.SplitSeq(row[1], ", ") {
			words++
			label := word[:1] + strings.ToLower(word[1:])
			for option, want := range map[string]string{
				`"` + label + `"`: as, `"` + label + `!"`: as,
				"\n        text: The way ahead\n        short: \"" + label + `"`:        as,
				"\n        text: The way ahead\n        also: [ahead, \"" + word + `"]`: "problem",
				`"` + label + ` sign"`: "", `"The ` + label + `"`: "",
			} {
				if _, problems := dialogs.Load(folder(asking(option, "LEFT")), options); verdict(problems, "carrier-word") != want {
					t.Errorf("%s is %q, want %q:\n%s", option, verdict(problems, "carrier-word"), want, problems)
				}
			}
			if _, problems := dialogs.Load(folder(asking("This way", word)), options); verdict(problems, "start-command") != "problem" {
				t.Errorf("%s may begin a dialog:\n%s", word, problems)
			}
		}
	}
	if words < 20 {
		t.Errorf("only %d words", words)
	}
}

// Spaces, hyphens and accents don't hide a word that phone companies compare without them.
func TestCarrierWordsInDisguise(t *testing.T) {
	options := town(t)
	for word, want := range map[string]string{"Opt out": "problem", "opt-out": "problem", "Stop all": "problem", "ARRÊT": "problem", "S T O P": "problem", "Stopping place": "", "Backend": "", "Fin": "advice", "Menu": "advice"} {
		if _, problems := dialogs.Load(folder(asking(`"`+word+`"`, "LEFT")), options); verdict(problems, "carrier-word") != want {
			t.Errorf("%q is %q, want %q:\n%s", word, verdict(problems, "carrier-word"), want, problems)
		}
	}
}

// A yes/no question is worded by the town, and stays as it is.
func TestYesAndNoAreTheTownsOwn(t *testing.T) {
	_, problems := load(t, map[string]string{"d.yaml": "dialog: d\nversion: 1\ntitle: D\npurpose: information\nlanguage: en\nstart: LEFT\nsteps:\n  - id: a\n    type: yesno\n    say: This way?\n  - id: z\n    type: end\n    say: Bye.\n"})
	if len(problems) > 0 {
		t.Error(problems)
	}
}
