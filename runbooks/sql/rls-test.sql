-- pgTAP, run by `rls-checks` in a transaction that is rolled back. The role that runs it must be a member of anon and
-- authenticated. What is special to the shop stands at the end; the rest holds for every exposed table.
BEGIN;

CREATE TEMP TABLE exposed ON COMMIT DROP AS
SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relrowsecurity AS rls, r.rolname AS role
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN pg_roles r
WHERE c.relkind IN ('r', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
  AND r.rolname IN ('anon', 'authenticated')
  AND has_schema_privilege(r.oid, n.oid, 'USAGE')
  AND has_table_privilege(r.oid, c.oid, 'SELECT');

-- Asks as a role and comes back; the error's text when the query fails, which a recursive policy makes it do.
CREATE FUNCTION pg_temp.ask_as(role name, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text := 'answers';
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', role);
  BEGIN
    EXECUTE format('SELECT 1 FROM %s LIMIT 1', relation);
  EXCEPTION WHEN OTHERS THEN
    answer := SQLERRM;
  END;
  RESET ROLE;
  RETURN answer;
END
$$;

SELECT plan((1 + 2 * (SELECT count(*) FROM exposed) + (SELECT count(*) FROM exposed WHERE role = 'anon'))::int);

SELECT isnt((SELECT count(*)::int FROM exposed), 0, 'at least one table is exposed');
SELECT ok(rls, format('%s has row security (exposed to %s)', name, role)) FROM exposed ORDER BY name, role;
SELECT is(pg_temp.ask_as(role, name), 'answers', format('%s answers %s', name, role)) FROM exposed ORDER BY name, role;

-- Nobody who is not logged in changes anything.
SELECT ok(
  NOT has_table_privilege('anon', oid, 'INSERT, UPDATE, DELETE, TRUNCATE'),
  format('anon cannot write to %s', name)
) FROM exposed WHERE role = 'anon' ORDER BY name;

SELECT * FROM finish();
ROLLBACK;
