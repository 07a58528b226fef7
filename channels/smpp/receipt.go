package smpp

import (
	"math/big"
	"strings"

	"github.com/townline/townline/channels"
)

// IDs is how a phone company writes the numbers of messages: some answer in one system and report in another, which Kannel
// knows as msg-id-type.
type IDs uint8

const (
	SameIDs    IDs = iota // as they are: SMPP says that they are texts
	HexReports            // decimal in submit_sm_resp, hexadecimal in receipts
	HexAnswers            // the other way round
	HexIDs                // hexadecimal in both, in large letters here and small ones there, or with noughts in front
	DecimalIDs            // decimal in both, with noughts in front here or there
)

// answered is how a receipt is known after what submit_sm_resp says.
func (k IDs) answered(id string) string {
	switch k {
	case HexAnswers, HexIDs:
		return decimal(id, 16)
	case HexReports, DecimalIDs:
		return decimal(id, 10)
	}
	return id
}

// reported is the same after what a receipt says.
func (k IDs) reported(id string) string {
	switch k {
	case HexReports, HexIDs:
		return decimal(id, 16)
	case HexAnswers, DecimalIDs:
		return decimal(id, 10)
	}
	return id
}

// decimal writes a number of a base in decimal; what is no such number stays.
func decimal(id string, base int) string {
	if len(id) == 0 || len(id) > 64 || id[0] == '-' || id[0] == '+' {
		return id
	}
	n, ok := new(big.Int).SetString(id, base)
	if !ok {
		return id
	}
	return n.String()
}

// classKind are the bits of esm_class that say what a deliver_sm is (SMPP v3.4 §5.2.12).
const (
	classKind         = 0x3C
	classReceipt      = 0x04 // of the phone company's: what became of a message
	classIntermediate = 0x20 // how it is getting on
)

// isReceipt says whether a deliver_sm tells of a message of ours. Those that leave esm_class out name the message in a parameter.
func (in *incoming) isReceipt() bool {
	switch in.class & classKind {
	case classReceipt, classIntermediate:
		return true
	case 0:
		_, id := in.parameter(tagReceiptedID)
		_, state := in.parameter(tagMessageState)
		return id && state
	}
	return false
}

// receipt is what a receipt says: of which message, as the phone company writes it, and what.
type receipt struct {
	id    string
	state channels.DeliveryState
	code  string
}

// receipt reads one: from its parameters, and what they leave out from its text (SMPP v3.4 §5.3.2.12, .35 and appendix B).
func (in *incoming) receipt(words string) (r receipt, ok bool) {
	if v, ok := in.parameter(tagReceiptedID); ok {
		r.id = strings.TrimSpace(strings.TrimRight(string(v), "\x00"))
	}
	if n, ok := in.number(tagMessageState); ok {
		r.state = stateOf(n)
	}
	fields := receiptFields(words)
	if r.id == "" {
		r.id = fields["id"]
	}
	if r.state == 0 {
		r.state = stateNamed(fields["stat"])
	}
	if r.id == "" || r.state == 0 || len(r.id) > 65 {
		return receipt{}, false
	}
	if in.class&classKind == classIntermediate && r.state == channels.Arrived {
		r.state = channels.OnItsWay // only a final one says so
	}
	if r.state == channels.Failed {
		r.code = strings.ToLower(fields["stat"])
		if err := fields["err"]; err != "" && strings.Trim(err, "0") != "" {
			r.code += " " + err
		}
		if v, ok := in.parameter(tagNetworkError); ok && len(v) == 3 && r.code == "" {
			r.code = "network " + decimal(string([]byte{hexDigit(v[1] >> 4), hexDigit(v[1]), hexDigit(v[2] >> 4), hexDigit(v[2])}), 16)
		}
		r.code = strings.TrimSpace(r.code)
	}
	return r, true
}

func hexDigit(b byte) byte { return "0123456789abcdef"[b&0xf] }

// receiptFields finds "id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…", whichever of them there are, in any
// order and any case. What stands after text: is the message's own, and isn't looked at.
func receiptFields(words string) map[string]string {
	if i := strings.Index(strings.ToLower(words), "text:"); i >= 0 {
		words = words[:i]
	}
	all := map[string]string{}
	for _, field := range strings.Fields(words) {
		name, value, ok := strings.Cut(field, ":")
		name = strings.ToLower(name)
		if _, twice := all[name]; ok && !twice && len(value) <= 65 {
			all[name] = value
		}
	}
	return all
}

// stateOf reads message_state (SMPP v3.4 §5.2.28).
func stateOf(n int) channels.DeliveryState {
	switch n {
	case 1, 6: // ENROUTE, ACCEPTED
		return channels.OnItsWay
	case 2: // DELIVERED
		return channels.Arrived
	case 3, 4, 5, 8: // EXPIRED, DELETED, UNDELIVERABLE, REJECTED
		return channels.Failed
	}
	return 0
}

func stateNamed(stat string) channels.DeliveryState {
	switch strings.ToUpper(stat) {
	case "DELIVRD":
		return channels.Arrived
	case "ACCEPTD", "ENROUTE", "ACKED", "BUFFRED", "BUFFERD":
		return channels.OnItsWay
	case "EXPIRED", "DELETED", "UNDELIV", "REJECTD", "FAILED":
		return channels.Failed
	}
	return 0 // UNKNOWN says nothing
}
