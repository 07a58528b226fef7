package media

// order puts sound into the order in which it was sent. What is missing is waited for until the fifth packet after it is
// there; what comes after that is too late.
type order struct {
	begun bool
	next  uint16
	held  int
	slots [16]slot
}

type slot struct {
	full  bool
	void  bool // a packet without sound, such as one of a key: it leaves no gap
	stamp uint32
	size  int
	body  [maxBody]byte
}

const patience = 5 // packets

// far says that a packet is so much later that what is held has to be taken first, with whatever is missing in it.
func (o *order) far(p packet) bool {
	return o.held > 0 && int16(p.seq-o.next) >= int16(len(o.slots))
}

// put keeps a packet, or that there was one without sound. What can be had after it is taken by get.
func (o *order) put(p packet, void bool) {
	if len(p.body) > maxBody {
		return
	}
	if !o.begun {
		o.begun, o.next = true, p.seq
	}
	switch ahead := int16(p.seq - o.next); {
	case ahead < -50 || ahead >= 400: // somewhere else altogether
		o.restart(p.seq)
	case ahead < 0: // too late
		return
	case int(ahead) >= len(o.slots):
		o.restart(p.seq)
	}
	s := &o.slots[p.seq%uint16(len(o.slots))]
	if s.full {
		return
	}
	s.full, s.void, s.stamp, s.size = true, void, p.stamp, copy(s.body[:], p.body)
	o.held++
}

func (o *order) restart(seq uint16) {
	for i := range o.slots {
		o.slots[i].full = false
	}
	o.held, o.next = 0, seq
}

// get is the next packet, in order. With flush, what is missing isn't waited for. The body is good until the next put.
func (o *order) get(flush bool) (stamp uint32, body []byte, ok bool) {
	for o.held > 0 && o.slots[o.next%16].full && o.slots[o.next%16].void {
		o.slots[o.next%16].full = false
		o.held--
		o.next++
	}
	if o.held == 0 {
		return 0, nil, false
	}
	if !o.slots[o.next%16].full {
		last := 0
		for i := range len(o.slots) {
			if o.slots[(int(o.next)+i)%16].full {
				last = i
			}
		}
		if last < patience && !flush {
			return 0, nil, false
		}
		for !o.slots[o.next%16].full {
			o.next++
		}
		if o.slots[o.next%16].void {
			return o.get(flush)
		}
	}
	s := &o.slots[o.next%16]
	s.full = false
	o.held--
	o.next++
	return s.stamp, s.body[:s.size], true
}
