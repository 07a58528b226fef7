// Package moving pours all that one store keeps into another: which tables there are, how a row of each is written, and the move itself.
package moving

// Kind is how a column's value is written.
type Kind uint8

const (
	Number Kind = iota // int64
	Truth
	Text
	Bytes
	ID // 16 bytes
)

// Column of a table. Maybe is one that may hold nothing; Own one that each store makes its own of, so that it isn't compared: it is the last.
type Column struct {
	Name  string
	Kind  Kind
	Maybe bool
	Own   bool
}

// Table is one kind of row, as every store has it, whatever it is called there.
type Table struct {
	Name    string
	Columns []Column
	Key     []int // the columns that tell one row from all others
}

// Tables are all that is moved, in the order in which it is. What seals is moved as it is: both stores have the same keys. What is not
// moved is made anew by the store that takes the rows: counts, places, the numbers that PostgreSQL gives to keys.
func Tables() []Table {
	id := func(name string) Column { return Column{Name: name, Kind: ID} }
	number := func(name string) Column { return Column{Name: name} }
	truth := func(name string) Column { return Column{Name: name, Kind: Truth} }
	text := func(name string) Column { return Column{Name: name, Kind: Text} }
	raw := func(name string) Column { return Column{Name: name, Kind: Bytes} }
	maybe := func(c Column) Column { c.Maybe = true; return c }
	first := []int{0}
	return []Table{
		{"resident_key", []Column{id("resident"), raw("wrapped")}, first},
		// answered is what Answers wrote. ages tells which replies are older, those of different residents too: 8 bytes each, and what they
		// count is the store's own affair.
		{"conversation", []Column{id("resident"), number("version"), raw("state"), raw("answered"), {Name: "ages", Kind: Bytes, Own: true}}, first},
		{"address", []Column{id("key"), id("resident"), text("kind"), number("at"), raw("sealed")}, first},
		{"response", []Column{text("poll"), id("id"), id("resident"), number("version"), text("channel"), text("lang"), number("at"), raw("record"), raw("shown")}, []int{0, 1}},
		{"roll", []Column{text("poll"), id("voter"), truth("used"), maybe(id("ballot")), maybe(id("resident"))}, []int{0, 1}},
		{"reserved", []Column{text("poll")}, first},
		{"ballot", []Column{text("poll"), id("id"), number("version"), text("channel"), text("day"), truth("linked"), truth("apart"), raw("record")}, []int{0, 1}},
		{"request", []Column{number("seq"), text("reference"), text("dialog"), text("service"), text("department"), text("status"), text("due"), text("label"), text("place"),
			number("opened"), number("updated"), text("channel"), number("joined"), raw("record"), maybe(raw("personal")), maybe(id("resident"))}, first},
		{"request_event", []Column{number("seq"), number("request"), text("kind"), number("at"), text("by"), text("status"), text("channel"), text("text"), raw("record"),
			maybe(raw("personal")), maybe(id("resident"))}, first},
		{"joiner", []Column{number("request"), id("resident")}, []int{0, 1}},
		{"outbox", []Column{number("seq"), id("id"), id("resident"), text("channel"), text("kind"), number("class"), number("due"), maybe(number("at")), number("state"),
			number("attempts"), text("receipt"), text("code"), raw("body"), number("weight"), number("until")}, first},
		{"timer", []Column{id("resident"), text("name"), number("at")}, []int{0, 1}},
		{"optout", []Column{number("seq"), id("address"), truth("out"), number("at"), text("channel"), text("word")}, first},
		{"consent", []Column{number("seq"), id("id"), id("resident"), text("poll"), number("version"), text("step"), text("words"), text("lang"), truth("yes"), text("channel"), number("at")}, first},
		{"desk_case", []Column{id("resident"), number("state"), text("desk"), text("clerk"), number("since"), number("last"), number("unread"), text("dialog"), text("channel"), text("lang")}, first},
		{"letter", []Column{number("seq"), id("id"), id("resident"), number("at"), raw("sealed")}, first},
		{"media", []Column{id("id"), id("resident"), text("type"), number("at"), number("until"), number("size")}, first},
		// n counts a media's parts from 0. Parts that no media has are left behind.
		{"media_part", []Column{id("media"), number("n"), raw("body")}, []int{0, 1}},
		{"published", []Column{text("id"), number("version"), text("hash"), number("at"), raw("source")}, []int{0, 1}},
		{"erased", []Column{id("resident"), number("at")}, first},
	}
}
