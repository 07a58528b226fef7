package engine

// Phrases of locales that the engine leads with or asks. The words are in locales/<language>.yaml under the key
// without "@"; ${names} in brackets.
const (
	// Beginning.
	PhrasePublic       = "@begin.public"       // answers are public, with no name; the town keeps which number gave them
	PhraseConfidential = "@begin.confidential" // the town can link answer and number until it closes, then the link is destroyed
	PhraseSecret       = "@begin.secret"       // nobody can link the answer to you
	PhraseCarried      = "@begin.carried"      // the phone company can see texts and calls, so never say "secret" here
	PhraseHint         = "@begin.hint"         // 0 help, STOP end
	PhraseTongues      = "@begin.languages"    // [languages] to go on in another language, write its name
	PhraseNotOpen      = "@begin.notopen"      // [date] opens on
	PhraseClosed       = "@begin.closed"       // [date] closed on
	PhraseVoted        = "@begin.voted"        // you answered this one already; one answer each is counted

	// The code from a letter.
	PhraseCode        = "@code.ask"
	PhraseCodeUnknown = "@code.unknown"
	PhraseCodeUsed    = "@code.used"

	// Misunderstandings: @retry.<asks>.1 and .2, e.g. "@retry.choice.1", for choice choices rank budget yesno number scale
	// date text place photo contact similar review consent status code pick. [min max total left example first last]
	PhraseRetry   = "@retry."
	PhraseOut     = "@retry.range" // [min max] a number outside the bounds
	PhraseLeast   = "@retry.least" // [min]
	PhraseMost    = "@retry.most"  // [max]
	PhraseWhole   = "@retry.whole" // a whole number is wanted
	PhraseOutDate = "@retry.dates" // [from to] a day outside the bounds
	PhraseSum     = "@retry.sum"   // [total sum] budget amounts that don't add up
	PhraseMany    = "@retry.many"  // [most] more options than are allowed
	PhraseWhich   = "@which"       // two readings fit: which one did you mean?
	PhraseSilent  = "@silent."     // .1 .2 .3: nothing was heard
	PhraseStuck   = "@stuck"       // not understood three times; options stuck.person, stuck.again, stuck.later
	PhraseSkipped = "@skipped"     // we leave that one out
	PhraseNoSkip  = "@noskip"      // this one is needed
	PhraseLong    = "@toolong"     // [limit] the words were longer than the limit; the beginning was kept

	// Help menu; options help.on (go on), help.person, help.language, help.back, help.menu, help.later, help.erase
	PhraseHelp = "@help.title"
	PhraseWhy  = "@help.why" // [why] what the answer is for

	// Commands.
	PhraseBackFirst  = "@back.first"    // this is the first question
	PhraseBackSent   = "@back.sent"     // it is sent and can't be taken back here; ask for a person
	PhraseOld        = "@back.old"      // [answer] you said: …; answer again, or skip to keep it
	PhraseTongue     = "@language.ask"  // which language?
	PhraseTongueSet  = "@language.set"  // we go on in this language (said in it)
	PhraseTongueOnly = "@language.only" // [language] this one is only to be had in …
	PhraseStopped    = "@stop.done"     // no more messages; START to begin again
	PhraseStarted    = "@start.done"    // messages are on again
	PhraseErase      = "@erase.ask"     // erase all that we keep of you? options erase.yes, erase.no
	PhraseErased     = "@erase.done"
	PhraseErasedNot  = "@erase.not"     // nothing was erased
	PhrasePerson     = "@person.open"   // passed on; a person answers here soon
	PhrasePersonShut = "@person.closed" // [hours] nobody is there now; a person answers when the desk opens
	PhrasePersonBy   = "@person."       // .text .call .pin, and each with .closed [hours]: the same where the answer comes as a message to the phone, by a call, or once a PIN is given
	PhrasePersonHere = "@person.here"   // on a screen, after a dialog's own words of passing on: nobody can answer there; go to the desk
	PhraseLater      = "@later"         // your answers are kept; write or call again to go on
	PhraseExpired    = "@expired"       // this ended because nothing came for a long time; nothing was sent
	PhraseResume     = "@resume"        // [title] we go on with …
	PhraseRemind     = "@remind."       // .consultation .request .information: [title] "You have a survey to finish: …"

	// Taking the conversation along to another device.
	PhraseCarry        = "@carry.code"    // [code until] the code, and what to do with it
	PhraseCarryText    = "@carry.text"    // [code until] what is texted to the number that was given
	PhraseCarrySent    = "@carry.sent"    // the code is texted there if that may be: nobody is told who said STOP
	PhraseCarryNotSent = "@carry.notsent" // no text can be sent there; here is the code
	PhraseCarryNumber  = "@carry.number"  // that is no phone number
	PhraseCarryNothing = "@carry.nothing" // there is nothing to take along
	PhraseCarryUnknown = "@carry.unknown" // no such code
	PhraseCarryGone    = "@carry.gone"    // it goes on at the other place

	// At a machine that is cut off from the town.
	PhraseUnchecked = "@alone.kept" // kept; counted once the code from the letter is checked
	PhraseAway      = "@alone.away" // this needs the town, which can't be reached

	// On a call, where there are keys and nothing else.
	PhraseHidden  = "@speech.hidden"  // the number is hidden: the town doesn't know who this is
	PhraseOpenly  = "@speech.public"  // the same, where answers are public
	PhraseApart   = "@speech.apart"   // answers without a number are counted apart
	PhraseOwnPart = "@pin.apart"      // an answer behind a PIN is counted apart
	PhraseThird   = "@speech.third"   // the third misunderstanding: take your time, hear all of it
	PhraseSorry   = "@speech.sorry"   // not understood for good; stuck.person … follow
	PhraseNothing = "@speech.nothing" // nothing heard for good; stuck.person … follow
	PhraseAbsent  = "@speech.absent"  // nobody answered at the desk
	PhraseRing    = "@speech.ring"    // you are called back in an hour
	PhraseLost    = "@speech.lost"    // as PhraseLater, where the number is hidden: nothing is found again
	PhraseOnce    = "@speech.once"    // all right, once more
	PhrasePressed = "@speech.pressed" // [answer] what was keyed in; then options speech.to.right, speech.to.redo
	PhraseDay     = "@speech.day"     // [answer] the same of a day
	PhraseHeard   = "@speech.heard"   // [answer] the same of words
	PhraseVoice   = "@speech.voice"   // [recording] the same of a recording, which follows
	PhraseChose   = "@speech.chose"   // [answer] the same of options
	PhraseEcho    = "@speech.echo"    // [answer] what was chosen, before what comes next
	PhraseShare   = "@speech.share"   // [option amount] the same of a part of a budget
	PhraseVeiled  = "@veiled"         // you told us before: in place of an answer given before this call
	PhraseVeil    = "@veiled.within"  // the same within a sentence
	PhraseKept    = "@speech.old"     // you answered this one before: in place of PhraseOld

	// Asking.
	PhraseYes         = "@yes"
	PhraseNo          = "@no"
	PhraseReview      = "@review.title"   // please check your answers
	PhraseReviewOK    = "@review.ok"      // option: all correct
	PhraseReviewEdit  = "@review.change"  // option: change an answer
	PhraseEdit        = "@review.which"   // which answer to change?
	PhraseEdited      = "@review.changed" // changed
	PhraseSkipWord    = "@skip.hint"      // or SKIP
	PhraseHow         = "@how."           // how to answer, said under the question: choices rank budget date number scale photo place contact
	PhraseBudgetPart  = "@part.budget"    // [option left total] how much for …? … left
	PhraseRankPart    = "@part.rank"      // [place] which comes first / next?
	PhraseChoicesPart = "@part.choices"   // more? options so far [chosen]
	PhraseNone        = "@similar.none"   // option: none of these
	PhraseStatus      = "@status.one"     // [reference label state due]
	PhraseStatusOpen  = "@status.nodue"   // [reference label state] the same, where no day was promised
	PhraseStatusNone  = "@status.none"    // we know of no request with that number
	PhraseStatusAsk   = "@status.ask"     // what is the number of the request?
	PhraseRefused     = "@refused"        // consent refused and the author gave no words: nothing was kept
	PhraseWithdrawn   = "@withdrawn"      // the town took this dialog away; sorry
)
