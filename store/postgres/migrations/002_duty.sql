-- What one node does at a time, and until when, by this server's clock. A row is written each second, so there is room beside it.
CREATE TABLE duty(name text COLLATE "C" PRIMARY KEY, node uuid NOT NULL, until timestamptz NOT NULL) WITH (fillfactor = 10);
