// Package locales holds everything that a resident reads or hears and that no dialog's author wrote: system phrases,
// command words, numbers, dates, plurals; a file a language. It imports nothing of ours.
package locales

// Command is a word or key that works everywhere.
type Command string

const (
	Help   Command = "help"
	Repeat Command = "repeat"
	Back   Command = "back"
	Menu   Command = "menu"
	Person Command = "person"
	Tongue Command = "language"
	Skip   Command = "skip"
	Stop   Command = "stop"
	Start  Command = "start"
	Erase  Command = "erase"
	More   Command = "more"
	Carry  Command = "carry" // take the conversation along to another device
	PIN    Command = "pin"   // on a shared phone: what others who use it don't see
	Lock   Command = "lock"  // close what a PIN opened
	Link   Command = "link"  // put two phones or chats of one person together
	Part   Command = "part"  // leave a phone or a chat that was put together with another
	Text   Command = "text"  // go on by text message
	Ring   Command = "ring"  // be called by the town
)

// Commands are all of them.
func Commands() []Command {
	return []Command{Help, Repeat, Back, Menu, Person, Tongue, Skip, Stop, Start, Erase, More, Carry, PIN, Lock, Link, Part, Text, Ring}
}

// Form chooses the variant of a phrase.
type Form uint8

const (
	Full   Form = iota
	Short       // SMS, USSD
	Spoken      // voice
	Screen      // kiosk and web pages
)
