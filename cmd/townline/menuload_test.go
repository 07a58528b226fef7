package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	menus = flag.Int("menus", 50, "how many phones use a menu at the same time in TestManyMenus")
	think = flag.Duration("think", 20*time.Millisecond, "how long each thinks about a screen, on average")
	round = flag.Int("rounds", 1, "how many whole dialogs each of them holds, one after the other")
)

// menuUser is a phone that reports a street light, behind a gateway that tells all that was keyed each time.
type menuUser struct {
	client  *http.Client
	url     string
	number  string
	session string
	keyed   string
	took    []time.Duration
	again   int // how often it was asked to dial again
}

var reported = regexp.MustCompile(`Your report number is ([0-9-]+)`)

// holds goes through the whole dialog and returns the number of the report.
func (u *menuUser) holds(session string) (string, error) {
	u.session, u.keyed = session, ""
	screen, err := u.asks()
	for range 60 {
		if err != nil {
			return "", err
		}
		if strings.Contains(screen, "dial again") { // the machine was too busy to answer in time
			u.again++
			time.Sleep(time.Duration(rand.Float64() * float64(time.Second)))
			u.session, u.keyed = fmt.Sprintf("%s-again-%d", session, u.again), ""
			screen, err = u.asks()
			continue
		}
		if m := reported.FindStringSubmatch(screen); m != nil && strings.HasPrefix(screen, "END ") {
			return m[1], nil
		}
		if !strings.HasPrefix(screen, "CON ") {
			return "", errors.New("it ended with: " + screen)
		}
		time.Sleep(time.Duration((0.5 + rand.Float64()) * float64(*think)))
		screen, err = u.keys(screen)
	}
	return "", errors.New("it never ends: " + screen)
}

// keys answers a screen.
func (u *menuUser) keys(screen string) (string, error) {
	key := "1"
	switch {
	case strings.Contains(screen, "1 Go on"):
	case strings.Contains(screen, "What can we do"):
		key = "8"
		if m := regexp.MustCompile(`(\d) Report a street problem`).FindStringSubmatch(screen); m != nil {
			key = m[1]
		}
	case strings.Contains(screen, "Is it one of these"): // somebody else's light
		key = "8"
		if m := regexp.MustCompile(`(\d) None`).FindStringSubmatch(screen); m != nil {
			key = m[1]
		}
	case strings.Contains(screen, "landmark close by?") && !strings.Contains(screen, "check your answers"):
		key = "12 Oak Street"
	case strings.Contains(screen, "in a few words.") || strings.Contains(screen, "text it to"):
		key = "The light is out."
	case strings.Contains(screen, "8 more") && !strings.Contains(screen, "1 Street light"):
		key = "8"
	}
	if u.keyed != "" {
		u.keyed += "*"
	}
	u.keyed += key
	return u.asks()
}

func (u *menuUser) asks() (string, error) {
	form := url.Values{"sessionId": {u.session}, "serviceCode": {"*384*123#"}, "phoneNumber": {u.number}, "networkCode": {"310260"}, "text": {u.keyed}}
	begun := time.Now()
	resp, err := u.client.PostForm(u.url, form)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	u.took = append(u.took, time.Since(begun))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

// TestManyMenus has many phones go through a whole dialog at the same time, by a gateway, against the built program. Every
// report must be there once, with the number that was shown. With -menus 1000 -think 1500ms it is the load that menus are
// built for; it prints how long screens took.
func TestManyMenus(t *testing.T) {
	const key = "0123456789abcdef"
	p := newPlace(t)
	p.env = append(p.env, "TOWNLINE_USSD_GATEWAYS=africastalking code=*384*123#", "TOWNLINE_USSD_SECRETS=africastalking="+key, "TOWNLINE_LOG_LEVEL=warn")
	r := p.serve("--preview", "off")
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConns: *menus, MaxIdleConnsPerHost: *menus, MaxConnsPerHost: *menus}}
	var mu sync.Mutex
	var took []time.Duration
	numbers, again := map[string]int{}, 0
	begun := time.Now()
	var all sync.WaitGroup
	for i := range *menus {
		all.Go(func() {
			u := &menuUser{client: client, url: r.url + "/ussd/africastalking/" + key, number: fmt.Sprintf("+1202%07d", 5550000+i)}
			time.Sleep(time.Duration(rand.Float64() * float64(*think))) // they don't dial in the same moment
			for n := range *round {
				number, err := u.holds(fmt.Sprintf("session-%d-%d", i, n))
				if err != nil {
					t.Errorf("phone %d: %v", i, err)
					return
				}
				mu.Lock()
				numbers[number]++
				mu.Unlock()
			}
			mu.Lock()
			took = append(took, u.took...)
			again += u.again
			mu.Unlock()
		})
	}
	all.Wait()
	length := time.Since(begun)
	if len(took) == 0 {
		t.Fatalf("nobody got to the end: %s", r.errs)
	}
	slices.Sort(took)
	memory, own := megabytes(t, r.cmd.Process.Pid)
	t.Logf("%d phones, %d screens in %.1f s: %.0f a second; p50 %.1f ms, p99 %.1f ms, longest %.1f ms; %d were asked to dial again; %.0f MB, %.0f of them its own", *menus, len(took), length.Seconds(),
		float64(len(took))/length.Seconds(), ms(took, 50), ms(took, 99), ms(took, 100), again, memory, own)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if p := r.cmd.ProcessState; p != nil {
		t.Logf("the town took %.2f ms of a processor a screen", (p.UserTime()+p.SystemTime()).Seconds()*1000/float64(len(took)))
	}
	if len(numbers) != *menus**round {
		t.Errorf("%d phones left %d numbers", *menus, len(numbers))
	}
	list := p.run("", "requests", "list", "--json", "--most", fmt.Sprint(2**menus**round))
	if list.status != 0 {
		t.Fatal(list.err)
	}
	for number := range numbers {
		if n := strings.Count(list.out, `"`+number+`"`); n != 1 {
			t.Errorf("%s is there %d times", number, n)
		}
	}
}
