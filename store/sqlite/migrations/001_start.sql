-- A resident's rows are found by k, the first 8 bytes of the random resident id as an integer: integer keys keep the
-- trees of large rows three levels deep, where keys of 16 bytes beside the rows would make them nine, and random ones tell
-- nothing about who came first. The whole id is compared, so that two ids that share k are never taken for one.

CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE counter(name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES('conversations', 0), ('responses', 0), ('ballots', 0), ('requests', 0);

-- The key of a resident, wrapped. Not in backups: it goes to a file beside them.
CREATE TABLE resident_key(k INTEGER PRIMARY KEY, resident BLOB NOT NULL, wrapped BLOB NOT NULL);

-- answered: the last 16 inbound ids, newest first, 8 bytes each and 6 bytes of the reply's seq. state: sealed.
CREATE TABLE conversation(k INTEGER PRIMARY KEY, resident BLOB NOT NULL, version INTEGER NOT NULL,
	answered BLOB NOT NULL, state BLOB NOT NULL);

-- Replies are only ever added at the end; the sweep removes those that no conversation remembers.
CREATE TABLE reply(seq INTEGER PRIMARY KEY, k INTEGER NOT NULL, body BLOB NOT NULL);

CREATE TABLE address(key BLOB PRIMARY KEY, resident BLOB NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
	sealed BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX address_resident ON address(resident);

CREATE TABLE response(seq INTEGER PRIMARY KEY, poll TEXT NOT NULL, id BLOB NOT NULL, resident BLOB NOT NULL,
	version INTEGER NOT NULL, channel TEXT NOT NULL, lang TEXT NOT NULL, at INTEGER NOT NULL, record BLOB NOT NULL,
	shown BLOB NOT NULL);
CREATE UNIQUE INDEX response_id ON response(poll, id);
CREATE INDEX response_resident ON response(resident);

-- The roll says who has voted, the ballot box what was chosen. Both are ordered by random keys alone and share nothing,
-- but for confidential ballots until their roll is closed.
CREATE TABLE roll(poll TEXT NOT NULL, voter BLOB NOT NULL, used INTEGER NOT NULL, ballot BLOB, resident BLOB,
	PRIMARY KEY(poll, voter)) WITHOUT ROWID;
CREATE INDEX roll_link ON roll(resident) WHERE resident IS NOT NULL;
CREATE TABLE reserved(poll TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE ballot(poll TEXT NOT NULL, id BLOB NOT NULL, version INTEGER NOT NULL, channel TEXT NOT NULL,
	day TEXT NOT NULL, linked INTEGER NOT NULL, apart INTEGER NOT NULL, record BLOB NOT NULL,
	PRIMARY KEY(poll, id)) WITHOUT ROWID;

CREATE TABLE request(seq INTEGER PRIMARY KEY, reference TEXT NOT NULL UNIQUE, dialog TEXT NOT NULL,
	service TEXT NOT NULL, department TEXT NOT NULL, status TEXT NOT NULL, due TEXT NOT NULL, label TEXT NOT NULL,
	place TEXT NOT NULL, opened INTEGER NOT NULL, updated INTEGER NOT NULL, channel TEXT NOT NULL,
	joined INTEGER NOT NULL, record BLOB NOT NULL, personal BLOB, resident BLOB);
CREATE INDEX request_opened ON request(opened, seq);
CREATE INDEX request_dialog ON request(dialog, opened, seq);
CREATE INDEX request_place ON request(dialog, place, opened, seq);
CREATE INDEX request_service ON request(service, opened, seq);
CREATE INDEX request_department ON request(department, opened, seq);
CREATE INDEX request_status ON request(status, opened, seq);
CREATE INDEX request_resident ON request(resident) WHERE resident IS NOT NULL;
CREATE TABLE request_event(seq INTEGER PRIMARY KEY, request INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
	by TEXT NOT NULL, status TEXT NOT NULL, channel TEXT NOT NULL, text TEXT NOT NULL, record BLOB NOT NULL,
	personal BLOB, resident BLOB);
CREATE INDEX request_event_request ON request_event(request, seq);
CREATE INDEX request_event_resident ON request_event(resident) WHERE resident IS NOT NULL;
CREATE TABLE joiner(request INTEGER NOT NULL, resident BLOB NOT NULL, PRIMARY KEY(request, resident)) WITHOUT ROWID;
CREATE INDEX joiner_resident ON joiner(resident);

-- due is the message's own time, by which a resident's messages keep their order. at is when something may next be done
-- with it: sent (queued), taken from a worker that died (claimed), looked up (unsure; NULL: never by itself).
CREATE TABLE outbox(seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, resident BLOB NOT NULL, channel TEXT NOT NULL,
	kind TEXT NOT NULL, class INTEGER NOT NULL, due INTEGER NOT NULL, at INTEGER, state INTEGER NOT NULL,
	attempts INTEGER NOT NULL, receipt TEXT NOT NULL, code TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX outbox_queued ON outbox(class, at, seq) WHERE state = 1;
CREATE INDEX outbox_taken ON outbox(at) WHERE state IN (2, 3);
CREATE INDEX outbox_resident ON outbox(resident, channel, due, seq);
CREATE INDEX outbox_receipt ON outbox(receipt) WHERE receipt <> '';
CREATE INDEX outbox_done ON outbox(at) WHERE state IN (4, 5);
CREATE INDEX outbox_dead ON outbox(at) WHERE state = 6;

CREATE TABLE timer(resident BLOB NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(resident, name)) WITHOUT ROWID;
CREATE INDEX timer_at ON timer(at);

CREATE TABLE optout(seq INTEGER PRIMARY KEY, address BLOB NOT NULL, out INTEGER NOT NULL, at INTEGER NOT NULL,
	channel TEXT NOT NULL, word TEXT NOT NULL);
CREATE INDEX optout_address ON optout(address, seq);

CREATE TABLE consent(seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, resident BLOB NOT NULL, poll TEXT NOT NULL,
	version INTEGER NOT NULL, step TEXT NOT NULL, words TEXT NOT NULL, lang TEXT NOT NULL, yes INTEGER NOT NULL,
	channel TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX consent_resident ON consent(resident, seq);

CREATE TABLE published(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL, hash TEXT NOT NULL,
	at INTEGER NOT NULL, source BLOB NOT NULL, UNIQUE(id, version));

-- Who was erased, so that a copy made before can be put back without them.
CREATE TABLE erased(resident BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
