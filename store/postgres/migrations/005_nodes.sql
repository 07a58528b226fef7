-- Which node has claimed a message, so that what it had when it died is known to be doubtful; NULL: nobody asks.
ALTER TABLE outbox ADD COLUMN node uuid;

-- The last messages of who was erased, by keyed hashes, and what is replied if one comes again: it is nobody new's. For some days.
CREATE TABLE erased_reply(inbound bytea PRIMARY KEY, at bigint NOT NULL, reply bytea NOT NULL);
CREATE INDEX erased_reply_at ON erased_reply(at);
