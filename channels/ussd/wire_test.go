package ussd

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
)

// exchange of one request: what it is, what the town hears, and what goes back when the town shows a screen, a last one.
type exchanged struct {
	line, body  string
	heard       string // "" nothing
	screen, end string // what goes back for a screen that goes on, and for the last one; headers before an empty line
}

// The wire of each dialect, as its source has it (dialect.go names them).
var wire = map[string][]exchanged{
	"africastalking": {
		{"POST /ussd/africastalking?key=KEY", "sessionId=ATUid_1&serviceCode=*384*123%23&phoneNumber=%2B233246912184&networkCode=62001&text=",
			`+233246912184 dials "" by ussd.africastalking to "*384*123#" in "ATUid_1" whole`, "CON Welcome\n1 Go on", "END Thank you"},
		{"POST /ussd/africastalking/KEY", "sessionId=ATUid_1&serviceCode=*384*123%23&phoneNumber=%2B233246912184&networkCode=62001&text=1*2**",
			`+233246912184 says "1*2**" by ussd.africastalking to "*384*123#" in "ATUid_1" whole`, "CON Welcome\n1 Go on", "END Thank you"},
		{"POST /ussd/africastalking/KEY", "sessionId=ATUid_1&serviceCode=*384*123%23&phoneNumber=0246912184&networkCode=62001&text=a;Caf%C3%A9+%F0%9F%98%80",
			`+233246912184 says "a;Café 😀" by ussd.africastalking to "*384*123#" in "ATUid_1" whole`, "CON Welcome\n1 Go on", "END Thank you"},
		{"POST /ussd/africastalking/KEY", "date=2026-12-01&sessionId=ATUid_1&serviceCode=*384*123%23&networkCode=62001&phoneNumber=%2B233246912184&status=Incomplete&cost=KES+0.1&durationInMillis=9000&hopsCount=2&input=1*2&lastAppResponse=CON&errorMessage=x",
			`+233246912184 gone "" by ussd.africastalking to "*384*123#" in "ATUid_1" whole`, "OK", "OK"},
	},
	"hubtel": {
		{"POST /ussd/hubtel/KEY", `{"Type":"initiation","Message":"*384*123#","ServiceCode":"384*123","Operator":"mtn","ClientState":"","Mobile":"233246912184","SessionId":"s2","Sequence":"1"}`,
			`+233246912184 dials "" by ussd.hubtel to "384*123" in "s2" number 1`,
			`{"SessionId":"s2","Type":"response","Message":"Welcome\n1 Go on","Label":"Welcome","ClientState":"","DataType":"input","FieldType":"text"}`,
			`{"SessionId":"s2","Type":"release","Message":"Thank you","Label":"Thank you","ClientState":"","DataType":"display","FieldType":"text"}`},
		{"POST /ussd/hubtel/KEY", `{"Type":"Initiation","Message":"*384*123*1#","ServiceCode":"384*123","Operator":"mtn","Mobile":"233246912184","SessionId":"s2","Sequence":1}`,
			`+233246912184 dials "1" by ussd.hubtel to "384*123" in "s2" number 1`,
			`{"SessionId":"s2","Type":"response","Message":"Welcome\n1 Go on","Label":"Welcome","ClientState":"","DataType":"input","FieldType":"text"}`,
			`{"SessionId":"s2","Type":"release","Message":"Thank you","Label":"Thank you","ClientState":"","DataType":"display","FieldType":"text"}`},
		{"POST /ussd/hubtel/KEY", `{"Type":"Response","Message":"1","ServiceCode":"384*123","Operator":"mtn","ClientState":"a<b","Mobile":"233246912184","SessionId":"s2","Sequence":2}`,
			`+233246912184 says "1" by ussd.hubtel to "384*123" in "s2" number 2`,
			`{"SessionId":"s2","Type":"response","Message":"Welcome\n1 Go on","Label":"Welcome","ClientState":"a\u003cb","DataType":"input","FieldType":"text"}`,
			`{"SessionId":"s2","Type":"release","Message":"Thank you","Label":"Thank you","ClientState":"a\u003cb","DataType":"display","FieldType":"text"}`},
		{"POST /ussd/hubtel/KEY", `{"Type":"Timeout","Message":"","ServiceCode":"384*123","Mobile":"233246912184","SessionId":"s2","Sequence":3}`,
			`+233246912184 gone "" by ussd.hubtel to "384*123" in "s2" number 3`,
			`{"SessionId":"s2","Type":"release","Message":"","Label":"","ClientState":"","DataType":"display","FieldType":"text"}`,
			`{"SessionId":"s2","Type":"release","Message":"","Label":"","ClientState":"","DataType":"display","FieldType":"text"}`},
	},
	"nalo": {
		{"POST /ussd/nalo/KEY", `{"USERID":"NALOTest","MSISDN":"233246912184","USERDATA":"*384*123*1*2#","MSGTYPE":true,"NETWORK":"MTN"}`,
			`+233246912184 dials "1*2" by ussd.nalo to "*384*123#" in ""`,
			`{"USERID":"NALOTest","MSISDN":"233246912184","MSG":"Welcome\n1 Go on","MSGTYPE":true}`,
			`{"USERID":"NALOTest","MSISDN":"233246912184","MSG":"Thank you","MSGTYPE":false}`},
		{"POST /ussd/nalo/KEY", `{"USERID":"NALOTest","MSISDN":"233246912184","USERDATA":"1","MSGTYPE":false,"NETWORK":"MTN","SESSIONID":"16590115252429751"}`,
			`+233246912184 says "1" by ussd.nalo to "" in "16590115252429751"`,
			`{"USERID":"NALOTest","MSISDN":"233246912184","MSG":"Welcome\n1 Go on","MSGTYPE":true}`,
			`{"USERID":"NALOTest","MSISDN":"233246912184","MSG":"Thank you","MSGTYPE":false}`},
	},
	"arkesel": {
		{"POST /ussd/arkesel/KEY", `{"sessionID":"s4","userID":"USSD_2","newSession":true,"msisdn":"233246912184","userData":"*384*123#","network":"MTN"}`,
			`+233246912184 dials "" by ussd.arkesel to "*384*123#" in "s4"`,
			`{"sessionID":"s4","userID":"USSD_2","msisdn":"233246912184","message":"Welcome\n1 Go on","continueSession":true}`,
			`{"sessionID":"s4","userID":"USSD_2","msisdn":"233246912184","message":"Thank you","continueSession":false}`},
		{"POST /ussd/arkesel/KEY", `{"sessionID":"s4","userID":"USSD_2","newSession":false,"msisdn":"233246912184","userData":"7","network":"MTN"}`,
			`+233246912184 says "7" by ussd.arkesel to "" in "s4"`,
			`{"sessionID":"s4","userID":"USSD_2","msisdn":"233246912184","message":"Welcome\n1 Go on","continueSession":true}`,
			`{"sessionID":"s4","userID":"USSD_2","msisdn":"233246912184","message":"Thank you","continueSession":false}`},
	},
	"beem": {
		{"POST /ussd/beem/KEY", `{"command":"initiate","msisdn":"255711000111","session_id":"s5","operator":"vodacom","payload":{"request_id":0,"response":0}}`,
			`+255711000111 dials "" by ussd.beem to "*384*123#" in "s5"`,
			`{"msisdn":"255711000111","operator":"vodacom","session_id":"s5","command":"continue","payload":{"request_id":0,"request":"Welcome\n1 Go on"}}`,
			`{"msisdn":"255711000111","operator":"vodacom","session_id":"s5","command":"terminate","payload":{"request_id":0,"request":"Thank you"}}`},
		{"POST /ussd/beem/KEY", `{"command":"continue","msisdn":"255711000111","session_id":"s5","operator":"vodacom","payload":{"request_id":"1","response":"1"}}`,
			`+255711000111 says "1" by ussd.beem to "" in "s5"`,
			`{"msisdn":"255711000111","operator":"vodacom","session_id":"s5","command":"continue","payload":{"request_id":"1","request":"Welcome\n1 Go on"}}`,
			`{"msisdn":"255711000111","operator":"vodacom","session_id":"s5","command":"terminate","payload":{"request_id":"1","request":"Thank you"}}`},
		{"POST /ussd/beem/KEY", `{"command":"terminate","msisdn":"255711000111","session_id":"s5","operator":"vodacom"}`,
			`+255711000111 gone "" by ussd.beem to "" in "s5"`,
			`{"msisdn":"255711000111","operator":"vodacom","session_id":"s5","command":"terminate","payload":{"request_id":null,"request":""}}`,
			`{"msisdn":"255711000111","operator":"vodacom","session_id":"s5","command":"terminate","payload":{"request_id":null,"request":""}}`},
	},
	"infobip": {
		{"POST /ussd/infobip/KEY/session/s6/start", `{"msisdn":"385911234567","imsi":"219","text":"*384*123*1#","shortCode":"*384*123#","language":null,"optional":null,"ussdGwId":"live2"}`,
			`+385911234567 dials "1" by ussd.infobip to "*384*123#" in "s6"`,
			`{"ussdMenu":"Welcome\n1 Go on","shouldClose":false,"responseExitCode":200,"responseMessage":""}`,
			`{"ussdMenu":"Thank you","shouldClose":false,"responseExitCode":200,"responseMessage":""}`},
		{"POST /ussd/infobip/session/s6/response?key=KEY", `{"msisdn":"385911234567","text":"2"}`,
			`+385911234567 says "2" by ussd.infobip to "" in "s6"`,
			`{"ussdMenu":"Welcome\n1 Go on","shouldClose":false,"responseExitCode":200,"responseMessage":""}`,
			`{"ussdMenu":"Thank you","shouldClose":true,"responseExitCode":200,"responseMessage":""}`},
		{"POST /ussd/infobip/KEY/session/s6/end", `{"msisdn":"385911234567","text":"","exitCode":510,"reason":"timeout"}`,
			`+385911234567 gone "" by ussd.infobip to "" in "s6"`, `{"responseExitCode":200,"responseMessage":""}`, `{"responseExitCode":200,"responseMessage":""}`},
		{"POST /ussd/infobip/KEY/session/s6/end", `{"exitCode":510,"reason":"timeout"}`, "", `{"responseExitCode":200,"responseMessage":""}`, `{"responseExitCode":200,"responseMessage":""}`},
		{"GET /ussd/infobip/KEY/session/s6/status", "", "", `{"sessionActive":true,"responseExitCode":200,"responseMessage":""}`, `{"sessionActive":true,"responseExitCode":200,"responseMessage":""}`},
	},
	"airtel": {
		{"GET /ussd/airtel?userid=airtel&password=KEY&SessionID=13697502734175597&MSISDN=254733822366&MSC=254733160138&input=384*123", "",
			`+254733822366 dials "" by ussd.airtel to "*384*123#" in "13697502734175597"`,
			"Amount: 0\nCharge: N\nFreeflow: FC\n\nWelcome\n1 Go on", "Amount: 0\nCharge: N\nFreeflow: FB\n\nThank you"},
		{"GET /ussd/airtel/KEY?SessionID=1&MSISDN=254733822366&MSC=254733160138&input=*384*123*2%23", "",
			`+254733822366 dials "2" by ussd.airtel to "*384*123#" in "1"`,
			"Amount: 0\nCharge: N\nFreeflow: FC\n\nWelcome\n1 Go on", "Amount: 0\nCharge: N\nFreeflow: FB\n\nThank you"},
		{"GET /ussd/airtel?key=KEY&SessionID=1&MSISDN=254733822366&MSC=254733160138&input=1", "",
			`+254733822366 says "1" by ussd.airtel to "" in "1"`,
			"Amount: 0\nCharge: N\nFreeflow: FC\n\nWelcome\n1 Go on", "Amount: 0\nCharge: N\nFreeflow: FB\n\nThank you"},
		{"GET /ussd/airtel?userid=airtel&password=KEY&SessionID=1&msisdn=254733822366&clean=clean-session&error=522", "",
			`+254733822366 gone "" by ussd.airtel to "" in "1"`, "", ""},
	},
	"hollatags": {
		{"GET /ussd/hollatags/KEY?session_msisdn=2347000000000&session_operation=begin&session_msg=Hello,+this+is+a+test+message&session_id=5456657676&session_from=*7006%23&session_type=1&session_mno=MTN", "",
			`+2347000000000 dials "" by ussd.hollatags to "*7006#" in "5456657676"`,
			`{"session_operation":"continue","session_type":1,"session_id":"5456657676","session_msg":"Welcome\n1 Go on"}`,
			`{"session_operation":"end","session_type":4,"session_id":"5456657676","session_msg":"Thank you"}`},
		{"POST /ussd/hollatags/KEY", "session_msisdn=2347000000000&session_operation=continue&session_msg=3&session_id=5456657676&session_from=*7006%23&session_type=3&session_mno=MTN",
			`+2347000000000 says "3" by ussd.hollatags to "*7006#" in "5456657676"`,
			`{"session_operation":"continue","session_type":1,"session_id":"5456657676","session_msg":"Welcome\n1 Go on"}`,
			`{"session_operation":"end","session_type":4,"session_id":"5456657676","session_msg":"Thank you"}`},
		{"GET /ussd/hollatags/KEY?session_msisdn=2347000000000&session_operation=end&session_msg=&session_id=5456657676&session_from=*7006%23&session_type=4&session_mno=MTN", "",
			`+2347000000000 gone "" by ussd.hollatags to "*7006#" in "5456657676"`,
			`{"session_operation":"end","session_type":4,"session_id":"5456657676","session_msg":""}`,
			`{"session_operation":"end","session_type":4,"session_id":"5456657676","session_msg":""}`},
	},
	"plain": {
		{"POST /ussd/plain", `{"session":"7f3c","number":1,"type":"dial","from":"+233246912184","to":"*384*123#","text":"*384*123*1#"}`,
			`+233246912184 dials "1" by ussd.plain to "*384*123#" in "7f3c" number 1`, `{"text":"Welcome\n1 Go on","more":true}`, `{"text":"Thank you","more":false}`},
		{"POST /ussd/plain", `{"session":"7f3c","number":1,"type":"dial","from":"+233246912184","to":"*384*123#"}`,
			`+233246912184 dials "" by ussd.plain to "*384*123#" in "7f3c" number 1`, `{"text":"Welcome\n1 Go on","more":true}`, `{"text":"Thank you","more":false}`},
		{"POST /ussd/plain", `{"session":"7f3c","number":2,"type":"answer","from":"0246912184","text":"مرحبا"}`,
			`+233246912184 says "مرحبا" by ussd.plain to "" in "7f3c" number 2`, `{"text":"Welcome\n1 Go on","more":true}`, `{"text":"Thank you","more":false}`},
		{"POST /ussd/plain", `{"session":"7f3c","number":3,"type":"gone","from":"+233246912184"}`,
			`+233246912184 gone "" by ussd.plain to "" in "7f3c" number 3`, `{"text":"","more":false}`, `{"text":"","more":false}`},
	},
}

func TestWire(t *testing.T) {
	for _, dialect := range Dialects() {
		if len(wire[dialect]) < 2 {
			t.Errorf("no requests of %s are known", dialect)
		}
		for _, x := range wire[dialect] {
			for _, over := range []bool{false, true} {
				in := &inbox{answer: func(channels.Event) (channels.Reply, error) {
					if over {
						return last("Thank you"), nil
					}
					return screen("Welcome\n1 Go on"), nil
				}}
				w := httptest.NewRecorder()
				muxOf(newUSSD(t, dialect, nil), in).ServeHTTP(w, call(strings.ReplaceAll(x.line, "KEY", testSecret), x.body))
				got, want := w.Body.String(), x.screen
				if over {
					want = x.end
				}
				if w.Header().Get("Freeflow") != "" {
					got = "Amount: " + w.Header().Get("amount") + "\nCharge: " + w.Header().Get("charge") + "\nFreeflow: " + w.Header().Get("Freeflow") + "\n\n" + got
				}
				if w.Code != 200 || got != want {
					t.Errorf("%s %s\ngot  %d %s\nwant 200 %s", x.line, x.body, w.Code, got, want)
				}
				var said []string
				for _, e := range in.all() {
					said = append(said, heard(e))
				}
				if strings.Join(said, "; ") != x.heard {
					t.Errorf("%s %s\nheard %s\nwant  %s", x.line, x.body, strings.Join(said, "; "), x.heard)
				}
				kind := "application/json"
				if strings.HasPrefix(x.screen, "CON") || x.screen == "OK" || dialect == "airtel" {
					kind = "text/plain; charset=utf-8"
				}
				if w.Header().Get("Content-Type") != kind || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %v", x.line, w.Header())
				}
			}
		}
	}
}

// In shell scripts CON and END are easier to take apart.
func TestPlainInBareWords(t *testing.T) {
	in := &inbox{}
	r := call("POST /ussd/plain", wire["plain"][0].body)
	r.Header.Set("Accept", "text/plain")
	if status, body := asks(muxOf(newUSSD(t, Plain, nil), in), r); status != 200 || body != "CON Your town\n1 Main Street" {
		t.Errorf("%d %s", status, body)
	}
}

// What a gateway says of itself is never asked back in an answer of another shape: rubbish has a status of its own, and
// nothing of it is handed to the town, nor logged.
func TestRubbish(t *testing.T) {
	cases := []struct {
		line, body, kind string
		status           int
	}{
		{"POST /ussd/africastalking/KEY", "", "", 400},
		{"POST /ussd/africastalking/KEY", "sessionId=1&phoneNumber=%2B233246912184", "", 400},
		{"POST /ussd/africastalking/KEY", "phoneNumber=%2B233246912184&text=1", "", 400},
		{"POST /ussd/africastalking/KEY", "sessionId=1&text=1", "", 400},
		{"POST /ussd/africastalking/KEY", "sessionId=1&phoneNumber=hello&text=1", "", 400},
		{"POST /ussd/africastalking/KEY", "sessionId=1&phoneNumber=12345&text=1", "", 400},
		{"POST /ussd/africastalking/KEY", "sessionId=%zz&phoneNumber=%2B233246912184&text=1", "", 400},
		{"POST /ussd/africastalking/KEY", "sessionId=" + strings.Repeat("s", 201) + "&phoneNumber=%2B233246912184&text=1", "", 400},
		{"POST /ussd/africastalking/KEY", "text=" + strings.Repeat("1*", 9000), "", 413},
		{"POST /ussd/africastalking/KEY", "sessionId=1&phoneNumber=%2B233246912184&text=1", "multipart/form-data; boundary=x", 415},
		{"POST /ussd/africastalking/KEY", "{}", "application/json", 415},
		{"GET /ussd/africastalking/KEY", "", "", 405},
		{"POST /ussd/africastalking/KEY/more", "", "", 404},
		{"HEAD /ussd/airtel/KEY?SessionID=1&MSISDN=254733822366&input=1", "", "", 405},
		{"HEAD /ussd/hollatags?key=KEY&session_id=1&session_msisdn=2347000000000&session_operation=continue&session_msg=1", "", "", 405},
		{"POST /ussd/hubtel/KEY", "", "", 400},
		{"POST /ussd/hubtel/KEY", "[]", "application/json", 400},
		{"POST /ussd/hubtel/KEY", "{", "application/json", 400},
		{"POST /ussd/hubtel/KEY", `{"SessionId":{},"Mobile":"233246912184","Type":"response"}`, "", 400},
		{"POST /ussd/hubtel/KEY", `{"SessionId":"1","Mobile":"233246912184","Type":"AddToCart"}`, "", 400},
		{"POST /ussd/hubtel/KEY", `{"SessionId":"1","Mobile":"233246912184","Type":"response"}`, "application/xml", 415},
		{"POST /ussd/hubtel/KEY", `{"Mobile":"233246912184","Type":"response"}`, "", 400},
		{"POST /ussd/nalo/KEY", `{"MSISDN":"233246912184","USERDATA":"1"}`, "", 400},
		{"POST /ussd/arkesel/KEY", `{"sessionID":"1","msisdn":"233246912184"}`, "", 400},
		{"POST /ussd/beem/KEY", `{"session_id":"1","msisdn":"255711000111","command":"go"}`, "", 400},
		{"POST /ussd/beem/KEY", `{"session_id":"1","msisdn":"255711000111","command":"continue","payload":[]}`, "", 400},
		{"POST /ussd/infobip/KEY/session/1/stop", `{"msisdn":"385911234567"}`, "", 400},
		{"POST /ussd/infobip/KEY/session/1/start", `null`, "application/json", 400},
		{"GET /ussd/airtel/KEY?SessionID=1&MSISDN=254733822366", "", "", 400},
		{"GET /ussd/airtel/KEY?MSISDN=254733822366&input=1", "", "", 400},
		{"GET /ussd/hollatags/KEY?session_id=1&session_msisdn=2347000000000", "", "", 400},
		{"POST /ussd/plain", `{"session":"1","type":"answer","from":"+233246912184","text":"1"}`, "", 400},
		{"POST /ussd/plain", `{"session":"1","number":-1,"type":"answer","from":"+233246912184"}`, "", 400},
		{"POST /ussd/plain", `{"session":"1","number":1,"type":"ring","from":"+233246912184"}`, "", 400},
	}
	for _, c := range cases {
		dialect := strings.Split(strings.SplitN(c.line, "/", 4)[2], "?")[0]
		log, lines := logged()
		in := &inbox{}
		r := call(strings.ReplaceAll(c.line, "KEY", testSecret), c.body)
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		status, body := asks(muxOf(newUSSD(t, dialect, func(u *Config) { u.Log = log }), in), r)
		if status != c.status {
			t.Errorf("%s %.80s: %d %s, want %d", c.line, c.body, status, body, c.status)
		}
		if got := in.all(); len(got) > 0 {
			t.Errorf("%s %.80s: the town heard %s", c.line, c.body, heard(got[0]))
		}
		for _, secret := range []string{"246912184", "711000111", "733822366", testSecret} {
			if strings.Contains(lines.String(), secret) {
				t.Errorf("%s: the log says too much: %s", c.line, lines)
			}
		}
	}
}
