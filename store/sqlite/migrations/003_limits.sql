-- weight is what a message counts as where little may leave. until is when it is of no use any more; 0: it keeps. A channel that
-- may not send now, or only replies, must not be in the way of another: what is queued is found by channel and class.
ALTER TABLE outbox ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outbox ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
DROP INDEX outbox_queued;
CREATE INDEX outbox_queued ON outbox(channel, class, at, seq) WHERE state = 1;
