package dialogtest

import (
	"fmt"
	"strings"

	"github.com/townline/townline/dialogs"
)

// Failure is one thing that did not hold, with the line of the test that says it should.
type Failure struct {
	Pos     dialogs.Position
	Test    string
	Channel string
	Message string   // what does not hold
	Want    string   // the words, or the answers, that were expected; may be empty
	Got     string   // what there was instead
	Talk    []Remark // the conversation until here, oldest first

	First     string   // where another conversation was held that came to something else; "": it isn't about one
	FirstTalk []Remark // that conversation
}

// shown is how many lines of the conversation a failure shows.
const shown = 8

// String is the failure as the command line prints it, without a line break at the end.
func (f Failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %q on %s: %s", f.Pos.File, f.Pos.Line, f.Pos.Column, f.Test, f.Channel, f.Message)
	if f.Want != "" {
		b.WriteString("\n    expected: " + f.Want)
	}
	if f.Got != "" {
		b.WriteString("\n    instead:  " + f.Got)
	}
	most := shown
	if f.First != "" { // both are shown from the beginning
		most = len(f.FirstTalk) + len(f.Talk)
		remarks(&b, "the conversation on "+f.First, f.FirstTalk, most)
		remarks(&b, "the conversation on "+f.Channel, f.Talk, most)
		return b.String()
	}
	if len(f.Talk) > 0 {
		remarks(&b, "the conversation until here", f.Talk, most)
	}
	return b.String()
}

// remarks writes the last lines of a conversation.
func remarks(b *strings.Builder, title string, talk []Remark, most int) {
	fmt.Fprintf(b, "\n    %s:", title)
	from := max(len(talk)-most, 0)
	if from > 0 {
		b.WriteString("\n      …")
	}
	for _, l := range talk[from:] {
		fmt.Fprintf(b, "\n      %-6s %s", l.Who, flat(l.Words))
	}
}
