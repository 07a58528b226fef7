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
	if len(f.Talk) > 0 {
		b.WriteString("\n    the conversation until here:")
		from := max(len(f.Talk)-shown, 0)
		if from > 0 {
			b.WriteString("\n      …")
		}
		for _, l := range f.Talk[from:] {
			fmt.Fprintf(&b, "\n      %-6s %s", l.Who, flat(l.Words))
		}
	}
	return b.String()
}
