/** `list`, `history`, `logs` and `show` over runs whose journals were made by hand. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";
import { JournalBuilder } from "../rig/journal-builder.ts";
import { LiveCommand } from "../rig/live-command.ts";
import { stories } from "../rig/run-stories.ts";
import { schemaErrors } from "../rig/schema-check.ts";
import { until } from "../rig/until.ts";

/** The stories' own clock stands at 2026-03-14. */
const at = (iso: string) => ({ env: { RUNBOOK_TESTING: "1", RUNBOOK_NOW: iso } });
const soon = at("2026-03-15T09:00:00Z");
const later = at("2026-09-01T00:00:00Z");

const escapes = "\u001b[2J\u001b]0;owned\u0007plain\rover\u202e\n::set-env name=A::b\n";

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ shipped: ["rollback-production", "smoke-tests"] });
  for (const story of [stories.succeeded, stories.rolledBack]) place(story());
  place(
    new JournalBuilder("rb-h0st1e")
      .start([{ path: "say", title: "Say" }], { runbook: "smoke-tests", kind: "smoke-test", target: "local" })
      .step("say", { argv: ["printf", "%s"], stdout: escapes, stderr: "", ms: 3 })
      .finish("succeeded", 0)
      .seal(),
  );
  // Nobody works on it and it has no verdict.
  place(
    new JournalBuilder("rb-0pen22")
      .start([{ path: "say", title: "Say" }], { runbook: "smoke-tests", target: "staging" })
      .begin("say"),
  );
  mkdirSync(join(rig.stateDir, "runs/rb-brken2"), { recursive: true });
  writeFileSync(join(rig.stateDir, "runs/rb-brken2/journal.ndjson"), "not a journal\n");
});
afterAll(() => rig.end());

function place(builder: JournalBuilder): void {
  mkdirSync(rig.runDir(builder.run), { recursive: true });
  builder.write(rig.runDir(builder.run));
}

interface List {
  readonly runbooks: readonly {
    readonly name: string;
    readonly errors: number;
    readonly targets: readonly { target: string; last: { run: string; result: string; ageMs: number } | null }[];
    readonly drill: { overdue: boolean; lastSuccessAt: string | null; dueAt: string | null } | null;
  }[];
}

describe("list", () => {
  test("the last result per target, and when the drill is due", async () => {
    const { code, document } = await rig.json<List>(["list"], soon);
    expect(code).toBe(0);
    expect(schemaErrors("list", document)).toEqual([]);
    const [rollback, smoke] = document.runbooks;
    expect(rollback?.targets.find((item) => item.target === "production")?.last).toMatchObject({
      ageMs: 86_400_000,
      result: expect.stringMatching(/^(succeeded|rolled_back)$/),
    });
    expect(rollback?.targets.find((item) => item.target === "local")?.last).toBeNull();
    expect(rollback?.drill).toMatchObject({ overdue: false, dueAt: expect.stringMatching(/^2026-06-12T/) });
    expect(smoke?.drill).toBeNull();
    expect(smoke?.targets.find((item) => item.target === "staging")?.last?.result).toBe("interrupted");
  });

  test("--stale is 1 only when a drill is overdue", async () => {
    expect(await rig.run(["list", "--stale"], soon)).toMatchObject({ code: 0, stdout: "" });
    const overdue = await rig.run(["list", "--stale"], later);
    expect(overdue.code).toBe(1);
    expect(overdue.stdout).toContain("rollback-production");
    expect(overdue.stdout).toContain("OVERDUE");
    expect(overdue.stdout).not.toContain("smoke-tests");
  });

  test("on a clean checkout the register of drills tells when each was proven", async () => {
    const clean = new CliRig({ shipped: ["rollback-production", "smoke-tests"] });
    const entry = (at: string, more: object = {}) =>
      `${JSON.stringify({
        format: "runbook.drill/1.0",
        run: "rb-222222",
        runbook: "rollback-production",
        version: "1.0.0",
        digest: "sha256:0",
        target: "local",
        result: "succeeded",
        startedAt: at,
        finishedAt: at,
        objectives: [],
        deviations: 0,
        image: null,
        headHash: `sha256:${at}`,
        signer: null,
        signature: null,
        ...more,
      })}\n`;
    try {
      const never = await clean.run(["list", "--stale"], soon);
      expect([never.code, never.stdout]).toEqual([1, expect.stringContaining("never proven")]);
      // Proven in January; a later failure and a success elsewhere prove nothing.
      const january = "2026-01-10T00:00:00.000Z";
      const others =
        entry("2026-03-10T00:00:00.000Z", { result: "failed" }) +
        entry("2026-03-10T01:00:00.000Z", { target: "nowhere" });
      clean.write("drills.ndjson", `<<<<<<< main\n${entry(january)}${others}`);
      const inTime = await clean.run(["list", "--stale"], soon);
      expect([inTime.code, inTime.stdout]).toEqual([0, ""]);
      expect(inTime.stderr).toContain("drills.ndjson: no entry stands in line 1; they were left out");
      const { document } = await clean.json<List>(["list"], soon);
      expect(schemaErrors("list", document)).toEqual([]);
      expect(document.runbooks[0]?.drill).toMatchObject({ lastSuccessAt: january, overdue: false });
      expect((await clean.run(["list"], soon)).stdout).toMatch(/drill\s+in time\s+proven \d+ days ago, due 2026-04-10/);
      const overdue = await clean.run(["list", "--stale"], later);
      expect([overdue.code, overdue.stdout]).toEqual([1, expect.stringContaining("OVERDUE")]);
      // One that cannot be read is not in time.
      clean.write("runbooks/rollback-production.yaml", "apiVersion: runbook/v1\ndrill: { every: 90d }\n");
      const broken = await clean.run(["list", "--stale"], soon);
      expect([broken.code, broken.stdout]).toEqual([1, expect.stringMatching(/drill\s+UNKNOWN/)]);
    } finally {
      await clean.end();
    }
  });

  test("--kind and --tag filter; an unknown kind names the nearest", async () => {
    const { document } = await rig.json<List>(["list", "--kind", "smoke-test"], soon);
    expect(document.runbooks.map((item) => item.name)).toEqual(["smoke-tests"]);
    expect((await rig.json<List>(["list", "--tag", "nowhere"], soon)).document.runbooks).toEqual([]);
    const unknown = await rig.run(["list", "--kind", "rolback"], soon);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('Did you mean "rollback"?');
  });

  test("a runbook that is not valid is listed as such", async () => {
    rig.write("runbooks/zz.yaml", "apiVersion: runbook/v1\nname: zz\ntitle: Half\n");
    try {
      const { code, document } = await rig.json<List>(["list"], soon);
      expect(code).toBe(0);
      expect(schemaErrors("list", document)).toEqual([]);
      expect(document.runbooks.at(-1)).toMatchObject({ name: "zz", title: "Half", kind: null, targets: [] });
      expect(document.runbooks.at(-1)?.errors).toBeGreaterThan(0);
    } finally {
      rmSync(join(rig.project, "runbooks/zz.yaml"));
    }
  });
});

interface History {
  readonly runs: readonly { run: string; runbook: string; result: string; exitCode: number | null }[];
  readonly unreadable: readonly string[];
}

describe("history", () => {
  test("every run, and those whose journal cannot be read", async () => {
    const { code, document } = await rig.json<History>(["history"], soon);
    expect(code).toBe(0);
    expect(schemaErrors("history", document)).toEqual([]);
    expect(document.runs).toHaveLength(4);
    expect(document.unreadable).toEqual(["rb-brken2"]);
    const ran = await rig.run(["history"], soon);
    expect(ran.stdout.trimEnd().split("\n")).toHaveLength(4);
    expect(ran.stderr).toContain("rb-brken2");
    const status = await rig.run(["status"], soon);
    expect(status.stdout.trimEnd().split("\n")).toHaveLength(4);
    expect(status.stderr).toContain("rb-brken2");
  });

  test("filters by runbook, result, age and number", async () => {
    const of = async (...args: string[]) =>
      (await rig.json<History>(["history", ...args], soon)).document.runs.map((item) => item.run);
    expect(await of("rollback-production")).toHaveLength(2);
    expect(await of("--result", "rolled_back")).toEqual(["rb-91mm0c"]);
    expect(await of("--since", "1h")).toEqual([]);
    expect(await of("--since", "25h")).toHaveLength(4);
    expect(await of("-n", "1")).toHaveLength(1);
  });

  test("its totals count the runs of the window, whatever was asked to be shown; none of none is no data", async () => {
    const args = ["history", "--result", "rolled_back", "-n", "1"];
    const { document } = await rig.json<{ totals: object }>(args, soon);
    const rollback = { runs: 2, measured: 2 };
    expect(document.totals).toMatchObject({ runs: 3, succeeded: 2, successRate: 2 / 3, notCounted: 1, rollback });
    const shown = await rig.run(["history", "--totals"], soon);
    expect(shown.stdout).toMatch(/^Runs: 2 of 3 succeeded \(66.7 %\), 1 rolled back\nWay back: rto median /);
    expect(shown.stdout).toMatch(
      /\nNot counted: 1 run refused or without a verdict\n\nrollback-production +production/,
    );
    const none = await rig.run(["history", "--totals", "--since", "1h"], soon);
    expect(none.stdout).toBe("Runs of the last 1h: no data\nWay back of the last 1h: no data\n");
  });

  test.each([
    [["history", "rolback-production"], 'Did you mean "rollback-production"?'],
    [["history", "--since", "yesterday"], "write it as 24h or 30d"],
    [["history", "-n", "0"], "whole number above 0"],
    [["history", "--result", "fine"], "--result takes"],
  ])("%j is a usage error", async (args, says) => {
    const ran = await rig.run(args, soon);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(says);
  });
});

describe("logs", () => {
  test("the bytes as they are into a pipe, headings on stderr", async () => {
    const ran = await rig.run(["logs", "rb-h0st1e"]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toBe(escapes);
    expect(ran.stderr).toContain("== say, attempt 1: printf %s");
  });

  test("inert on a CI runner: nothing moves a cursor, nothing is a workflow command", async () => {
    const ran = await rig.run(["logs", "rb-h0st1e"], { env: { GITHUB_ACTIONS: "true" } });
    expect(ran.stdout).toContain("\\u001b[2J");
    expect(ran.stdout).toContain("\\u202e");
    expect(ran.stdout).not.toMatch(/[\u001b\u0007\r\u202e]/);
    expect(ran.stdout).not.toMatch(/^::/m);
  });

  test("of one step, both streams", async () => {
    const ran = await rig.run(["logs", "rb-2q9x4d", "deploy"]);
    expect(ran.stdout).toBe(
      "==> Verifying app config\nmachine 1 of 2 healthy\nmachine 2 of 2 healthy\nWARN using the image of release v41\n",
    );
    expect(ran.stderr).toContain("== deploy, attempt 1: stderr");
  });

  test("an unknown step names the nearest, a step without output says so", async () => {
    const unknown = await rig.run(["logs", "rb-2q9x4d", "deplyo"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain('Did you mean "deploy"?');
    const silent = await rig.run(["logs", "rb-2q9x4d", "confirm"]);
    expect(silent).toMatchObject({ code: 0, stdout: "" });
    expect(silent.stderr).toContain("confirm printed nothing");
  });

  test("a log that is a link to somewhere else is not followed", async () => {
    const builder = new JournalBuilder("rb-1ink22")
      .start([{ path: "say", title: "Say" }], { runbook: "smoke-tests" })
      .step("say", { argv: ["echo"], stdout: "mine\n" })
      .finish("succeeded", 0)
      .seal();
    place(builder);
    const log = [...builder.files.keys()].find((name) => name.endsWith(".log")) ?? "";
    const outside = join(rig.dir, "outside");
    writeFileSync(outside, "not yours\n");
    rmSync(join(rig.runDir("rb-1ink22"), log));
    symlinkSync(outside, join(rig.runDir("rb-1ink22"), log));
    try {
      expect((await rig.run(["logs", "rb-1ink22"])).stdout).not.toContain("not yours");
    } finally {
      rmSync(rig.runDir("rb-1ink22"), { recursive: true });
    }
  });
});

describe("logs --follow", () => {
  test("prints what a running step writes until the run ends", async () => {
    const project = new CliRig({ fixture: "ledger" });
    try {
      project.runbook("slow", {
        steps: [
          {
            id: "talk",
            title: "Talk",
            uses: "script",
            with: { script: 'echo first\nread -r _ < "$GATES/go"\necho second\n' },
            effects: "read",
          },
        ],
      });
      const gate = project.gate("go");
      const started = project.start(["run", "slow", "--no-input"]);
      await started.waitForRecord("the command runs", (record) => record.type === "command.started");
      const following = new LiveCommand(project, ["logs", await started.run(), "--follow"]);
      await until("the first line is shown", () => following.stdout.includes("first\n"));
      expect(following.stdout).toBe("first\n");
      gate.open();
      expect((await started.ended).code).toBe(0);
      const ran = await following.ended;
      expect(ran.code).toBe(0);
      expect(ran.stdout).toBe("first\nsecond\n");
    } finally {
      await project.end();
    }
  });
});

describe("show", () => {
  test("a runbook as Markdown: inputs, numbered steps, commands, checks, way back, flow", async () => {
    const { code, stdout } = await rig.run(["show", "rollback-production"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# Roll production back to the last good release\n/);
    for (const part of [
      "## Flow",
      "## Inputs",
      "## Where it runs",
      "| `production` | protected |",
      "### 5. Deploy the image of v‹steps.choose.outputs.version›",
      "fly deploy --app ‹target.app› --image ‹steps.choose.outputs.image›",
      "Way back:",
      "#### 7.3.",
      "- `result.p95Ms < 800`: p95 is ‹result.p95Ms› ms",
      "runbook plan rollback-production -t local -i reason=…",
    ])
      expect(stdout).toContain(part);
    expect(stdout).not.toContain("${{");
  });

  test("labels of the flow chart hold nothing that could end them", async () => {
    rig.write(
      "runbooks/sharp.yaml",
      readFileSync(join(rig.project, "runbooks/smoke-tests.yaml"), "utf8")
        .replace("name: smoke-tests", "name: sharp")
        .replace(/^ +title: .*$/m, '    title: "a\\"]; click n1 \\"x\\" %% # end | `b`"'),
    );
    try {
      const { stdout, code } = await rig.run(["show", "sharp"]);
      expect(code).toBe(0);
      const chart = /```mermaid\n([\s\S]*?)\n```/.exec(stdout)?.[1] ?? "";
      expect(chart).toContain("click n1 x");
      for (const label of chart.matchAll(/\["([^\n]*)"\]/g)) expect(label[1]).not.toMatch(/["#;:|`\]]/);
    } finally {
      rmSync(join(rig.project, "runbooks/sharp.yaml"));
    }
  });

  test("an unknown name names the nearest; an invalid runbook is 3", async () => {
    const unknown = await rig.run(["show", "rollback-prod"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('Did you mean "rollback-production"?');
    appendFileSync(join(rig.project, "runbooks/bad.yaml"), "apiVersion: runbook/v1\n");
    try {
      expect((await rig.run(["show", "bad"])).code).toBe(3);
    } finally {
      rmSync(join(rig.project, "runbooks/bad.yaml"));
    }
  });

  test("a run: the sealed copy, with results in place", async () => {
    const project = new CliRig({ fixture: "ledger" });
    try {
      project.runbook("short", {
        steps: [
          {
            id: "hello",
            title: "Say hello",
            run: "echo hello",
            effects: "read",
            verify: ['result.stdout == "hello\\n"'],
          },
        ],
      });
      const run = await project.json(["run", "short"]);
      expect(run.code).toBe(0);
      rmSync(join(dirname(project.project), "project/runbooks/short.yaml"));
      const { code, stdout } = await project.run(["show", "last"]);
      expect(code).toBe(0);
      expect(stdout).toContain("### 1. Say hello");
      expect(stdout).toMatch(/Result: \*\*succeeded\*\*/);
      expect(stdout).toContain("- met: `result.stdout ==");
    } finally {
      await project.end();
    }
  });
});
