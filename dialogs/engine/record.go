package engine

// Record is what a dialog leaves behind: the same bytes (Encode) whichever channel the answers came by.
type Record struct {
	_       struct{} `cbor:",toarray"`
	Dialog  string
	Version int
	Answers []Recorded
	Joins   string // the reference of the open request that was joined; "" for a record of its own
}

// Recorded is one answer in a record. Steps that were skipped, or not asked on a channel, are left out.
type Recorded struct {
	_      struct{} `cbor:",toarray"`
	Step   string
	Values []string
	Media  []Media
}
