-- What may be read for results, without residents, ids, finer times than a day, or an order that tells who came when. Ballots of the
-- current day come on the next: whoever saw them come one by one could tell whose they are.
CREATE VIEW result_ballot WITH (security_barrier) AS SELECT poll, version, channel, day, apart, record FROM ballot
	WHERE day < to_char(now() - interval '12 hours', 'YYYY-MM-DD') ORDER BY poll, id;
CREATE VIEW result_response WITH (security_barrier) AS SELECT poll, version, channel, lang, to_char(to_timestamp(at / 1000), 'YYYY-MM-DD') AS day, record, shown
	FROM response ORDER BY poll, id;
CREATE VIEW result_request WITH (security_barrier) AS SELECT reference, dialog, service, department, status, due, opened, updated, joined FROM request;
DO $$
BEGIN
	IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'town_results') THEN
		GRANT SELECT ON result_ballot, result_response, result_request TO town_results;
	END IF;
END $$;
