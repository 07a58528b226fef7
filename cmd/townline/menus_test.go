package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/townline/townline/channels/ussd"
	"github.com/townline/townline/config"
)

// The settings know the same gateways as the adapter, and how much each can show.
func TestGatewaysAreTheSameInSettings(t *testing.T) {
	load := func(text string) error {
		file := filepath.Join(t.TempDir(), "townline.yaml")
		if err := os.WriteFile(file, []byte("ussd: {code: '*384*123#', secrets: 'plain=0123456789abcdef', gateways: [plain, "+text+"]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(config.Source{File: file})
		return err
	}
	for _, name := range ussd.Dialects() {
		if name == ussd.Plain {
			continue
		}
		if err := load(fmt.Sprintf("%s allow=192.0.2.1 septets=%d ucs2=%d", name, ussd.Ceiling(name), ussd.MostUCS2)); err != nil {
			t.Error(err)
		}
		if err := load(fmt.Sprintf("%s allow=192.0.2.1 septets=%d", name, ussd.LeastSeptets)); err != nil {
			t.Error(err)
		}
		for _, beyond := range []string{fmt.Sprint("septets=", ussd.Ceiling(name)+1), fmt.Sprint("septets=", ussd.LeastSeptets-1), fmt.Sprint("ucs2=", ussd.MostUCS2+1), fmt.Sprint("ucs2=", ussd.LeastUCS2-1)} {
			if err := load(name + " allow=192.0.2.1 " + beyond); err == nil {
				t.Errorf("%s takes %s", name, beyond)
			}
		}
	}
	err := load("nobody")
	for _, name := range ussd.Dialects() {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the settings don't know %s: %v", name, err)
		}
	}
}

// Dialogs are held to the screens that the town's own gateways have.
func TestDialogsAreCheckedOnOwnScreens(t *testing.T) {
	c := &config.Config{Town: config.Town{Languages: []string{"en"}}}
	sizes := func() (all []string) {
		for _, tr := range checked(c) {
			if strings.HasPrefix(tr.Name, "ussd") {
				all = append(all, fmt.Sprintf("%s %d/%d", tr.Name, tr.Limit, tr.Limit16))
			}
		}
		return all
	}
	if got := fmt.Sprint(sizes()); got != "[ussd 160/70]" {
		t.Error(got)
	}
	c.USSD.Gateways = []config.Menus{{Dialect: "hubtel", Septets: 182, UCS2: 80}, {Dialect: "nalo"}, {Dialect: "arkesel", Septets: 182, UCS2: 80}}
	if got := fmt.Sprint(sizes()); got != "[ussd.hubtel 182/80 ussd.nalo 120/70]" {
		t.Error(got)
	}
}
