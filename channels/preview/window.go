package preview

import "time"

// window is one page that looks at a person. Two of them have the same phones in hand, as two people with one phone would.
type window struct {
	open int       // requests that wait for news
	last time.Time // when one ended
}

const (
	between     = 3 * time.Second // one request for news and the next
	mostWindows = 100             // of one person
	mostName    = 64              // letters of a page's own name
)

// looks notes that a page waits for news of a number, until what it returns is called.
func (p *Preview) looks(number, name string) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.watched[number]
	w := all[name]
	if w == nil {
		if name == "" || len(name) > mostName {
			return func() {}
		}
		for other, o := range all {
			if o.gone() {
				delete(all, other)
			}
		}
		if len(all) >= mostWindows {
			return func() {}
		}
		w = &window{}
		all[name] = w
	}
	w.open++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		w.open--
		w.last = time.Now()
	}
}

// others says whether another page than this one looks at a number.
func (p *Preview) others(number, name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, w := range p.watched[number] {
		if other != name && !w.gone() {
			return true
		}
	}
	return false
}

func (w *window) gone() bool { return w.open == 0 && time.Since(w.last) > between }
