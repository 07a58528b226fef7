package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/townline/townline/dialogs/cost"
)

// costJSON is a cost card for scripts. A way that the dialog can't be finished by is left out.
type costJSON struct {
	Dialog   string                  `json:"dialog"`
	Lang     string                  `json:"language"`
	Text     *costSpan[costText]     `json:"text,omitempty"`
	Menu     *costSpan[costScreens]  `json:"ussd,omitempty"`
	Call     *costSpan[costCallJSON] `json:"call,omitempty"`
	Kiosk    *costSpan[costPages]    `json:"kiosk,omitempty"`
	WhatsApp *costSpan[costChat]     `json:"whatsapp,omitempty"`
	Telegram *costSpan[costChat]     `json:"telegram,omitempty"`
}

type costSpan[W any] struct {
	Shortest W    `json:"shortest"`
	Longest  W    `json:"longest"`
	Cut      bool `json:"cut,omitempty"`
}

// spanJSON is a span for scripts.
func spanJSON[W, J any](s *cost.Span[W], one func(*W) J) *costSpan[J] {
	if s == nil {
		return nil
	}
	return &costSpan[J]{one(&s.Shortest), one(&s.Longest), s.Cut}
}

type costText struct {
	Segments int      `json:"segments"`
	Messages int      `json:"messages"`
	Dearest  int      `json:"dearest_message"`
	Sent     int      `json:"resident_messages"`
	Paid     int      `json:"resident_segments"`
	Pictures int      `json:"resident_pictures,omitempty"`
	Price    float64  `json:"price,omitempty"`
	Currency string   `json:"currency,omitempty"`
	Turns    int      `json:"turns"`
	Asked    []string `json:"asked"`
}

type costScreens struct {
	Menu    int      `json:"menu_screens"`
	Screens int      `json:"screens"`
	Keys    int      `json:"keys"`
	Seconds float64  `json:"seconds"`
	Slowest float64  `json:"slowest_seconds"`
	Dials   int      `json:"dials"`
	Turns   int      `json:"turns"`
	Asked   []string `json:"asked"`
}

type costCallJSON struct {
	Menu    float64  `json:"menu_seconds"`
	Speech  float64  `json:"speech_seconds"`
	Whole   float64  `json:"whole_seconds"`
	Turns   int      `json:"turns"`
	Keys    int      `json:"keys"`
	Records int      `json:"recordings"`
	Asked   []string `json:"asked"`
}

type costPages struct {
	Pages int      `json:"pages"`
	Turns int      `json:"turns"`
	Asked []string `json:"asked"`
}

type costChat struct {
	Messages int      `json:"messages"`
	Sent     int      `json:"resident_messages"`
	Turns    int      `json:"turns"`
	Asked    []string `json:"asked"`
}

// tellCostJSON prints cost cards for scripts.
func tellCostJSON(cmd *cobra.Command, cards []cost.Card, price textPrice) error {
	text := func(w *cost.Texts) costText {
		return costText{w.Segments, w.Messages, w.Dearest, w.Sent, w.Paid, w.Pictures, float64(price.millionths) * float64(w.Segments) / 1e6, price.unit, w.Turns, w.Asked}
	}
	menu := func(w *cost.Screens) costScreens {
		return costScreens{w.Menu, w.Shown, w.Keys, w.Time.Seconds(), w.Slowest.Seconds(), w.Dials(), w.Turns, w.Asked}
	}
	call := func(w *cost.Call) costCallJSON {
		return costCallJSON{w.Menu.Seconds(), w.Speech.Seconds(), w.Whole().Seconds(), w.Turns, w.Keys, w.Records, w.Asked}
	}
	pages := func(w *cost.Pages) costPages { return costPages{w.Shown, w.Turns, w.Asked} }
	chat := func(w *cost.Chat) costChat { return costChat{w.Messages, w.Sent, w.Turns, w.Asked} }
	out := make([]costJSON, 0, len(cards))
	for i := range cards {
		c := &cards[i]
		out = append(out, costJSON{c.Dialog, c.Lang, spanJSON(c.Text, text), spanJSON(c.Menu, menu), spanJSON(c.Call, call), spanJSON(c.Kiosk, pages), spanJSON(c.WhatsApp, chat), spanJSON(c.Telegram, chat)})
	}
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	return e.Encode(out)
}
