package config

import (
	"strings"
	"testing"
)

const botToken = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQrr"

func TestTelegram(t *testing.T) {
	c, err := Load(Source{File: write(t, `public_url: https://talk.example.org
telegram:
  token: `+botToken+`
  webhook: on
  secret: 0123456789abcdef0123456789abcdef
`)})
	if err != nil {
		t.Fatal(err)
	}
	if b := c.Telegram; !b.On() || b.Token.Reveal() != botToken || !b.Webhook || b.Secret.Reveal() == "" || b.API != "" {
		t.Errorf("%+v", b)
	}
	for _, v := range c.Values {
		if strings.Contains(v.Text, "AAbb") || strings.Contains(v.Text, "abcdef") {
			t.Errorf("%s shows a secret", v.Key)
		}
	}
	if c, err = Load(Source{File: write(t, "telegram:\n  token: "+botToken+"\n")}); err != nil || c.Telegram.Webhook {
		t.Errorf("polling needs no more than a token: %v", err)
	}
	if c, err = Load(Source{File: write(t, "listen: :8080\n")}); err != nil || c.Telegram.On() {
		t.Error(err)
	}
}

func TestMistakesOnTelegram(t *testing.T) {
	const public = "public_url: https://talk.example.org\n"
	for name, one := range map[string]struct{ text, want string }{
		"token":            {"telegram:\n  token: my-bot\n", "telegram.token: is no token of a bot"},
		"no token":         {"telegram:\n  webhook: off\n  secret: 0123456789abcdef\n", "telegram.token: is missing"},
		"no secret":        {public + "telegram:\n  webhook: on\n  token: " + botToken + "\n", "telegram.secret: is missing"},
		"short secret":     {public + "telegram:\n  webhook: on\n  secret: abc\n  token: " + botToken + "\n", "telegram.secret: is too short"},
		"no address":       {"telegram:\n  webhook: on\n  secret: 0123456789abcdef\n  token: " + botToken + "\n", "public_url: is missing"},
		"not encrypted":    {"public_url: http://127.0.0.1:8080\ntelegram:\n  webhook: on\n  secret: 0123456789abcdef\n  token: " + botToken + "\n", "it calls https addresses only"},
		"neither":          {"telegram:\n  webhook: perhaps\n  token: " + botToken + "\n", "telegram.webhook"},
		"no bot's name":    {"telegram:\n  name: elm wood\n  token: " + botToken + "\n", "telegram.name"},
		"not a server":     {"telegram:\n  api: here\n  token: " + botToken + "\n", "telegram.api"},
		"mistyped setting": {"telegram:\n  tokens: x\n", "did you mean telegram.token?"},
	} {
		_, err := Load(Source{File: write(t, one.text)})
		if err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AAbb") {
			t.Errorf("%s tells the token: %v", name, err)
		}
	}
}
