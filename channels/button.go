package channels

import "strings"

// Button is what a button of a page carries through a provider and back: what is pressed, in render.Heard's terms, and which
// page it stands on. It is at most 24 bytes; Telegram takes 64.
func Button(choice, mark string) string {
	if mark == "" {
		return choice
	}
	return choice + "." + mark
}

// ReadButton reads what Button made.
func ReadButton(data string) (choice, mark string) {
	if at := strings.LastIndexByte(data, '.'); at > 0 {
		return data[:at], data[at+1:]
	}
	return data, ""
}
