package telegram

import (
	"container/list"
	"sync"
	"time"
)

// chats is what is remembered of the chats that were heard of last. Nothing depends on it but looks and patience: which buttons
// are still on show, whether a message can be changed in its place, who writes too fast.
type chats struct {
	mu    sync.Mutex
	known map[int64]*list.Element // of *chat
	last  list.List               // the one heard of last is in front
}

const (
	mostChats  = 20_000
	mostBoards = 8 // messages with buttons, of one chat

	// A person writes a message in a second at best, and presses a few buttons in a row.
	burst  = 40
	refill = time.Second

	// Hands that shake press twice.
	twice = 2 * time.Second

	// How long somebody looks at what they pressed.
	looking = time.Minute
)

type chat struct {
	id      int64
	boards  []board // oldest first
	pressed int     // the message whose button was pressed last
	at      time.Time
	latest  bool    // nothing was written, or shown below it, since
	sharing bool    // a key that shares a place or a number stands below
	counted counted // the last press whose turn is on disk
	tokens  float64 // how many more updates are taken at once
	filled  time.Time
	told    time.Time // when it was last logged that they are too many
}

type counted struct {
	message int
	data    string // of the button
	at      time.Time
}

// board is a message with buttons.
type board struct {
	message int
	mark    string
	heard   bool // something came since
}

// with calls f with what is remembered of a chat.
func (c *chats) with(id int64, f func(*chat)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[int64]*list.Element{}
	}
	e := c.known[id]
	if e == nil {
		e = c.last.PushFront(&chat{id: id, tokens: burst})
		c.known[id] = e
		if c.last.Len() > mostChats {
			oldest := c.last.Back()
			delete(c.known, c.last.Remove(oldest).(*chat).id)
		}
	}
	c.last.MoveToFront(e)
	f(e.Value.(*chat))
}

// takes says whether one more update is taken from a chat now, and whether that it isn't should be logged.
func (c *chats) takes(id int64, now time.Time) (ok, tell bool) {
	c.with(id, func(h *chat) {
		if !h.filled.IsZero() {
			h.tokens = min(h.tokens+max(0, float64(now.Sub(h.filled))/float64(refill)), burst) // clocks are set back, too
		}
		h.filled = now
		if ok = h.tokens >= 1; ok {
			h.tokens--
			return
		}
		if tell = now.Sub(h.told) > time.Minute; tell {
			h.told = now
		}
	})
	return ok, tell
}

// untaken gives back what an update counted for whose turn came to nothing.
func (c *chats) untaken(id int64) {
	c.with(id, func(h *chat) { h.tokens = min(h.tokens+1, burst) })
}

// again says whether a press is the last one's echo.
func (c *chats) again(id int64, message int, data string, now time.Time) (echo bool) {
	c.with(id, func(h *chat) {
		since := now.Sub(h.counted.at)
		echo = h.counted.message == message && h.counted.data == data && since >= 0 && since < twice
	})
	return echo
}

// counts notes that the turn of a press is on disk.
func (c *chats) counts(id int64, message int, data string, now time.Time) {
	c.with(id, func(h *chat) { h.counted = counted{message, data, now} })
}

// heard notes that something came; before its turn, as the reply may be on its way before that is known here. message is the one
// whose button was pressed, 0: none was.
func (c *chats) heard(id int64, message int, mark string, now time.Time) {
	c.with(id, func(h *chat) {
		if h.latest = message != 0; h.latest {
			h.pressed, h.at = message, now
		}
		for i := range h.boards {
			h.boards[i].heard = true
		}
		if message != 0 {
			h.keep(board{message, mark, true})
		}
	})
}

// inPlace is the message that a page can be changed in: the very one whose button was pressed just now, of the same question. Whoever
// wrote since, or went away, would not see it there.
func (c *chats) inPlace(id int64, mark string, now time.Time) (message int) {
	if mark == "" {
		return 0
	}
	c.with(id, func(h *chat) {
		for _, b := range h.boards {
			if b.message == h.pressed && b.mark == mark && h.latest && now.Sub(h.at) < looking {
				message = b.message
			}
		}
	})
	return message
}

// sent notes a page that went out, with buttons or without, and gives the messages whose buttons have had their time.
func (c *chats) sent(id int64, message int, mark string, buttons bool) (old []int) {
	c.with(id, func(h *chat) {
		var left []board
		for _, b := range h.boards {
			switch {
			case b.message == message:
			case b.heard:
				old = append(old, b.message)
			default:
				left = append(left, b)
			}
		}
		h.boards = left
		h.latest = h.latest && h.pressed == message
		if buttons {
			h.keep(board{message: message, mark: mark})
		}
	})
	return old
}

// below notes what stands below a page that went out, and says whether the key that shares something was left there: a page can
// bring its buttons or take that key away, not both.
func (c *chats) below(id int64, sharing, buttons bool) (left bool) {
	c.with(id, func(h *chat) {
		left = h.sharing && buttons
		h.sharing = sharing
	})
	return left
}

func (h *chat) keep(b board) {
	for i := range h.boards {
		if h.boards[i].message == b.message {
			h.boards[i] = b
			return
		}
	}
	if h.boards = append(h.boards, b); len(h.boards) > mostBoards {
		h.boards = h.boards[1:]
	}
}
