package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/townline/townline"

// pack is what go list says of one package.
type pack struct {
	ImportPath string
	Dir        string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

// arrows says, for each of our packages, which others it may import: ours by their path below the module, libraries by the
// beginning of theirs. A package that is not listed may import nothing of ours, so that a new one is placed on purpose.
var arrows = map[string][]string{
	"locales":            {"go.yaml.in/yaml/v4", "golang.org/x/text"},
	"dialogs":            {"locales", "go.yaml.in/yaml/v4", "golang.org/x/text", "github.com/fxamacker/cbor/v2"},
	"dialogs/engine":     {"dialogs", "locales", "github.com/fxamacker/cbor/v2"},
	"dialogs/render":     {"dialogs/engine", "dialogs", "locales", "golang.org/x/text", "github.com/fxamacker/cbor/v2", "github.com/rivo/uniseg"},
	"dialogs/talk":       {"dialogs/render", "dialogs/engine", "dialogs", "locales", "github.com/fxamacker/cbor/v2"},
	"dialogs/tally":      {"dialogs/engine", "dialogs"},
	"dialogs/dialogtest": {"dialogs/talk", "dialogs/render", "dialogs/engine", "dialogs", "locales", "go.yaml.in/yaml/v4", "github.com/fxamacker/cbor/v2"},
	"dialogs/cost":       {"dialogs/dialogtest", "dialogs/talk", "dialogs/render", "dialogs/engine", "dialogs", "locales"},
	"dialogs/library":    {},
	"channels":           {"dialogs/talk", "dialogs/render", "dialogs/engine", "dialogs", "locales"},
	"channels/card":      {"dialogs/talk", "dialogs/render", "dialogs/engine", "dialogs", "locales"},
	"channels/exchange":  {"channels", "github.com/nyaruka/phonenumbers", "dialogs/talk", "dialogs/render", "dialogs/engine", "dialogs", "locales", "store", "github.com/fxamacker/cbor/v2", "github.com/prometheus/client_golang", "golang.org/x/sync"},
	"channels/preview":   {"channels", "channels/audio", "channels/call", "channels/menu", "channels/wav", "dialogs/render", "dialogs/engine", "dialogs", "locales"},
	"channels/call":      {"channels", "channels/hearing", "channels/wav", "dialogs/render", "dialogs/engine", "dialogs", "locales"},
	"channels/g711":      {},
	"channels/hearing":   {},
	"channels/menu":      {"channels", "channels/sealed", "dialogs/render", "dialogs/engine", "dialogs", "locales"},
	"channels/signature": {},
	"channels/ussd":      {"channels", "channels/menu", "channels/signature", "dialogs/render", "dialogs/engine", "dialogs", "locales"},
	"channels/audio":     {"channels/g711", "channels/resample", "channels/wav", "dialogs", "locales", "golang.org/x/sync", "golang.org/x/text"},
	"channels/kiosk":     {"channels", "channels/audio", "dialogs/render", "dialogs/engine", "dialogs", "locales", "golang.org/x/text", "rsc.io/qr"},
	"channels/outpost":   {"channels", "dialogs/talk", "dialogs/render", "dialogs/engine", "dialogs", "locales", "github.com/fxamacker/cbor/v2", "github.com/prometheus/client_golang"},
	"channels/sip":       {"channels", "channels/call", "channels/sip/media", "dialogs/render", "dialogs/engine", "dialogs", "locales", "github.com/emiago/sipgo", "github.com/icholy/digest"},
	"channels/sip/media": {"channels/g711", "channels/hearing", "channels/resample", "channels/wav", "github.com/pion/rtp", "github.com/pion/srtp/v3"},
	"channels/desk":      {"channels", "golang.org/x/crypto"},
	"channels/twilio":    {"channels", "github.com/twilio/twilio-go"},
	"channels/sealed":    {},
	"channels/smpp":      {"channels", "channels/menu", "channels/sealed", "dialogs/render", "dialogs/engine", "dialogs", "locales", "github.com/linxGnu/gosmpp", "github.com/prometheus/client_golang", "github.com/rivo/uniseg", "golang.org/x/text"},
	"channels/telegram":  {"channels", "dialogs/render", "dialogs/engine", "dialogs", "locales", "github.com/go-telegram/bot", "golang.org/x/text"},
	"channels/sms":       {"channels", "channels/signature", "channels/twilio", "dialogs/render", "dialogs/engine", "dialogs", "locales", "github.com/twilio/twilio-go", "golang.org/x/text"},
	"channels/resample":  {},
	"channels/wav":       {},
	"channels/voice":     {"channels", "channels/call", "channels/twilio", "channels/wav", "dialogs/render", "dialogs/engine", "dialogs", "locales", "github.com/twilio/twilio-go"},
	"store":              {"golang.org/x/sys"},
	"store/sealing":      {"store"},
	"store/moving":       {"store"},
	"store/sqlite":       {"store", "store/moving", "store/sealing", "zombiezen.com/go/sqlite", "modernc.org/sqlite", "modernc.org/libc", "golang.org/x/sys"},
	"store/postgres":     {"store", "store/moving", "store/sealing", "github.com/jackc/pgx/v5"},
	"store/redis":        {"github.com/redis/go-redis/v9"},
	"store/storetest":    {"store"},
	"config":             {"github.com/spf13/viper", "github.com/spf13/pflag", "go.yaml.in/yaml/v4", "golang.org/x/text"},
	"config/watch":       {},
	"cmd/townline":       {"*"},

	// Only tests import these, so that they are nobody's way around.
	"channels/peers":             {},
	"channels/twilio/twiliotest": {},
	"dialogs/golden":             {},
	"store/postgres/pgtest":      {"github.com/jackc/pgx/v5"},
	"store/redis/redistest":      {"store/redis"},
	"channels/channeltest":       {"channels", "channels/exchange", "dialogs/talk", "dialogs/render", "dialogs/engine", "dialogs", "locales", "store", "store/sqlite", "store/postgres", "store/postgres/pgtest", "store/redis/redistest"},
}

// notInCmd are libraries that only their own package may touch, the command not even.
var notInCmd = []string{"github.com/go-telegram/bot", "github.com/spf13/viper", "github.com/twilio/twilio-go", "github.com/emiago/sipgo", "github.com/linxGnu/gosmpp", "zombiezen.com/go/sqlite", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/redis/go-redis/v9"}

// pure packages know no clock, randomness, network or context.
var pure = []string{"dialogs", "dialogs/engine", "dialogs/render", "dialogs/talk", "dialogs/tally", "locales"}

// impure are what pure packages may not import themselves, and impureDeep not even by way of another.
var (
	impure     = []string{"context", "os", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog", "os/exec", "database/sql"}
	impureDeep = []string{"net/http", "database/sql"}
)

// badArrows lists each import that the tables above don't allow.
func badArrows(packs []pack) []string {
	var bad []string
	for _, p := range packs {
		name, ours := strings.CutPrefix(p.ImportPath, module+"/")
		if !ours {
			continue
		}
		allowed := arrows[name]
		for _, i := range p.Imports {
			short := strings.TrimPrefix(i, module+"/")
			isLibrary := strings.Contains(strings.SplitN(i, "/", 2)[0], ".")
			switch {
			case slices.Contains(pure, name) && slices.Contains(impure, i):
				bad = append(bad, name+" is pure, but imports "+i)
			case !isLibrary: // the standard library
			case strings.HasPrefix(i, module) && !slices.Contains(allowed, short) && !slices.Contains(allowed, "*"):
				bad = append(bad, name+" may not import "+short)
			case !strings.HasPrefix(i, module) && !allowsLibrary(name, allowed, i):
				bad = append(bad, name+" may not import "+i)
			}
		}
		for _, d := range p.Deps {
			if slices.Contains(pure, name) && slices.Contains(impureDeep, d) {
				bad = append(bad, name+" is pure, but pulls in "+d)
			}
		}
	}
	return bad
}

func allowsLibrary(name string, allowed []string, library string) bool {
	if slices.Contains(allowed, "*") {
		return !slices.ContainsFunc(notInCmd, func(l string) bool { return under(library, l) })
	}
	return slices.ContainsFunc(allowed, func(a string) bool { return under(library, a) })
}

func under(p, top string) bool { return p == top || strings.HasPrefix(p, top+"/") }

func TestArrows(t *testing.T) {
	packs := listPackages(t)
	for _, b := range badArrows(packs) {
		t.Error(b)
	}
	for name := range arrows {
		if !slices.ContainsFunc(packs, func(p pack) bool { return p.ImportPath == module+"/"+name }) {
			t.Errorf("the table names %s, which is not there", name)
		}
	}
}

func TestArrowsAreCaught(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"locales", module + "/dialogs"},
		{"store", module + "/dialogs"},
		{"dialogs/engine", module + "/dialogs/render"},
		{"dialogs/engine", "math/rand/v2"},
		{"channels/sms", module + "/channels/exchange"},
		{"channels/sms", module + "/store"},
		{"channels/preview", module + "/channels/sms"},
		{"channels/exchange", module + "/channels/sms"},
		{"channels/exchange", "github.com/twilio/twilio-go/client"},
		{"cmd/townline", "github.com/spf13/viper"},
		{"store/sqlite", module + "/dialogs"},
		{"channels/newcomer", module + "/channels"},
	} {
		if len(badArrows([]pack{{ImportPath: module + "/" + c.from, Imports: []string{c.to}}})) != 1 {
			t.Errorf("%s may import %s unseen", c.from, c.to)
		}
	}
	if got := badArrows([]pack{{ImportPath: module + "/dialogs/engine", Deps: []string{"net/http"}}}); len(got) != 1 {
		t.Errorf("net/http behind another package is unseen: %v", got)
	}
}

// TestPureCodeAsksNoClock reads the code: time itself may be imported for its types.
func TestPureCodeAsksNoClock(t *testing.T) {
	for _, p := range listPackages(t) {
		if !slices.Contains(pure, strings.TrimPrefix(p.ImportPath, module+"/")) {
			continue
		}
		for _, f := range p.GoFiles {
			for _, call := range clockCalls(t, filepath.Join(p.Dir, f), nil) {
				t.Errorf("%s/%s", path.Base(p.Dir), call)
			}
		}
	}
	if got := clockCalls(t, "x.go", "package x\nimport \"time\"\nvar now = time.Now()\n"); len(got) != 1 {
		t.Errorf("a call of time.Now is unseen: %v", got)
	}
}

func clockCalls(t *testing.T, file string, source any) []string {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if ok && x.Name == "time" && x.Obj == nil && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Local"}, sel.Sel.Name) {
			out = append(out, fmt.Sprintf("%s: time.%s", set.Position(sel.Pos()), sel.Sel.Name))
		}
		return true
	})
	return out
}

func listPackages(t *testing.T) []pack {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,Deps,GoFiles", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packs []pack
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pack
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packs
		} else if err != nil {
			t.Fatal(err)
		}
		packs = append(packs, p)
	}
}
