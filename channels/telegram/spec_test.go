package telegram

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

// spec is the published description of the Bot API, read as data: every request that we make, every answer of the fake and every
// update that it hands over is held to it. testdata/bot-api.json.gz is api.min.json of PaulSonOfLars/telegram-bot-api-spec at
// 160fd995 (Bot API 10.1, MIT licence beside it), unchanged.
type spec struct {
	Version string
	Methods map[string]*thing
	Types   map[string]*thing
}

type thing struct {
	Name     string
	Returns  []string
	Fields   []field
	Subtypes []string
}

type field struct {
	Name        string
	Types       []string
	Required    bool
	Description string
}

var botAPI = sync.OnceValues(func() (*spec, error) {
	f, err := os.Open("testdata/bot-api.json.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	s := &spec{}
	return s, json.NewDecoder(z).Decode(s)
})

func readSpec(t testing.TB) *spec {
	t.Helper()
	s, err := botAPI()
	if err != nil {
		t.Fatal(err)
	}
	if s.Version != "Bot API 10.1" || len(s.Methods) < 150 || len(s.Types) < 250 {
		t.Fatalf("%s with %d methods and %d types", s.Version, len(s.Methods), len(s.Types))
	}
	return s
}

// request says what is wrong with the parameters of a call; what isn't text in JSON came as JSON in a form.
func (s *spec) request(method string, given map[string]any) error {
	m := s.Methods[method]
	if m == nil {
		return fmt.Errorf("there is no method %q", method)
	}
	return s.object(method, m.Fields, given)
}

// answer says what is wrong with the result of a call.
func (s *spec) answer(method string, result any) error {
	return s.any(method+" returns", s.Methods[method].Returns, result, "")
}

func (s *spec) object(path string, fields []field, given map[string]any) error {
	for name := range given {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.Name == name }) {
			return fmt.Errorf("%s: there is no field %q", path, name)
		}
	}
	for _, f := range fields {
		v, ok := given[f.Name]
		if !ok {
			if f.Required {
				return fmt.Errorf("%s: %s is missing", path, f.Name)
			}
			continue
		}
		if err := s.any(path+"."+f.Name, f.Types, v, f.Description); err != nil {
			return err
		}
	}
	return nil
}

func (s *spec) any(path string, types []string, v any, about string) error {
	var errs []string
	for _, kind := range types {
		err := s.one(path, kind, v, about)
		if err == nil {
			return nil
		}
		errs = append(errs, err.Error())
	}
	return fmt.Errorf("%s", strings.Join(errs, "; or "))
}

// bounds are in the descriptions only: "1-4096 characters after entities parsing", "1-64 bytes", "0-200 characters".
var bounds = regexp.MustCompile(`(\d+)-(\d+) (characters|bytes)`)

func (s *spec) one(path, kind string, v any, about string) error {
	bad := func() error { return fmt.Errorf("%s: %#v is no %s", path, v, kind) }
	if of, ok := strings.CutPrefix(kind, "Array of "); ok {
		all, ok := v.([]any)
		if !ok {
			return bad()
		}
		for i, e := range all {
			if err := s.one(fmt.Sprintf("%s[%d]", path, i), of, e, ""); err != nil {
				return err
			}
		}
		return nil
	}
	switch kind {
	case "Integer":
		if n, ok := v.(float64); !ok || n != math.Trunc(n) {
			return bad()
		}
		return nil
	case "Float":
		if _, ok := v.(float64); !ok {
			return bad()
		}
		return nil
	case "Boolean":
		if _, ok := v.(bool); !ok {
			return bad()
		}
		return nil
	case "String":
		text, ok := v.(string)
		if !ok {
			return bad()
		}
		if m := bounds.FindStringSubmatch(about); m != nil {
			least, _ := strconv.Atoi(m[1])
			most, _ := strconv.Atoi(m[2])
			n := len(text)
			if m[3] == "characters" {
				n = len(utf16.Encode([]rune(text)))
			}
			if n < least || n > most {
				return fmt.Errorf("%s: %d %s, of %s to %s", path, n, m[3], m[1], m[2])
			}
		}
		return nil
	}
	t := s.Types[kind]
	if t == nil {
		return fmt.Errorf("%s: there is no type %q", path, kind)
	}
	if len(t.Subtypes) > 0 {
		return s.any(path, t.Subtypes, v, "")
	}
	o, ok := v.(map[string]any)
	if !ok {
		return bad()
	}
	if err := s.object(path, t.Fields, o); err != nil {
		return err
	}
	if kind == "InlineKeyboardButton" && len(o) != 2 { // "Exactly one of the fields other than text … must be used"
		return fmt.Errorf("%s: a button does one thing", path)
	}
	return nil
}

func TestSpecFindsMistakes(t *testing.T) {
	s := readSpec(t)
	button := func(data string) map[string]any {
		return map[string]any{"inline_keyboard": []any{[]any{map[string]any{"text": "1", "callback_data": data}}}}
	}
	for name, test := range map[string]struct {
		given map[string]any
		wrong string
	}{
		"good":           {map[string]any{"chat_id": 5.0, "text": "x", "reply_markup": button("1.a")}, ""},
		"no text":        {map[string]any{"chat_id": 5.0}, "text is missing"},
		"empty text":     {map[string]any{"chat_id": 5.0, "text": ""}, "0 characters"},
		"too long":       {map[string]any{"chat_id": 5.0, "text": strings.Repeat("😀", 2049)}, "4098 characters"},
		"unknown":        {map[string]any{"chat_id": 5.0, "text": "x", "texts": "x"}, `no field "texts"`},
		"data too long":  {map[string]any{"chat_id": 5.0, "text": "x", "reply_markup": button(strings.Repeat("é", 33))}, "66 bytes"},
		"data is empty":  {map[string]any{"chat_id": 5.0, "text": "x", "reply_markup": button("")}, "0 bytes"},
		"not a keyboard": {map[string]any{"chat_id": 5.0, "text": "x", "reply_markup": "keyboard"}, "is no InlineKeyboardMarkup"},
		"half a number":  {map[string]any{"chat_id": 5.5, "text": "x"}, "is no Integer"},
		"two things": {map[string]any{"chat_id": 5.0, "text": "x", "reply_markup": map[string]any{"inline_keyboard": []any{[]any{
			map[string]any{"text": "1", "callback_data": "1", "url": "https://example.org"}}}}}, "does one thing"},
	} {
		err := s.request("sendMessage", test.given)
		if test.wrong == "" && err != nil || test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.answer("answerCallbackQuery", "yes"); err == nil {
		t.Error("an answer of another kind passes")
	}
	if err := s.one("update", "Update", map[string]any{"update_id": 1.0, "message": map[string]any{"text": "x"}}, ""); err == nil {
		t.Error("half a message passes")
	}
}
