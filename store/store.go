// Package store says what is kept and what a store must promise. It knows nothing of dialogs: states, records and
// replies are bytes to it. Times are kept to the millisecond and come back in UTC.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Resident is a random id. It never leaves the service.
type Resident [16]byte

// AddressKey finds an address without knowing it: the first 16 bytes of HMAC-SHA-256 over "kind\x00address" under the
// index key, which is never in the database or its backups (see Keys).
type AddressKey [16]byte

// Address is one way to reach a resident, or to know them again.
type Address struct {
	Key     AddressKey
	Kind    string // "tel" (SMS, voice, USSD and WhatsApp on one number), "telegram", …
	Address string // "+15550100"; stored sealed under the resident's key
}

// Conversation is a resident's row: one a resident, whatever the channel.
type Conversation struct {
	Resident Resident
	Version  uint64    // 0: no row yet
	State    []byte    // opaque; sealed at rest
	Answered []Inbound // the last 16 inbound messages, newest first; Store.Reply has what was replied
}

// Inbound names a provider's message: the first 8 bytes of SHA-256 over the sender's key, the channel and its id.
type Inbound [8]byte

// Parting is one of the last messages of somebody who is erased, and what is replied if it comes again: words of the town's alone.
type Parting struct {
	Inbound Inbound
	Reply   []byte
}

// Change is all that one turn writes. It is applied whole or not at all.
type Change struct {
	Resident Resident
	Read     uint64 // the version that the turn was computed from; 0: there was no row
	At       time.Time
	State    []byte
	Inbound  Inbound // zero for a timer
	Reply    []byte  // given again when Inbound comes again

	// Forget destroys the replies to this resident's earlier messages, which may tell a ballot's choices: whoever sends one
	// of those again gets this turn's reply. The words of what was pushed to them go as well, but for what is on its way;
	// what was Unsure is Dead.
	Forget bool

	Link      []Address    // new addresses of this resident; one that belongs to another resident makes the change a Conflict
	Unlink    []AddressKey // addresses that are this resident's no longer; one that isn't theirs makes the change a Conflict
	Newcomer  *Newcomer    // nil: nobody
	Merged    *Merged      // nil: nobody
	Responses []Response
	Ballots   []Ballot
	Marks     []Mark
	Requests  []RequestEvent
	Outbox    []Message
	Timers    []Timer  // replaces a timer of the same resident and name
	Untimers  []string // names
	Heard     bool     // the resident spoke: those of their messages that wait and have an Until are not needed any more
	OptOuts   []OptOut
	Consents  []Consent
	Media     []Media
	Unmedia   [][16]byte // ids of media of this resident's that go
	Case      *Case      // how this resident's talk with the desk stands from now on; nil: as before
	Letters   []Letter   // what was said between them and the desk
}

// Merged is somebody who turned out to be the change's resident. Whole or not at all with the change, all that is theirs becomes that one's:
// addresses, responses, consents, media, what they opened and joined (once, where both had joined), messages in the outbox,
// timers (but those whose name the resident has), letters, and the case, but where the resident has one: that one then has the
// unread letters of both. Their row and their key are destroyed. A linked ballot's mark on the roll is the resident's from then on;
// else ballots, the roll and the opt-out ledger know no residents, and don't change.
//
// Of the messages that the two had answered the newest are known from then on, with their replies: eight of the resident's, among
// them the change's own, and eight of the merged one's, by age. Where the change's Inbound is a message that the merged one had
// answered, it is a Duplicate.
//
// The merge comes first: what the rest of the change says of the resident (Forget, Link, Unlink, Untimers, Heard, …) holds for what
// was the merged one's too.
type Merged struct {
	Resident Resident // another than the change's, else the change is a Conflict
	Read     uint64   // the version of their row; another one, or no row, makes the change a Conflict
}

// Mark is a voter on a poll's roll who has no ballot: another number of somebody who has voted. A voter who is marked already stays
// as they are. From then on a ballot of that voter is refused as Voted.
type Mark struct {
	Poll   string
	Voter  [16]byte
	Recall bool // the ballot that is linked to the voter's mark, if there is one, is taken out of the box; the mark stays
}

// Case says that a resident waits for a person at the desk, or talks with one. There is at most one a resident.
type Case struct {
	Resident Resident // filled in by Cases; in a Change it is the Change's
	State    CaseState
	Desk     string    // as the dialog names it; "" is the town's own
	Clerk    string    // who has it; "": nobody yet
	Since    time.Time // it was asked for
	Last     time.Time // somebody said something
	Unread   int       // letters of the resident's since a clerk last said something
	Dialog   string    // id of the dialog that it is about; "" for none
	Channel  string    // that the resident last used for it
	Lang     string
}

// CaseState of a case.
type CaseState uint8

const (
	Waiting CaseState = iota + 1 // for a clerk
	Taken                        // a clerk has it: what the resident says is for them
	Closed                       // it goes, with its place on the list; its letters stay as long as the resident
)

// Letter is one thing that was said between a resident and the desk. It is sealed under the resident's key.
type Letter struct {
	ID       [16]byte // derived from resident, version and ordinal, so that a replay can't double it
	Resident Resident // filled in by Letters
	At       time.Time
	By       string // the clerk's name; "": the resident
	Channel  string
	Words    string
	Media    []string // refs, "media:…"
}

// Newcomer is somebody whose row begins with another resident's change, whole or not at all with it.
type Newcomer struct {
	Resident Resident // who has no row yet, else the change is a Conflict
	State    []byte
	Link     []Address // nobody's, or what the change unlinks from its resident; anything else makes it a Conflict
}

// Media is a recording or a picture that came with a turn. It is sealed under the resident's key, so that it is lost with
// the person.
type Media struct {
	ID       [16]byte // derived from resident, version and ordinal, so that a replay can't double it
	Resident Resident // filled in by Store.Media; in a Change it is the Change's
	Type     string   // MIME type
	Bytes    []byte   // at most MostMedia, not none
	At       time.Time
	Until    time.Time // Sweep destroys it then; zero: kept as long as the resident
}

// MostMedia is how many bytes one Media may have.
const MostMedia = 8 << 20

// Outcome of one Change.
type Outcome struct {
	Kind  OutcomeKind
	Reply []byte // Duplicate: what was replied then
}

type OutcomeKind uint8

const (
	Applied   OutcomeKind = iota + 1
	Duplicate             // this inbound message was applied before; nothing was changed
	Conflict              // the row is at another version, an address or a reference is taken: load and step again
	Voted                 // a ballot's voter is marked on the roll already, or isn't on a roll that was reserved, or its id is in the box; nothing was changed
)

// Response is an answer to a public consultation, or to one that anyone may answer: linked to the resident.
type Response struct {
	ID      [16]byte // derived from resident, version and ordinal, so that a replay can't double it
	Poll    string   // dialog id
	Version int
	Channel string
	Lang    string
	At      time.Time
	Record  []byte
	Order   []byte // the order in which options were shown, where they rotate
}

// Ballot is a vote on a roll. The mark on the roll and the choices are two rows that share nothing, but for a
// Confidential ballot, whose link is kept until CloseRoll destroys it.
type Ballot struct {
	Poll    string
	Voter   [16]byte // keyed hash of who votes, under a key of the poll's own; zero: unlinked, counted apart
	ID      [16]byte // random
	Version int
	Channel string // class of channel only
	Day     string // "2027-03-15": no finer time is kept
	Record  []byte
	Linked  bool // Confidential: the roll remembers ID until CloseRoll
	Apart   bool // filled in by Ballots, where Voter is always zero: it was cast with no Voter and is counted apart
}

// RequestEvent is one entry in the history of a service request. The first, Opened, makes it.
type RequestEvent struct {
	Reference  string
	Kind       string // "opened", "joined", "note", "status", "appeal", "handoff", …
	At         time.Time
	By         string   // "resident", or a clerk's name
	Resident   Resident // zero for staff
	Dialog     string   // Opened: the dialog's id
	Service    string   // Opened
	Department string   // Opened
	Status     string   // "open", "closed", …: the status from now on; "" leaves it
	Due        string   // Opened: "2027-03-15"
	Label      string   // Opened: kind and place
	Place      string   // Opened: folded words or "geo:…", for Similar
	Channel    string
	Record     []byte // what was reported
	Personal   []byte // what only the desk may see (name, number): sealed under the resident's key, lost on erasure
	Text       string // note
}

// Message waits in the outbox until its channel has taken it.
type Message struct {
	ID       [16]byte // derived; the idempotency key
	Resident Resident
	Channel  string
	Kind     string // address kind: "tel", …
	Due      time.Time
	Body     []byte    // the page, encoded; sealed at rest
	Class    uint8     // 0 replies, 1 reminders and results, 2 broadcasts
	Weight   int       // what it counts as where little may leave: segments of a text message; 0: 1
	Until    time.Time // it is of use until then, or until the resident is heard; zero: it keeps
	Attempts int
	Receipt  string // the provider's id, once known
	Address  string // filled in by Claim
	Unsure   bool   // filled in by Claim: it may have been sent already, so it is claimed to be looked up, not to be sent
	Code     string // filled in by Messages: the provider's error code, or one of the store's own (Code…)
}

// Timer wakes a conversation.
type Timer struct {
	Resident Resident
	Name     string
	At       time.Time
}

// OptOut is a line in the ledger: the last line of an address counts. It survives erasure.
type OptOut struct {
	Address AddressKey
	Out     bool // false: opted in again
	At      time.Time
	Channel string
	Word    string // the command that did it
}

// Consent is a yes or no, with the words it was given to.
type Consent struct {
	ID       [16]byte
	Resident Resident
	Poll     string
	Version  int
	Step     string
	Words    string
	Lang     string
	Yes      bool
	Channel  string
	At       time.Time
}

// Published is a dialog's content under its pin.
type Published struct {
	ID      string
	Version int
	Hash    string
	At      time.Time
	Source  []byte // all files that compile into it
}

// Settled is what came of a claimed message.
type Settled struct {
	ID      [16]byte
	State   MessageState
	Receipt string
	Retry   time.Time    // Queued or Unsure: when it may be claimed again; Unsure and zero: never, it waits for a person
	Code    string       // the provider's error code, never its text
	Forgive int          // so many of its attempts don't count; less than 0: so many more do
	From    MessageState // only if it is in this state; 0: in whichever
}

// Want says which messages a worker can send now, and how many of them.
type Want struct {
	Channels []string
	Class    uint8    // the least urgent that are wanted
	N        int      // at most
	Weight   int      // at most, together, but for the first: that comes whatever its weight; 0: any
	Node     [16]byte // who claims them, for Reclaim; zero: nobody asks. Where there is a database with a clock a node's claim lasts by that clock, too
}

// Contact is one time at which a resident got a message that was not a reply.
type Contact struct {
	Due time.Time // of all of its pages
	At  time.Time // when the first of them went; of one that waits for a person, since nobody knows, Due; zero: one is on its way
}

// Pile is how much of one kind is in the outbox.
type Pile struct {
	Channel  string
	Class    uint8
	State    MessageState
	Code     string // Dead and Unsure only
	Messages int64
	Weight   int64
	First    time.Time // when the first of them may leave; zero: never by itself
}

type MessageState uint8

const (
	Queued  MessageState = iota + 1 // waits for its time
	Claimed                         // a worker has it
	Unsure                          // the process died, or the connection did, while it was being sent
	Sent
	Delivered
	Dead // given up
)

// Codes of messages that the store itself gives up.
const (
	CodeOptedOut  = "opted-out"  // an address of the resident's is stopped
	CodeNoAddress = "no-address" // the resident has no address of the message's kind
	CodeForgotten = "forgotten"  // it was in doubt, and its words were destroyed by a ballot
	CodeOvertaken = "not-needed" // the resident spoke before it went
	CodeLate      = "too-late"   // its Until was over before it went
)

// Kinds of request events that the store acts on: Opened makes the request, Joined counts its resident, once.
const (
	Opened = "opened"
	Joined = "joined"
)

// Store is the contract; storetest proves it on each implementation. All methods may block on disk; all are safe for
// any number of goroutines. What a method returns is the caller's.
type Store interface {
	// Find returns the resident whom an address belongs to, and whether there is one.
	Find(ctx context.Context, a AddressKey) (Resident, bool, error)
	// Meet returns the row of the resident whom an address belongs to, and whether there is one, as both are at one moment: while the
	// row is at that version, the address is that resident's.
	Meet(ctx context.Context, a AddressKey) (Conversation, bool, error)
	// Load returns the resident's row; Version is 0 when there is none.
	Load(ctx context.Context, r Resident) (Conversation, error)
	// Reply returns what was replied to one of the resident's last 16 inbound messages, and whether it is among them.
	// A store may forget a reply after five weeks: its message is a Duplicate still, with nothing to say again.
	Reply(ctx context.Context, r Resident, in Inbound) ([]byte, bool, error)
	// Commit applies c whole and durably, or not at all. It returns once the change is on disk, and looks at ctx only
	// until the change is under way. After an error the change may have been applied: its Inbound tells, when it is
	// committed again. c may be used again once Commit returns.
	Commit(ctx context.Context, c *Change) (Outcome, error)

	// Claim leases messages that are wanted and due, by class and then by age; messages of residents
	// who opted out are given up, and so is what is past its Until. A resident's message waits while another of theirs on the same channel is
	// claimed, and while an earlier one is queued in the same or a more urgent class. What was claimed by a process that died comes back as
	// Unsure after the lease, whatever class and weight are wanted.
	Claim(ctx context.Context, w Want, now time.Time, lease time.Duration) ([]Message, error)
	// Reclaim makes doubtful what nodes (Want.Node) have claimed on some channels that hold no duty any more: they died, or can't be
	// reached. It holds up nothing from then on, and may be claimed from a time on, as Unsure. It returns how many there were.
	Reclaim(ctx context.Context, channels []string, from time.Time) (int, error)
	// Settle records what came of claimed messages; the words of what was Sent or Delivered are destroyed. Receipts reported later (delivered, failed) come here too: a
	// message once Delivered stays so, one that was Sent isn't Queued or Unsure again, and unknown ids are passed over.
	Settle(ctx context.Context, now time.Time, s []Settled) error
	// ByReceipt finds the message that a provider reports on.
	ByReceipt(ctx context.Context, channel, receipt string) (Message, bool, error)
	// Messages lists up to n messages in a state, oldest first, with what is kept of their bodies: for whoever mends what is Dead or
	// held.
	Messages(ctx context.Context, state MessageState, n int) ([]Message, error)
	// NextDue returns the time from which Claim or Timers can return something; zero when there is nothing to wait for.
	NextDue(ctx context.Context) (time.Time, error)
	// NextMessage returns the time from which Claim can return something of a channel in a class, or in a more urgent one; zero for
	// never.
	NextMessage(ctx context.Context, channel string, class uint8) (time.Time, error)
	// NextTimer returns when the next timer is due; zero when there is none.
	NextTimer(ctx context.Context) (time.Time, error)
	// Contacts returns when a resident got messages of class 1 and above since a time, not more than a week ago, oldest first: those
	// that went, may have gone, or are on their way.
	Contacts(ctx context.Context, r Resident, since time.Time) ([]Contact, error)
	// Piles counts what is in the outbox and did not go.
	Piles(ctx context.Context) ([]Pile, error)
	// Timers returns up to n timers that are due. They stay until a Change replaces or removes them.
	Timers(ctx context.Context, now time.Time, n int) ([]Timer, error)

	// OptedOut says whether the address's last line in the ledger is a stop.
	OptedOut(ctx context.Context, a AddressKey) (bool, error)
	// Voted says whether the voter is marked on the poll's roll.
	Voted(ctx context.Context, poll string, voter [16]byte) (bool, error)
	// Linked says whether a ballot is linked to the voter's mark on the poll's roll.
	Linked(ctx context.Context, poll string, voter [16]byte) (bool, error)
	// Consents returns a resident's consents, oldest first.
	Consents(ctx context.Context, r Resident) ([]Consent, error)
	// Addresses returns a resident's addresses, opened.
	Addresses(ctx context.Context, r Resident) ([]Address, error)
	// Reserve puts the codes of a roll in place: keyed hashes. A code not on the roll can't vote.
	Reserve(ctx context.Context, poll string, voters [][16]byte) error
	// OnRoll says whether the voter's code was reserved.
	OnRoll(ctx context.Context, poll string, voter [16]byte) (bool, error)
	// CloseRoll destroys the links of the poll's confidential ballots.
	CloseRoll(ctx context.Context, poll string) (int, error)

	// Responses and Ballots call yield for each record of a poll, in an order that tells nothing. What is committed
	// meanwhile may or may not be among them; nothing is yielded twice.
	Responses(ctx context.Context, poll string, yield func(Response) error) error
	Ballots(ctx context.Context, poll string, yield func(Ballot) error) error

	// Answered calls yield for each resident whose answer to a poll is linked to them, once, in an order that tells nothing.
	Answered(ctx context.Context, poll string, yield func(Resident) error) error

	// Request returns a request and its history, oldest first; ErrNotFound.
	Request(ctx context.Context, reference string) (Request, error)
	// Requests lists requests, newest first.
	Requests(ctx context.Context, q RequestQuery) ([]Request, error)
	// Append adds an event of the staff's to a request's history; ErrNotFound. Personal is dropped once the request's
	// resident was erased.
	Append(ctx context.Context, e RequestEvent) error

	// Publish keeps a dialog's content; ErrPublished when id and version exist with another hash.
	Publish(ctx context.Context, p Published) error
	// Dialog returns a published content by its pin; ErrNotFound.
	Dialog(ctx context.Context, id string, version int, hash string) (Published, error)
	// Dialogs lists what is published, without Source.
	Dialogs(ctx context.Context) ([]Published, error)

	// Cases lists up to n cases that are not closed, the longest waiting first; desk "" lists those of all desks.
	Cases(ctx context.Context, desk string, n int) ([]Case, error)
	// CaseOf returns a resident's case, and whether there is one.
	CaseOf(ctx context.Context, r Resident) (Case, bool, error)
	// Letters returns the last n of a resident's letters, oldest first.
	Letters(ctx context.Context, r Resident, n int) ([]Letter, error)

	// Media returns what is kept of a recording or a picture; ErrNotFound, too when it was swept or its resident erased.
	Media(ctx context.Context, id [16]byte) (Media, error)
	// Sweep destroys the media whose time is over. Whoever keeps some calls it now and then.
	Sweep(ctx context.Context, now time.Time) error

	// Hold takes or keeps a duty that one node has at a time, for a term; held says whether node has it now. Who has it calls again
	// before the term is over; who doesn't loses it then, to the next who asks: frozen, cut off or dead. A term of 0 gives it back,
	// if node has it. Terms of one duty are the same. Where there is a database with a clock, that clock alone counts.
	Hold(ctx context.Context, duty string, node [16]byte, term time.Duration) (held bool, err error)
	// Nodes counts the nodes that hold a duty.
	Nodes(ctx context.Context) (int, error)

	// Erase destroys the resident's key, rows, responses, consents, media, addresses, case and letters. Requests and ballots stay, without the
	// person: a linked ballot loses its link, the mark on the roll stays. The opt-out ledger stays. last are messages of theirs that may
	// come once more: what is replied then is kept for three days, and nothing that tells whose they were.
	Erase(ctx context.Context, r Resident, now time.Time, last ...Parting) error
	// Parted returns what is replied to a message of somebody who was erased, and whether it is one.
	Parted(ctx context.Context, in Inbound) (reply []byte, ok bool, err error)

	// Backup writes a whole copy to a new file while the store is in use; the residents' keys go to a file of their own.
	Backup(ctx context.Context, file string) error
	// Stats returns counts for metrics and the operator.
	Stats(ctx context.Context) (Stats, error)
	// Ping says whether the store can commit now.
	Ping(ctx context.Context) error
	io.Closer
}

// Request is a service request as it stands.
type Request struct {
	Reference  string
	Dialog     string
	Service    string
	Department string
	Status     string
	Due        string
	Label      string
	Place      string
	Opened     time.Time
	Updated    time.Time
	Channel    string
	Joined     int // how many residents joined it after the first, each counted once
	Record     []byte
	Personal   []byte // opened; nil once the person was erased
	Resident   Resident
	History    []RequestEvent // Request only
}

// RequestQuery chooses requests; zero fields choose all.
type RequestQuery struct {
	Dialog, Service, Department, Status string
	Resident                            Resident  // opened or joined by
	Place                               string    // exactly this
	Since                               time.Time // opened then or later
	Limit                               int       // 0: 100
}

// Stats are counts at one moment.
type Stats struct {
	Conversations, Responses, Ballots, Requests int64
	Queued, Unsure, Dead, Timers                int64
	Media, MediaBytes                           int64
	Cases                                       int64 // that wait for a clerk, or have one
	WAL                                         int64 // bytes not yet checkpointed
}

var (
	// ErrNotFound is returned for a reference or pin that is not there.
	ErrNotFound = errors.New("store: not found")
	// ErrPublished refuses to change what was published.
	ErrPublished = errors.New("store: this version was published with other content")
	// ErrNewer refuses a database written by a newer townline.
	ErrNewer = errors.New("store: written by a newer version of townline")
	// ErrMoved refuses a database that the town has left, or hasn't reached yet.
	ErrMoved = errors.New("store: the town isn't here")
)
