package exchange

import (
	"bytes"
	"slices"

	"github.com/townline/townline/store"
)

// doors are in the row of whoever the number finds.
type doors struct {
	Open []door `cbor:"1,keyasint,omitempty"` // one a channel
	Past []door `cbor:"2,keyasint,omitempty"` // newest first
}

type door struct {
	Channel  string          `cbor:"1,keyasint,omitempty"`
	Who      store.Resident  `cbor:"2,keyasint"`
	Answered []store.Inbound `cbor:"3,keyasint,omitempty"` // of a past one: the last messages that went through it
	By       []byte          `cbor:"4,keyasint,omitempty"` // the message that opened it
	At       []byte          `cbor:"5,keyasint,omitempty"` // lasting key of the address that it is at, where there are several
}

const mostPassed = 4 // doors that were closed, of which late repeats are known

// open leads a channel to somebody.
func (d *doors) open(channel string, at []byte, who store.Resident, by store.Inbound) *doors {
	next := d.copied()
	next.Open = append(next.Open, door{Channel: channel, Who: who, By: by[:], At: at})
	return next
}

// is says whether the door is on a channel at an address.
func (o *door) is(channel string, at []byte) bool {
	return o.Channel == channel && (len(o.At) == 0 || bytes.Equal(o.At, at))
}

// shut closes the door of a channel; passed are the last messages that went through it.
func (d *doors) shut(channel string, at []byte, passed []store.Inbound) *doors {
	next := d.copied()
	for i := range next.Open {
		if !next.Open[i].is(channel, at) {
			continue
		}
		if len(passed) > 0 {
			past := door{Who: next.Open[i].Who, Answered: passed}
			next.Past = append([]door{past}, slices.DeleteFunc(next.Past, func(p door) bool { return p.Who == past.Who })...)
			next.Past = next.Past[:min(len(next.Past), mostPassed)]
		}
		next.Open = slices.Delete(next.Open, i, i+1)
		break
	}
	if len(next.Open)+len(next.Past) == 0 {
		return nil
	}
	return next
}

func (d *doors) copied() *doors {
	if d == nil {
		return &doors{}
	}
	return &doors{Open: slices.Clone(d.Open), Past: slices.Clone(d.Past)}
}
