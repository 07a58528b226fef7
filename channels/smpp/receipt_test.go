package smpp

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
)

func TestReceipts(t *testing.T) {
	const text = "id:0123456789 sub:001 dlvrd:001 submit date:1503011200 done date:1503011201 stat:%s err:%s text:id:9 stat:UNDELIV"
	for _, c := range []struct {
		name  string
		m     sm
		ids   IDs
		id    string // "": nothing is reported
		state channels.DeliveryState
		code  string
	}{
		{"delivered", sm{class: 4, words: fmt.Sprintf(text, "DELIVRD", "000")}, SameIDs, "0123456789", channels.Arrived, ""},
		{"failed", sm{class: 4, words: fmt.Sprintf(text, "UNDELIV", "075")}, SameIDs, "0123456789", channels.Failed, "undeliv 075"},
		{"expired", sm{class: 4, words: fmt.Sprintf(text, "EXPIRED", "000")}, SameIDs, "0123456789", channels.Failed, "expired"},
		{"on its way", sm{class: 4, words: fmt.Sprintf(text, "ENROUTE", "000")}, SameIDs, "0123456789", channels.OnItsWay, ""},
		{"nobody knows", sm{class: 4, words: fmt.Sprintf(text, "UNKNOWN", "000")}, SameIDs, "", 0, ""},
		{"small letters, another order", sm{class: 4, words: "stat:delivrd ID:7f"}, SameIDs, "7f", channels.Arrived, ""},
		{"in parameters", sm{class: 4, parameters: []parameter{{tagReceiptedID, []byte("abc\x00")}, {tagMessageState, []byte{2}}}}, SameIDs, "abc", channels.Arrived, ""},
		{"in parameters, said to be a message", sm{parameters: []parameter{{tagReceiptedID, []byte("abc\x00")}, {tagMessageState, []byte{5}}, {tagNetworkError, []byte{3, 0, 27}}}}, SameIDs, "abc", channels.Failed, "network 27"},
		{"the parameter for which, the text for what", sm{class: 4, words: fmt.Sprintf(text, "DELIVRD", "000"), parameters: []parameter{{tagReceiptedID, []byte("abc")}}}, SameIDs, "abc", channels.Arrived, ""},
		{"in message_payload", sm{class: 4, words: fmt.Sprintf(text, "DELIVRD", "000"), payload: true}, SameIDs, "0123456789", channels.Arrived, ""},
		{"hexadecimal here, decimal there", sm{class: 4, words: "id:1F stat:DELIVRD"}, HexReports, "31", channels.Arrived, ""},
		{"the other way round", sm{class: 4, words: "id:31 stat:DELIVRD"}, HexAnswers, "31", channels.Arrived, ""},
		{"large letters here", sm{class: 4, words: "id:00FF stat:DELIVRD"}, HexIDs, "255", channels.Arrived, ""},
		{"noughts in front", sm{class: 4, words: "id:0031 stat:DELIVRD"}, DecimalIDs, "31", channels.Arrived, ""},
		{"intermediate", sm{class: 0x20, words: "id:5 stat:DELIVRD"}, SameIDs, "5", channels.OnItsWay, ""},
		{"what stands in the text itself", sm{class: 4, words: "id:5 sub:001 text:stat:DELIVRD stat:UNDELIV"}, SameIDs, "", 0, ""},
		{"nothing in it", sm{class: 4, words: "thank you"}, SameIDs, "", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := openLine(t, newSMSC(t), func(g *Config) { g.IDs = c.ids })
				c.m.from, c.m.to = resident, "15001"
				if s := w.deliver(c.m); s != statusOK {
					t.Errorf("answered with %v", s)
				}
				got := w.in.allReports()
				if c.id == "" {
					if len(got) != 0 || len(w.in.all()) != 0 {
						t.Errorf("%+v, %+v", got, w.in.all())
					}
					return
				}
				if len(got) != 1 || got[0].receipt != c.id || got[0].State != c.state || got[0].Code != c.code || len(w.in.all()) != 0 {
					t.Errorf("%+v, %+v", got, w.in.all())
				}
			})
		})
	}
	for ids, want := range map[IDs]string{SameIDs: "1F", HexReports: "1F", HexAnswers: "31", HexIDs: "31", DecimalIDs: "1F"} {
		if got := ids.answered("1F"); got != want {
			t.Errorf("%d: 1F is %q", ids, got)
		}
	}
}

// A receipt that comes before the number that it names was told, or while other parts still wait, isn't lost.
func TestEarlyReceipts(t *testing.T) {
	told := func(w *town) (n int) { // of those that come once the exchange knows the number
		for _, r := range w.in.allReports() {
			if r.receipt == "7" && r.State == channels.Arrived {
				n++
			}
		}
		return n
	}
	m := sm{class: 4, from: resident, to: "15001", words: "id:7 stat:DELIVRD"}
	synctest.Test(t, func(t *testing.T) {
		c := newSMSC(t)
		c.answer = func(s *session, sent *pdu.SubmitSM) {
			go func() {
				s.deliver(m)
				time.Sleep(time.Second)
				s.yes(sent, "7")
			}()
		}
		w := openLine(t, c, nil)
		id, err := w.text("x")
		before := told(w)
		time.Sleep(5 * time.Second)
		if err != nil || id != "7" || before != 1 || told(w) != 2 {
			t.Errorf("%q, %v, %d reports before the number was known and %d after", id, err, before, told(w)-before)
		}
		w.deliver(m) // nothing is being sent: once is enough
		time.Sleep(5 * time.Second)
		if told(w) != 3 {
			t.Errorf("%d reports", told(w))
		}
	})
}

// A receipt that comes with the answer waits until the exchange has noted what it is about; one that can't be kept comes again.
func TestReceiptsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openLine(t, newSMSC(t), nil)
		id, err := w.text("x")
		if err != nil {
			t.Fatal(err)
		}
		m := sm{class: 4, from: resident, to: "15001", words: "id:" + id + " stat:DELIVRD"}
		began := time.Now()
		w.in.fail(errAway)
		if s := w.deliver(m); s != statusSystem || time.Since(began) < reportPause {
			t.Errorf("answered with %v after %v", s, time.Since(began))
		}
		w.in.fail(nil)
		time.Sleep(5 * time.Second)
		began = time.Now()
		if s := w.deliver(m); s != statusOK || time.Since(began) > time.Millisecond || len(w.in.allReports()) != 1 {
			t.Errorf("answered with %v after %v", s, time.Since(began))
		}
	})
}
