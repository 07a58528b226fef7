package talk

import (
	"slices"
	"testing"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// chats is somebody in a chat who is asked a question with options.
func chats(t *testing.T) *person {
	p := someone(t)
	p.traits = render.Telegram
	return p.says("MAIN").hears("What is your link")
}

// Whoever made a link that leads to a chat isn't who presses its button: it begins a dialog or goes on with one, and answers, stops,
// erases and tells nothing.
func TestALinkAnswersNothing(t *testing.T) {
	for _, said := range []string{"1", "I live here", "skip", "stop", "erase", "person", "language", "link 482173", "pin 4821", "back", "nothing of ours"} {
		p := chats(t)
		p.hear(Heard{Kind: Came, Words: said}).hears("Go on", "Something else")
		if now := p.said.Memory.Now; now == nil || len(now.Answers) > 0 || slices.Contains(p.effects, engine.OptOut) || slices.Contains(p.effects, engine.LinkWith) {
			t.Errorf("%q did something: %v", said, p.effects)
		}
		p.says("1").hears("What is your link")
	}
	p := someone(t)
	p.traits = render.Telegram
	p.hear(Heard{Kind: Came, Words: "main live"}).hears("What is your link")
	p.hear(Heard{Kind: Came, Words: "fix"}).hears("What is the problem")
	if len(p.said.Memory.Aside) != 1 || len(p.said.Memory.Aside[0].Answers) > 0 {
		t.Error("the link to another dialog lost the first one, or answered in it")
	}
}

// A link's code goes on with what was begun elsewhere whatever is asked here, and is no answer where it is unknown.
func TestALinkGoesOnWithACode(t *testing.T) {
	other := chats(t)
	other.says("1")
	code := "48217362"
	code += string(CheckDigit(code))

	p := chats(t)
	p.hear(Heard{Kind: Came, Words: code}).hears("Go on")
	if len(p.said.Memory.Now.Answers) > 0 {
		t.Error("a code that nobody knows is an answer")
	}
	p.results, p.brings = map[string]string{"code": "good"}, other.said.Memory.Now
	p.hear(Heard{Kind: Came, Words: code}).hears("What should the city improve first")
}
