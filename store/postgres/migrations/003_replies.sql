-- works with: 3
-- A turn touches one random page, that of its conversation: what is known of earlier messages lies in the row, with the places of their
-- replies, and the replies are only ever added, at the end of the week's table. Six tables take turns; one that is begun anew is emptied.
CREATE TABLE reply_week(slot smallint PRIMARY KEY, week integer NOT NULL);
INSERT INTO reply_week SELECT slot, 0 FROM generate_series(0, 5) AS slot;
DO $$
DECLARE slot integer; week bigint := floor(extract(epoch FROM now()) / 604800);
BEGIN
	FOR slot IN 0..5 LOOP
		EXECUTE format('CREATE TABLE reply_%s(place bigint PRIMARY KEY, body bytea NOT NULL) WITH (autovacuum_vacuum_insert_threshold = -1)', slot);
		EXECUTE format('ALTER TABLE reply_%s ALTER body SET STORAGE EXTERNAL', slot);
	END LOOP;
	EXECUTE format('INSERT INTO reply_%s SELECT (%s::bigint << 50) + seq, body FROM reply ORDER BY seq', week % 6, week);
	UPDATE reply_week r SET week = floor(extract(epoch FROM now()) / 604800) WHERE r.slot = floor(extract(epoch FROM now()) / 604800)::bigint % 6;
END $$;

-- key: the number of the key that the row is sealed under. known: the last 16 messages, newest first: 8 bytes of the id, 8 of the place.
-- Rows stay whole up to half a page: what is sealed can't be packed, and a row in pieces is another random page.
ALTER TABLE conversation RENAME TO conversation_1;
ALTER INDEX conversation_pkey RENAME TO conversation_1_pkey;
CREATE TABLE conversation(resident uuid PRIMARY KEY, version bigint NOT NULL, key bigint NOT NULL, known bytea NOT NULL, state bytea NOT NULL)
	WITH (fillfactor = 75, toast_tuple_target = 4080);
ALTER TABLE conversation ALTER state SET STORAGE EXTERNAL;
ALTER TABLE conversation ALTER known SET STORAGE PLAIN;
INSERT INTO conversation SELECT c.resident, c.version, coalesce(d.id, 0),
	coalesce((SELECT string_agg(substr(c.answered, 8 * n + 1, 8) || int8send((floor(extract(epoch FROM now()) / 604800)::bigint << 50) + coalesce(p.seq, 0)), ''::bytea ORDER BY n)
		FROM generate_series(0, length(c.answered) / 8 - 1) AS n LEFT JOIN reply p ON p.resident = c.resident AND p.inbound = substr(c.answered, 8 * n + 1, 8)), ''),
	c.state FROM conversation_1 c LEFT JOIN resident_key d USING(resident);
DROP TABLE conversation_1;
DROP TABLE reply;

-- What was deleted of these is to be overwritten soon, by whoever may not do it themselves.
ALTER TABLE roll SET (autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE ballot SET (autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE outbox SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02);
