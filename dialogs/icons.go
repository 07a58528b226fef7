package dialogs

// Icons are the names of the pictograms that pages can show beside an option (`icon: bus`), in alphabetical order. The
// drawings are the kiosk's own; a test there keeps both lists equal.
func Icons() []string {
	return []string{
		"back", "bad", "bench", "bicycle", "bin", "book", "bridge", "building", "bus", "calendar", "camera", "car",
		"church", "clock", "contrast", "crossing", "danger", "dog", "ear", "electricity", "eye", "family", "fire",
		"food", "good", "headphones", "health", "help", "hospital", "house", "keyboard", "language", "letter", "library",
		"light", "market", "medicine", "memory", "microphone", "middling", "money", "night", "no", "noise", "on",
		"other", "paper", "park", "person", "phone", "pin", "print", "qr", "repair", "repeat", "river", "road", "school",
		"snow", "speaker", "stairs", "sun", "talk", "text_size", "toilet", "town_hall", "train", "tree", "unknown",
		"vote", "walk", "water", "wheelchair", "yes",
	}
}
