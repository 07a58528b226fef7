package smpp

import (
	"fmt"
	"time"
)

// status is a command_status.
type status uint32

// What we answer.
const (
	statusOK         status = 0x00 // ESME_ROK
	statusBadLength  status = 0x02 // ESME_RINVCMDLEN
	statusBadCommand status = 0x03 // ESME_RINVCMDID
	statusSystem     status = 0x08 // ESME_RSYSERR: come again. Of all that mean so, this is tried again most widely: Vonage gives up after 0x64
	statusQueueFull  status = 0x14 // ESME_RMSGQFUL: come again
	statusRefused    status = 0x66 // ESME_RX_R_APPN: don't come again
)

func (s status) String() string { return fmt.Sprintf("0x%08X", uint32(s)) }

// verdict is what to do after a submit_sm was answered.
type verdict uint8

const (
	taken     verdict = iota
	later             // the same again can help
	slower            // and nothing else before either, for a while
	longLater         // staff, or the phone company, must mend something first
	stopped           // the same, and it would befall every message
	nowhere           // never: there is no such number
	refused           // never
)

// staffPause is how long to wait for somebody to mend what is set up wrong.
const staffPause = 5 * time.Minute

// verdicts on what SMPP v3.4 §5.1.3 (table 5-2) lists, for a submit_sm. What isn't here is tried again: nothing that was
// refused was sent, and a status of the vendor's own (from 0x400) says nothing to us.
var verdicts = map[status]verdict{
	statusOK: taken,

	0x14: slower, // ESME_RMSGQFUL: message queue full
	0x58: slower, // ESME_RTHROTTLED: more than the limit allows

	0x08: later, // ESME_RSYSERR
	0x45: later, // ESME_RSUBMITFAIL
	0x64: later, // ESME_RX_T_APPN
	0xFF: later, // ESME_RUNKNOWNERR

	0x04: stopped,   // ESME_RINVBNDSTS: this bind may not send
	0x0A: stopped,   // ESME_RINVSRCADR: from=
	0x15: stopped,   // ESME_RINVSERTYP: service=
	0x43: longLater, // ESME_RINVESMCLASS: long=
	0x48: stopped,   // ESME_RINVSRCTON: ton=
	0x49: stopped,   // ESME_RINVSRCNPI: npi=
	0x59: stopped,   // ESME_RPROVNOTALLWD (v5.0)
	0x53: stopped,   // ESME_RINVSYSTYP
	0x07: longLater, // ESME_RINVREGDLVFLG: receipts=
	0x61: longLater, // ESME_RINVSCHED
	0x62: longLater, // ESME_RINVEXPIRY: validity=
	0xC0: longLater, // ESME_RINVOPTPARSTREAM
	0xC1: longLater, // ESME_ROPTPARNOTALLWD: long=sar, or a USSD parameter
	0xC3: longLater, // ESME_RMISSINGOPTPARAM
	0xC4: longLater, // ESME_RINVOPTPARAMVAL

	0x01: refused, // ESME_RINVMSGLEN
	0x0B: nowhere, // ESME_RINVDSTADR: no such number
	0x50: refused, // ESME_RINVDSTTON
	0x51: refused, // ESME_RINVDSTNPI
	0x65: refused, // ESME_RX_P_APPN
	0x66: refused, // ESME_RX_R_APPN
}

func judge(s status) verdict {
	v, ok := verdicts[s]
	if !ok {
		return later
	}
	return v
}

// unlucky are statuses of a bind that trying again soon makes worse: accounts are locked.
func unlucky(s status) bool {
	switch s {
	case 0x0D, 0x0E, 0x0F, 0x53: // ESME_RBINDFAIL, ESME_RINVPASWD, ESME_RINVSYSID, ESME_RINVSYSTYP
		return true
	}
	return false
}
