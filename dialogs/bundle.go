package dialogs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// bundleFormat is raised when the shape of a bundle changes; older ones stay readable.
const bundleFormat = 1

// bundle is everything that compiles into a dialog, in one canonical shape: no file names, positions, comments or
// formatting.
type bundle struct {
	Format       int                          `json:"townline"`
	ID           string                       `json:"dialog"`
	Version      int                          `json:"version"`
	Title        packedText                   `json:"title"`
	Purpose      Purpose                      `json:"purpose"`
	Service      *packedService               `json:"service,omitempty"`
	Language     string                       `json:"language"`
	Languages    []string                     `json:"languages,omitempty"`
	Start        string                       `json:"start,omitempty"`
	Hidden       bool                         `json:"hidden,omitempty"`
	Opens        string                       `json:"opens,omitempty"` // RFC 3339, UTC
	Closes       string                       `json:"closes,omitempty"`
	Who          Who                          `json:"who,omitempty"`
	Secrecy      Secrecy                      `json:"secrecy,omitempty"`
	Decides      *packedText                  `json:"decides,omitempty"`
	RemindAfter  time.Duration                `json:"remind_after,omitempty"` // nanoseconds
	ExpireAfter  time.Duration                `json:"expire_after,omitempty"`
	Steps        []packedStep                 `json:"steps"`
	Translations map[string]map[string]packed `json:"translations,omitempty"`
}

type packed = packedText

type packedService struct {
	Code       string `json:"code"`
	Department string `json:"department,omitempty"`
	Days       int    `json:"days,omitempty"`
}

type packedText struct {
	Text   string   `json:"text"`
	Short  string   `json:"short,omitempty"`
	Speech string   `json:"speech,omitempty"`
	Icon   string   `json:"icon,omitempty"`
	Also   []string `json:"also,omitempty"`
}

type packedStep struct {
	ID       string         `json:"id"`
	Type     Type           `json:"type"`
	Say      *packedText    `json:"say,omitempty"`
	When     string         `json:"when,omitempty"`
	Optional bool           `json:"optional,omitempty"`
	Retry    []packedText   `json:"retry,omitempty"`
	Why      *packedText    `json:"why,omitempty"`
	Keep     time.Duration  `json:"keep,omitempty"`
	Options  []packedOption `json:"options,omitempty"`
	Rotate   bool           `json:"rotate,omitempty"`
	Total    int            `json:"total,omitempty"`
	Min      *float64       `json:"min,omitempty"`
	Max      *float64       `json:"max,omitempty"`
	Whole    bool           `json:"whole,omitempty"`
	Limit    int            `json:"limit,omitempty"`
	Voice    bool           `json:"voice,omitempty"`
	From     string         `json:"from,omitempty"`
	Earliest *packedDay     `json:"earliest,omitempty"`
	Latest   *packedDay     `json:"latest,omitempty"`
	Compare  []string       `json:"compare,omitempty"`
	Within   int            `json:"within,omitempty"`
	Days     int            `json:"days,omitempty"`
	To       string         `json:"to,omitempty"`
	Closed   *packedText    `json:"closed,omitempty"`
	Refuse   *packedText    `json:"refuse,omitempty"`
}

type packedOption struct {
	ID   string     `json:"id"`
	Text packedText `json:"text"`
	Last bool       `json:"last,omitempty"`
}

type packedDay struct {
	Fixed string `json:"fixed,omitempty"` // 2027-03-15
	After int    `json:"after,omitempty"`
}

// Bundle is the content of a compiled dialog, to be stored under its pin and compiled again by Compile: the same bytes
// for the same dialog, whatever its files were called and however they were laid out. It is JSON, so that a town can
// read years later what was asked.
func Bundle(d *Dialog) []byte {
	b := bundle{
		Format: bundleFormat, ID: d.ID, Version: d.Version, Title: packText(d.Title), Purpose: d.Purpose,
		Language: d.Language, Languages: d.Languages, Start: d.Start, Hidden: d.Hidden, Opens: packTime(d.Opens), Closes: packTime(d.Closes),
		Who: d.Who, Secrecy: d.Secrecy, Decides: packAny(d.Decides), RemindAfter: d.RemindAfter, ExpireAfter: d.ExpireAfter,
	}
	if d.Service != (Service{}) {
		b.Service = &packedService{d.Service.Code, d.Service.Department, d.Service.Days}
	}
	for i := range d.Steps {
		s := &d.Steps[i]
		p := packedStep{
			ID: s.ID, Type: s.Type, Say: packAny(s.Say), Optional: s.Optional, Why: packAny(s.Why), Keep: s.Keep,
			Rotate: s.Rotate, Total: s.Total, Whole: s.Whole, Limit: s.Limit, Voice: s.Voice, From: s.From,
			Earliest: packDay(s.Earliest), Latest: packDay(s.Latest), Compare: s.Compare, Within: s.Within, Days: s.Days,
			To: s.To, Closed: packAny(s.Closed), Refuse: packAny(s.Refuse),
		}
		if s.When != nil {
			p.When = s.When.Source
		}
		if s.HasMin {
			p.Min = &s.Min
		}
		if s.HasMax {
			p.Max = &s.Max
		}
		for _, r := range s.Retry {
			p.Retry = append(p.Retry, packText(r))
		}
		for _, o := range s.Options {
			p.Options = append(p.Options, packedOption{o.ID, packText(o.Text), o.Last})
		}
		b.Steps = append(b.Steps, p)
	}
	for lang, texts := range d.Translations {
		if b.Translations == nil {
			b.Translations = map[string]map[string]packed{}
		}
		b.Translations[lang] = make(map[string]packed, len(texts))
		for key, t := range texts {
			b.Translations[lang][key] = packText(t)
		}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(&b); err != nil {
		panic(err) // strings, whole numbers, and floats that were read from digits
	}
	return out.Bytes()
}

// Compile makes the dialog of a bundle. It does not check wording again: what was published stays published when the
// checker grows stricter. The result's pin holds the hash of these bytes. It fails on bytes that Bundle did not write.
func Compile(source []byte) (*Dialog, error) {
	var b bundle
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, fmt.Errorf("dialogs: compile: %w", err)
	}
	if b.Format != bundleFormat {
		return nil, fmt.Errorf("dialogs: compile: this content has format %d; this townline reads %d", b.Format, bundleFormat)
	}
	d := &Dialog{
		Pin: Pin{ID: b.ID, Version: b.Version, Hash: hash(source)}, Title: b.Title.unpack(), Purpose: b.Purpose,
		Language: b.Language, Languages: b.Languages, Start: b.Start, Hidden: b.Hidden, Who: b.Who, Secrecy: b.Secrecy,
		Decides: b.Decides.unpack(), RemindAfter: b.RemindAfter, ExpireAfter: b.ExpireAfter,
		Translations: map[string]map[string]Text{},
	}
	var err error
	if d.Opens, err = unpackTime(b.Opens); err != nil {
		return nil, err
	}
	if d.Closes, err = unpackTime(b.Closes); err != nil {
		return nil, err
	}
	if b.Service != nil {
		d.Service = Service{b.Service.Code, b.Service.Department, b.Service.Days}
	}
	if len(b.Steps) == 0 {
		return nil, errors.New("dialogs: compile: no steps")
	}
	d.Steps = make([]Step, len(b.Steps))
	for i := range b.Steps {
		p, s := &b.Steps[i], &d.Steps[i]
		*s = Step{
			ID: p.ID, Type: p.Type, Say: p.Say.unpack(), Optional: p.Optional, Why: p.Why.unpack(), Keep: p.Keep,
			Rotate: p.Rotate, Total: p.Total, Whole: p.Whole, Limit: p.Limit, Voice: p.Voice, From: p.From,
			Compare: p.Compare, Within: p.Within, Days: p.Days, To: p.To, Closed: p.Closed.unpack(), Refuse: p.Refuse.unpack(),
		}
		if p.Type != Code && keysOf(p.Type) == nil || p.Type == Use {
			return nil, fmt.Errorf("dialogs: compile: step %d has type %q", i+1, p.Type)
		}
		if p.Min != nil {
			s.Min, s.HasMin = *p.Min, true
		}
		if p.Max != nil {
			s.Max, s.HasMax = *p.Max, true
		}
		for _, r := range p.Retry {
			s.Retry = append(s.Retry, r.unpack())
		}
		for _, o := range p.Options {
			s.Options = append(s.Options, Option{ID: o.ID, Text: o.Text.unpack(), Last: o.Last})
		}
		if s.Earliest, err = p.Earliest.unpack(); err != nil {
			return nil, err
		}
		if s.Latest, err = p.Latest.unpack(); err != nil {
			return nil, err
		}
	}
	for i := range b.Steps {
		if b.Steps[i].When == "" {
			continue
		}
		c, bad := parseCondition(b.Steps[i].When, d.Steps, i, "", maxJoined)
		if bad != nil {
			return nil, fmt.Errorf("dialogs: compile: step %q: %w", b.Steps[i].ID, bad)
		}
		d.Steps[i].When = c
	}
	for lang, texts := range b.Translations {
		d.Translations[lang] = make(map[string]Text, len(texts))
		for key, t := range texts {
			d.Translations[lang][key] = t.unpack()
		}
	}
	d.finish()
	return d, nil
}

// hash is the first 16 hex digits of SHA-256.
func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

func packText(t Text) packedText { return packedText(t) }

func packAny(t Text) *packedText {
	if t.IsZero() {
		return nil
	}
	p := packText(t)
	return &p
}

func (p *packedText) unpack() Text {
	if p == nil {
		return Text{}
	}
	return Text(*p)
}

func packTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func unpackTime(w string) (time.Time, error) {
	if w == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, w)
	if err != nil {
		return time.Time{}, fmt.Errorf("dialogs: compile: %w", err)
	}
	return t.UTC(), nil
}

func packDay(d Day) *packedDay {
	switch {
	case !d.Set:
		return nil
	case d.Fixed.IsZero():
		return &packedDay{After: d.After}
	}
	return &packedDay{Fixed: d.Fixed.Format(time.DateOnly)}
}

func (p *packedDay) unpack() (Day, error) {
	switch {
	case p == nil:
		return Day{}, nil
	case p.Fixed == "":
		return Day{Set: true, After: p.After}, nil
	}
	t, err := time.Parse(time.DateOnly, p.Fixed)
	if err != nil {
		return Day{}, fmt.Errorf("dialogs: compile: %w", err)
	}
	return Day{Set: true, Fixed: t}, nil
}
