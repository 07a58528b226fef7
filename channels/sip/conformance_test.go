package sip

import (
	"slices"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/channeltest"
)

// TestConforms holds the suite's calls over a network in memory (cable): the packets are those of a wire, to the last byte.
func TestConforms(t *testing.T) {
	const keysOnly = "a telephone says nothing but keys, and what a voice says is not understood"
	moment := call.Say(phrases, "en", call.PhraseMoment)[0].Words
	var far *farEnd
	channeltest.Run(t, channeltest.Subject{
		New: func(t testing.TB, s channeltest.Setting) []channels.Channel {
			far = newFarEnd(t)
			line, err := New(Config{Listen: []string{"udp:" + lineAt.String()}, Trunks: []Trunk{{Name: "trunk", Host: trunkAt.String(), Allow: prefixes("127.0.0.2/32")}},
				Country: "US", Town: "Elmwood", Lang: "en", Phrases: phrases, Voice: written, Ports: far.cable.ports(), Log: s.Log, Now: s.Now, packets: far.cable.packets})
			if err != nil {
				t.Fatal(err)
			}
			return []channels.Channel{line}
		},
		Connect: func(testing.TB, []channels.Channel, channels.Inbox) channeltest.Wire { return far },
		Push:    &channeltest.Push{Once: true, Provider: func(testing.TB, []channels.Channel) channeltest.Provider { return far }},
		Sorry:   func(a channeltest.Answer) bool { return slices.Contains(a.Shown, moment) },
		Visits:  true, Keys: true,
		Not: map[channeltest.Check]string{
			channeltest.TooLong: keysOnly, channeltest.Emoji: keysOnly, channeltest.StopStart: keysOnly,
			channeltest.Pictures: "a call carries no pictures",
		},
	})
}
