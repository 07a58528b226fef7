package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

var (
	seeds     = flag.Int("seeds", defaultSeeds, "how many power losses TestPowerLoss goes through")
	firstSeed = flag.Uint64("first-seed", 1, "the first of them")
)

// disk is a SQLite VFS whose power fails: what was written after a file's last sync may be there, be missing, or be torn.
type disk struct {
	files map[string]*diskFile
	ops   int
	cut   int // the operation at which the power fails; 0: never

	late, owed bool // as lateLog has it
}

type diskFile struct {
	live, synced []byte
	since        []diskWrite // since the last sync
	log          bool
}

// diskWrite puts bytes at off, or with none cuts the file there.
type diskWrite struct {
	off   int64
	bytes []byte
}

const sector = 512

func newDisk() *disk { return &disk{files: map[string]*diskFile{}} }

func (d *disk) dead() bool { return d.cut > 0 && d.ops >= d.cut }

func (d *disk) op() error {
	d.ops++
	if d.dead() {
		return sqlite3.IOERR
	}
	return nil
}

func (d *disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if d.files[name] == nil {
		d.files[name] = &diskFile{log: strings.HasSuffix(name, "-wal")}
	}
	return &openFile{d, d.files[name]}, flags, nil
}

func (d *disk) Delete(name string, _ bool) error {
	delete(d.files, name)
	return nil
}

func (d *disk) Access(name string, _ vfs.AccessFlag) (bool, error) {
	f := d.files[name]
	return f != nil && len(f.live) > 0, nil
}

func (d *disk) FullPathname(name string) (string, error) { return name, nil }

// allSynced is the disk as it would be had all been synced.
func (d *disk) allSynced() *disk {
	c := newDisk()
	for name, f := range d.files {
		c.files[name] = &diskFile{live: slices.Clone(f.live), synced: slices.Clone(f.live), log: f.log}
	}
	return c
}

// afterPowerLoss is what the machine finds when the power is back.
func (d *disk) afterPowerLoss(r *rand.Rand) *disk {
	c := newDisk()
	inOrder := r.IntN(2) == 0 // the writes up to some one, or any of them
	odds := r.Float64()
	names := make([]string, 0, len(d.files))
	for name := range d.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := d.files[name]
		b := slices.Clone(f.synced)
		last := len(f.since)
		if inOrder {
			last = r.IntN(len(f.since) + 1)
		}
		for i, w := range f.since {
			switch {
			case inOrder && i < last:
				b = w.apply(b)
			case inOrder && i == last, !inOrder && r.Float64() < odds:
				b = w.torn(r, b)
			}
		}
		c.files[name] = &diskFile{live: b, synced: slices.Clone(b), log: f.log}
	}
	return c
}

func (w diskWrite) apply(b []byte) []byte {
	if w.bytes == nil {
		return b[:min(int64(len(b)), w.off)]
	}
	if need := int(w.off) + len(w.bytes) - len(b); need > 0 {
		b = append(b, make([]byte, need)...)
	}
	copy(b[w.off:], w.bytes)
	return b
}

// torn applies some of the write's sectors.
func (w diskWrite) torn(r *rand.Rand, b []byte) []byte {
	for at := 0; at < len(w.bytes); at += sector {
		if r.IntN(3) > 0 {
			b = diskWrite{w.off + int64(at), w.bytes[at:min(at+sector, len(w.bytes))]}.apply(b)
		}
	}
	return b
}

type openFile struct {
	d *disk
	f *diskFile
}

func (o *openFile) write(w diskWrite) error {
	o.f.since = append(o.f.since, w) // the write during which the power fails may be torn too
	if err := o.d.op(); err != nil {
		return err
	}
	o.f.live = w.apply(o.f.live)
	return nil
}

func (o *openFile) WriteAt(p []byte, off int64) (int, error) {
	if err := o.write(diskWrite{off, slices.Clone(p)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (o *openFile) Truncate(size int64) error { return o.write(diskWrite{off: size}) }

func (o *openFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(o.f.live)) {
		return 0, io.EOF
	}
	n := copy(p, o.f.live[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (o *openFile) Sync(vfs.SyncFlag) error {
	if o.d.late && o.f.log && !o.f.headed() {
		o.d.owed = true
		return nil
	}
	return o.sync()
}

// headed: nothing but the log's header was written since the last sync. (Were that left for later too, one of 3,000 losses would lose turns.)
func (f *diskFile) headed() bool { return len(f.since) > 0 && f.since[len(f.since)-1].off == 0 }

func (o *openFile) sync() error {
	if err := o.d.op(); err != nil {
		return err
	}
	// What was synced before is never written to again in place here: only the writes since are applied to it.
	for _, w := range o.f.since {
		o.f.synced = w.apply(o.f.synced)
	}
	o.f.since = nil
	return nil
}

func (o *openFile) Close() error                                    { return nil }
func (o *openFile) Size() (int64, error)                            { return int64(len(o.f.live)), nil }
func (o *openFile) Lock(vfs.LockLevel) error                        { return nil }
func (o *openFile) Unlock(vfs.LockLevel) error                      { return nil }
func (o *openFile) CheckReservedLock() (bool, error)                { return false, nil }
func (o *openFile) SectorSize() int                                 { return sector }
func (o *openFile) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }

// forgetful is the connection of the driver whose disks can be made in Go.
type forgetful struct {
	*sqlite3.Conn
	d *disk
}

func (c forgetful) Late(on bool) (owed bool) {
	owed, c.d.owed, c.d.late = c.d.owed, false, on
	return owed
}

func (c forgetful) SyncLog() error {
	for name, f := range c.d.files {
		if f.log {
			return (&openFile{c.d, c.d.files[name]}).sync()
		}
	}
	return nil
}

func (c forgetful) Changes() int { return int(c.Conn.Changes()) }

func (c forgetful) Prepare(query string) (statement, error) {
	s, _, err := c.Conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	return &forgetfulStatement{Stmt: s}, nil
}

type forgetfulStatement struct {
	*sqlite3.Stmt
	bad error
}

func (s *forgetfulStatement) note(err error) {
	if err != nil {
		s.bad = err
	}
}

func (s *forgetfulStatement) BindBytes(param int, v []byte) {
	if len(v) == 0 {
		s.note(s.BindZeroBlob(param, 0))
		return
	}
	s.note(s.BindBlob(param, v))
}
func (s *forgetfulStatement) BindInt64(param int, v int64)      { s.note(s.Stmt.BindInt64(param, v)) }
func (s *forgetfulStatement) BindText(param int, v string)      { s.note(s.Stmt.BindText(param, v)) }
func (s *forgetfulStatement) BindNull(param int)                { s.note(s.Stmt.BindNull(param)) }
func (s *forgetfulStatement) ColumnLen(col int) int             { return len(s.ColumnRawBlob(col)) }
func (s *forgetfulStatement) ColumnIsNull(col int) bool         { return s.ColumnType(col) == sqlite3.NULL }
func (s *forgetfulStatement) ColumnBytes(col int, b []byte) int { return copy(b, s.ColumnRawBlob(col)) }

func (s *forgetfulStatement) Step() (bool, error) {
	if s.bad != nil {
		return false, s.bad
	}
	return s.Stmt.Step(), s.Err()
}

var disks atomic.Uint64

// on opens a database on a disk as the store does, but alone, so that it needs no shared memory.
func (d *disk) on(synchronous string) (*tables, func(), error) {
	name := fmt.Sprint("disk", disks.Add(1))
	vfs.Register(name, d)
	c, err := sqlite3.Open("file:/town.db?vfs=" + name)
	if err != nil {
		vfs.Unregister(name)
		return nil, nil, err
	}
	end := func() {
		c.Close()
		vfs.Unregister(name)
	}
	t := newTables(forgetful{c, d})
	for _, p := range append([]string{"locking_mode=EXCLUSIVE"}, pragmas(writerCache)...) {
		if err := t.once("PRAGMA " + strings.Replace(p, "synchronous=FULL", "synchronous="+synchronous, 1)); err != nil {
			end()
			return nil, nil, err
		}
	}
	return t, end, nil
}

// contents is a hash of each table, row by row.
func (t *tables) contents() (map[string]string, error) {
	var names []string
	if err := t.each(func(s statement) error { names = append(names, s.ColumnText(0)); return nil },
		"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, name := range names {
		columns, err := t.number(fmt.Sprintf("SELECT count(*) FROM pragma_table_info('%s')", name))
		if err != nil {
			return nil, err
		}
		h, rows := sha256.New(), 0
		if err := t.each(func(s statement) error {
			rows++
			for c := range int(columns) {
				b := column(s, c)
				fmt.Fprintf(h, "%v %d %d:", s.ColumnIsNull(c), s.ColumnInt64(c), len(b))
				h.Write(b)
			}
			return nil
		}, "SELECT * FROM "+name+" ORDER BY 1"+strings.Repeat(", 2", int(min(columns-1, 1)))); err != nil {
			return nil, err
		}
		all[name] = fmt.Sprintf("%d rows %x", rows, h.Sum(nil)[:6])
	}
	return all, nil
}

// blackout is one town that loses its power.
type blackout struct {
	r       *rand.Rand
	seal    *Store // for sealing alone
	version [12]uint64
	erased  [12]bool
	claims  int
	later   []*job   // turns whose media was laid down by the batch before
	merges  []*job   // merges whose media was laid down anew by the batch before
	waits   [12]bool // whose they are
	hasty   bool     // it tells people before the disk has it
}

func newBlackout(seed uint64, keys *store.Keys) *blackout {
	return &blackout{r: rand.New(rand.NewPCG(seed, 7)), seal: &Store{secrets: keys, keys: &keyring{}}}
}

func (b *blackout) number(tag byte, i int, n uint64) (id [16]byte) {
	id[0], id[1] = tag, byte(i)
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// batch makes up to six jobs: turns with all that a turn can write, a sender's, now and then an erasure or a piece of a sweep.
func (b *blackout) batch(t testing.TB, now *tables) (batch []*job) {
	batch, merges, busy := b.later, b.merges, b.waits
	b.later, b.merges, b.waits = nil, nil, [12]bool{}
	for range 1 + b.r.IntN(6) {
		switch b.r.IntN(15) {
		case 4: // one turns out to be another
			i, was := b.r.IntN(len(b.version)), b.r.IntN(len(b.version))
			if i == was || busy[i] || busy[was] || b.erased[i] || b.erased[was] || b.version[i] == 0 || b.version[was] == 0 || b.r.IntN(3) > 0 {
				continue
			}
			busy[i], busy[was], b.waits[i], b.erased[was] = true, true, true, true
			parts, merge := b.merge(t, now, i, was)
			batch, b.merges = append(batch, parts...), append(b.merges, merge)
		case 0: // the sender claims what there is and says what came of it
			b.claims++
			at := noon.Add(time.Duration(b.claims) * time.Minute)
			state := []store.MessageState{store.Sent, store.Queued, store.Unsure, store.Dead}[b.r.IntN(4)]
			batch = append(batch, &job{do: func(w *tables) error {
				c := claim{t: w, now: sealing.Stamp(at), until: sealing.Stamp(at.Add(time.Minute)), n: 3}
				if err := c.take(store.Want{Channels: []string{"sms"}, Class: sealing.LeastUrgent}); err != nil {
					return err
				}
				for i := range c.taken[:len(c.taken)/2] {
					if err := w.settle(sealing.Stamp(at), &store.Settled{ID: c.taken[i].ID, State: state, Receipt: "SM", Retry: at}); err != nil {
						return err
					}
				}
				return nil
			}})
		case 1:
			if i := b.r.IntN(len(b.version)); b.r.IntN(4) == 0 && !b.erased[i] {
				b.erased[i] = true
				r := store.Resident(b.number('r', i, 0))
				batch = append(batch, &job{do: func(w *tables) error { return w.erase(r, noon) }})
			}
		case 2:
			batch = append(batch, &job{do: func(w *tables) error { _, err := w.dropPart(1); return err }})
		case 3:
			batch = append(batch, &job{do: func(w *tables) error { return w.loosen(overdue, noon) }})
		default:
			i := b.r.IntN(len(b.version))
			if b.erased[i] || b.waits[i] {
				continue
			}
			busy[i] = true
			v := b.version[i]
			parts, turn := b.turn(t, i)
			b.lookBefore(t, now, turn, v)
			if len(parts) == 0 {
				batch = append(batch, turn)
				continue
			}
			b.waits[i] = true
			batch, b.later = append(batch, parts...), append(b.later, turn)
		}
	}
	// After a merge what was sealed before it is computed anew, so it comes last.
	return append(batch, merges...)
}

// lookBefore lets some turns know their row, as it was when they were read: of those that aren't the resident's first in a batch, as it isn't any more.
func (b *blackout) lookBefore(t testing.TB, now *tables, turn *job, version uint64) {
	if version == 0 || b.r.IntN(4) == 0 {
		return
	}
	o := &turn.turn
	if _, err := now.one(func(s statement) error { o.before, o.known = column(s, 2), true; return nil }, selectRow, rowOf(o.change.Resident)); err != nil {
		o.known = false // the power is off
	}
}

// merge returns the turn, and what lays down the media before that is read from now.
func (b *blackout) merge(t testing.TB, now *tables, i, was int) (parts []*job, turn *job) {
	_, turn = b.turn(t, i)
	c := turn.turn.change
	c.Media, turn.turn.media = nil, nil
	c.Merged = &store.Merged{Resident: b.number('r', was, 0), Read: b.version[was]}
	g := &merging{}
	g.key, _ = b.seal.keys.get(c.Resident)
	g.theirs, _ = b.seal.keys.get(c.Merged.Resident)
	turn.turn.merge = g
	if err := g.prepare(c, func(do func(*tables) error) error { return do(now) }, func(do func(*tables) error) error {
		parts = append(parts, &job{do: do})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return parts, turn
}

// turn returns the turn, and what lays down its media before.
func (b *blackout) turn(t testing.TB, i int) (parts []*job, turn *job) {
	v := b.version[i]
	b.version[i]++
	r := store.Resident(b.number('r', i, 0))
	c := &store.Change{Resident: r, Read: v, At: noon, State: fmt.Appendf(nil, "%0*d", 100+b.r.IntN(800), v), Reply: fmt.Append(nil, "reply ", v)}
	id := b.number('m', i, v)
	copy(c.Inbound[:], id[8:])
	c.Inbound[0], c.Inbound[1] = 'm', byte(i)
	c.Timers = []store.Timer{{Name: "remind", At: noon.Add(time.Duration(v) * time.Minute)}}
	reference := fmt.Sprint("R-", i)
	if v == 0 {
		c.Link = []store.Address{{Key: b.number('a', i, 0), Kind: "tel", Address: "+1555"}}
		c.Requests = []store.RequestEvent{{Reference: reference, Kind: store.Opened, At: noon, Resident: r, Personal: []byte("name"), Status: "open"}}
	} else if v%4 == 3 {
		c.Requests = []store.RequestEvent{{Reference: reference, Kind: store.Joined, At: noon, Resident: r}}
	}
	if v%3 == 1 {
		c.Responses = []store.Response{{ID: b.number('p', i, v), Poll: "p", At: noon, Record: []byte("record")}}
		m := store.Message{ID: b.number('o', i, v), Channel: "sms", Kind: "tel", Due: noon, Body: []byte("body"), Weight: int(v % 4)}
		if v%2 == 0 {
			m.Class, m.Until = 1, noon.Add(time.Hour)
		}
		c.Outbox = []store.Message{m}
	}
	c.Heard = v%4 == 3
	if v%5 == 2 {
		c.Ballots = []store.Ballot{{Poll: "q", Voter: b.number('v', i, v), ID: b.number('b', i, v*0x9e3779b97f4a7c15), Day: "2027-03-15", Linked: v%2 == 0}}
		c.Consents = []store.Consent{{ID: b.number('c', i, v), Yes: true, At: noon}}
		c.OptOuts = []store.OptOut{{Address: b.number('a', i, 0), Out: v%4 == 0, At: noon}}
		c.Untimers = []string{"expire"}
	}
	if v%4 == 2 {
		c.Marks = []store.Mark{{Poll: "q", Voter: b.number('w', i, v)}}
		c.Letters = []store.Letter{{ID: b.number('l', i, v), At: noon, Words: "words"}}
		c.Case = &store.Case{State: []store.CaseState{store.Waiting, store.Taken, store.Closed}[v/4%3], Since: noon, Last: noon, Unread: int(v)}
	}
	switch v % 7 {
	case 3, 4:
		m := store.Media{ID: b.number('s', i, v), Type: "audio/ogg", Bytes: make([]byte, 1+b.r.IntN(4000)), At: noon}
		if v%7 == 4 {
			m.Until = noon
			m.Bytes = make([]byte, partSize+1)
		}
		c.Media = []store.Media{m}
	case 5:
		c.Unmedia = [][16]byte{b.number('s', i, v-2)}
	}
	j := &job{}
	key, err := b.seal.sealTurn(t.Context(), &j.turn, c)
	if err != nil {
		t.Fatal(err)
	}
	b.seal.keys.put(r, key, j.turn.epoch)
	if err := j.turn.layDown(key, func(do func(*tables) error) error {
		parts = append(parts, &job{do: do})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return parts, j
}

type verdict int

const (
	survived verdict = iota
	lostTurns
	brokenFile
	halfApplied
)

// run talks until the power fails, and compares what is found then with a twin that never failed: it holds all that was
// acknowledged and, whole or not at all, the transaction that was under way.
func (b *blackout) run(t testing.TB, start *disk, synchronous string) (verdict, string) {
	d := start.allSynced()
	w, end, err := d.on(synchronous)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		d.cut = 0
		end()
	}()
	twin, endTwin, err := start.allSynced().on("OFF")
	if err != nil {
		t.Fatal(err)
	}
	defer endTwin()
	worlds := []map[string]string{}
	remember := func() {
		c, err := twin.contents()
		if err != nil {
			t.Fatal(err)
		}
		worlds = append(worlds, c)
	}
	d.cut = d.ops + 3 + b.r.IntN(700)
	var waiting [][]*job // committed, or the one that couldn't be, and not acknowledged
	acknowledged := 0
	acknowledge := func() {
		for _, batch := range waiting {
			acknowledged++
			if _, err := twin.transaction(batch, b.seal.keys, false); err != nil {
				t.Fatal(err)
			}
			if synchronous != "FULL" && acknowledged%4 == 0 {
				remember() // to tell what was lost from what was torn
			}
		}
		waiting = nil
	}
	owes := false
	synced := func() bool {
		if owes && !b.hasty && w.SyncLog() != nil {
			return false
		}
		owes = false
		acknowledge()
		return true
	}
	for !d.dead() {
		switch b.r.IntN(8) {
		case 0:
			w.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")
		case 1:
			w.checkpoint("PRAGMA wal_checkpoint(RESTART)")
		case 2:
			w.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
		}
		// As unsynced has it: the next are written while the disk works, and what moves somebody waits until it has all.
		batch := b.batch(t, w)
		late := !moves(batch) && b.r.IntN(4) > 0
		if (!late || len(waiting) == mostUnsynced) && !synced() {
			waiting = append(waiting, batch)
			break
		}
		waiting = append(waiting, batch)
		owed, err := w.transaction(batch, b.seal.keys, late)
		if err != nil {
			break
		}
		if owes = owes || owed; !owes || b.r.IntN(3) == 0 {
			synced()
		}
	}
	remember()
	told := len(worlds) - 1 // the world of all that was acknowledged
	for _, batch := range waiting {
		if _, err := twin.transaction(batch, b.seal.keys, false); err != nil {
			t.Fatal(err)
		}
		remember()
	}

	after := d.afterPowerLoss(b.r)
	found, end2, err := after.on("FULL")
	if err != nil {
		return brokenFile, err.Error()
	}
	defer end2()
	ok := ""
	if _, err := found.one(func(s statement) error { ok = s.ColumnText(0); return nil }, "PRAGMA integrity_check"); err != nil || ok != "ok" {
		return brokenFile, fmt.Sprint(ok, err)
	}
	got, err := found.contents()
	if err != nil {
		return brokenFile, err.Error()
	}
	same := func(a map[string]string) bool { return fmt.Sprint(a) == fmt.Sprint(got) }
	if slices.ContainsFunc(worlds[told:], same) {
		return b.goesOn(t, found, waiting, worlds[len(worlds)-1])
	}
	versions, err := found.number("SELECT sum(version) FROM conversation")
	if err != nil {
		return brokenFile, err.Error()
	}
	before, err := twin.number("SELECT sum(version) FROM conversation")
	if err != nil {
		t.Fatal(err)
	}
	if versions < before {
		return lostTurns, fmt.Sprintf("%d of about %d turns are left", versions, before)
	}
	return halfApplied, fmt.Sprintf("found %v, acknowledged %v", got, worlds[told])
}

// goesOn repeats the turns that were under way, as providers do: each is applied once by then.
func (b *blackout) goesOn(t testing.TB, found *tables, waiting [][]*job, want map[string]string) (verdict, string) {
	if slices.ContainsFunc(slices.Concat(waiting...), func(j *job) bool { return j.do != nil }) {
		return survived, "" // a sender or an erasure isn't repeated with the same words
	}
	for _, batch := range waiting {
		if _, err := found.transaction(batch, b.seal.keys, false); err != nil {
			return brokenFile, err.Error()
		}
	}
	got, err := found.contents()
	if err != nil {
		return brokenFile, err.Error()
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return halfApplied, fmt.Sprintf("after repeating: found %v, want %v", got, want)
	}
	return survived, ""
}

// blankTown is a disk with a migrated database.
func blankTown(t testing.TB, keys *store.Keys) *disk {
	d := newDisk()
	w, end, err := d.on("FULL")
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for _, err := range []error{w.recent(), w.migrate(), w.fits(keys)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d.allSynced()
}

// powerLosses runs seeds on all processors, and returns how many ended how.
func powerLosses(t testing.TB, n int, synchronous string, hasty bool, enough func(map[verdict]int) bool) (map[verdict]int, string) {
	keys := testKeys(t)
	start := blankTown(t, keys)
	var mu sync.Mutex
	count, first := map[verdict]int{}, ""
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				mu.Lock()
				stop := i >= n || enough(count)
				mu.Unlock()
				if stop {
					return
				}
				seed := *firstSeed + uint64(i)
				b := newBlackout(seed, keys)
				b.hasty = hasty
				v, why := b.run(t, start, synchronous)
				mu.Lock()
				count[v]++
				if v != survived && first == "" {
					first = fmt.Sprintf("seed %d: %s", seed, why)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return count, first
}

// TestPowerLoss: nothing that was acknowledged is lost, and nothing is there by half, wherever the power fails.
func TestPowerLoss(t *testing.T) {
	count, first := powerLosses(t, *seeds, "FULL", false, func(map[verdict]int) bool { return false })
	if count[survived] != *seeds {
		t.Fatalf("of %d power losses %d lost acknowledged turns, %d broke the file, %d left something by half; %s",
			*seeds, count[lostTurns], count[brokenFile], count[halfApplied], first)
	}
}

// TestPowerLossIsSeen is the control: with synchronous=NORMAL acknowledged turns are lost, and where people are told before the disk
// has what was put off, and the test above would say so.
func TestPowerLossIsSeen(t *testing.T) {
	for _, c := range []struct {
		synchronous string
		hasty       bool
	}{{"NORMAL", false}, {"FULL", true}} {
		count, _ := powerLosses(t, 200, c.synchronous, c.hasty, func(c map[verdict]int) bool { return c[lostTurns] >= 3 })
		if count[lostTurns] < 3 {
			t.Fatalf("%+v wasn't caught losing turns: %v", c, count)
		}
	}
}

// TestPowerLossWhileMigrating: the schema is there whole or not at all, and is made again.
func TestPowerLossWhileMigrating(t *testing.T) {
	keys := testKeys(t)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 8))
		d := newDisk()
		d.cut = 1 + r.IntN(120)
		w, end, err := d.on("FULL")
		if err == nil {
			err = errors.Join(w.migrate(), w.fits(keys))
			d.cut = 0
			end()
		}
		after := d.afterPowerLoss(r)
		w, end, err2 := after.on("FULL")
		if err2 != nil {
			t.Fatalf("seed %d: %v (before: %v)", seed, err2, err)
		}
		if err := errors.Join(w.migrate(), w.fits(keys)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		end()
	}
}
