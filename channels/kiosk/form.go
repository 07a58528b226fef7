package kiosk

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of what a page may send.
const (
	mostForm  = 64 << 10        // bytes of a form without files
	mostParts = 40              // fields of a form
	mostText  = 8000            // bytes of one field
	mostFile  = 10 << 20        // bytes of a recording or a picture
	fileTime  = 2 * time.Minute // for a picture over a slow line
)

// MostBytes is the most that a page may send: a server in front must let it through.
const MostBytes = mostFile + mostForm

var (
	errForm  = errors.New("kiosk: this is no form of ours")
	errLarge = errors.New("kiosk: the form is too large")
)

// form is what a page sent, as far as it can be anything of ours. It is also the draft that is shown again.
type form struct {
	token string
	do    string // the button
	at    string // the page of the pages: "" the question, "settings", "over", "code", "on"
	pad   string // the layout of the keys on show

	options          []string // digits of the cards that are chosen
	text             string
	shares           []string // of a budget
	day, month, year string
	phone            string
	typed            bool // any field to type into was on the page

	sound, picture *file
	took           int64 // of the load
	late           bool  // there was no room for a file of it
	lost           bool  // a file came with it and was not kept: it has to be chosen or recorded again
}

// files says whether a file came with the form.
func (f *form) files() bool { return f.late || f.sound != nil || f.picture != nil }

// file is a recording or a picture as it came.
type file struct {
	kind  string // MIME type, as the browser says
	bytes []byte
}

// readForm reads what a page sent. The body is read to its end only as far as the limits go. What the form took of the load has
// to be given back.
func readForm(w http.ResponseWriter, r *http.Request, all *load) (*form, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, errForm
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostForm))
		if err != nil {
			return nil, bodyError(err)
		}
		return parseForm(string(b))
	case "multipart/form-data":
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(fileTime)) // not every server can
		f := &form{}
		if err := f.parts(multipart.NewReader(http.MaxBytesReader(w, r.Body, MostBytes), params["boundary"]), all); err != nil {
			all.give(f.took)
			return nil, err
		}
		return f, nil
	}
	return nil, errForm
}

func bodyError(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return errLarge
	}
	return errForm
}

// parseForm reads a form without files.
func parseForm(body string) (*form, error) {
	v, err := url.ParseQuery(body)
	if err != nil {
		return nil, errForm
	}
	f, n := &form{}, 0
	for name, values := range v {
		for _, value := range values {
			if n++; n > mostParts {
				return nil, errLarge
			}
			if !f.set(name, value) {
				return nil, errLarge
			}
		}
	}
	return f, nil
}

// parts reads a form with files.
func (f *form) parts(m *multipart.Reader, all *load) error {
	for n := 0; ; n++ {
		p, err := m.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return bodyError(err)
		}
		if n >= mostParts {
			return errLarge
		}
		if p.FileName() != "" {
			if err := f.file(p, all); err != nil {
				return err
			}
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p, mostText+1))
		if err != nil {
			return bodyError(err)
		}
		if len(b) > mostText {
			return errLarge
		}
		f.set(p.FormName(), string(b))
	}
}

// file reads a recording or a picture. Where there is no room for it, what was filled in beside it is read all the same.
func (f *form) file(p *multipart.Part, all *load) error {
	into := map[string]**file{"sound": &f.sound, "photo": &f.picture}[p.FormName()]
	if into == nil || f.late || *into != nil {
		return nil // NextPart reads over it
	}
	b, took, err := all.read(p)
	f.took += took
	if errors.Is(err, errLoad) {
		f.late = true
		return nil
	}
	if err == nil && len(b) > 0 { // nothing was chosen
		*into = &file{kind: p.Header.Get("Content-Type"), bytes: b}
	}
	return err
}

// set takes one field; false when it is too long. Fields that no page of ours has are passed over.
func (f *form) set(name, value string) bool {
	if len(value) > mostText {
		return false
	}
	value = clean(value)
	switch name {
	case "token":
		f.token = value
	case "do":
		f.do = value
	case "at":
		f.at = value
	case "pad":
		f.pad = value
	case "o":
		if len(value) == 1 && value[0] >= '1' && value[0] <= '7' && len(f.options) < 7 {
			f.options = append(f.options, value)
		}
	case "t":
		f.text, f.typed = value, true
	case "v":
		f.shares, f.typed = append(f.shares, strings.TrimSpace(value)), true
	case "day":
		f.day, f.typed = strings.TrimSpace(value), true
	case "month":
		f.month, f.typed = strings.TrimSpace(value), true
	case "year":
		f.year, f.typed = strings.TrimSpace(value), true
	case "phone":
		f.phone = strings.TrimSpace(value)
	case "lost":
		f.lost = true
	}
	return true
}

// clean drops what no keyboard types: control characters, and bytes that are no characters.
func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// given says whether anything was chosen or typed.
func (f *form) given() bool {
	for _, v := range f.shares {
		if v != "" && strings.Trim(v, "0") != "" {
			return true
		}
	}
	return len(f.options) > 0 || strings.TrimSpace(f.text) != "" || f.day+f.month+f.year != "" || f.sound != nil || f.picture != nil
}
