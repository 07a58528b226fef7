package kiosk

// en begins a clause of EN 301 549. Its number is V3.2.1's; a clause of the draft alone has none of those.
func en(id, draft, title, asks string, e evidence) Clause {
	c := Clause{ID: id, Draft: draft, Title: title, Asks: asks}
	e(&c)
	return c
}

// should marks a clause that is only recommended.
func should(c Clause) Clause {
	c.Level = "should"
	return c
}

// enClauses are those of EN 301 549 that touch a machine closed to people's own aids, and, by reference, web pages.
func enClauses() []Clause {
	const (
		noPhone = "Nobody speaks with anybody through the machine."
		noFilm  = "There is no film."
	)
	return []Clause{
		en("5.1.2.1", "", "Closed functionality", "What can't be helped by people's own aids meets the clauses below instead.", proved("TestConformance")),
		en("5.1.2.2", "", "Assistive technology", "The machine works without any aid of the person's own but headphones.", proved("TestWaysToAnswer")),
		en("5.1.3.1", "", "Audio output of visual information", "Who can't see the screen can do everything.", with("The journey \"screen off\".", proved("TestWaysToAnswer", "TestPages"))),
		en("5.1.3.2", "", "Auditory output delivery including speech", "Speech comes from the machine, or from headphones in a 3.5 mm socket that can be found by touch.",
			hardware(PlaceSound, "A 3.5 mm socket at the front, with a raised rim and the headphone sign to feel; or loudspeakers.", "TestSound")),
		should(en("5.1.3.3", "", "Auditory output correlation", "What is said is marked on the screen.", proved("TestSound"))),
		en("5.1.3.4", "", "Speech output user control", "Speech can be broken off and heard again.", proved("TestSound")),
		en("5.1.3.5", "", "Speech output automatic interruption", "Any press breaks speech off, and so does new speech.", proved("TestSound")),
		en("5.1.3.6", "", "Speech output for non-text content", "What pictures tell is said.", with("Pictograms always stand beside their words; the words are said.", proved("TestPages"))),
		en("5.1.3.7", "", "Speech output for video information", "What a film shows is said.", notFor(noFilm)),
		en("5.1.3.8", "", "Masked entry", "What is hidden by stars is not said aloud.", notFor("Nothing is hidden by stars: no password or PIN is asked for.")),
		en("5.1.3.9", "", "Private access to personal data", "What is private is said in headphones only.",
			hardware(PlaceSound, "Set kiosk.headphones, so that nothing is said without them; then it must be headphones that are plugged in, not loudspeakers.", "TestSound")),
		en("5.1.3.10", "", "Non-interfering audio output", "No other sound plays over speech.", proved("TestSound")),
		en("5.1.3.11", "", "Private listening volume", "The loudness of headphones can be changed without seeing.",
			hardware(PlaceSound, "At its loudest, headphones loud enough for a person who hears badly. Text and voice has five steps of loudness, which the keys come to and which are read aloud; two keys for it on the keypad are better still.", "TestSettingsFallBack")),
		en("5.1.3.12", "", "Speaker volume", "Loudspeakers can be set, step by step and without seeing, up to 65 dBA.",
			hardware(PlaceSound, "65 dBA or more at the head of a person who stands there, measured at the loudest of the five steps; more in a noisy hall.", "TestSettingsFallBack")),
		en("5.1.3.13", "", "Volume reset", "After each person the loudness falls back to 65 dBA or less.",
			hardware(PlaceSound, "Set the machine so that the loudest step, where everybody begins, is 65 dBA from the loudspeakers. A keypad with keys for loudness must set it back when headphones are pulled out. The pages' own steps fall back.", "TestSettingsFallBack")),
		en("5.1.3.14", "", "Spoken languages", "Speech is in the language of the page.", with("Where a language has no voice (Somali) the page says so in writing, until people record it.", proved("channels/audio TestEachLanguageIsSpoken", "channels/audio TestChineseIsNotReadInEnglish", "TestNoVoice"))),
		en("5.1.3.15", "", "Non-visual error identification", "What has to be put right is said.", proved("TestWhatIsMissingIsSaid", "TestPages")),
		en("5.1.3.16", "", "Receipts, tickets and transactional outputs", "What is printed is said too.", with("The paper has only the number and what happens next; both are on the last page, and said.", proved("TestPages", "TestWaysToAnswer"))),
		en("5.1.4", "", "Functionality closed to text enlargement", "V3.2.1: in one mode a capital H is seen at 0.7 degrees from where people stand. V4.1.0: a small x has 16 CSS pixels, 2.98 mm at 500 mm.",
			hardware(PlaceScreen, "The scale of the screen must be set, so that a CSS pixel is 1/96 inch. Then size 2 is enough for V4.1.0 up to 714 mm away, and size 3 for V3.2.1 up to 555 mm, size 4 up to 725 mm.", "TestLetters", "TestSizesOfLetters")),
		en("5.1.5", "", "Visual output for auditory information", "What is only heard can be read too.", with("All that is said stands on the page; a warning tone comes with a window.", proved("TestSound", "TestNobodyThere", "TestIdle"))),
		en("5.1.6.1", "", "Closed functionality (operation without keyboard interface)", "Where there is no keyboard, everything works without seeing all the same.", proved("TestWaysToAnswer")),
		en("5.1.6.2", "", "Input focus", "The focus can leave what it came to by the same key.", proved("TestFiveKeys", "TestSwitches")),
		en("5.1.7", "", "Access without speech", "Nobody has to speak.", with("A recording can be given instead of writing, never must.", proved("TestWaysToAnswer"))),
		en("", "5.1.8", "Purpose of personal fields", "It is said what a field for personal matters is for.", proved("TestPages")),
		en("5.2", "", "Activation of accessibility features", "What helps somebody can be switched on without the ability that they lack.", with("F2, 9 or the point on the keypad begins speech from any page, and it goes on from then.", proved("TestWaysToAnswer", "TestSound"))),
		en("5.3", "", "Biometrics", "Nobody needs a certain finger, face or voice.", notFor("There are none.")),
		en("5.4", "", "Preservation of accessibility information during conversion", "Help for access is not lost in conversion.", notFor("Nothing is converted.")),
		en("5.5.1", "", "Means of operation", "Nothing has to be grasped, pinched or twisted.", hardware(PlaceKeys, "Keys to press; no knobs. A jack is held when it is plugged in: offer loudspeakers, or headphones that stay in.")),
		en("5.5.2", "", "Operable parts discernibility", "Each key can be told by touch without pressing it.", hardware(PlaceKeys, "Raised keys of different shapes: up, down, choose, back, help.")),
		en("5.6.1", "", "Tactile or auditory status", "Whether a switch is on can be felt or heard.", with("Sound, size and colors say \"chosen\" when they are come to. A keypad must have no locking keys.", proved("TestSound"))),
		en("5.6.2", "", "Visual status", "Whether a switch is on can be seen.", proved("TestForcedColours", "TestPages")),
		en("5.7", "", "Key repeat", "A key that is held does not repeat too soon.", with("It does not repeat at all.", proved("TestTrembling", "TestOnePressOneAction"))),
		en("5.8", "", "Double-strike key acceptance", "The same key counts again only after a time that can be set up to 0.5 s.", proved("TestOnePressOneAction", "TestTrembling")),
		en("5.9", "", "Simultaneous user actions", "No two keys have to be pressed at once.", proved("TestWaysToAnswer", "TestSwitches")),
		en("6", "", "Two-way voice communication", "Calls can be followed by text.", notFor(noPhone)),
		en("7", "", "Video capabilities", "Films have captions and are described.", notFor(noFilm)),
		en("8.1.2", "", "Standard connections", "Keypads, switches and headphones connect in a common way.", hardware(PlaceKeys, "USB for keypad and switches, 3.5 mm for headphones and for a switch box.")),
		en("8.1.3", "", "Color", "Keys are not told by their color alone.", hardware(PlaceKeys, "Signs and shapes on the keys, not color alone.")),
		en("8.2", "", "Hardware products with speech output", "Telephones have enough loudness and a coil for hearing aids.", notFor(noPhone+" For hearing aids see VVSG 8.1-J.")),
		en("8.3.2.1", "8.3", "Change in level", "A step that belongs to the machine is a ramp, 1 in 48 at most.", hardware(PlaceReach, "No step or plinth to stand on.")),
		en("8.3.2.2", "8.3", "Clear floor space", "There is room for a wheelchair.", hardware(PlaceReach, "760 mm by 1,220 mm free and level in front, at least one full side of it open.")),
		en("8.3.2.3", "8.3", "Approach", "A niche is wide enough.", hardware(PlaceReach, "Not in a niche; otherwise 915 mm wide to come forward into it, 1,525 mm to come alongside.")),
		en("8.3.2.4", "8.3", "Knee and toe clearance width", "There is room under a desk that belongs to it.", hardware(PlaceReach, "760 mm wide under a shelf or desk that one has to come under.")),
		en("8.3.2.5", "8.3", "Toe clearance", "There is room for toes.", hardware(PlaceReach, "430 mm deep up to 230 mm above the floor, where one has to come under.")),
		en("8.3.2.6", "8.3", "Knee clearance", "There is room for knees.", hardware(PlaceReach, "280 mm deep at 230 mm above the floor, 205 mm deep at 685 mm, where one has to come under.")),
		en("8.3.3", "8.3", "Reach range", "What has to be touched is neither too high nor too low.", hardware(PlaceReach, "All that is touched, keys, the socket, the paper and the upper edge of the screen's buttons, between 380 and 1,220 mm above the floor (V3.2.1); better between 800 and 1,100 mm (V4.1.0). 1,120 mm at most where one reaches over a shelf deeper than 510 mm, and no shelf deeper than 635 mm.")),
		en("", "8.3", "Height of the screen", "The screen begins 800 mm above the floor; operable parts are between 800 and 1,100 mm.", hardware(PlaceReach, "The lower edge of the screen at 800 mm or higher, its buttons below 1,100 mm. With a tall screen set the page to the lower part.")),
		en("8.3.4", "8.3", "Visibility", "The screen can be read from a wheelchair.", hardware(PlaceScreen, "Legible from 1,015 mm above the middle of the free floor: sit there and read; no light mirrored in it.")),
		en("8.3.5", "8.3", "Installation instructions", "Instructions say how to put it up.", proved("TestInstallationSheet")),
		en("8.4.1", "", "Numeric keys", "The 5 of a keypad can be felt.", hardware(PlaceKeys, "A dot or bar on the 5; digits in rows of three.")),
		en("8.4.2.1", "", "Means of operation of mechanical parts", "Nothing has to be grasped, pinched or twisted.", likeEN(PlaceKeys, "", "5.5.1")),
		en("8.4.2.2", "", "Force of operation of mechanical parts", "No key needs more than 22.2 N.", hardware(PlaceKeys, "22.2 N (2.3 kg) at most; common keys need less than 1 N, and a switch for shaking hands about 2 N.")),
		en("8.4.3", "", "Keys, tickets and fare cards", "Which way round a card goes can be felt.", notFor("There are none.")),
		en("8.5", "", "Tactile indication of speech mode", "How to begin speech can be felt.", hardware(PlaceKeys, "A raised mark, and Braille, at the listen key (F2, or 9 on a number pad) or at the socket.")),
		en("9.1 to 9.4", "", "Web: perceivable, operable, understandable, robust", "The pages on the web meet WCAG, levels A and AA (V3.2.1: WCAG 2.1; V4.1.0: WCAG 2.2).", with("See the table of WCAG. The test fails when a clause of level A or AA of WCAG 2.1 is not met on the web. WCAG 2.2 has one more: 3.3.8.", proved("TestWebMeetsWCAG"))),
		should(en("9.5", "", "Web: level AAA", "Level AAA is to be thought of.", with("See the table of WCAG.", proved("TestConformance")))),
		en("9.6", "", "Web: conformance", "Whole pages and whole journeys meet it, with what people's browsers can do.", proved("TestPages", "TestWaysToAnswer", "TestTextBrowser")),
		en("11.7", "", "User preferences", "Colors and motion that the person's own system asks for are kept to.", proved("TestForcedColours")),
		en("12.1.1", "", "Accessibility and compatibility features", "What helps whom is written down.", proved("TestStatement")),
		en("12.1.2", "", "Accessible documentation", "What is written about it is accessible itself.", proved("TestStatement", "TestPageOfClauses")),
		en("12.2.2", "", "Information on accessibility", "The town can tell what helps whom.", byHand("Give the statement to whoever answers at the desk.")),
	}
}
