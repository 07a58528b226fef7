package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/redis"
	"github.com/townline/townline/store/sqlite"
)

// keys looks at the file of the town's keys: what is lost with it is lost for good.
func (d *checkup) keys() {
	if d.c.Store.Keys.IsSet() {
		return
	}
	file := keyFile(d.c)
	stat, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if d.c.Store.Postgres.IsSet() {
			return // the database says whether there should be one
		}
		if _, err := os.Stat(d.c.Store.Path); err == nil {
			d.bad("keys", "There is no key file "+file+", and without it nothing that is kept can be read.", "Put the copy of it back that lies apart from the backups. Don't start the server without: it would make new keys, which fit nothing.")
		}
	case err != nil:
		d.bad("keys", "The key file can't be read: "+err.Error(), "Let the user that the server runs as read it.")
	case stat.Mode().Perm()&0o077 != 0:
		d.bad("keys", "Others on this machine may read the key file "+file+".", "Run: chmod 600 "+file+". If others use this machine, take the keys for known.")
	default:
		if _, err := store.LoadKeys(file, ""); err != nil {
			d.bad("keys", "The key file can't be used: "+err.Error(), "Put the copy of it back that lies apart from the backups.")
		}
	}
}

// keyless says whether there is no key file where one is needed.
func (d *checkup) keyless() bool {
	_, err := os.Stat(keyFile(d.c))
	return errors.Is(err, fs.ErrNotExist) && !d.c.Store.Keys.IsSet()
}

// noKeys tells of a database that holds something, and of which this machine has no keys. Of a file it was told before.
func (d *checkup) noKeys() {
	if d.keyless() && d.c.Store.Postgres.IsSet() {
		d.bad("keys", "There is no key file "+keyFile(d.c)+", and without it nothing that is kept can be read.",
			"Copy it from another server of the town, or from where its copy lies apart from the backups. Don't start this server without.")
	}
}

// unsureOfKeys tells of a file that may be missing, where nobody can say whether there should be one.
func (d *checkup) unsureOfKeys() {
	if d.keyless() && d.c.Store.Postgres.IsSet() {
		d.soon("keys", "There is no key file "+keyFile(d.c)+".", "If this town has kept anything yet, copy it from another server, or from where its copy lies, before this one starts.")
	}
}

// Less than this is little.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
	longLog     = 256 << 20
)

func (d *checkup) disks() {
	for _, f := range writtenTo(d.c) {
		path := nearest(f.path)
		free, all, err := diskSpace(path)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
		case err != nil:
			d.bad("disk", fmt.Sprintf("The folder of %s can't be looked at: %v", f.folder, err), "Make it, and let the user that the server runs as write there.")
		case free < noSpace:
			d.bad("disk", fmt.Sprintf("The disk of %s is full: %s are left.", f.folder, inBytes(free)), "Make room at once: du -x on it shows what is large. Move old backups away. Never delete files that end in -wal or -shm.")
		case free < littleSpace || free < all/10:
			d.soon("disk", fmt.Sprintf("The disk of %s has %s left, of %s.", f.folder, inBytes(free), inBytes(all)), "Make room: du -x on it shows what is large.")
		}
		if err == nil && !writable(path) {
			d.bad("disk", fmt.Sprintf("Nothing can be written where %s is.", f.folder), "Let the user that the server runs as write to "+path+". Run this as that user.")
		}
	}
}

func inBytes(n uint64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GB", n>>30)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// writable tries it, and leaves nothing behind.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".townline-doctor-*")
	if err != nil {
		return false
	}
	_ = f.Close()
	return os.Remove(f.Name()) == nil
}

func (d *checkup) programs(ctx context.Context) {
	if phoned(d.c) || d.c.Pages.Kiosk || d.c.Pages.Web {
		voice, err := audio.FindVoice(ctx, speech(d.c))
		if err != nil {
			d.soon("programs", "Nothing is read aloud but what people recorded: "+err.Error()+".", "Install espeak-ng, lame and opus-tools.")
		} else {
			var mute []string
			for _, lang := range d.c.Town.Languages {
				if !voice.Speaks(lang) {
					mute = append(mute, lang)
				}
			}
			d.recordings(mute, voice)
		}
	}
	if d.c.Kiosk.Printer != "" {
		if _, err := exec.LookPath("lp"); err != nil {
			d.bad("programs", "A printer is set, and there is no program to print with.", "Install cups-client.")
		}
	}
	if d.c.Kiosk.Browser != "" {
		if _, err := exec.LookPath(d.c.Kiosk.Browser); err != nil {
			d.bad("programs", "The browser of the kiosk is not there.", "Install it, or set kiosk.browser to where it is.")
		}
	}
}

// recordings tells the texts that no machine reads aloud and nobody recorded, and those that were recorded for other words.
func (d *checkup) recordings(mute []string, voice *audio.Voice) {
	phrases, set := d.dialogs()
	if set == nil {
		return
	}
	shelf, err := audio.NewShelf(stock(d.c, voice, phrases, set.All()))
	if err != nil {
		d.bad("audio", err.Error(), "Look at audio.dir in the settings.")
		return
	}
	all, err := shelf.Inventory()
	if err != nil {
		d.bad("audio", "The recordings can't be read: "+err.Error(), "Look at audio.dir in the settings.")
		return
	}
	silent, stale := 0, 0
	for _, i := range all.Items {
		if i.State == audio.Silent {
			silent++
		}
		if i.Stale != "" {
			stale++
		}
	}
	if silent > 0 {
		d.soon("audio", fmt.Sprintf("%s can't be read aloud, as there is no voice for: %s.", many(silent, "text", "texts"), strings.Join(mute, ", ")), "townline audio --missing lists them; have them recorded.")
	}
	if stale > 0 {
		d.soon("audio", fmt.Sprintf("%s recorded for other words than stand there now.", many(stale, "text was", "texts were")), "townline audio --missing lists them; have them recorded anew, or accept them.")
	}
}

// dialogs are the town's, nil where there is a problem with them, which was told.
func (d *checkup) dialogs() (*locales.Catalogue, *dialogs.Set) {
	phrases, err := locales.Load()
	if err != nil {
		return nil, nil
	}
	all, err := folders(d.c, nil)
	if err != nil {
		return phrases, nil
	}
	set, problems := all[0].load(d.c, phrases, time.Time{})
	if problems.Errors() && !slices.ContainsFunc(d.findings, func(f finding) bool { return f.About == "dialogs" }) {
		d.bad("dialogs", "A dialog has problems and is not in service.", "townline check shows each with its place, and how to mend it.")
	}
	return phrases, set
}

const certificateSoon = 14 * 24 * time.Hour

// ends tells of a certificate that ends.
func (d *checkup) ends(what string, at time.Time, do string) {
	switch left := at.Sub(d.now); {
	case left <= 0:
		d.bad("certificate", "The certificate "+what+" is over.", do, at)
	case left < certificateSoon:
		d.soon("certificate", fmt.Sprintf("The certificate %s ends in %s, on %s.", what, lasted(left), at.In(d.c.Town.Zone).Format("2 January")), do)
	}
}

func (d *checkup) certificates() {
	if d.c.SIP.Cert == "" {
		return
	}
	do := "Renew it, put it where sip.tls.cert says, and restart the server."
	at, err := certificateEnd(d.c.SIP.Cert)
	if err != nil {
		d.bad("certificate", "The certificate for calls by SIP can't be read: "+err.Error(), "Put it where sip.tls.cert says.")
		return
	}
	d.ends("for calls by SIP", at, do)
}

func (d *checkup) backups() {
	w := d.c.Watch
	if w.Backups == "" {
		d.soon("backups", "Nobody looks whether there are backups.", "Set watch.backups to the folder that townline backup puts them into.")
		return
	}
	newest, err := newestBackup(w.Backups)
	switch {
	case err != nil:
		d.bad("backups", "The folder of the backups can't be read: "+err.Error(), "Make it, or set watch.backups to where they are.")
	case newest.IsZero():
		d.bad("backups", "There is no backup in "+w.Backups+".", "Make one: townline backup, and a new name in that folder. Have it done every day.")
	case d.now.Sub(newest) > w.Every:
		d.bad("backups", "The newest backup is "+lasted(d.now.Sub(newest))+" old.", "Make one by hand: townline backup, and read what it says. Then mend what should do it by itself.", newest)
	}
}

// skewMost is how far two clocks may be apart.
const skewMost = 5 * time.Second

// clock compares the machine's clock with another's.
func (d *checkup) clock(other time.Time, whose string, most time.Duration) {
	apart := time.Since(other)
	way := "ahead of"
	if apart < 0 {
		apart, way = -apart, "behind"
	}
	if apart > most {
		d.bad("clock", fmt.Sprintf("The clock of this machine is %d seconds %s that of %s.", int(apart.Seconds()), way, whose), "Set both by the network: timedatectl set-ntp true.")
	}
}

func (d *checkup) redis(ctx context.Context) {
	if !d.c.Redis.IsSet() {
		return
	}
	at, err := redis.Look(ctx, d.c.Redis.Reveal())
	alone := " Each server goes on by itself; nothing is lost meanwhile."
	switch said := fmt.Sprint(err); {
	case err == nil:
		d.clock(at, "Redis", skewMost)
	case errors.Is(err, redis.ErrReplica):
		d.bad("redis", "The Redis in redis.url is a replica: nothing can be written there."+alone, "Name the one that it follows; where Sentinels choose, name them: redis://HOST:26379?sentinel=NAME.")
	case strings.Contains(said, "NOAUTH"), strings.Contains(said, "WRONGPASS"), strings.Contains(said, "invalid password"), strings.Contains(said, "invalid username-password"):
		d.bad("redis", "Redis doesn't know the password in redis.url."+alone, "Set the right one, in the environment: TOWNLINE_REDIS_URL.")
	case strings.Contains(said, "NOPERM"):
		d.bad("redis", "The user in redis.url may not do what townline needs."+alone, "store/redis/README.md says what it must be allowed.")
	case strings.Contains(said, "LOADING"):
		d.soon("redis", "Redis is starting."+alone, "Wait until it's there.")
	case strings.Contains(said, "unknown command"):
		d.bad("redis", "What answers at redis.url is no Redis that keeps anything; a Sentinel, perhaps."+alone, "Name Redis itself, or say that they are Sentinels: redis://HOST:26379?sentinel=NAME.")
	case strings.Contains(said, "can't parse"), strings.Contains(said, "invalid reply"):
		d.bad("redis", "What answers at redis.url is no Redis."+alone, "Set redis.url to where Redis is.")
	default:
		d.bad("redis", "Redis doesn't answer."+alone, "Start it, or set redis.url to where it is.")
	}
}

// store looks at the database before it opens it: opening would bring its schema up to date.
func (d *checkup) store(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	var at, newest int
	var err error
	if d.c.Store.Postgres.IsSet() {
		var seen postgres.Seen
		seen, err = postgres.Look(ctx, d.c.Store.Postgres.Reveal())
		at, newest = seen.Schema, seen.Newest
		if err == nil {
			d.clock(seen.Clock, "the database", skewMost)
		}
		if err == nil && seen.Standby {
			d.bad("store", "The database is a standby: nothing can be kept there.", "Promote it, or name the primary in store.url; several hosts may stand there, with commas between.")
			return
		}
	} else {
		if _, gone := os.Stat(d.c.Store.Path); errors.Is(gone, fs.ErrNotExist) {
			d.soon("store", "There is no store at "+d.c.Store.Path+" yet.", "The first start of the server makes it. If there was one, store.url points elsewhere: don't start the server before that is clear.")
			return
		}
		at, newest, err = sqlite.Schema(d.c.Store.Path)
	}
	switch {
	case errors.Is(err, store.ErrNewer):
		d.noKeys()
		d.bad("store", "The store was written by a newer townline than this one.", "Run the newer one. Going back needs a backup that was made before.")
		return
	case err != nil:
		d.unsureOfKeys()
		d.bad("store", "The store doesn't answer: "+plainly(err), "Is the database running, and is store.url right? For a file: is the disk full, and may this user read and write it?")
		return
	case at == 0 && d.c.Store.Postgres.IsSet():
		d.soon("store", "The database is empty.", "The first start of the server prepares it.")
		if d.keyless() {
			d.soon("keys", "There are no keys yet: the first start of a server makes the file "+keyFile(d.c)+".",
				"Let one server start first; then copy the file to the others, and a copy away from the backups, before they start.")
		}
		return
	case at > newest:
		d.soon("store", fmt.Sprintf("The store is at step %d, this townline knows %d: a newer townline has prepared it, and leaves this one at work.", at, newest), "Bring this server up to date as well.")
	case at < newest:
		d.noKeys()
		d.soon("store", fmt.Sprintf("The store is at step %d of %d: this townline is newer than the one that ran last.", at, newest), "Make a backup, then restart the server with this one: it brings the store up to date by itself.")
		return
	}
	if d.keyless() {
		d.noKeys()
		return // opening would say the same
	}
	s, _, err := d.open(d.c, false)
	switch {
	case errors.Is(err, store.ErrKeys):
		d.bad("keys", "The keys are not those of this store.", "Put the right key file where store.key_file says. The store is unharmed.")
		return
	case err != nil:
		d.bad("store", "The store can't be opened: "+plainly(err), "The sentence before says what is in the way.")
		return
	}
	defer s.Close()
	d.inside(ctx, s)
}

// plainly is an error in one line.
func plainly(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSuffix(text, ".") + "."
}

func (d *checkup) inside(ctx context.Context, s store.Store) {
	if err := s.Ping(ctx); err != nil {
		d.bad("store", "Nothing can be written to the store: "+plainly(err), "Is the disk full, or mounted read-only? After a failed disk restart the server.")
		return
	}
	if log, err := os.Stat(d.c.Store.Path + "-wal"); err == nil && !d.c.Store.Postgres.IsSet() && log.Size() > longLog {
		d.soon("store", fmt.Sprintf("The store's log has grown to %s.", inBytes(uint64(log.Size()))), "Something holds the file open and reads: fuser -v "+d.c.Store.Path+" shows what. End it.")
	}
	d.part("outbox", func() { d.waiting(ctx, s) })
	d.part("desk", func() { d.desks(ctx, s) })
	d.part("consultations", func() { d.polls(ctx, s) })
}

// pollMost is how long after the end of a consultation its links may be there.
const pollMost = 10 * time.Minute

// polls finds confidential consultations that are over and that no server has closed: the server destroys the links between residents
// and ballots at once when it runs.
func (d *checkup) polls(ctx context.Context, s store.Store) {
	if d.running {
		return // it closes them, or RemindersAreLate
	}
	_, set := d.dialogs()
	if set == nil {
		return
	}
	all := set.All()
	if retired, err := exchange.NewCatalogue(s, exchange.SystemClock{}).Retired(ctx); err == nil {
		all = append(slices.Clone(all), retired...)
	}
	for _, one := range all {
		if one.Purpose == dialogs.Consultation && one.Secrecy == dialogs.Confidential && !one.Closes.IsZero() && d.now.Sub(one.Closes) > pollMost {
			if stats, err := s.Stats(ctx); err == nil && stats.Ballots > 0 {
				d.bad("consultations", fmt.Sprintf("The consultation %q is over, and the links between residents and ballots may still be there.", one.ID), "Start the server: it destroys them at once.", one.Closes)
			}
		}
	}
}
