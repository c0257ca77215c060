-- One row per table: how many rows, a checksum over them, row security and constraints. Two databases with equal rows
-- here hold the same data under the same rules.
--
-- The checksum is the sum of a hash of each row, so it does not depend on their order and needs no sorting.
-- query_to_xml runs one counting query per table inside this one (PostgreSQL with libxml, as every common build has).
-- Whoever runs it must see every row: the owner, a superuser, or a role with BYPASSRLS.
WITH tables AS (
  SELECT c.oid, c.relrowsecurity, c.relforcerowsecurity, format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), counted AS (
  SELECT tables.*, query_to_xml(
    format(
      'SELECT count(*) AS rows, coalesce(sum((''x'' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0) AS checksum FROM ONLY %s AS t',
      name
    ), true, true, '') AS xml
  FROM tables
)
SELECT
  name AS "table",
  (xpath('/row/rows/text()', xml))[1]::text::bigint AS rows,
  (xpath('/row/checksum/text()', xml))[1]::text AS checksum,
  CASE WHEN relrowsecurity THEN 'on' ELSE 'off' END
    || CASE WHEN relforcerowsecurity THEN ', forced' ELSE '' END
    || coalesce((
      SELECT format(', %s policies ', count(*)) || md5(string_agg(concat_ws('|', p.policyname, p.permissive, p.roles, p.cmd, p.qual, p.with_check), E'\n' ORDER BY p.policyname))
      FROM pg_policies p
      WHERE format('%I.%I', p.schemaname, p.tablename) = name
      HAVING count(*) > 0
    ), '') AS rls,
  coalesce((
    SELECT format('%s ', count(*)) || md5(string_agg(concat_ws('|', k.conname, k.convalidated, pg_get_constraintdef(k.oid)), E'\n' ORDER BY k.conname))
    FROM pg_constraint k
    WHERE k.conrelid = counted.oid
  ), '0') AS constraints
FROM counted
ORDER BY name
