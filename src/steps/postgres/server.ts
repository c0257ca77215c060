/**
 * How a step reaches a PostgreSQL server: the client programs of Debian's `postgresql-client`, told by options where
 * and by environment as whom. A password never becomes a word of a command.
 * https://www.postgresql.org/docs/current/libpq-envars.html
 */
import type { JsonSchema } from "../../util/json.ts";
import { lastLines } from "../command-text.ts";
import { choice, closed, text, whole } from "../schema.ts";
import { type CommandResult, type FailureClass, StepFailure, type StepHost } from "../step-type.ts";

export interface Server {
  readonly host: string;
  /** Default 5432. */
  readonly port?: number;
  readonly user: string;
  readonly database?: string;
  /** `scratch`: may be filled and emptied. */
  readonly purpose?: string;
  readonly sslmode?: string;
  readonly sslrootcert?: string;
}

/** The fields of `with` that every step against a database has. */
export interface Login {
  readonly server: Server;
  readonly password?: string;
  readonly database?: string;
}

/** A connection string is refused here: as `--dbname` it would overrule host and user. */
const databasePattern = "^[A-Za-z_][A-Za-z0-9_$-]{0,62}$";

export const loginFields: Readonly<Record<string, JsonSchema>> = {
  server: closed(
    {
      host: text("Name or address.", { examples: ["db.shop.example"], pattern: "^[A-Za-z0-9_.:/-]+$" }),
      port: whole("Port, default 5432.", { examples: [5432], minimum: 1, maximum: 65_535 }),
      user: text("Role to log in as.", { examples: ["backup_reader"], minLength: 1 }),
      database: text("Database, unless the step names one.", { examples: ["shop"], pattern: databasePattern }),
      purpose: text("`scratch` marks a server that holds nothing of value: the only kind `postgres/restore` fills.", {
        examples: ["scratch"],
      }),
      sslmode: {
        ...choice("As libpq has it, default `prefer`; `verify-full` for servers that are not on this machine.", {
          disable: "Never encrypted.",
          allow: "Encrypted only if the server insists.",
          prefer: "Encrypted if the server can; its certificate is not checked (default).",
          require: "Encrypted; the certificate is not checked.",
          "verify-ca": "Encrypted, and an authority that is trusted signed the certificate.",
          "verify-full": "The same, and the certificate is for this host.",
        }),
        examples: ["verify-full"],
      },
      sslrootcert: text("File with the authorities to trust.", { examples: ["keys/db-ca.pem"], minLength: 1 }),
    },
    ["host", "user"],
    {
      description: "Where the server is and who logs in, usually one hole: `${{ target.source }}`.",
      examples: ["${{ target.source }}", { host: "db.shop.example", user: "backup_reader" }],
    },
  ),
  password: text("Password, by a secret; it reaches the programs by environment only.", {
    examples: ["${{ secrets.SOURCE_PGPASSWORD }}"],
    minLength: 1,
  }),
  database: text("Database; default `server.database`.", {
    examples: ["drill_${{ run.slug }}"],
    pattern: databasePattern,
  }),
};

/** A server whose step has filled in a database. */
export interface Place {
  readonly database: string;
  /** `shop on db.shop.example:5432`, for messages. */
  readonly name: string;
  /** `--host=… --port=… --username=… --dbname=…` */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly isLoopback: boolean;
}

/** Throws a `fatal` failure when no database is named. */
export function placeOf(login: Login, host: Pick<StepHost, "run">): Place {
  const database = login.database ?? login.server.database;
  if (database === undefined) {
    throw new StepFailure(
      "fatal",
      "database-missing",
      "No database is named. Write `database:` in the step, or in the server of the target.",
    );
  }
  const { server, password } = login;
  return {
    database,
    name: placeName(login),
    words: [
      `--host=${server.host}`,
      `--port=${server.port ?? 5432}`,
      `--username=${server.user}`,
      `--dbname=${database}`,
    ],
    env: {
      ...(password === undefined ? {} : { PGPASSWORD: password }),
      ...(server.sslmode === undefined ? {} : { PGSSLMODE: server.sslmode }),
      ...(server.sslrootcert === undefined ? {} : { PGSSLROOTCERT: server.sslrootcert }),
      PGCONNECT_TIMEOUT: "10",
      PGAPPNAME: `runbook ${host.run.id}`,
      PGCLIENTENCODING: "UTF8",
      PGTZ: "UTC",
      PGDATESTYLE: "ISO",
      // Messages are read below; a translated one would be another failure class.
      LC_ALL: "C",
    },
    isLoopback: /^(127\.|localhost$|::1$|\/)/.test(server.host),
  };
}

/** For plans, where parts may not be known yet. */
export function placeName({ server, database }: Login): string {
  if (typeof server !== "object" || server === null) return `‹server› ${database ?? ""}`.trim();
  // A sandbox that never ran has no port yet.
  const port = server.port === 0 ? "‹known after sandbox›" : (server.port ?? 5432);
  return `${database ?? server.database ?? "‹database›"} on ${server.host}:${port}`;
}

interface Known {
  readonly said: RegExp;
  readonly class: FailureClass;
  readonly reason: string;
  readonly hint: string;
}

/** What libpq and the server say when there is no session. src/interfaces/libpq/fe-connect.c, errcodes.txt */
const knownRefusals: readonly Known[] = [
  {
    said: /password authentication failed|no password supplied|authentication failed/,
    class: "failed",
    reason: "not-authorised",
    hint: "Check the role and the secret behind `password:`.",
  },
  {
    said: /no pg_hba\.conf entry/,
    class: "failed",
    reason: "not-authorised",
    hint: "The server lets this role in from other addresses, or with TLS only: see `sslmode:` and its pg_hba.conf.",
  },
  {
    said: /database "[^"]*" does not exist/,
    class: "failed",
    reason: "database-missing",
    hint: "List the databases with psql --list.",
  },
  { said: /role "[^"]*" does not exist/, class: "failed", reason: "role-missing", hint: "Create the role first." },
  {
    said: /certificate verify failed|server does not support SSL|root certificate file|certificate for "[^"]*"/,
    class: "failed",
    reason: "tls",
    hint: "See `sslmode:` and `sslrootcert:` of the server.",
  },
  {
    said: /too many clients|remaining connection slots|too many connections/,
    class: "transient",
    reason: "too-many-connections",
    hint: "Every connection of the server is taken.",
  },
  {
    said: /database system is (?:starting up|shutting down|in recovery mode|not yet accepting)/,
    class: "transient",
    reason: "server-not-ready",
    hint: "The server is starting or stopping.",
  },
  { said: /timeout expired/, class: "transient", reason: "connection-timed-out", hint: "Nobody answered for 10 s." },
  {
    said: /Connection refused|No such file or directory|could not translate host name|Network is unreachable|No route to host|Connection (?:reset|timed out)/,
    class: "transient",
    reason: "server-unreachable",
    hint: "Check host and port, and that the server runs.",
  },
];

/** The failure of a program that got no session; null when that is not what happened. */
export function connectionFailure(place: Place, ended: CommandResult): StepFailure | null {
  const said = ended.stderr;
  if (!/connection to server|could not translate host name|connection to database/.test(said)) return null;
  const facts = { exitCode: ended.exitCode, stderr: lastLines(said, 20) };
  if (/server closed the connection unexpectedly|terminating connection/.test(said)) {
    return new StepFailure(
      "transient",
      "connection-lost",
      `The server ended the connection to ${place.name}: ${lastLines(said, 2)}`,
      { facts },
    );
  }
  const known = knownRefusals.find((each) => each.said.test(said));
  if (known?.reason === "server-unreachable" && place.isLoopback && /refused|No such file/.test(said)) {
    // On this machine it is not the network: waiting helps nobody, and nothing was done.
    return new StepFailure(
      "refused",
      "server-not-running",
      `No PostgreSQL answers for ${place.name}. Install PostgreSQL (Debian package postgresql-15) and start it there`,
      { facts },
    );
  }
  const message = `No session with ${place.name}: ${lastLines(said, 3)}`;
  return new StepFailure(
    known?.class ?? "transient",
    known?.reason ?? "no-session",
    known === undefined ? message : `${message} ${known.hint}`,
    { facts },
  );
}
