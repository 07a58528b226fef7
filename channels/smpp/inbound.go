package smpp

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
)

// patience is how long a turn may take before the phone company is told to come again.
const patience = 12 * time.Second

// reportPause is how long a receipt waits that came within a second of its message: the exchange is still noting that.
const reportPause = 300 * time.Millisecond

// heard takes one PDU that isn't an answer. It never waits.
func (l *line) heard(ctx context.Context, b *bind, f frame, long bool, in channels.Inbox) {
	command, sequence := f.command(), f.sequence()
	switch {
	case long:
		l.setAside(b, f, errors.New("it is longer than any PDU"))
	case command == deliverSM, command == dataSM:
		f = slices.Clone(f)
		m, err := take(f)
		if err == nil {
			_, _, _, err = m.open()
		}
		if err != nil {
			l.setAside(b, f, err)
			return
		}
		m.at = time.Now()
		l.mu.Lock()
		closing := l.closing
		l.mu.Unlock()
		if closing || !l.turns.add(m.from.number, func() { l.turn(ctx, b, m, f, in) }) {
			l.metrics.heard(statusQueueFull)
			b.respond(marshal(reply(command, statusQueueFull)), sequence, nil)
		}
	case command == enquireLink:
		b.respond(marshal(reply(command, statusOK)), sequence, nil)
	case command == unbind:
		b.respond(marshal(reply(command, statusOK)), sequence, nil)
		go b.finish(errUnbound)
	case command == alert, command == outbind: // nothing is answered to these
	default:
		l.cfg.Log.Warn("a PDU that isn't ours to answer", "channel", l.name(), "command", strconv.FormatUint(uint64(command), 16))
		b.respond(marshal(nack(statusBadCommand)), sequence, nil)
	}
}

// setAside has f kept for a person, one after the other: what else comes, and answers to what was sent, don't wait for that disk.
func (l *line) setAside(b *bind, f frame, reason error) {
	if !l.turns.add("", func() { l.unread(b, f, reason) }) {
		l.metrics.heard(statusQueueFull)
		b.respond(marshal(reply(f.command(), statusQueueFull)), f.sequence(), nil)
	}
}

// unread keeps what can't be read for a person, and says yes once it is on disk: the same would come again and again, and no
// more could be made of it. Where it can't be kept, it is to come again.
func (l *line) unread(b *bind, f frame, reason error) {
	fresh, err := l.poison.keep(f, l.cfg.Operator, reason, time.Now())
	log := slog.LevelWarn
	s := statusOK
	if err != nil {
		log, s = slog.LevelError, statusSystem
	}
	if fresh {
		l.metrics.unread.Inc()
		l.cfg.Log.LogAttrs(context.Background(), log, "a PDU can't be read: it is kept, sealed, for a person to look at", slog.String("channel", l.name()),
			slog.String("command", strconv.FormatUint(uint64(f.command()), 16)), slog.Int("octets", len(f)), slog.Any("reason", reason), slog.Any("error", err))
	}
	switch f.command() {
	case deliverSM, dataSM:
		l.metrics.heard(s)
		b.respond(marshal(reply(f.command(), s)), f.sequence(), nil)
	default:
		b.respond(marshal(nack(statusBadLength)), f.sequence(), nil)
	}
}

// turn holds the turn of one message and answers it: yes once it is on disk.
func (l *line) turn(ctx context.Context, b *bind, m *incoming, f frame, in channels.Inbox) {
	ctx = context.WithoutCancel(ctx) // what began is brought to its end
	switch {
	case l.cfg.Menus != nil && m.isMenu():
		l.menu(ctx, b, m, in)
	case m.isReceipt():
		l.report(ctx, b, m, in)
	case l.cfg.NoTexts:
		l.unread(b, f, errors.New("a text, and only menus are set up"))
	default:
		l.message(ctx, b, m, f, in)
	}
}

// answer answers a message that came in.
func (l *line) answer(b *bind, m *incoming, s status, then func()) {
	l.metrics.heard(s)
	b.respond(marshal(reply(m.command, s)), m.sequence, then)
}

// message holds the turn of a text.
func (l *line) message(ctx context.Context, b *bind, m *incoming, f frame, in channels.Inbox) {
	p, octets, head, _ := m.open()
	how := scriptOf(m.coding, l.cfg.Alphabet)
	if how == inGSM && l.packed(m.coding) {
		octets = unpack(octets, fillBits(head))
	}
	v, err := l.shelf.sight(l.shelf.box.Mark("message", m.same()...), b, m.at)
	if err != nil {
		l.failed(ctx, b, m, err)
		return
	}
	if l.shelf.settled(v) {
		l.yes(b, m, v)
		return
	}
	if p.total == 0 {
		words, ok := read(octets, how)
		if !ok {
			l.unread(b, f, errors.New("it is no text"))
			return
		}
		if err := l.receive(ctx, in, v.event(), m.from, m.to.number, words); err != nil {
			l.failed(ctx, b, m, err)
			return
		}
		l.yes(b, m, v)
		return
	}
	key := l.shelf.box.Mark("long", []byte(m.from.String()), []byte(m.to.String()), []byte{byte(p.ref >> 8), byte(p.ref), bit(p.wide), bit(p.sar), byte(p.total)})
	_, whole, err := l.shelf.put(key, p, m.from.String(), m.to.String(), held{v.mark, how, octets}, time.Now())
	if err == nil && whole {
		err = l.handIn(ctx, in, key)
	}
	if err != nil {
		l.failed(ctx, b, m, err)
		return
	}
	l.yes(b, m, v)
}

// packed says whether a message in GSM 7-bit has eight septets in seven octets: where the phone company's own alphabet does.
func (l *line) packed(coding byte) bool { return coding == 0 && l.cfg.Alphabet == Packed }

// yes answers a message that is on disk.
func (l *line) yes(b *bind, m *incoming, v *sight) {
	var then func()
	if l.shelf.answered(v, b, time.Now()) {
		then = func() { l.shelf.proved(v) }
	}
	l.answer(b, m, statusOK, then)
}

// failed answers a message that could not be put on disk: it is to come again.
func (l *line) failed(ctx context.Context, b *bind, m *incoming, err error) {
	l.cfg.Log.LogAttrs(ctx, channels.Level(err), "text message not accepted", slog.String("channel", l.name()), slog.Any("error", err))
	s := statusSystem
	if errors.Is(err, errShelfFull) || errors.Is(err, channels.ErrBusy) {
		s = statusQueueFull
	}
	l.answer(b, m, s, nil)
}

// receive hands words to the inbox. Who can't be answered, a name or a number that isn't one, is left alone.
func (l *line) receive(ctx context.Context, in channels.Inbox, id string, from address, to, words string) error {
	number, ok := l.number(from)
	if !ok {
		l.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "text message left alone: nobody can answer to what it comes from", slog.String("channel", l.name()))
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := in.Receive(ctx, channels.Event{
		Channel: l.name(), ID: id, From: channels.Address{Kind: "tel", ID: number}, To: to, Words: words, At: time.Now(),
	})
	if err != nil {
		return err
	}
	// The last words to somebody who said STOP come back with the reply; all others go by way of the outbox.
	s := &SMS{line: l}
	for _, p := range r.Pages {
		l.overdue.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if _, err := s.Deliver(ctx, channels.Address{Kind: "tel", ID: number}, p, id); err != nil {
				l.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "the last words could not be sent", slog.String("channel", l.name()), slog.Any("error", err))
			}
		})
	}
	return nil
}

// handIn hands in a long message, as far as its parts are there.
func (l *line) handIn(ctx context.Context, in channels.Inbox, key mark) error {
	u := l.shelf.unfinished(key)
	if u == nil {
		return nil // it was, meanwhile
	}
	v := sight{id: u.id}
	if err := l.receive(ctx, in, v.event(), parseAddress(u.from), parseAddress(u.to).number, u.words()); err != nil {
		return err
	}
	return l.shelf.finish(key)
}

// tidy hands in what waited too long for its parts, until ctx ends.
func (l *line) tidy(ctx context.Context, in channels.Inbox) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		for _, key := range l.shelf.due(time.Now()) {
			if err := l.handIn(context.WithoutCancel(ctx), in, key); err != nil {
				l.cfg.Log.LogAttrs(ctx, slog.LevelError, "a long message could not be handed in", slog.String("channel", l.name()), slog.Any("error", err))
			}
		}
		if err := l.shelf.tidy(time.Now()); err != nil {
			l.cfg.Log.LogAttrs(ctx, slog.LevelError, "the journal can't be made anew", slog.String("channel", l.name()), slog.Any("error", err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// report hands in what became of a message.
func (l *line) report(ctx context.Context, b *bind, m *incoming, in channels.Inbox) {
	_, octets, _, _ := m.open()
	words, _ := read(octets, scriptOf(m.coding, l.cfg.Alphabet))
	r, ok := m.receipt(words)
	if !ok {
		l.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "a receipt that says nothing", slog.String("channel", l.name()))
		l.answer(b, m, statusOK, nil)
		return
	}
	id, d := l.cfg.IDs.reported(r.id), channels.Delivery{State: r.state, Code: r.code, At: time.Now()}
	l.early.came(id, d)
	if l.fresh.has(id, time.Now()) {
		t := time.NewTimer(reportPause)
		<-t.C
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := in.Report(ctx, l.name(), id, d); err != nil {
		l.cfg.Log.LogAttrs(ctx, channels.Level(err), "delivery report not accepted", slog.String("channel", l.name()), slog.Any("error", err))
		s := statusSystem
		if errors.Is(err, channels.ErrBusy) {
			s = statusQueueFull
		}
		l.answer(b, m, s, nil)
		return
	}
	l.metrics.receipts.Inc()
	l.answer(b, m, statusOK, nil)
}

// same is what a message has in common with itself when it comes again: all but its number and its priority.
func (m *incoming) same() [][]byte {
	all := [][]byte{m.fixed}
	for _, p := range m.parameters {
		all = append(all, []byte{byte(p.tag >> 8), byte(p.tag)}, p.value)
	}
	return all
}

// number is whom a message is from.
func (l *line) number(a address) (string, bool) {
	switch {
	case a.ton == tonName:
		return "", false
	case a.ton == tonInternational && !strings.HasPrefix(a.number, "+") && strings.Trim(a.number, "0123456789") == "":
		return channels.Number("+"+strings.TrimPrefix(a.number, "00"), l.cfg.Country)
	}
	return channels.Number(a.number, l.cfg.Country)
}

// String is an address with what it is said to be.
func (a address) String() string {
	return strconv.Itoa(int(a.ton)) + ":" + strconv.Itoa(int(a.npi)) + ":" + a.number
}

func parseAddress(s string) (a address) {
	ton, rest, _ := strings.Cut(s, ":")
	npi, number, _ := strings.Cut(rest, ":")
	n, _ := strconv.ParseUint(ton, 10, 8)
	p, _ := strconv.ParseUint(npi, 10, 8)
	return address{byte(n), byte(p), number}
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
