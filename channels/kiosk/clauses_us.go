package kiosk

// us begins a clause of Section 508 or of the voting guidelines that was read.
func us(id, title, asks string, e evidence) Clause {
	c := Clause{ID: id, Title: title, Asks: asks}
	e(&c)
	return c
}

// fromMemory marks a clause whose text could not be had.
func fromMemory(c Clause) Clause {
	c.Memory = true
	return c
}

// sectionClauses are 402, 407 and 408 of the Revised Section 508 Standards. The Access Board's own rule for kiosks (docket
// ATBCB-2022-0004, 87 FR 57662) was only announced when this was written.
func sectionClauses() []Clause {
	return []Clause{
		us("402.1", "Closed functionality", "The machine works without any aid of the person's own but headphones.", proved("TestWaysToAnswer")),
		us("402.2", "Speech-output enabled", "Who can't see can use all of it alone.", with("The journey \"screen off\".", proved("TestWaysToAnswer"))),
		us("402.2.1", "Information displayed on-screen", "All that is shown is said.", proved("TestPages", "channels/audio TestScriptIsWhole")),
		us("402.2.2", "Transactional outputs", "What is printed is said.", proved("TestPages", "TestWaysToAnswer")),
		us("402.2.3", "Speech delivery type and coordination", "Speech comes by a common connector, and goes with what is shown.", testsOf(likeEN(PlaceSound, "", "5.1.3.2"), "TestSound")),
		us("402.2.4", "User control", "A choice breaks speech off; it can be repeated and paused.", with("Listen once more breaks it off; Listen again begins the page anew. It does not go on in the middle.", proved("TestSound"))),
		us("402.2.5", "Braille instructions", "Contracted Braille says how to begin speech.", hardware(PlaceKeys, "A plate in contracted Braille beside the listen key (36 CFR 1191, appendix D, 703.3.1).")),
		us("402.3.1", "Private listening", "The loudness of headphones can be set; what is held to the ear has a coil.", likeEN(PlaceSound, "A handset, if there is one, works with hearing aids by induction.", "5.1.3.11")),
		us("402.3.2", "Non-private listening", "Loudspeakers can be set up to 65 dB, and fall back after each person.", testsOf(likeEN(PlaceSound, "", "5.1.3.12", "5.1.3.13"), "TestSettingsFallBack")),
		us("402.4", "Characters on display screens", "Letters without serifs, a capital I at least 4.8 mm high, light on dark or dark on light.", hardware(PlaceScreen, "The scale of the screen must be set; then sizes 2 to 4 have it.", "TestLetters", "TestSizesOfLetters")),
		us("402.5", "Characters on variable message signs", "Signs that change can be read from afar.", notFor("It is no sign.")),
		fromMemory(us("407.2", "Contrast", "Keys stand out from what is around them, and so do the signs on them.", hardware(PlaceKeys, "Light keys on dark or dark on light; signs on the keys likewise."))),
		fromMemory(us("407.3.1", "Tactilely discernible", "Each key can be told by touch without pressing it.", likeEN(PlaceKeys, "Touching the screen is not enough: five keys or a number pad must be there.", "5.5.2"))),
		fromMemory(us("407.3.2", "Alphabetic keys", "A keyboard has the common order, with marks on F and J.", hardware(PlaceKeys, "Where a keyboard lies there: marks on F and J."))),
		fromMemory(us("407.3.3", "Numeric keys", "Digits in rows of three, the 5 marked.", likeEN(PlaceKeys, "", "8.4.1"))),
		fromMemory(us("407.4", "Key repeat", "Keys repeat after 2 s at the soonest, if they do.", with("They do not repeat.", proved("TestTrembling", "TestOnePressOneAction")))),
		fromMemory(us("407.5", "Timed response", "Who is timed is warned by sight and by touch or sound, and can get more time.", proved("TestNobodyThere", "TestIdle"))),
		fromMemory(us("407.6", "Operation", "One hand, no grasping or twisting, 22.2 N at most.", likeEN(PlaceKeys, "", "5.5.1", "8.4.2.2"))),
		fromMemory(us("407.7", "Tickets, fare cards and keycards", "Which way round a card goes can be felt.", notFor("There are none."))),
		fromMemory(us("407.8.2", "Side reach", "From beside it, what has to be touched is between 15 and 48 inches (380 and 1,220 mm) high.", hardware(PlaceReach, "380 to 1,220 mm; 1,170 mm at most over something 255 to 610 mm deep."))),
		fromMemory(us("407.8.3", "Forward reach", "From in front, what has to be touched is between 15 and 48 inches (380 and 1,220 mm) high.", hardware(PlaceReach, "380 to 1,220 mm; 1,120 mm at most over something 510 to 635 mm deep."))),
		fromMemory(us("408.2", "Visibility", "The screen can be read from 40 inches (1,015 mm) above the floor.", likeEN(PlaceScreen, "", "8.3.4"))),
		fromMemory(us("408.3", "Flashing", "Nothing flashes more than three times a second.", proved("TestPages"))),
	}
}

// votingClauses are what the Voluntary Voting System Guidelines 2.0 ask of a machine that people answer at. Townline runs no
// elections: they are the best there is on machines for everybody.
func votingClauses() []Clause {
	return []Clause{
		us("7.1-A", "Reset to default settings", "After each person all settings fall back.", proved("TestSettingsFallBack", "TestLeftBeforeItBegan")),
		us("7.1-B", "Reset by voter", "Settings can be set back without losing answers.", proved("TestSettingsKeepAnswers")),
		us("7.1-C", "Default contrast", "At first everything stands out 10:1.", proved("TestPages")),
		fromMemory(us("7.1-D", "Contrast options", "There are also 20:1 in black, 20:1 in white, and low contrast.", notMet("\"Black and white\" has 20:1 on black, \"soft\" has between 4.5:1 and 8:1; 20:1 on white is missing: the light theme has 10:1 or more.", "TestPages"))),
		fromMemory(us("7.1-E", "Color conventions", "Colors mean what they usually do.", notFor("No color means anything."))),
		fromMemory(us("7.1-F", "Using color", "Nothing is told by color alone.", proved("TestForcedColours"))),
		us("7.1-G", "Text size (electronic display)", "Capitals of 3.5 to 4.2, 4.8 to 5.6 (at first), 6.4 to 7.1 and 8.5 to 9.0 mm.", hardware(PlaceScreen, "The scale of the screen must be set: measure the line and the square of the set-up page with a ruler. Size 2 has 5.67 mm, a hair more than 5.6: EN 301 549 V4.1.0 wants a small x of 16 pixels.", "TestLetters", "TestSizesOfLetters")),
		fromMemory(us("7.1-H", "Scaling and zooming (electronic display)", "Larger letters never have to be scrolled sideways.", proved("TestNarrow"))),
		fromMemory(us("7.1-I", "Text size (paper)", "What is printed is large.", hardware(PlacePaper, "Print a test page: capitals of 3.5 mm or more, better 6.3 mm."))),
		fromMemory(us("7.1-J", "Sans-serif font", "Letters without serifs.", hardware(PlaceScreen, "The packages fonts-noto-core and fonts-noto-cjk must be installed; the set-up page shows whether they are."))),
		us("7.1-K", "Audio settings", "120 to 125 words a minute at first, half to twice that in six to eight steps at one pitch; 60 to 70 dB at first, 20 to 100 dB.", hardware(PlaceSound, "Speeds and five steps of loudness are the pages'; how loud they are is the machine's: measure 60 to 70 dB at the step where everybody begins.", "channels/audio TestRate", "TestSound")),
		fromMemory(us("7.1-L", "Speech frequencies", "Speech covers 315 Hz to 10 kHz.", hardware(PlaceSound, "Headphones and loudspeakers for that range. The machine's voice ends at 11 kHz."))),
		fromMemory(us("7.1-M", "Audio comprehension", "Speech is understood, names too.", byHand("Listen to a whole consultation in each language; record what the machine reads badly.", "channels/audio TestEachLanguageIsSpoken"))),
		fromMemory(us("7.1-N", "Tactile keys", "Keys can be told by touch.", likeEN(PlaceKeys, "", "5.5.2"))),
		fromMemory(us("7.1-O", "Toggle keys", "Whether a switch is on can be seen, and felt or heard.", proved("TestSound", "TestForcedColours"))),
		fromMemory(us("7.1-P", "Identifying controls", "Keys are named on them and when they are pressed.", hardware(PlaceKeys, "Signs and Braille on the keys."))),
		fromMemory(us("7.2-A", "Display and interaction options", "Screen, sound, touch, keys and switches, each alone or together.", proved("TestWaysToAnswer"))),
		fromMemory(us("7.2-C", "Voter control", "Nothing is chosen or left out by itself.", proved("TestFiveKeys", "TestWalks"))),
		fromMemory(us("7.2-D", "Scrolling", "Nobody misses what is below the edge.", byHand("Look at the longest pages at size 4: what is below is come to by the keys and read aloud, but a person who only looks must scroll. Keep questions short and options few."))),
		us("7.2-E", "Touch screen gestures", "A plain touch is enough for everything.", proved("TestWaysToAnswer")),
		fromMemory(us("7.2-F", "Voter speech", "Nobody has to speak.", proved("TestWaysToAnswer"))),
		fromMemory(us("7.2-G", "Voter control of audio", "Speech can be stopped and repeated.", proved("TestSound"))),
		us("7.2-H", "Accidental activation", "A touch counts only when it begins and ends on the button.", proved("TestTrembling", "TestOnePressOneAction")),
		us("7.2-I", "Touch area size", "Buttons of 12.7 mm or more, 2.54 mm apart.", with("They have 20 mm.", proved("TestPages", "TestMutants"))),
		fromMemory(us("7.2-K", "Key operability", "One hand, no grasping or twisting, 22.2 N at most.", likeEN(PlaceKeys, "", "5.5.1", "8.4.2.2"))),
		fromMemory(us("7.2-L", "Bodily contact", "It works for a prosthesis or a stick as well.", hardware(PlaceScreen, "A touch screen that feels pressure or breaks light beams, not one that needs skin; or keys for everything, which there must be anyway."))),
		us("7.2-M", "No repeating keys", "A key that is held does not repeat.", proved("TestTrembling", "TestOnePressOneAction")),
		fromMemory(us("7.2-N", "System response time", "A press shows at once, a page within a second; otherwise it is said that it takes longer.", byHand("On the machine: press Continue; the next page comes without a wait that one notices.", "TestFirstPaint"))),
		us("7.2-O", "Inactivity alerts", "After 2 to 5 minutes without a press there is a warning, then 45 s or more to go on.", with("3 minutes and 45 s, unless the town sets other times.", proved("TestNobodyThere", "TestIdle", "TestIdleTimes"))),
		fromMemory(us("7.2-P", "Floor space", "Room for a wheelchair and a helper.", likeEN(PlaceReach, "And a chair beside it.", "8.3.2.2"))),
		fromMemory(us("7.2-Q", "Physical dimensions", "What has to be touched can be reached from a wheelchair.", likeEN(PlaceReach, "", "8.3.3"))),
		fromMemory(us("7.2-R", "Control labels visible", "Signs on keys can be seen by who sits.", hardware(PlaceReach, "Sit down in front of it and read them."))),
		fromMemory(us("7.3-A", "System-related errors", "The machine leads nobody astray.", proved("TestWalks", "TestJourneysInTrouble", "TestServerDiesAtEachStep", "TestAway"))),
		fromMemory(us("7.3-B", "No split contests", "A question is not torn over two pages.", notMet("Questions with more than seven options are: they come in groups of seven, so that digits are the same on every channel."))),
		fromMemory(us("7.3-C", "Contest information", "It is said how many one may choose.", proved("TestPages", "dialogs/render TestPages"))),
		fromMemory(us("7.3-E", "Feedback", "What is chosen shows at once, and is heard.", proved("TestForcedColours", "TestSound"))),
		us("7.3-F", "Correcting the ballot", "Answers can be changed until they are given.", proved("TestAnswersAreReadBackFirst", "dialogs/engine TestChangingAnAnswerDropsWhatRestedOnIt")),
		fromMemory(us("7.3-G", "Full vote selections", "The last look shows all answers in full.", proved("TestAnswersAreReadBackFirst"))),
		us("7.3-H", "Overvotes", "More than allowed is never counted, and never taken away unasked.", proved("TestWhatIsMissingIsSaid", "TestWalks")),
		us("7.3-I", "Undervotes", "Who left something out is told, and may leave it.", proved("TestAnswersAreReadBackFirst")),
		fromMemory(us("7.3-J", "Notification of casting", "It is said that the answer was taken.", proved("TestWaysToAnswer", "TestFinished"))),
		fromMemory(us("7.3-K", "Warnings, alerts and instructions", "They say what is the matter and what to do, politely.", proved("TestWhatIsMissingIsSaid"))),
		fromMemory(us("7.3-L", "Icon labels", "Pictograms have words beside them.", proved("TestPages"))),
		fromMemory(us("7.3-M", "Identifying languages", "Languages are listed under their own names.", proved("TestLanguagesByTheirOwnNames"))),
		fromMemory(us("7.3-P", "Plain language", "Words are plain.", byHand("Let somebody who does not work for the town read a consultation aloud."))),
		us("8.1-A", "Electronic display screens", "12 inches or more, 1920 by 1080, no glare, 10:1 in a room lit with 500 lux.", hardware(PlaceScreen, "12 inches or more across, 1080 by 1920 points or more, a matt face, 10:1 at 500 lux, and able to be tilted.")),
		fromMemory(us("8.1-B", "Flashing", "Nothing flashes.", proved("TestPages"))),
		fromMemory(us("8.1-C", "Personal assistive technology", "People's own aids are not in each other's way.", hardware(PlaceKeys, "Two USB or 3.5 mm sockets for people's own switches.", "TestSwitches"))),
		fromMemory(us("8.1-D", "Secondary ID and biometrics", "Nobody needs a certain finger or face.", notFor("There are none."))),
		fromMemory(us("8.1-E", "Standard audio connectors", "3.5 mm.", likeEN(PlaceSound, "", "5.1.3.2"))),
		fromMemory(us("8.1-F", "Discernable audio jacks", "The socket can be found by touch and by sight.", hardware(PlaceSound, "A raised rim, the headphone sign, at the front, between 800 and 1,100 mm high."))),
		fromMemory(us("8.1-G", "Telephone style handset", "A handset works with hearing aids.", hardware(PlaceSound, "If there is one: with a coil, and an amplifier of 18 dB."))),
		fromMemory(us("8.1-H", "Sanitized headphones", "Headphones are clean.", hardware(PlaceSound, "Covers for single use, or wipes, beside them."))),
		fromMemory(us("8.1-I", "Standard PAT jacks", "Switches connect by 3.5 mm.", hardware(PlaceKeys, "A switch box with two 3.5 mm sockets that acts as a keyboard: Tab and Space."))),
		fromMemory(us("8.1-J", "Hearing aids", "Nothing hums in hearing aids.", hardware(PlaceSound, "Try it with a hearing aid set to T: no hum within 10 cm of the socket (ANSI C63.19, T3 or better)."))),
		fromMemory(us("8.1-K", "Eliminating hazards", "Nobody hurts themselves.", hardware(PlaceReach, "No edges, no cable on the floor; it does not tip over (UL 62368-1)."))),
	}
}
