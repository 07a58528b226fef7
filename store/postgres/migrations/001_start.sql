-- Ids are random and tell nothing about who came first. Text is compared byte by byte. Times are milliseconds since 1970, 0 for none.
-- Columns that are written at every turn have no index and room beside them, so that a turn needn't touch an index of its row.

CREATE TABLE meta(name text PRIMARY KEY, value bytea NOT NULL);

-- Each writer counts on a row of its own, so that none waits for another; what there is is their sum.
CREATE TABLE counter(name text NOT NULL, slot integer NOT NULL, n bigint NOT NULL, PRIMARY KEY(name, slot)) WITH (fillfactor = 20);

-- The key of a resident, wrapped. id names it: what is sealed under another key of the same resident is refused.
CREATE TABLE resident_key(resident uuid PRIMARY KEY, id bigint NOT NULL, wrapped bytea NOT NULL)
	WITH (autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0);

-- answered: the last 16 inbound ids, newest first, 8 bytes each. state: sealed.
CREATE TABLE conversation(resident uuid PRIMARY KEY, version bigint NOT NULL, answered bytea NOT NULL, state bytea NOT NULL)
	WITH (fillfactor = 75);
ALTER TABLE conversation ALTER state SET STORAGE EXTERNAL;

-- What was replied to those, sealed. seq tells their age where two residents are merged.
CREATE TABLE reply(resident uuid NOT NULL, inbound bytea NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY, body bytea NOT NULL,
	PRIMARY KEY(resident, inbound));
ALTER TABLE reply ALTER body SET STORAGE EXTERNAL;

CREATE TABLE address(key uuid PRIMARY KEY, resident uuid NOT NULL, kind text NOT NULL, at bigint NOT NULL, sealed bytea NOT NULL);
CREATE INDEX address_resident ON address(resident);

CREATE TABLE response(poll text COLLATE "C" NOT NULL, id uuid NOT NULL, resident uuid NOT NULL, version integer NOT NULL, channel text NOT NULL,
	lang text NOT NULL, at bigint NOT NULL, record bytea NOT NULL, shown bytea NOT NULL, PRIMARY KEY(poll, id));
CREATE INDEX response_resident ON response(resident);

-- The roll says who has voted, the ballot box what was chosen. They share nothing, but for confidential ballots until their roll is
-- closed. Each row tells which transaction wrote it; so those of a poll are written anew together, in the order of their random ids.
CREATE TABLE roll(poll text COLLATE "C" NOT NULL, voter uuid NOT NULL, used boolean NOT NULL, ballot uuid, resident uuid, PRIMARY KEY(poll, voter));
CREATE INDEX roll_link ON roll(resident) WHERE resident IS NOT NULL;
CREATE TABLE reserved(poll text COLLATE "C" PRIMARY KEY);
CREATE TABLE ballot(poll text COLLATE "C" NOT NULL, id uuid NOT NULL, version integer NOT NULL, channel text NOT NULL, day text NOT NULL,
	linked boolean NOT NULL, apart boolean NOT NULL, record bytea NOT NULL, PRIMARY KEY(poll, id));

CREATE TABLE request(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference text COLLATE "C" NOT NULL UNIQUE, dialog text COLLATE "C" NOT NULL,
	service text COLLATE "C" NOT NULL, department text COLLATE "C" NOT NULL, status text COLLATE "C" NOT NULL, due text NOT NULL, label text NOT NULL,
	place text COLLATE "C" NOT NULL, opened bigint NOT NULL, updated bigint NOT NULL, channel text NOT NULL, joined integer NOT NULL,
	record bytea NOT NULL, personal bytea, resident uuid);
CREATE INDEX request_opened ON request(opened, seq);
CREATE INDEX request_dialog ON request(dialog, opened, seq);
CREATE INDEX request_place ON request(dialog, place, opened, seq);
CREATE INDEX request_service ON request(service, opened, seq);
CREATE INDEX request_department ON request(department, opened, seq);
CREATE INDEX request_status ON request(status, opened, seq);
CREATE INDEX request_resident ON request(resident) WHERE resident IS NOT NULL;
CREATE TABLE request_event(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, request bigint NOT NULL, kind text NOT NULL, at bigint NOT NULL,
	author text NOT NULL, status text NOT NULL, channel text NOT NULL, words text NOT NULL, record bytea NOT NULL, personal bytea, resident uuid);
CREATE INDEX request_event_request ON request_event(request, seq);
CREATE INDEX request_event_resident ON request_event(resident) WHERE resident IS NOT NULL;
CREATE TABLE joiner(request bigint NOT NULL, resident uuid NOT NULL, PRIMARY KEY(request, resident));
CREATE INDEX joiner_resident ON joiner(resident);

-- due is the message's own time, by which a resident's messages keep their order. at is when something may next be done
-- with it: sent (queued), taken from a worker that died (claimed), looked up (unsure; NULL: never by itself).
CREATE TABLE outbox(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE, resident uuid NOT NULL,
	channel text COLLATE "C" NOT NULL, kind text NOT NULL, class smallint NOT NULL, due bigint NOT NULL, at bigint, state smallint NOT NULL,
	attempts integer NOT NULL, receipt text COLLATE "C" NOT NULL, code text COLLATE "C" NOT NULL, body bytea NOT NULL, weight integer NOT NULL,
	until bigint NOT NULL);
CREATE INDEX outbox_queued ON outbox(channel, class, at, seq) WHERE state = 1;
CREATE INDEX outbox_taken ON outbox(channel, at, seq) WHERE state IN (2, 3);
CREATE INDEX outbox_resident ON outbox(resident, channel, due, seq);
CREATE INDEX outbox_receipt ON outbox(receipt) WHERE receipt <> '';
CREATE INDEX outbox_done ON outbox(at) WHERE state IN (4, 5);
CREATE INDEX outbox_dead ON outbox(at) WHERE state = 6;

CREATE TABLE timer(resident uuid NOT NULL, name text COLLATE "C" NOT NULL, at bigint NOT NULL, PRIMARY KEY(resident, name));
CREATE INDEX timer_at ON timer(at, resident, name);

CREATE TABLE optout(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, address uuid NOT NULL, stopped boolean NOT NULL, at bigint NOT NULL,
	channel text NOT NULL, word text NOT NULL);
CREATE INDEX optout_address ON optout(address, seq);

CREATE TABLE consent(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE, resident uuid NOT NULL, poll text NOT NULL,
	version integer NOT NULL, step text NOT NULL, words text NOT NULL, lang text NOT NULL, yes boolean NOT NULL, channel text NOT NULL,
	at bigint NOT NULL);
CREATE INDEX consent_resident ON consent(resident, seq);

-- How a resident's talk with the desk stands, and what was said in it: sealed, in the order of its time.
CREATE TABLE desk_case(resident uuid PRIMARY KEY, state smallint NOT NULL, desk text COLLATE "C" NOT NULL, clerk text NOT NULL, since bigint NOT NULL,
	last bigint NOT NULL, unread integer NOT NULL, dialog text NOT NULL, channel text NOT NULL, lang text NOT NULL);
CREATE INDEX desk_case_since ON desk_case(since, resident);
CREATE INDEX desk_case_desk ON desk_case(desk, since, resident);
CREATE TABLE letter(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE, resident uuid NOT NULL, at bigint NOT NULL,
	sealed bytea NOT NULL);
CREATE INDEX letter_resident ON letter(resident, at, seq);

-- Recordings and pictures. Their bytes are in parts, sealed, under first, which is random. Parts are laid down before the turn that
-- brings them is committed; until then media_loose has them.
CREATE TABLE media(id uuid PRIMARY KEY, resident uuid NOT NULL, type text NOT NULL, at bigint NOT NULL, until bigint NOT NULL, size integer NOT NULL,
	first bigint NOT NULL);
CREATE INDEX media_resident ON media(resident);
CREATE INDEX media_until ON media(until) WHERE until <> 0;
CREATE TABLE media_part(first bigint NOT NULL, n integer NOT NULL, body bytea NOT NULL, PRIMARY KEY(first, n));
ALTER TABLE media_part ALTER body SET STORAGE EXTERNAL;
CREATE TABLE media_loose(first bigint PRIMARY KEY, resident uuid NOT NULL, at bigint NOT NULL);
CREATE INDEX media_loose_resident ON media_loose(resident);
CREATE INDEX media_loose_at ON media_loose(at);

CREATE TABLE published(id text COLLATE "C" NOT NULL, version integer NOT NULL, hash text NOT NULL, at bigint NOT NULL, source bytea NOT NULL,
	PRIMARY KEY(id, version));

-- Who was erased, so that a copy made before can be put back without them.
CREATE TABLE erased(resident uuid PRIMARY KEY, at bigint NOT NULL);
