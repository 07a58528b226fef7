-- Recordings and pictures. Their bytes are in parts of their own, sealed, under first, first + 1, …: first is random, and
-- the eight bits at its end are zero. Parts are laid down before the turn that brings them is committed, so that no other
-- turn waits for all of them; until then, and once their media is gone, media_loose has them. at is when they were laid
-- down; 0: to be destroyed.
CREATE TABLE media(id BLOB PRIMARY KEY, resident BLOB NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
	until INTEGER NOT NULL, size INTEGER NOT NULL, first INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX media_resident ON media(resident);
CREATE INDEX media_until ON media(until) WHERE until <> 0;
CREATE TABLE media_part(seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE media_loose(first INTEGER PRIMARY KEY, resident BLOB NOT NULL, at INTEGER NOT NULL);
CREATE INDEX media_loose_resident ON media_loose(resident);
INSERT INTO counter VALUES('media', 0), ('media_bytes', 0);
