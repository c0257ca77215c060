/** The roles and the demo shop of the sandbox's PostgreSQL: small, with row security as Supabase's API roles meet it. */
import { createHmac } from "node:crypto";

/** The secret that holds the password of each role. */
export const databaseSecrets = {
  backup_reader: "SOURCE_PGPASSWORD",
  drill: "SCRATCH_PGPASSWORD",
  seeder: "STAGING_PGPASSWORD",
  migrator: "MIGRATION_PGPASSWORD",
  auditor: "AUDIT_PGPASSWORD",
} as const;

/** Passwords of the roles by the name of their secret, derived from the sandbox's token: dummies, random per sandbox. */
export function databaseDummies(flyApiToken: string): Record<string, string> {
  const names = Object.values(databaseSecrets);
  return Object.fromEntries(names.map((name) => [name, createHmac("sha256", flyApiToken).update(name).digest("hex")]));
}

/**
 * Roles; run as superuser. `backup_reader` sees every row and asks as the API's roles. `drill` makes and fills scratch
 * databases, and restores extensions, which takes a superuser. `seeder` owns the demo shop's tables, `migrator` its
 * database: it may change what `seeder` owns. `auditor` adds rows to the audit log.
 */
export function rolesSql(passwords: Readonly<Record<keyof typeof databaseSecrets, string>>): string {
  const login = (role: keyof typeof databaseSecrets, rights: string) =>
    `CREATE ROLE ${role} LOGIN ${rights} PASSWORD '${passwords[role].replaceAll("'", "''")}';`;
  return `CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
${login("backup_reader", "BYPASSRLS IN ROLE pg_read_all_data, anon, authenticated")}
${login("drill", "SUPERUSER")}
${login("seeder", "")}
${login("migrator", "IN ROLE seeder")}
${login("auditor", "")}`;
}

/** The database `shop` itself; run in it as superuser. */
export const shopSql = `SET client_min_messages = warning;
CREATE TABLE customers (
  id bigint PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE
);
CREATE TABLE orders (
  id bigint PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers (id),
  total_cents bigint NOT NULL CHECK (total_cents >= 0),
  placed_at timestamptz NOT NULL
);
ALTER DATABASE shop OWNER TO migrator;
ALTER TABLE customers OWNER TO seeder;
ALTER TABLE orders OWNER TO seeder;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON customers, orders TO anon, authenticated;
CREATE POLICY own_customer ON customers FOR SELECT TO authenticated
  USING (id = nullif(current_setting('request.jwt.claim.sub', true), '')::bigint);
CREATE POLICY own_orders ON orders FOR SELECT TO authenticated
  USING (customer_id = nullif(current_setting('request.jwt.claim.sub', true), '')::bigint);
INSERT INTO customers SELECT 2000000 + n, 'Customer ' || n, 'customer' || n || '@shop.example' FROM generate_series(1, 500) n;
INSERT INTO orders
  SELECT 1000000 + n, 2000001 + n % 500, 100 * (n % 97), timestamptz '2026-01-01 00:00:00Z' + n * interval '1 hour'
  FROM generate_series(1, 5000) n;
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgtap') THEN
    CREATE EXTENSION pgtap;
  END IF;
END $$;
`;

/** The database \`ops\`: the table of \`audit-log\`, as \`runbooks/sql/audit-log.sql\` has it. Run in it as superuser. */
export const opsSql = `CREATE TABLE runbook_audit (
  run text NOT NULL,
  event text NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  target text NOT NULL,
  sha text,
  details jsonb,
  stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (run, event)
);
CREATE FUNCTION runbook_audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'runbook_audit only grows: % is not allowed', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON runbook_audit
  FOR EACH STATEMENT EXECUTE FUNCTION runbook_audit_only_grows();
GRANT INSERT, SELECT ON runbook_audit TO auditor;
`;
