-- How a resident's talk with the desk stands, and what was said in it: sealed, in the order of its time.
CREATE TABLE desk_case(resident BLOB PRIMARY KEY, state INTEGER NOT NULL, desk TEXT NOT NULL, clerk TEXT NOT NULL,
	since INTEGER NOT NULL, last INTEGER NOT NULL, unread INTEGER NOT NULL, dialog TEXT NOT NULL, channel TEXT NOT NULL,
	lang TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX desk_case_since ON desk_case(since, resident);
CREATE INDEX desk_case_desk ON desk_case(desk, since, resident);
CREATE TABLE letter(seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, resident BLOB NOT NULL, at INTEGER NOT NULL,
	sealed BLOB NOT NULL);
CREATE INDEX letter_resident ON letter(resident, at, seq);
