-- The table of the step type `audit-log`: one row per run and event, only ever added to. Run it once per database, as
-- the owner; then let the role of the runbooks only INSERT and SELECT:
--   GRANT INSERT, SELECT ON runbook_audit TO runbook_writer;
CREATE TABLE IF NOT EXISTS runbook_audit (
  run text NOT NULL,
  event text NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  target text NOT NULL,
  sha text,
  details jsonb,
  -- When the row came here; later than `at` for rows that waited for the database.
  stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (run, event)
);

CREATE OR REPLACE FUNCTION runbook_audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'runbook_audit only grows: % is not allowed', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

DROP TRIGGER IF EXISTS only_grows ON runbook_audit;
-- Per statement, so that a change of no row is refused as well.
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON runbook_audit
  FOR EACH STATEMENT EXECUTE FUNCTION runbook_audit_only_grows();
