package audio

import (
	"fmt"
	"testing"
)

// Names in Latin letters are said by the English voice in the midst of Chinese.
func TestTongues(t *testing.T) {
	for words, want := range map[string]string{
		"请按 2。":                       "[{zh 请按 2。}]",
		"Main Street plan，请按 2。":      "[{en Main Street plan，} {zh 请按 2。}]",
		"申请 3 1 1。12 Oak Street。已收到。": "[{zh 申请 3 1 1。12 } {en Oak Street。} {zh 已收到。}]",
		"A":              "[{en A}]",
		"…":              "[{zh …}]",
		"您好，这里是Elmwood。": "[{zh 您好，这里是} {en Elmwood。}]",
	} {
		if got := fmt.Sprint(tongues("zh", words)); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
	if got := tongues("es", "Main Street, marque 2."); len(got) != 1 || len(tongues("zh-Hant", "Main Street，请按 2。")) != 2 {
		t.Errorf("Spanish has its own way of saying it: %v", got)
	}
	s := shelf(t, Stock{Voice: voice(t)})
	mixed, err := s.Speak(t.Context(), Utterance{Lang: "zh", Words: "Report a street problem，请按 4。"})
	if err != nil {
		t.Fatal(err)
	}
	mustBeSpoken(t, "two voices", mixed, 6)
	english, err := s.Speak(t.Context(), Utterance{Lang: "en", Words: "Report a street problem"})
	if err != nil {
		t.Fatal(err)
	}
	chinese, err := s.Speak(t.Context(), Utterance{Lang: "zh", Words: "请按 4。"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := mixed.Length().Seconds(), (english.Length() + chinese.Length()).Seconds(); !near(got, want, 0.25) {
		t.Errorf("%.2f s, each by itself %.2f s", got, want)
	}
}
