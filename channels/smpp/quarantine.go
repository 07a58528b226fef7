package smpp

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"
)

// quarantine keeps PDUs that can't be read for a person to look at, each once, sealed.
type quarantine struct {
	box    box
	folder string // "": nothing can be kept

	mu   sync.Mutex
	kept map[mark]bool
}

// Unread is a PDU that could not be read, as it is kept.
type Unread struct {
	At       time.Time `json:"at"`
	Operator string    `json:"operator"`
	Reason   string    `json:"reason"`
	PDU      []byte    `json:"pdu"`
}

const (
	mostUnread   = 1000 // files: beyond that the phone company is told to come again
	unreadFolder = "unread"
	unreadEnd    = ".pdu"
)

var errUnreadFull = errors.New("too many messages that can't be read wait for a person")

func openQuarantine(c *Config) (*quarantine, error) {
	q := &quarantine{box: newBox(c.Secret), kept: map[mark]bool{}}
	if c.Dir == "" {
		return q, nil
	}
	q.folder = filepath.Join(c.Dir, unreadFolder)
	if err := os.MkdirAll(q.folder, 0o700); err != nil {
		return nil, fmt.Errorf("smpp: %w", err)
	}
	all, err := os.ReadDir(q.folder)
	if err != nil {
		return nil, fmt.Errorf("smpp: %w", err)
	}
	for _, f := range all {
		name, ok := strings.CutSuffix(f.Name(), unreadEnd)
		if b, err := hex.DecodeString(name); ok && err == nil && len(b) == len(mark{}) {
			q.kept[mark(b)] = true
		}
	}
	return q, nil
}

// keep keeps f, unless it came before; fresh says that it didn't. It returns once it is on disk.
func (q *quarantine) keep(f frame, operator string, reason error, now time.Time) (fresh bool, err error) {
	m := q.box.mark("unread", []byte(operator), f[4:12], f.body()) // its number may be another when it comes again
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.kept[m]:
		return false, nil
	case q.folder == "":
		return true, errors.New("there is no folder for it")
	case len(q.kept) >= mostUnread:
		return true, errUnreadFull
	}
	plain, err := json.Marshal(Unread{now.UTC(), operator, reason.Error(), f})
	if err != nil {
		return true, err
	}
	name := filepath.Join(q.folder, hex.EncodeToString(m[:])+unreadEnd)
	if err := writeWhole(name, q.box.seal(plain, unreadFolder)); err != nil {
		return true, err
	}
	q.kept[m] = true
	return true, nil
}

// writeWhole writes a file whole or not at all.
func writeWhole(name string, octets []byte) error {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(octets)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(name))
}

// ReadUnread opens what is kept in a town's folder, oldest first, by the names of the files.
func ReadUnread(dir string, secret []byte) (all []Unread, names []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, unreadFolder, "*"+unreadEnd))
	if err != nil {
		return nil, nil, err
	}
	type named struct {
		Unread
		name string
	}
	var found []named
	b := newBox(secret)
	for _, name := range files {
		sealed, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		plain, err := b.open(sealed, unreadFolder)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		n := named{name: name}
		if err := json.Unmarshal(plain, &n.Unread); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, n)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].At.Before(found[j].At) })
	for _, n := range found {
		all, names = append(all, n.Unread), append(names, n.name)
	}
	return all, names, nil
}
