package moving

import (
	"encoding/binary"
	"errors"

	"github.com/townline/townline/store"
)

// Answer is one of the last messages that were answered, with the reply, sealed. One whose reply is gone isn't moved.
type Answer struct {
	Inbound store.Inbound
	Reply   []byte
	Age     uint64 // which of two replies is older, where both are of one store; equal where two messages share a reply
}

var errAnswers = errors.New("what a resident was answered can't be read")

// AppendAnswers appends what is in the columns answered and ages to one of each.
func AppendAnswers(answered, ages []byte, all []Answer) (a, b []byte) {
	for i := range all {
		answered = appendBytes(append(answered, all[i].Inbound[:]...), all[i].Reply)
		ages = binary.BigEndian.AppendUint64(ages, all[i].Age)
	}
	return answered, ages
}

// ReadAnswers appends to all what AppendAnswers wrote. The replies lie in answered.
func ReadAnswers(all []Answer, answered, ages []byte) ([]Answer, error) {
	for len(answered) > 0 {
		if len(answered) < 8 || len(ages) < 8 {
			return nil, errAnswers
		}
		a := Answer{Inbound: store.Inbound(answered[:8]), Age: binary.BigEndian.Uint64(ages)}
		answered, ages = answered[8:], ages[8:]
		n, size := binary.Uvarint(answered)
		if size <= 0 || n > uint64(len(answered)-size) {
			return nil, errAnswers
		}
		end := size + int(n)
		a.Reply, answered = answered[size:end:end], answered[end:]
		all = append(all, a)
	}
	if len(ages) > 0 {
		return nil, errAnswers
	}
	return all, nil
}
