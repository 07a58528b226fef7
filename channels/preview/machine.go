package preview

import (
	"context"
	"net/http"
	"strconv"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// KioskName is the name of the channel that the machine on the page has.
const KioskName = Name + ".kiosk"

// Framed is the machine of the community centre, to be looked at in a frame. kiosk.NewFramed makes one.
type Framed interface {
	channels.Channel
	channels.Mounter
}

// Machine is the page's kiosk: one for each person, so that a visit is theirs, in the browser that they have. It is the very page
// that the community centre shows; nothing of it is made here.
type Machine struct {
	p       *Preview
	screens []Framed // in the order of Handsets
}

var _ Framed = (*Machine)(nil)

// NewMachine puts machines beside the texts of p, before either is mounted: screen makes the one below base.
func NewMachine(p *Preview, screen func(name, base string) Framed) *Machine {
	p.booth = true
	m := &Machine{p: p}
	for i := range Handsets() {
		m.screens = append(m.screens, screen(KioskName, MachinePath(i)))
	}
	return m
}

// MachinePath is where the machine of the n-th person is.
func MachinePath(n int) string { return "/preview/kiosk/" + strconv.Itoa(n+1) }

// Name is "preview.kiosk".
func (m *Machine) Name() string { return KioskName }

// Traits are those of the machine.
func (m *Machine) Traits() render.Traits { return m.screens[0].Traits() }

// Deliver refuses, as the machine does.
func (m *Machine) Deliver(ctx context.Context, to channels.Address, page render.Page, key string) (string, error) {
	return m.screens[0].Deliver(ctx, to, page, key)
}

// Mount serves the machines, within what guards the page.
func (m *Machine) Mount(mux *http.ServeMux, in channels.Inbox) {
	for i, h := range Handsets() {
		inner := http.NewServeMux()
		m.screens[i].Mount(inner, visitors{in, m.p.town.Saw, h.Number})
		mux.Handle(MachinePath(i), m.p.hosted(inner))
		mux.Handle(MachinePath(i)+"/", m.p.hosted(inner))
	}
}

// visitors is an inbox that says whose visit an event is of.
type visitors struct {
	channels.Inbox
	saw    func(channels.Address, string)
	number string
}

func (v visitors) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	if v.saw != nil {
		v.saw(e.From, v.number)
	}
	return v.Inbox.Receive(ctx, e)
}
