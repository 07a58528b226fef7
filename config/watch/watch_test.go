package watch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promtool runs Prometheus's own tool on files made of these texts.
func promtool(t *testing.T, files map[string]string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Fatal("promtool is needed to check the alarms: install the package prometheus")
	}
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("promtool", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func file(t *testing.T, name string) string {
	t.Helper()
	b, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	alarmLine   = regexp.MustCompile(`(?m)^      - alert: (\w+)$`)
	exprLine    = regexp.MustCompile(`(?m)^        expr: '(.*)'$`)
	figureLine  = regexp.MustCompile("(?m)^\\| `(townline_\\w+)` \\| (\\w+) \\|")
	figureNames = regexp.MustCompile(`\b(townline|process|go)_\w+\b`)
	headingLine = regexp.MustCompile(`(?m)^### (\w+)$`)
	notes       = regexp.MustCompile(`(?m)^        annotations:\n(          .*\n)+`)
)

func all(r *regexp.Regexp, text string) (found []string) {
	for _, m := range r.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// known are the figures of the table, with the names that a histogram's parts have.
func known(t *testing.T) map[string]bool {
	names := map[string]bool{"process_start_time_seconds": true, "process_open_fds": true, "process_max_fds": true, "process_cpu_seconds_total": true, "process_resident_memory_bytes": true, "go_goroutines": true}
	for _, m := range figureLine.FindAllStringSubmatch(file(t, "README.md"), -1) {
		if names[m[1]] {
			t.Errorf("%s is there twice", m[1])
		}
		names[m[1]] = true
		if m[2] == "histogram" {
			names[m[1]+"_bucket"], names[m[1]+"_count"] = true, true
		}
	}
	if len(names) < 60 {
		t.Fatalf("only %d figures are in the table", len(names))
	}
	return names
}

func TestAlarmsNameFiguresThatAreThere(t *testing.T) {
	names := known(t)
	alarms := file(t, "alarms.yaml")
	if len(all(exprLine, alarms)) != len(all(alarmLine, alarms)) {
		t.Fatal("an alarm's expression can't be found")
	}
	for _, name := range figureNames.FindAllString(strings.Join(all(exprLine, alarms), "\n"), -1) {
		if !names[name] {
			t.Errorf("an alarm asks for %s, which is no figure", name)
		}
	}
}

// expressions are all that the board asks for.
func expressions(t *testing.T) (found []string) {
	var board struct {
		Panels []struct {
			Title, Type string
			GridPos     struct{ X, W int }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(file(t, "board.json")), &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		if p.Type != "row" && len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("the panel %q shows nothing, or doesn't fit", p.Title)
		}
		for _, one := range p.Targets {
			found = append(found, one.Expr)
		}
	}
	return found
}

func TestBoardNamesFiguresThatAreThere(t *testing.T) {
	names := known(t)
	exprs := expressions(t)
	for _, name := range figureNames.FindAllString(strings.Join(exprs, "\n"), -1) {
		if !names[name] {
			t.Errorf("the board asks for %s, which is no figure", name)
		}
	}
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: board\n    rules:\n")
	for i, e := range exprs {
		e = strings.NewReplacer("$__rate_interval", "5m", "$channel", ".*").Replace(e)
		fmt.Fprintf(&rules, "      - record: board:panel:%d\n        expr: %q\n", i, e)
	}
	out := promtool(t, map[string]string{"board.yaml": rules.String()}, "check", "rules", "board.yaml")
	if !strings.Contains(out, fmt.Sprintf("SUCCESS: %d rules found", len(exprs))) {
		t.Error(out)
	}
}

func TestEveryAlarmIsInTheRunbook(t *testing.T) {
	text := file(t, "README.md")
	alarms := all(alarmLine, file(t, "alarms.yaml"))
	_, runbook, ok := strings.Cut(text, "## What to do about an alarm")
	if !ok {
		t.Fatal("there is no runbook")
	}
	headings := all(headingLine, runbook)
	if !slices.Equal(headings, alarms) {
		t.Errorf("the runbook has\n%v\nand there are\n%v", headings, alarms)
	}
	for _, part := range strings.Split(runbook, "\n### ")[1:] {
		name, about, _ := strings.Cut(part, "\n")
		if !strings.Contains(about, "\n- Why: ") || !strings.Contains(about, "\n- Do: ") {
			t.Errorf("%s has no why, or nothing to do", name)
		}
		if !strings.Contains(file(t, "alarms.yaml"), "runbook: README.md#"+strings.ToLower(name)+"\n") {
			t.Errorf("%s doesn't say where the runbook is", name)
		}
	}
}

// trial is one alarm with figures that it must ring at, and some that it mustn't. Each entry is a series and its values, one a minute.
type trial struct {
	rings, calm []string
	labels      string
}

const histogram = `townline_turn_seconds_bucket{channel="sms",le="%s"} %s`

var trials = map[string]trial{
	"TownlineIsDown": {[]string{`up{job="townline"} 0x100`}, []string{`up{job="townline"} 1x100`}, "job: townline"},
	"StoreIsAway":    {[]string{`townline_store_up{job="townline"} 0x100`}, []string{`townline_store_up{job="townline"} 1x100`}, "job: townline"},
	"ResidentsWait": {[]string{fmt.Sprintf(histogram, "2.5", "0x100"), fmt.Sprintf(histogram, "5", "0+60x100"), fmt.Sprintf(histogram, "+Inf", "0+60x100")},
		[]string{fmt.Sprintf(histogram, "0.1", "0+60x100"), fmt.Sprintf(histogram, "5", "0+60x100"), fmt.Sprintf(histogram, "+Inf", "0+60x100")}, "channel: sms"},
	"TurnsFail": {[]string{`townline_turns_total{channel="sms",outcome="failed"} 0+5x100`, `townline_turns_total{channel="sms",outcome="applied"} 0+95x100`},
		[]string{`townline_turns_total{channel="sms",outcome="failed"} 0+1x100`, `townline_turns_total{channel="sms",outcome="applied"} 0+99x100`}, "channel: sms"},
	"ResidentsAreTurnedAway":  {[]string{`townline_turns_total{channel="sms",outcome="busy"} 0+5x100`}, []string{`townline_turns_total{channel="sms",outcome="busy"} 7x100`}, "channel: sms"},
	"TurnedAwayAtTheDoor":     {[]string{`townline_http_requests_total{job="townline",route="crowded",status="503"} 0+5x100`}, []string{`townline_http_requests_total{job="townline",route="crowded",status="503"} 7x100`}, "job: townline\n              route: crowded\n              status: \"503\""},
	"ProxyIsNotNamed":         {[]string{`townline_http_unnamed_proxy_total 0+1x100`}, []string{`townline_http_unnamed_proxy_total 3x100`}, ""},
	"RepliesDoNotLeave":       {[]string{`townline_outbox_oldest_seconds{channel="sms",class="reply"} 0+60x100`}, []string{`townline_outbox_oldest_seconds{channel="sms",class="reply"} 200x100`}, "channel: sms"},
	"MessagesDoNotLeave":      {[]string{`townline_outbox_oldest_seconds{channel="sms",class="any"} 15000x100`}, []string{`townline_outbox_oldest_seconds{channel="sms",class="any"} 1000x100`}, "channel: sms"},
	"ProviderRefuses":         {[]string{`townline_send_failures_total{channel="sms",kind="retried"} 0+3x100`, `townline_send_seconds_count{channel="sms"} 0+10x100`}, []string{`townline_send_failures_total{channel="sms",kind="opted-out"} 0+3x100`, `townline_send_seconds_count{channel="sms"} 0+10x100`}, "channel: sms"},
	"MessagesAreGivenUp":      {[]string{`townline_messages_total{channel="sms",outcome="dead"} 0+1x100`}, []string{`townline_messages_total{channel="sms",outcome="sent"} 0+1x100`}, "channel: sms"},
	"MessagesNeedAPerson":     {[]string{`townline_outbox_unsure 1x100`}, []string{`townline_outbox_unsure 0x100`}, ""},
	"RemindersAreLate":        {[]string{`townline_timers_late_seconds 700x100`}, []string{`townline_timers_late_seconds 30x100`}, ""},
	"NobodyHasTheDuty":        {[]string{`townline_duty_wanted{duty="timers"} 1x100`, `townline_duty_wanted{duty="line mtn"} 1x100`, `townline_duty{duty="timers"} 1x100`}, []string{`townline_duty_wanted{duty="line mtn"} 1x100`, `townline_duty{duty="line mtn",instance="a"} 1x50 _x50`, `townline_duty{duty="line mtn",instance="b"} _x50 1x50`}, "duty: line mtn"},
	"BudgetIsUsedUp":          {[]string{`townline_budget_stops_total{budget="sms"} 0x80 1x20`}, []string{`townline_budget_stops_total{budget="sms"} 4x100`}, "budget: sms"},
	"ResidentsWaitForAPerson": {[]string{`townline_desk_oldest_seconds 100000x100`}, []string{`townline_desk_oldest_seconds 40000x100`}, ""},
	"DiskIsFullSoon":          {[]string{`townline_disk_free_bytes{folder="audio"} 20000000000-150000000x100`}, []string{`townline_disk_free_bytes{folder="audio"} 20000000000-1000000x100`}, "folder: audio"},
	"DiskIsNearlyFull":        {[]string{`townline_disk_free_bytes{folder="store"} 5000000000x100`, `townline_disk_bytes{folder="store"} 90000000000x100`}, []string{`townline_disk_free_bytes{folder="store"} 50000000000x100`, `townline_disk_bytes{folder="store"} 90000000000x100`}, "folder: store"},
	"StoreFallsBehind":        {[]string{`townline_store_queue 600x100`, `townline_store_queue_most 1024x100`}, []string{`townline_store_queue 200x100`, `townline_store_queue_most 1024x100`}, ""},
	"StoreLogGrows":           {[]string{`townline_store_wal_bytes 300000000x100`}, []string{`townline_store_wal_bytes 60000000x100`}, ""},
	"ConnectionsAreUsedUp":    {[]string{`townline_store_connections 12x100`, `townline_store_connections_most 12x100`}, []string{`townline_store_connections 2x100`, `townline_store_connections_most 12x100`}, ""},
	"RedisIsAway":             {[]string{`townline_redis_away{instance="a"} 1x100`}, []string{`townline_redis_away{instance="a"} 0x100`}, "instance: a"},
	"ClockIsOff":              {[]string{`townline_clock_ahead_seconds{instance="a"} -9x100`}, []string{`townline_clock_ahead_seconds{instance="a"} -2x100`}, "instance: a"},
	"BackupIsOld":             {[]string{`townline_backup_age_seconds 100000x100`, `townline_backup_age_most_seconds 93600x100`}, []string{`townline_backup_age_seconds 50000x100`, `townline_backup_age_most_seconds 93600x100`}, ""},
	"CertificateEnds":         {[]string{`townline_certificate_ends_timestamp_seconds{certificate="sip"} 1000000x100`}, []string{`townline_certificate_ends_timestamp_seconds{certificate="sip"} 9000000x100`}, "certificate: sip"},
	"LineIsDown":              {[]string{`townline_smpp_binds{operator="mtn"} 0x100`}, []string{`townline_smpp_binds{operator="mtn"} 1x100`}, "operator: mtn"},
	"KioskIsSilent":           {[]string{`townline_outpost_silence_seconds{outpost="library"} 1000x100`}, []string{`townline_outpost_silence_seconds{outpost="library"} 30x100`}, "outpost: library"},
	"KioskTurnsWait":          {[]string{`townline_outpost_queue_age_seconds{outpost="library"} 4000x100`}, []string{`townline_outpost_queue_age_seconds{outpost="library"} 0x100`}, "outpost: library"},
	"TurnsArePutAside":        {[]string{`townline_outpost_aside 2x100`}, []string{`townline_outpost_aside 0x100`}, ""},
	"MenusAreCutOff":          {[]string{`townline_menu_failed_total{channel="ussd.plain"} 0+1x100`}, []string{`townline_menu_failed_total{channel="ussd.plain"} 3x100`}, "channel: ussd.plain"},
	"MenuTextsAreLost":        {[]string{`townline_menu_lost_total{channel="ussd.plain"} 0x80 1x20`}, []string{`townline_menu_lost_total{channel="ussd.plain"} 1x100`}, "channel: ussd.plain"},
	"MessagesCannotBeRead":    {[]string{`townline_smpp_unread_total{operator="mtn"} 0x80 1x20`}, []string{`townline_smpp_unread_total{operator="mtn"} 1x100`}, "operator: mtn"},
	"RecordingsAreLost":       {[]string{`townline_fetches_total{channel="voice.twilio",outcome="gave-up"} 0x80 1x20`}, []string{`townline_fetches_total{channel="voice.twilio",outcome="retried"} 0+1x100`}, "channel: voice.twilio"},
	"TextsAreNotReadAloud":    {[]string{`townline_audio_gaps_total 0x80 1x20`}, []string{`townline_audio_gaps_total 1x100`}, ""},
	"ForgedOrWrongSecret":     {[]string{`townline_http_requests_total{route="POST /sms/twilio",status="403"} 0+100x100`}, []string{`townline_http_requests_total{route="POST /sms/twilio",status="200"} 0+100x100`}, `route: "POST /sms/twilio"`},
	"ServerRestartsOften":     {[]string{`process_start_time_seconds{job="townline"} 0+60x100`}, []string{`process_start_time_seconds{job="townline"} 60x100`}, "job: townline"},
	"FilesAreUsedUp":          {[]string{`process_open_fds{job="townline"} 900x100`, `process_max_fds{job="townline"} 1024x100`}, []string{`process_open_fds{job="townline"} 100x100`, `process_max_fds{job="townline"} 1024x100`}, "job: townline"},
}

// Every alarm rings when it should, and not when all is well: Prometheus itself is asked.
func TestAlarmsRing(t *testing.T) {
	alarms := file(t, "alarms.yaml")
	names := all(alarmLine, alarms)
	if len(names) != len(trials) {
		t.Errorf("%d alarms, %d are tried", len(names), len(trials))
	}
	severity := all(regexp.MustCompile(`(?m)^          severity: (page|warn)$`), alarms)
	if len(severity) != len(names) {
		t.Fatal("an alarm has no severity")
	}
	var b bytes.Buffer
	b.WriteString("rule_files: [alarms.yaml]\nevaluation_interval: 1m\ntests:\n")
	for _, rings := range []bool{true, false} { // each with the figures of all: what one alarm is tried by must not ring another
		b.WriteString("  - interval: 1m\n    input_series:\n")
		for _, name := range names {
			try, ok := trials[name]
			if !ok {
				t.Errorf("%s is not tried", name)
			}
			series := try.calm
			if rings {
				series = try.rings
			}
			for _, one := range series {
				at := strings.LastIndexByte(one, '}') + 1
				if at == 0 {
					at = strings.IndexByte(one, ' ')
				}
				fmt.Fprintf(&b, "      - series: '%s'\n        values: '%s'\n", one[:at], strings.TrimSpace(one[at:]))
			}
		}
		b.WriteString("    alert_rule_test:\n")
		for i, name := range names {
			fmt.Fprintf(&b, "      - eval_time: 90m\n        alertname: %s\n", name)
			if !rings {
				continue
			}
			fmt.Fprintf(&b, "        exp_alerts:\n          - exp_labels:\n              severity: %s\n", severity[i])
			if l := trials[name].labels; l != "" {
				fmt.Fprintf(&b, "              %s\n", l)
			}
		}
	}
	promtool(t, map[string]string{"alarms.yaml": alarms}, "check", "rules", "alarms.yaml")
	promtool(t, map[string]string{"alarms.yaml": notes.ReplaceAllString(alarms, ""), "trials.yaml": b.String()}, "test", "rules", "trials.yaml")
}

func TestPrometheusTakesTheExample(t *testing.T) {
	promtool(t, map[string]string{"prometheus.yaml": file(t, "prometheus.yaml"), "alarms.yaml": file(t, "alarms.yaml")}, "check", "config", "prometheus.yaml")
}
