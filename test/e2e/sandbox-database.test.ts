/** The database of the sandbox: it starts by itself when a run on a sandbox target needs it, and only then. */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CliRig, type RunDocument } from "../rig/cli-rig.ts";
import { describeWithPostgres, freePort } from "../rig/postgres.ts";

const root = join(import.meta.dirname, "../..");
let rig: CliRig;

beforeEach(() => {
  rig = new CliRig({ shipped: ["restore-drill", "backup-database", "rls-checks", "smoke-tests"] });
  cpSync(join(root, "runbooks/sql"), join(rig.project, "runbooks/sql"), { recursive: true });
});
afterEach(() => rig.end());

const run = (name: string, env: Readonly<Record<string, string>> = {}) =>
  rig.json(["run", name, "-t", "local"], { env });
const status = async () => JSON.parse(await rig.sandboxVerb("postgres", "status"));
const reasonOf = ({ run: id }: RunDocument) => rig.record(id).finished?.summary ?? "";
const onPort = (port: number) =>
  rig.write(
    "runbook.config.yaml",
    readFileSync(join(root, "runbook.config.yaml"), "utf8").replaceAll("port: 0", `port: ${port}`),
  );

describeWithPostgres(
  "the sandbox's PostgreSQL",
  () => {
    test("starts with the run that needs it, on a free port that it keeps, and starts again after a stop", async () => {
      const smoke = await run("smoke-tests");
      expect(smoke.code).toBe(0);
      expect(existsSync(join(rig.stateDir, "sandbox/postgres.json"))).toBe(false);
      const first = await run("restore-drill");
      expect(first.code, JSON.stringify(first.document.steps, null, 1)).toBe(0);
      const { port, running } = await status();
      expect(running).toBe(true);
      await rig.sandboxVerb("postgres", "stop");
      const second = await run("rls-checks");
      expect(second.code, JSON.stringify(second.document.steps, null, 1)).toBe(0);
      expect(await status()).toEqual({ port, running: true });
    });

    test("listens where the project file says", async () => {
      const port = await freePort();
      onPort(port);
      expect((await run("backup-database")).code).toBe(0);
      expect(await status()).toEqual({ port, running: true });
    });

    test("two runs at once share one server", async () => {
      const both = await Promise.all([run("backup-database"), run("rls-checks")]);
      expect(both.map(({ code, document }) => [code, reasonOf(document)])).toEqual([
        [0, "every step succeeded"],
        [0, "every step succeeded"],
      ]);
    });

    test("a port that another server has is told before any step", async () => {
      const other = createServer().listen(0, "127.0.0.1");
      await new Promise((done) => other.once("listening", done));
      const { port } = other.address() as { port: number };
      try {
        onPort(port);
        const { code, document } = await run("backup-database");
        expect(code).toBe(4);
        expect(reasonOf(document)).toContain(`another server has 127.0.0.1:${port}`);
        expect(reasonOf(document)).toContain("0 for a free one");
        expect(document.steps.filter(({ status: each }) => each !== "pending")).toEqual([]);
      } finally {
        other.close();
      }
    });

    test("a project with passwords of its own brings its own server", async () => {
      const { code, document } = await run("backup-database", { RUNBOOK_SECRET_SOURCE_PGPASSWORD: "our-own-password" });
      expect(code).not.toBe(0);
      expect(document.result).not.toBe("succeeded");
      expect(existsSync(join(rig.stateDir, "sandbox/postgres.json"))).toBe(false);
    });
  },
  "pgtap",
);

describe("without PostgreSQL", () => {
  test.each(["restore-drill", "backup-database", "rls-checks"])(
    "%s on local is refused before anything is done, and the package is named",
    async (name) => {
      const { code, document } = await run(name, { RUNBOOK_SANDBOX_POSTGRES: rig.project });
      expect(code).toBe(4);
      expect(document.result).toBe("refused");
      expect(reasonOf(document)).toContain("apt-get install postgresql-15");
      expect(rig.journal(document.run).filter(({ type }) => type === "command.started")).toEqual([]);
      expect(readFileSync(document.report ?? "", "utf8")).toContain("postgresql-15");
    },
  );

  test("a missing client program is named with its package, and so is it by doctor", async () => {
    const bin = join(rig.dir, "bin");
    mkdirSync(bin);
    for (const name of ["sh", "node"])
      symlinkSync(name === "node" ? process.execPath : `/bin/${name}`, join(bin, name));
    const { code, document } = await run("backup-database", { PATH: bin });
    expect(code).toBe(4);
    expect(reasonOf(document)).toContain("pg_dump was not found on PATH (Debian package postgresql-client)");
    const doctor = await rig.run(["doctor", "backup-database"], { env: { PATH: bin } });
    expect(doctor.stdout + doctor.stderr).toContain("Debian package postgresql-client");
  });
});
