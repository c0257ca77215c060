-- Whether a database exists, and how many sessions it has besides this one.
SELECT
  EXISTS (SELECT FROM pg_database WHERE datname = :'name') AS there,
  (SELECT count(*) FROM pg_stat_activity WHERE datname = :'name' AND pid <> pg_backend_pid()) AS sessions
