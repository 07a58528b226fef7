package config

// Setting is one thing that can be set.
type Setting struct {
	Key     string
	About   string // one line for help and for the file that init writes
	Default string
	Secret  bool
	List    bool
	Flag    bool // may be given as a flag: never a secret, which anyone on the machine could read in the process list
	Path    bool // a file: relative to the file that it is written in
}

// Settings lists all there is, in the order of showing. A name in the environment is TOWNLINE_ and the key in capitals,
// dots as underscores; a flag is the key with dashes.
func Settings() []Setting {
	return []Setting{
		{Key: "listen", About: "address and port of the server", Default: "127.0.0.1:8080", Flag: true},
		{Key: "public_url", About: "how phone companies reach the server from outside, such as https://talk.example.org", Flag: true},
		{Key: "dialogs", About: "folder with the town's dialogs; empty: the sample town", Flag: true, Path: true},
		{Key: "town.name", About: "name of the town, as residents say it", Default: "Elmwood"},
		{Key: "town.timezone", About: "zone of the town's clocks, such as America/New_York", Default: "America/New_York"},
		{Key: "town.languages", About: "languages of the town, the first one first", Default: "en, es, fr, zh, ar, so", List: true},
		{Key: "town.emergency", About: "the number to call in danger", Default: "911"},
		{Key: "town.desk_hours", About: "when a person is at the desk", Default: "Mon-Fri 9:00-17:00"},
		{Key: "town.country", About: "country of phone numbers written without one, in two letters", Default: "US"},
		{Key: "store.url", About: "where everything is kept: sqlite:FILE", Default: "sqlite:townline.db", Flag: true, Path: true},
		{Key: "store.key_file", About: "file with the keys, made on first start; keep a copy of it apart from the backups", Flag: true, Path: true},
		{Key: "store.keys", About: "the keys themselves instead of a file; only from the environment", Secret: true},
		{Key: "sms.twilio.account_sid", About: "Twilio: account SID, begins with AC"},
		{Key: "sms.twilio.auth_token", About: "Twilio: auth token; two with a comma while one is being replaced", Secret: true, List: true},
		{Key: "sms.twilio.from", About: "Twilio: the number, or messaging service (MG…), that texts come from"},
		{Key: "sms.twilio.whatsapp", About: "Twilio: the number that WhatsApp messages come from, if another"},
		{Key: "sms.twilio.whatsapp_buttons", About: "Twilio: templates with quick replies by how many options they hold, such as 2=HX…, 3=HX…", List: true},
		{Key: "sms.twilio.whatsapp_lists", About: "Twilio: templates with a list picker by how many options they hold, such as 5=HX…, 7=HX…", List: true},
		{Key: "sms.gateway.secret", About: "gateway: the secret that both sides sign with", Secret: true},
		{Key: "sms.gateway.from", About: "gateway: the number that texts come from"},
		{Key: "sms.gateway.url", About: "gateway: where texts are pushed; empty: the phone fetches them"},
		{Key: "sms.gateway.pictures", About: "gateway: it passes pictures on"},
		{Key: "sms.kannel.secret", About: "Kannel: the secret in its get-url", Secret: true},
		{Key: "sms.kannel.allow", About: "Kannel: addresses or networks that may call; empty: only this machine", List: true},
		{Key: "sms.kannel.send_url", About: "Kannel: its sendsms address, such as http://127.0.0.1:13013/cgi-bin/sendsms"},
		{Key: "sms.kannel.username", About: "Kannel: user of sendsms"},
		{Key: "sms.kannel.password", About: "Kannel: password of sendsms", Secret: true},
		{Key: "sms.kannel.from", About: "Kannel: the number that texts come from"},
		{Key: "sms.kannel.smsc", About: "Kannel: id of the smsc to send by, if there are several"},
		{Key: "audio.dir", About: "folder with recordings and made sound for what is read aloud; empty: it is made as it is asked for", Flag: true, Path: true},
		{Key: "audio.rate", About: "how fast it is read aloud, in words a minute", Default: "122"},
		{Key: "audio.voices", About: "voices of espeak-ng for some languages, such as en=en-gb, es=es; empty: the usual ones", List: true},
		{Key: "preview", About: "the page with a phone to try dialogs on: on, off, or only on this machine while there is no public_url (usual)", Default: "usual", Flag: true},
		{Key: "pages.kiosk", About: "the pages for a machine in a public place, at /kiosk: on or off", Default: "on", Flag: true},
		{Key: "pages.web", About: "the same pages for residents' own phones and computers, at /web: on or off", Default: "on", Flag: true},
		{Key: "pages.microphone", About: "the machine in the public place has a microphone: voices may be recorded at /kiosk", Default: "off"},
		{Key: "kiosk.outposts", About: "the centre: kiosk machines that hold conversations by themselves, such as library=SECRET, hall=SECRET", Secret: true, List: true},
		{Key: "kiosk.centre", About: "a kiosk machine: address of the town's server, such as https://talk.example.org", Flag: true},
		{Key: "kiosk.name", About: "a kiosk machine: its name, as the centre has it", Flag: true},
		{Key: "kiosk.secret", About: "a kiosk machine: the secret that it shares with the centre", Secret: true},
		{Key: "kiosk.dir", About: "a kiosk machine: folder for what waits to be forwarded, sealed", Default: "kiosk", Flag: true, Path: true},
		{Key: "kiosk.listen", About: "a kiosk machine: address and port of its pages, for its own browser", Default: "127.0.0.1:8090", Flag: true},
		{Key: "kiosk.browser", About: "a kiosk machine: Chromium, to be opened over the whole screen, such as /usr/bin/chromium; empty: none", Flag: true},
		{Key: "kiosk.printer", About: "a kiosk machine: CUPS queue of the printer for receipts; empty: none", Flag: true},
		{Key: "kiosk.scale", About: "a kiosk machine: how many dots of the screen one CSS pixel has, so that it is 1/96 inch, such as 1.476", Default: "1", Flag: true},
		{Key: "kiosk.idle", About: "a kiosk machine: seconds without a touch until the page asks whether somebody is there", Default: "180"},
		{Key: "kiosk.warn", About: "a kiosk machine: and seconds after that until the visit is over", Default: "45"},
		{Key: "kiosk.scan", About: "a kiosk machine: with one switch, seconds until the mark moves on; 0: no such switch", Default: "0"},
		{Key: "kiosk.move", About: "a kiosk machine: with two switches, the key that moves the mark, as browsers name it; empty: none"},
		{Key: "kiosk.choose", About: "a kiosk machine: with two switches, the key that chooses"},
		{Key: "kiosk.headphones", About: "a kiosk machine: pages are read aloud only while headphones are connected: on or off", Default: "off"},
		{Key: "kiosk.sound", About: "a kiosk machine: read aloud only on the sound device whose name has this; empty: any"},
		{Key: "log.level", About: "debug, info, warn or error", Default: "info", Flag: true},
		{Key: "log.format", About: "text or json", Default: "text", Flag: true},
	}
}
