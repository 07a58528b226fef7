# "make test" is what .ci/run runs. It needs Go and, for the peers that tests talk to, Node.
SHELL := bash
.PHONY: test judge pages visits programs others lint vet staticcheck peers soak bench race fuzz

test: vet peers judge
	@$(MAKE) --no-print-directory -j5 -Oline pages visits programs others staticcheck

# "vet" comes first and looks for more than go test would by itself, in the same files: so these runs don't again.
GOTEST = go test -vet=off

# Lighthouse measures milliseconds, so it has the machine to itself.
judge: peers
	$(GOTEST) -timeout 5m ./channels/kiosk -run 'TestLighthouse$$'

# The tests in the browser wait more than they work: each of the two runs beside the other and beside all others.
PAGES = TestPages$$|TestFocusIsSeen|TestSentPages|TestMutants|TestStaffPages|TestNarrow|TestStatement|TestOneRequest|TestFirstPaint|TestLetters|TestForcedColours|TestTextBrowser|TestNobodyThere|TestSound
pages:
	$(GOTEST) -timeout 20m ./channels/kiosk -run '$(PAGES)'
visits:
	$(GOTEST) -timeout 20m ./channels/kiosk -skip 'TestLighthouse$$|$(PAGES)'
	$(GOTEST) -race -timeout 10m ./channels/kiosk -run 'TestWalks$$'

# So do those of the program: servers that are started, broken and ended.
programs:
	$(GOTEST) -timeout 20m ./cmd/...

# Each package once: with the race detector where something happens at the same time (dialogs are pure). Again without it: the
# exchange, whose tests are on disk then, and of others the tests that do MORE then (see norace_test.go) or run ALONE without it, since
# they have one goroutine. In the CALM ones nothing happens at the same time at all.
RACED = ./channels/... ./store/...
CALM = channels/(card|g711|hearing|resample|sealed|signature|wav)|store/sealing
ONDISK = ./channels/exchange
UNLIKE = ./channels/outpost ./channels/sip/... ./channels/telegram ./channels/ussd ./store/sqlite
MORE = TestJourneys$$|TestManyCalls$$|TestTranscripts$$|TestConforms$$
ALONE = TestPollingConforms|TestLogIsBounded|TestNodesSimulation|TestNobodyIsRungTwiceInTenMinutes|TestNobodyIsToldThatThereIsAnother|TestASlipInEveryScript|TestSoftVoicesOnNoisyLines|TestSpeechPressesNoKeys|TestSoundOfAnyRate|TestG722WithFFmpeg|TestWalksByButtons|TestEveryRequestTwice|TestPowerLoss|TestTombstonesCutShort|TestAFloodOfNumbersCostsLittle
others:
	$(GOTEST) -p 3 -timeout 20m $$(comm -23 <(go list ./... | grep -v /cmd/ | sort) <(go list $(RACED) | grep -vE '/($(CALM))$$' | sort)) $(ONDISK)
	$(GOTEST) -p 3 -timeout 20m -run '$(ALONE)|$(MORE)' $(UNLIKE)
	$(GOTEST) -race -p 3 -timeout 15m -skip '$(ALONE)' $$(go list $(RACED) | grep -vE '/(channels/kiosk|$(CALM))$$')

lint: vet staticcheck

# First, since what it compiles is what all others need.
vet:
	@changed=$$(gofmt -l cmd channels config dialogs locales store); test -z "$$changed" || { echo "gofmt would change: $$changed"; exit 1; }
	go vet ./...

# These two hold the whole program in memory: clearing up less often saves a quarter of their time, and takes at most so much.
staticcheck: export GOGC = 400
staticcheck: export GOMEMLIMIT = 4GiB
staticcheck:
	go tool staticcheck ./...
	@.ci/vulnerabilities

# Twilio's own signer, an HTTP proxy that knows Twilio's API, an SMSC, a client of USSD gateways, and judges of pages, from npm,
# for tests only.
peers: .ci/npm/node_modules/.installed
.ci/npm/node_modules/.installed: .ci/npm/package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --prefix .ci/npm
	@touch $@

# 1,000 kills instead of 50: about half an hour. Each other fault 50 times, on one file and (as root) on three nodes. The kiosk: 10,000 visits by forms, 200 in the browser, every page in each of
# sixteen looks. 10,000 visits to two outposts that are cut off, 300 calls at once on one core, 1,000 menus at once.
soak:
	go test ./channels/kiosk -run 'TestWalks$$' -walks 10000 -v
	go test ./channels/kiosk -run TestJourneysInTrouble -journeys 200 -timeout 2h -v
	go test ./channels/kiosk -run 'TestPages$$' -all -timeout 2h
	go test ./channels/outpost -run TestJourneys -journeys 10000 -timeout 1h
	go test ./channels/exchange -postgres -timeout 1h
	go test -p 1 ./channels/desk ./channels/kiosk ./channels/preview ./channels/sip ./channels/smpp ./channels/sms ./channels/telegram ./channels/ussd ./channels/voice -run 'Conforms?$$' -postgres -timeout 1h
	go test ./channels/exchange -run TestCrossings -crossings 100000 -timeout 1h -v
	go test ./dialogs/library -run 'TestCrossings$$' -crossings 10000 -timeout 1h -v
	go test ./dialogs/library -run 'TestWalks$$' -walks 100000 -timeout 1h
	go test ./cmd/townline -run 'TestOverloaded$$' -overload 30s -v
	go test ./channels/exchange -run TestRunOfReminders -reminders 10000 -timeout 1h -v
	GOMAXPROCS=1 go test ./channels/sip -run TestManyCalls -calls 300 -calltime 20s -v
	go test ./cmd/townline -run TestManyMenus -menus 1000 -think 1500ms -rounds 3 -v
	go test ./channels/telegram -run TestWalksByButtons -walks 200 -timeout 1h -v
	go test ./channels/smpp -run TestEachIsAccountedFor -texts 100000 -v
	go test ./cmd/townline -run TestAlone -static -timeout 30m -v
	go test ./cmd/townline -run TestKilledInTraffic -kills 1000 -timeout 3h -v
	go test ./cmd/townline -run TestFaultsOnOneFile -faults 50 -fault-kills 20 -fault-pace 200ms -timeout 3h -v
	go test ./cmd/townline -run TestFaultsOnNodes -faults 50 -fault-kills 20 -fault-pace 200ms -timeout 4h -v
	go test ./cmd/townline -run TestFaultsOnNodes -faults 50 -fault-kills 20 -fault-beside -fault-pace 200ms -timeout 4h -v
	go test ./channels/exchange -run 'TestNodesSimulation$$' -nodesims 1000 -timeout 2h -v
	go test ./cmd/townline -run 'TestMoveIsKilled|TestChangeOfKeysIsKilled' -move-kills 200 -key-kills 200 -timeout 1h -v
	go test ./store/sqlite ./store/postgres -run TestDrill -drill-turns 20000 -timeout 1h -v

# What the figures in the documents come from; on a machine with nothing else to do.
bench:
	go test ./cmd/townline -run '^$$' -bench SignedWebhook -benchtime 40000x
	go test ./cmd/townline -run '^$$' -bench Forged -benchtime 40000x
	go test ./cmd/townline -run '^$$' -bench 'Start|MemoryAfter100000' -benchtime 1x
	go test ./dialogs/... ./locales ./channels/... -run '^$$' -bench . -benchtime 0.5s
	go test ./store/... -run '^$$' -bench . -benchtime 2s -timeout 1h

# The same signed dialog with a town on SQLite and with one on PostgreSQL and Redis, beside what the machine can do at best: see
# cmd/townline/race/README.md. On a machine with nothing else to do.
RACE_FOR ?= 10s
RACE_RUNS ?= 3
race:
	go test ./cmd/townline -run '^$$' -bench '^BenchmarkRace$$' -benchtime 1x -count $(RACE_RUNS) -racefor $(RACE_FOR) -timeout 1h

# Every fuzz target for FUZZTIME.
FUZZTIME ?= 5m
fuzz:
	@set -e; for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
	    echo "$$dir $$target"; go test $$dir -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME); \
	  done; \
	done
