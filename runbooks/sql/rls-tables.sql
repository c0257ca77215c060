-- Tables that the roles of the API can reach, with the state of their row security.
SELECT
  format('%I.%I', n.nspname, c.relname) AS "table",
  c.relrowsecurity AS rls,
  (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname !~ '^pg_(toast|temp)'
  AND EXISTS (
    SELECT FROM pg_roles r
    WHERE r.rolname IN ('anon', 'authenticated')
      AND has_schema_privilege(r.oid, n.oid, 'USAGE')
      AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
  )
ORDER BY 1
