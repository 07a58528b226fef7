package voice

import "strings"

// twilioVoice says words that no voice here can say.
type twilioVoice struct{ name, lang string }

// voiceOf is a voice of Twilio's for a language (twilio.com/docs/voice/twiml/say/text-speech, the standard voices of Amazon
// Polly). Somali has none.
func voiceOf(lang string) (twilioVoice, bool) {
	switch base(lang) {
	case "en":
		return twilioVoice{"Polly.Joanna", "en-US"}, true
	case "es":
		return twilioVoice{"Polly.Lupe", "es-US"}, true
	case "fr":
		return twilioVoice{"Polly.Chantal", "fr-CA"}, true
	case "zh":
		return twilioVoice{"Polly.Zhiyu", "cmn-CN"}, true
	case "ar":
		return twilioVoice{"Polly.Zeina", "arb"}, true
	}
	return twilioVoice{}, false
}

// speechOf is the language of Twilio's ear; false where it has none for it.
func speechOf(lang string) (string, bool) {
	switch base(lang) {
	case "en":
		return "en-US", true
	case "es":
		return "es-US", true
	case "fr":
		return "fr-CA", true
	case "zh":
		return "cmn-Hans-CN", true
	case "ar":
		return "ar-EG", true
	}
	return "", false
}

func base(lang string) string {
	lang, _, _ = strings.Cut(lang, "-")
	return lang
}
