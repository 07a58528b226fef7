package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// line is one answer of a record, in words for staff.
type line struct {
	Step, Question, Answer string
}

// recordLines words a record: d is the version it was made with, or nil when that is not to be had.
func recordLines(d *dialogs.Dialog, lang string, record []byte) ([]line, error) {
	var r engine.Record
	if err := engine.Decode(record, &r); err != nil {
		return nil, fmt.Errorf("the record can't be read: %w", err)
	}
	lines := make([]line, 0, len(r.Answers)+1)
	for _, a := range r.Answers {
		l := line{Step: a.Step, Question: a.Step, Answer: strings.Join(a.Values, ", ")}
		if d != nil {
			if i := d.Index(a.Step); i >= 0 {
				text, _ := d.Text(lang, a.Step)
				l.Question = cmp.Or(text.Text, a.Step)
				l.Answer = answerWords(d, &d.Steps[i], lang, a.Values)
			}
		}
		for _, m := range a.Media {
			l.Answer = strings.TrimPrefix(l.Answer+", "+mediaWords(m), ", ")
		}
		lines = append(lines, l)
	}
	if r.Joins != "" {
		lines = append(lines, line{Step: "joins", Question: "Joined the open request", Answer: r.Joins})
	}
	return lines, nil
}

// answerWords puts option ids into their wording; a budget gets its options' names.
func answerWords(d *dialogs.Dialog, st *dialogs.Step, lang string, values []string) string {
	label := func(id string) string {
		text, _ := d.Text(lang, st.ID+"."+id)
		return cmp.Or(text.Text, id)
	}
	words := make([]string, len(values))
	for i, v := range values {
		switch {
		case st.Type == dialogs.Budget && i < len(st.Options):
			words[i] = v + " " + label(st.Options[i].ID)
		case st.Type == dialogs.Rank:
			words[i] = fmt.Sprintf("%d. %s", i+1, label(v))
		default:
			words[i] = label(v)
		}
	}
	return strings.Join(words, ", ")
}

func mediaWords(m engine.Media) string { return kindOf(m.Type) + " (" + m.Ref + ")" }

func kindOf(mime string) string {
	switch {
	case strings.HasPrefix(mime, "audio/"):
		return "a recording"
	case strings.HasPrefix(mime, "image/"):
		return "a picture"
	}
	return "a file"
}

// mediaOf names the recordings and pictures of a record.
func mediaOf(record []byte) (all []string) {
	var r engine.Record
	if len(record) == 0 || engine.Decode(record, &r) != nil {
		return nil
	}
	for _, a := range r.Answers {
		for _, m := range a.Media {
			all = append(all, mediaWords(m))
		}
	}
	return all
}
