package smpp

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/townline/townline/channels/sealed"
)

// quarantine keeps PDUs that can't be read for a person to look at, each once, sealed.
type quarantine struct {
	folder sealed.Folder // without a Dir nothing can be kept

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
)

var errUnreadFull = errors.New("too many messages that can't be read wait for a person")

// unreadIn is where they are kept in a town's folder.
func unreadIn(dir string, secret []byte) sealed.Folder {
	f := sealed.Folder{Box: newBox(secret), Ends: ".pdu", About: unreadFolder}
	if dir != "" {
		f.Dir = filepath.Join(dir, unreadFolder)
	}
	return f
}

func openQuarantine(c *Config) (*quarantine, error) {
	q := &quarantine{folder: unreadIn(c.Dir, c.Secret), kept: map[mark]bool{}}
	if c.Dir == "" {
		return q, nil
	}
	names, err := q.folder.Names()
	if err != nil {
		return nil, fmt.Errorf("smpp: %w", err)
	}
	for _, name := range names {
		if b, err := hex.DecodeString(name); err == nil && len(b) == len(mark{}) {
			q.kept[mark(b)] = true
		}
	}
	return q, nil
}

// keep keeps f, unless it came before; fresh says that it didn't. It returns once it is on disk.
func (q *quarantine) keep(f frame, operator string, reason error, now time.Time) (fresh bool, err error) {
	m := q.folder.Box.Mark("unread", []byte(operator), f[4:12], f.body()) // its number may be another when it comes again
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.kept[m]:
		return false, nil
	case q.folder.Dir == "":
		return true, errors.New("there is no folder for it")
	case len(q.kept) >= mostUnread:
		return true, errUnreadFull
	}
	plain, err := json.Marshal(Unread{now.UTC(), operator, reason.Error(), f})
	if err != nil {
		return true, err
	}
	if err := q.folder.Write(hex.EncodeToString(m[:]), plain); err != nil {
		return true, err
	}
	q.kept[m] = true
	return true, nil
}

// ReadUnread opens what is kept in a town's folder, oldest first, by the names of the files.
func ReadUnread(dir string, secret []byte) (all []Unread, names []string, err error) {
	folder := unreadIn(dir, secret)
	files, err := folder.Names()
	if err != nil {
		return nil, nil, err
	}
	type named struct {
		Unread
		name string
	}
	var found []named
	for _, name := range files {
		n := named{name: folder.Path(name)}
		plain, err := folder.Read(name)
		if err == nil {
			err = json.Unmarshal(plain, &n.Unread)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", n.name, err)
		}
		found = append(found, n)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].At.Before(found[j].At) })
	for _, n := range found {
		all, names = append(all, n.Unread), append(names, n.name)
	}
	return all, names, nil
}
