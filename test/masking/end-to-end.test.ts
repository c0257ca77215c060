/** Two secrets, every encoding, three ways to cut the output: none of it may be seen anywhere the tool writes. */
import { copyFileSync, existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lastExecutor } from "../../src/host/claim.ts";
import { livingSupervisors } from "../../src/host/supervisor/supervisor-file.ts";
import { CliRig, type Started } from "../rig/cli-rig.ts";
import { type LoopbackServer, loopbackServer } from "../rig/loopback-server.ts";
import { until } from "../rig/until.ts";

interface Printer {
  readonly encodings: Record<string, (secret: string) => { readonly shown: string; readonly secret: string }>;
  readonly splits: Record<string, unknown>;
}

const printer = join(import.meta.dirname, "print-variants.mjs");
const secrets = {
  ALPHA: `Tr0ub4dor&3'<quote>"/p$$w?=x+%20y`,
  BETA: "fo1_9sJkQ2vXz-Lw7TnR_bC5yHd8mPaE3uGi0oKf",
};

let rig: CliRig;
let slack: LoopbackServer;
let forms: readonly { readonly name: string; readonly text: string }[];
let env: Record<string, string>;

beforeAll(async () => {
  const { encodings } = (await import(pathToFileURL(printer).href)) as Printer;
  forms = Object.entries(secrets).flatMap(([name, secret]) =>
    Object.entries(encodings).map(([encoding, encode]) => ({
      name: `${name} as ${encoding}`,
      text: encode(secret).secret,
    })),
  );
  slack = await loopbackServer((_, response) => response.end("ok"));
  rig = new CliRig({ fixture: "ledger" });
  copyFileSync(printer, join(rig.project, "print-variants.mjs"));
  env = {
    RUNBOOK_SECRET_ALPHA: secrets.ALPHA,
    RUNBOOK_SECRET_BETA: secrets.BETA,
    RUNBOOK_SECRET_HOOK: `${slack.url}/services/T0/B0/hOoKsEcReT`,
  };
  const given = { ALPHA: "${{ secrets.ALPHA }}", BETA: "${{ secrets.BETA }}" };
  const common = {
    secrets: ["ALPHA", "BETA", "HOOK"],
    notify: [{ on: ["failed", "succeeded"], uses: "slack", with: { webhook: "${{ secrets.HOOK }}" } }],
  };
  rig.runbook("leaky", {
    ...common,
    inputs: { code: { type: "string", required: true } },
    steps: [
      {
        id: "quiet",
        title: "Print everything",
        run: "node print-variants.mjs 0",
        effects: "read",
        env: given,
        outputs: { all: "result.stdout" },
      },
      {
        id: "loud",
        title: "Print everything and fail or not",
        run: "node print-variants.mjs ${{ inputs.code }}",
        effects: "read",
        env: given,
        verify: [
          {
            that: 'result.stdout == "nothing"',
            message: "It said ${{ result.stdout }}",
            show: "result.stderr",
            severity: "warning",
          },
        ],
      },
    ],
  });
  rig.runbook("held", {
    ...common,
    steps: [
      {
        id: "hold",
        title: "Hold the secrets",
        uses: "script",
        effects: "read",
        with: { script: 'echo "$$" >> "$LEDGER"; read -r _ < "$GATES/go"' },
        env: given,
      },
    ],
  });
  rig.runbook("reuse", {
    ...common,
    steps: [
      {
        id: "read",
        title: "Read a token",
        uses: "script",
        effects: "read",
        with: { script: 'printf %s "$ALPHA"' },
        env: given,
        outputs: { token: "result.stdout" },
      },
      { id: "use", title: "Use it", run: ["echo", "${{ steps.read.outputs.token }}"], effects: "read" },
    ],
  });
  rig.runbook("keeps", {
    ...common,
    steps: [
      {
        id: "write",
        title: "Write a file",
        uses: "script",
        effects: "read",
        with: { script: 'printf "token: %s" "$BETA" | base64 > kept.txt' },
        env: given,
        artifacts: ["kept.txt"],
      },
    ],
  });
});
afterAll(async () => {
  await rig.end();
  await slack.close();
});

/** Forms that occur, as `ALPHA as hex in journal.ndjson`. */
function leaksIn(sinks: Readonly<Record<string, string>>): string[] {
  return Object.entries(sinks).flatMap(([sink, text]) =>
    forms.filter((form) => text.includes(form.text)).map((form) => `${form.name} in ${sink}`),
  );
}

function filesOf(run: string): Record<string, string> {
  const dir = rig.runDir(run);
  const paths = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((path) =>
    lstatSync(join(dir, path)).isFile(),
  );
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(dir, path), "latin1") + rig.file(run, path)]));
}

describe.each([
  ["a run that succeeds", "0", 0],
  ["a run that fails", "3", 1],
])("%s", (_, code, exit) => {
  test.each([
    ["text and plain progress", ["--no-input", "--progress", "plain"]],
    ["json", ["--no-input", "-o", "json"]],
    ["ndjson", ["--no-input", "-o", "ndjson"]],
  ])("shows nothing in %s, nor in any file, report or message", async (name, flags) => {
    const reports = ["md", "html", "json", "junit", "prom"].map((format) => `--report=${format}=out/${code}.${format}`);
    const asked = slack.received.length;
    const before = new Set(rig.runs());
    const ran = await rig.run(["run", "leaky", "-i", `code=${code}`, ...reports, ...flags], {
      env: { ...env, GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: join(rig.dir, `summary-${code}`) },
    });
    expect(ran.code, ran.stderr.slice(-2000)).toBe(exit);
    const run = rig.runs().find((id) => !before.has(id)) as string;
    const files = filesOf(run);
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining([
        "journal.ndjson",
        "executor.log",
        "supervisor.log",
        "report.md",
        "report.html",
        "evidence.json",
      ]),
    );
    // The logs hold what was printed, masked, so that this test would see a leak.
    expect(files["logs/quiet.1.log"]?.match(/\[[^\]]*\*\*\*/g)?.length).toBeGreaterThan(200);
    const verbs: Record<string, string> = {};
    for (const verb of [
      ["report", run],
      ["report", run, "-o", "html"],
      ["report", run, "-o", "json"],
      ["status", run, "-o", "json"],
      ["logs", run],
      ["verify", run, "-o", "json"],
    ]) {
      const said = await rig.run(verb, { env });
      verbs[verb.join(" ")] = said.stdout + said.stderr;
    }
    const written = Object.fromEntries(
      ["md", "html", "json", "junit", "prom"].map((format) => [
        `out.${format}`,
        readFileSync(join(rig.project, `out/${code}.${format}`), "utf8"),
      ]),
    );
    const told = slack.received.slice(asked).map((message) => message.body);
    expect(told).toHaveLength(1);
    const summary = readFileSync(join(rig.dir, `summary-${code}`), "utf8");
    expect(
      leaksIn({
        ...files,
        ...verbs,
        ...written,
        summary,
        stdout: ran.stdout,
        stderr: ran.stderr,
        slack: told.join("\n"),
      }),
      name,
    ).toEqual([]);
    const record = rig.record(run);
    expect(record.scan).toMatchObject({ leaks: [], problem: null });
    expect(await rig.problems(run)).toEqual([]);
  });
});

test("a plan says nothing of them, as text, as JSON or saved", async () => {
  const text = await rig.run(["plan", "leaky", "-i", "code=0", "--save", "saved.json"], { env });
  const json = await rig.run(["plan", "leaky", "-i", "code=0", "-o", "json"], { env });
  expect([text.code, json.code]).toEqual([0, 0]);
  const saved = readFileSync(join(rig.project, "saved.json"), "utf8");
  expect(saved).toContain("print-variants");
  expect(leaksIn({ text: text.stdout + text.stderr, json: json.stdout + json.stderr, saved })).toEqual([]);
});

describe("other processes, while a step holds the secrets", () => {
  let started: Started;
  let run: string;
  let shell: number;
  let gate: { open(): void };
  beforeAll(async () => {
    gate = rig.gate("go");
    rig.clearLedger();
    started = rig.start(["run", "held", "--no-input"], { env });
    shell = Number(await until("the step runs", () => rig.ledger()[0]));
    run = await started.run();
  });
  afterAll(async () => {
    gate.open();
    await started.ended;
  });

  const proc = (pid: number | string, what: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${what}`, "utf8");
    } catch {
      return ""; // ended meanwhile, or of another user
    }
  };

  test("no command line of this machine holds one", () => {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    expect(pids).toContain(String(shell));
    expect(leaksIn(Object.fromEntries(pids.map((pid) => [`cmdline of ${pid}`, proc(pid, "cmdline")])))).toEqual([]);
  });

  test("they stand in the environment of who was given them, and of the command that asked for them, only", () => {
    const executor = lastExecutor(rig.runDir(run))?.pid ?? 0;
    const [supervisor] = livingSupervisors(rig.runDir(run));
    expect(leaksIn({ supervisor: proc(supervisor?.pid ?? 0, "environ") })).toEqual([]);
    expect(proc(supervisor?.pid ?? 0, "environ")).toContain("LC_ALL=C");
    // The provider `env` reads the user's environment, which the executor inherits: docs/evidence-format.md says so.
    const holders = rig.processes().filter(({ pid }) => leaksIn({ environ: proc(pid, "environ") }).length > 0);
    const names = holders.map(({ pid, command }) =>
      pid === executor ? "executor" : command.includes("runbook.cjs") ? "viewer" : "command",
    );
    expect([...new Set(names)].sort()).toEqual(["command", "executor", "viewer"]);
    const own = proc(shell, "environ").split("\0");
    expect(own).toContain(`ALPHA=${secrets.ALPHA}`);
    expect(own.filter((entry) => entry.startsWith("RUNBOOK_SECRET_"))).toEqual([]);
  });

  test("none of them leaves a core file", () => {
    const pids = [lastExecutor(rig.runDir(run))?.pid, livingSupervisors(rig.runDir(run))[0]?.pid, shell];
    for (const pid of pids) {
      expect(proc(pid ?? 0, "limits")).toMatch(/^Max core file size +0 +0 /m);
    }
  });
});

test("a masked value that is used as data ends the run instead of acting on the mask", async () => {
  const { code, document } = await rig.json(["run", "reuse"], { env });
  expect(code).toBe(1);
  expect(document.steps.find((step) => step.path === "use")?.failure).toMatchObject({
    class: "fatal",
    reason: "masked-value",
  });
  expect(rig.journal(document.run).some((entry) => entry.type === "command.started" && entry.step === "use")).toBe(
    false,
  );
});

describe("the search before the verdict", () => {
  test("fails a run whose kept file holds a secret, naming file and secret", async () => {
    const { code, document } = await rig.json(["run", "keeps"], { env });
    expect(code).toBe(1);
    const record = rig.record(document.run);
    expect(record.scan?.leaks).toEqual([{ file: "artifacts/write/kept.txt", secret: "BETA" }]);
    expect(record.finished).toMatchObject({
      result: "failed",
      summary: expect.stringContaining("artifacts/write/kept.txt holds the secret BETA"),
    });
    expect(document.deviations).toMatchObject([{ kind: "secret-leak" }, { kind: "escalated" }]);
    const types = rig.journal(document.run).map((entry) => entry.type);
    expect(types.indexOf("secrets.scanned")).toBeLessThan(types.indexOf("run.finished"));
    expect(rig.file(document.run, "report.md")).toContain("holds the secret BETA");
    expect(
      leaksIn({ report: rig.file(document.run, "report.md"), journal: rig.file(document.run, "journal.ndjson") }),
    ).toEqual([]);
  });
});

describe("a value that cannot be a secret is refused before anything runs", () => {
  const refused = async (changed: Record<string, string>, flags: string[] = []) => {
    const asked = slack.received.length;
    const { code, document } = await rig.json(["run", "leaky", "-i", "code=0", ...flags], {
      env: { ...env, ...changed },
    });
    expect(code).toBe(4);
    expect(document.result).toBe("refused");
    expect(rig.journal(document.run).some((entry) => entry.type === "step.started")).toBe(false);
    expect(slack.received).toHaveLength(asked);
    expect(existsSync(join(rig.runDir(document.run), "logs"))).toBe(false);
    return rig.record(document.run).finished?.summary ?? "";
  };

  test.each([
    ["short", { RUNBOOK_SECRET_BETA: "ab1" }, "BETA is shorter than"],
    ["a common word", { RUNBOOK_SECRET_BETA: "password" }, "BETA is a common word"],
    ["one repeated character", { RUNBOOK_SECRET_ALPHA: "xxxxxxxxxx" }, "ALPHA is one repeated character"],
    ["in the runbook", { RUNBOOK_SECRET_ALPHA: "print-variants.mjs" }, "ALPHA occurs in the runbook"],
  ])("%s", async (_, changed, why) => {
    expect(await refused(changed)).toContain(why);
  });

  test("in an input", async () => {
    expect(await refused({ RUNBOOK_SECRET_BETA: rig.ledgerFile })).toContain("BETA occurs in the input ledger");
  });

  test("every one of them is named", async () => {
    const summary = await refused({ RUNBOOK_SECRET_ALPHA: "ab1", RUNBOOK_SECRET_BETA: "password" });
    expect(summary).toContain("ALPHA");
    expect(summary).toContain("BETA");
  });
});
