package voice

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tag is one tag of a document that was parsed on its own, by encoding/xml and these tables.
type tag struct {
	name  string
	attr  map[string]string
	tags  []tag
	words string
}

// What may be within what, and what each attribute may be: Twilio's pages "TwiML for Programmable Voice" and those of each
// verb (twilio.com/docs/voice/twiml, read for this table in November 2026). Not all verbs are here, but all that are used.
var (
	nesting = map[string][]string{
		"Response": {"Say", "Play", "Pause", "Gather", "Record", "Dial", "Redirect", "Hangup", "Reject"},
		"Gather":   {"Say", "Play", "Pause"},
		"Dial":     {"Number"},
		"Say":      {"prosody"},
	}
	text = []string{"Say", "Play", "Redirect", "Number", "prosody"} // what holds words

	address    = regexp.MustCompile(`^(/|https?://)[!-~]+$`)
	post       = regexp.MustCompile(`^(GET|POST)$`)
	positive   = regexp.MustCompile(`^[1-9][0-9]*$`)
	truth      = regexp.MustCompile(`^(true|false)$`)
	number     = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	language   = regexp.MustCompile(`^[a-zA-Z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	attributes = map[string]map[string]*regexp.Regexp{
		"Gather": {"action": address, "method": post, "input": regexp.MustCompile(`^(dtmf|speech|dtmf speech)$`), "numDigits": positive, "timeout": positive,
			"finishOnKey": regexp.MustCompile(`^[0-9*#]$`), "actionOnEmptyResult": truth, "language": language, "hints": regexp.MustCompile(`^[^<>]+$`),
			"speechTimeout": regexp.MustCompile(`^([1-9][0-9]*|auto)$`), "profanityFilter": truth},
		"Record": {"action": address, "method": post, "timeout": positive, "finishOnKey": regexp.MustCompile(`^[0-9*#]+$`), "maxLength": regexp.MustCompile(`^([2-9]|[1-9][0-9]+)$`),
			"playBeep": truth, "trim": regexp.MustCompile(`^(trim-silence|do-not-trim)$`), "transcribe": truth},
		"Say":      {"voice": regexp.MustCompile(`^(man|woman|alice|Polly\.[A-Z][A-Za-z]+(-Neural)?)$`), "language": language, "loop": positive},
		"prosody":  {"rate": regexp.MustCompile(`^[0-9]+%$`), "volume": regexp.MustCompile(`^[+-][0-9]+dB$`)},
		"Play":     {"loop": positive, "digits": regexp.MustCompile(`^[0-9*#w]+$`)},
		"Pause":    {"length": positive},
		"Redirect": {"method": post},
		"Reject":   {"reason": regexp.MustCompile(`^(rejected|busy)$`)},
		"Hangup":   {},
		"Dial":     {"action": address, "method": post, "timeout": positive, "callerId": number, "timeLimit": positive, "hangupOnStar": truth, "answerOnBridge": truth},
		"Number":   {"sendDigits": positive, "url": address, "method": post},
		"Response": {},
	}
	reached = []string{"Hangup", "Redirect", "Reject"} // nothing after these is ever come to
)

const mostDocument = 4 << 10

// parse reads a document and holds it to the tables.
func parse(document string) (tag, error) {
	if len(document) > mostDocument {
		return tag{}, fmt.Errorf("%d bytes", len(document))
	}
	return parseAny(document)
}

// parseAny is parse for documents of any size.
func parseAny(document string) (tag, error) {
	d := xml.NewDecoder(strings.NewReader(document))
	var root tag
	var open []*tag
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return root, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			t := tag{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				rule, ok := attributes[t.name][a.Name.Local]
				if _, twice := t.attr[a.Name.Local]; !ok || twice || !rule.MatchString(a.Value) {
					return root, fmt.Errorf("<%s %s=%q>", t.name, a.Name.Local, a.Value)
				}
				t.attr[a.Name.Local] = a.Value
			}
			if len(open) == 0 {
				if root.name != "" || t.name != "Response" {
					return root, fmt.Errorf("<%s> at the top", t.name)
				}
				root = t
				open = append(open, &root)
				continue
			}
			up := open[len(open)-1]
			if !slices.Contains(nesting[up.name], t.name) {
				return root, fmt.Errorf("<%s> within <%s>", t.name, up.name)
			}
			if n := len(up.tags); n > 0 && slices.Contains(reached, up.tags[n-1].name) {
				return root, fmt.Errorf("<%s> after <%s>", t.name, up.tags[n-1].name)
			}
			up.tags = append(up.tags, t)
			open = append(open, &up.tags[len(up.tags)-1])
		case xml.EndElement:
			t := open[len(open)-1]
			if slices.Contains(text, t.name) && strings.TrimSpace(t.words) == "" && len(t.tags) == 0 {
				return root, fmt.Errorf("<%s> is empty", t.name)
			}
			if (t.name == "Play" || t.name == "Redirect") && !address.MatchString(t.words) {
				return root, fmt.Errorf("<%s>%s", t.name, t.words)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 {
				continue
			}
			t := open[len(open)-1]
			if t.words += string(token); !slices.Contains(text, t.name) && strings.TrimSpace(t.words) != "" {
				return root, fmt.Errorf("words in <%s>", t.name)
			}
		case xml.Comment, xml.Directive:
			return root, fmt.Errorf("a %T", token)
		}
	}
	if root.name == "" {
		return root, fmt.Errorf("no document")
	}
	for _, t := range root.tags {
		if u, err := url.Parse(t.attr["action"]); err != nil || t.name == "Gather" && t.attr["action"] == "" || u.Fragment != "" {
			return root, fmt.Errorf("<%s action=%q>", t.name, t.attr["action"])
		}
		if n, _ := strconv.Atoi(t.attr["timeout"]); n > 600 {
			return root, fmt.Errorf("<%s timeout=%d>", t.name, n)
		}
	}
	return root, nil
}
