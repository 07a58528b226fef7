// Race holds a dialog with a town by signed text messages, as many at once as it is told, and says how fast that went: turns a second,
// how long each took, and what the town's processes took of the processor and the memory. It knows nothing of Townline: whatever
// takes Twilio's webhook can be raced.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "race:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	f := flag.NewFlagSet("race", flag.ContinueOnError)
	r := &rider{}
	f.StringVar(&r.url, "url", "", "where the messages go: http://127.0.0.1:8080/sms/twilio")
	f.StringVar(&r.signed, "signed-url", "", "the address that the signature is made over, where it isn't -url: https://talk.example.org/sms/twilio")
	f.StringVar(&r.account, "account", "AC00000000000000000000000000000000", "Twilio's account that it claims to be")
	f.StringVar(&r.token, "token", "0123456789abcdef0123456789abcdef", "the secret that it signs with")
	f.StringVar(&r.to, "to", "+12025550100", "the town's number")
	f.StringVar(&r.answers, "answers", "", "where answers come as calls of Twilio's REST API, for who doesn't answer in the response: 127.0.0.1:9000")
	steps := f.String("steps", "", "a file of what residents say and what the answer holds, a line each: 1 => How many?")
	f.IntVar(&r.callers, "callers", 64, "how many talk at once")
	f.IntVar(&r.people, "people", 10_000, "how many residents there are")
	f.DurationVar(&r.warm, "warm", 2*time.Second, "how long it runs before it is measured")
	f.DurationVar(&r.length, "for", 10*time.Second, "how long it is measured")
	hello := f.String("hello", "", "race nothing, but be what can't be beaten: an HTTP server here that says hello, until it is stopped: 127.0.0.1:9001")
	f.IntVar(&r.rounds, "rounds", 0, "how often everybody holds the dialog, instead of -for")
	pids := f.String("pids", "", "the town's processes, whose children count too: townline=1234,postgres=1235")
	asJSON := f.Bool("json", false, "print JSON")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *hello != "" {
		return sayHello(*hello)
	}
	text, err := os.ReadFile(*steps)
	if err != nil {
		return err
	}
	if r.steps, err = readSteps(string(text)); err != nil {
		return err
	}
	if r.signed == "" {
		r.signed = r.url
	}
	for one := range strings.SplitSeq(*pids, ",") {
		name, id, ok := strings.Cut(one, "=")
		pid, err := strconv.Atoi(id)
		if one != "" && (!ok || err != nil) {
			return fmt.Errorf("-pids %s: write it as name=1234", one)
		}
		if one != "" {
			r.watched = append(r.watched, watched{name: name, pid: pid})
		}
	}
	result, err := r.ride()
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(result)
	}
	fmt.Print(result)
	return nil
}

// sayHello reads each form and answers with hello.
func sayHello(listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", l.Addr())
	return http.Serve(l, http.HandlerFunc(hello))
}

func hello(w http.ResponseWriter, req *http.Request) {
	if req.PostFormValue("Body") == "" {
		http.Error(w, "nothing was said", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	io.WriteString(w, "<Response><Message>hello</Message></Response>")
}

// step is what a resident says, and what the answer must hold.
type step struct{ says, holds string }

// readSteps reads a file of steps. Lines that begin with # are for readers.
func readSteps(text string) ([]step, error) {
	var all []step
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		says, holds, ok := strings.Cut(line, "=>")
		if !ok || strings.TrimSpace(says) == "" {
			return nil, fmt.Errorf("line %d of the steps: write what is said, => and what the answer holds", n)
		}
		all = append(all, step{strings.TrimSpace(says), strings.TrimSpace(holds)})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the file of steps is empty")
	}
	return all, nil
}

// result is what a ride came to.
type result struct {
	Turns   int                `json:"turns"`
	Rate    float64            `json:"turns_per_second"`
	P50     float64            `json:"p50_ms"`
	P99     float64            `json:"p99_ms"`
	Most    float64            `json:"most_ms"`
	CPU     map[string]float64 `json:"cpu_us_per_turn"`
	Memory  map[string]float64 `json:"memory_mb"`
	Driver  float64            `json:"driver_cpu_us_per_turn"`
	Watched []string           `json:"-"`
}

func (r result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f turns/s, p50 %.1f ms, p99 %.1f ms, longest %.0f ms (%d turns; the driver took %.0f µs of CPU each)\n", r.Rate, r.P50, r.P99, r.Most, r.Turns, r.Driver)
	for _, name := range r.Watched {
		fmt.Fprintf(&b, "%s: %.0f µs of CPU a turn, %.0f MB\n", name, r.CPU[name], r.Memory[name])
	}
	return b.String()
}
