-- Three users, so that none has more rights than its work needs. An administrator runs this once, in the town's own empty database:
--   psql -d town -f roles.sql
-- and then gives each a password (\password town_node) or a certificate. Start townline once with town_owner in its address, and again
-- after each update of the program: that makes the tables and changes them. Nodes run as town_node.

-- owns the tables, and is used for that alone
CREATE ROLE town_owner LOGIN;
-- serves: reads and writes rows, and can neither make, change nor remove a table
CREATE ROLE town_node LOGIN;
-- reads what was answered and chosen, without who it was
CREATE ROLE town_results LOGIN;

CREATE SCHEMA town AUTHORIZATION town_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA town TO town_node, town_results;
ALTER ROLE town_owner SET search_path = town;
ALTER ROLE town_node SET search_path = town;
ALTER ROLE town_results SET search_path = town;

-- TRUNCATE: the week's replies. town_results gets its views when they are made.
ALTER DEFAULT PRIVILEGES FOR ROLE town_owner IN SCHEMA town GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO town_node;
ALTER DEFAULT PRIVILEGES FOR ROLE town_owner IN SCHEMA town GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO town_node;
