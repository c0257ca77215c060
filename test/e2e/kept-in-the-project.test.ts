/** What `evidence:` of a runbook leaves in the project: its own report layout, a block per run, a folder per run. */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliRig } from "../rig/cli-rig.ts";
import { schemaErrors } from "../rig/schema-check.ts";

const layout = `# {{headline heading}}

{{> summary}}

## What was looked at

{{#each steps}}
- {{title}}: {{status}} {{ref seqs}}
{{/each}}

{{> deviations}}
`;

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig({ fixture: "ledger" });
  rig.write("reports/short.md.hbs", layout);
});
afterAll(() => rig.end());

const look = {
  id: "look",
  title: "Look",
  uses: "script",
  effects: "read",
  with: { script: "echo '{\"ok\": true}' > health.json; echo seen" },
  cwd: ".",
  artifacts: ["health.json"],
  verify: [{ that: "result.exitCode == 0" }],
};
const runbook = (name: string, evidence: object, more: object = {}) =>
  rig.runbook(name, { evidence, steps: [look], ...more });
const read = (path: string) => readFileSync(join(rig.project, path), "utf8");
const marks = (text: string) => text.split("\n").filter((line) => line.startsWith("<!-- runbook rb-"));

test("a runbook's own layout is the report, sealed with the run and rendered again to the same bytes", async () => {
  runbook("weekly", { report: "../reports/short.md.hbs" });
  const { code, document, stderr } = await rig.json(["run", "weekly"]);
  expect(code, stderr).toBe(0);
  const report = rig.file(document.run, "report.md");
  expect(report).toContain("## What was looked at\n\n- Look: ok [#");
  expect(report).toContain("## Deviations");
  expect(report).not.toContain("## Timeline");
  expect(rig.file(document.run, "files/up/reports/short.md.hbs")).toBe(layout);
  rig.write("reports/short.md.hbs", "{{broken");
  expect((await rig.run(["report", document.run])).stdout).toBe(report);
  expect((await rig.run(["verify", document.run])).code).toBe(0);
  // Invalid by now, so nothing of it starts again.
  const again = await rig.run(["run", "weekly"]);
  expect(again.code).toBe(3);
  expect(again.stderr).toContain("bad-layout");
  rig.write("reports/short.md.hbs", layout);
  // The same run in another arrangement, as a view of it.
  rig.write("reports/other.md.hbs", "{{> summary}}\n\nOTHER\n\n{{> people}}\n");
  const other = await rig.run(["report", document.run, "--template", "reports/other.md.hbs"]);
  expect(other.stdout).toContain("\nOTHER\n");
  const wrong = await rig.run(["report", document.run, "--template", "runbook.config.yaml"]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("never places {{> summary}}")]);
});

test("a missing file or an unknown name in a path is told before anything runs", async () => {
  runbook("misspelt", { report: "../reports/shrot.md.hbs", append: "log/{day}.md", artifactsDir: "../out" });
  const ran = await rig.run(["run", "misspelt"]);
  expect(ran.code).toBe(3);
  expect(ran.stderr).toContain('There is no file "../reports/shrot.md.hbs" beside the runbook.');
  expect(ran.stderr).toContain("{day} is not known here.");
  expect(ran.stderr).toContain('"../out" leads out of its folder.');
});

test("each finished run appends one block; two that end at once do not interleave", async () => {
  runbook("ops", { append: "feedback/{runbook}/log.md" });
  const ran = await Promise.all(Array.from({ length: 4 }, () => rig.json(["run", "ops", "--reason", "x | `y`"])));
  expect(ran.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  const text = read("feedback/ops/log.md");
  expect(marks(text).sort()).toEqual(
    ran.map(({ document }) => `<!-- runbook ${document.run} sha256:${rig.record(document.run).headHash} -->`).sort(),
  );
  const blocks = text.split(/(?<=-->\n)\n?/).filter((block) => block !== "");
  expect(blocks).toHaveLength(4);
  for (const block of blocks) {
    const run = /^<!-- runbook (rb-\w+)/m.exec(block)?.[1] as string;
    expect(block).toMatch(/^## \d{4}-\d\d-\d\dT[\d:.]+Z Test ops: PASSED\n/);
    expect(block.match(/rb-\w{6}/g)?.every((id) => id === run)).toBe(true);
    expect(block).toContain("- reason: x &#124; \\`y\\`");
    expect(block).toMatch(/ {2}- \S+Z `sh -e -c .* sh`, exit 0 \(look\)/);
  }
});

test("a run killed after its block was written has one block when it is finished", async () => {
  runbook("killed", { append: "feedback/killed.md", artifactsDir: "out" });
  const env = { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: "report.before_sums=kill" };
  const first = await rig.json(["run", "killed"], { env });
  const { run } = first.document;
  expect(first.stderr).toContain("the evidence of");
  expect(marks(read("feedback/killed.md"))).toHaveLength(1);
  expect(existsSync(join(rig.runDir(run), "SHA256SUMS"))).toBe(false);
  expect((await rig.json(["resume", run])).code).toBe(0);
  expect(marks(read("feedback/killed.md"))).toHaveLength(1);
  expect(await rig.problems(run)).toEqual([]);

  const before = { RUNBOOK_TESTING: "1", RUNBOOK_FAILPOINT: "report.before_dirsync=kill" };
  const second = await rig.json(["run", "killed"], { env: before });
  expect(marks(read("feedback/killed.md"))).toHaveLength(1);
  expect((await rig.json(["resume", second.document.run])).code).toBe(0);
  expect(marks(read("feedback/killed.md"))).toHaveLength(2);
  expect(readdirSync(join(rig.project, "out")).sort()).toEqual([run, second.document.run].sort());
});

test("the path of a block names who, when, what and where, and no name leads elsewhere", async () => {
  runbook("named", { append: "log/{actor}/{date}/{target}-{runbook}-{run}.md" });
  const { document } = await rig.json(["run", "named"]);
  const { actor, at: startedAt } = rig.record(document.run).started;
  const who = actor.replace(/[^A-Za-z0-9._-]/g, "-");
  expect(marks(read(`log/${who}/${startedAt.slice(0, 10)}/here-named-${document.run}.md`))).toHaveLength(1);
});

test("a block survives a neighbour that was cut off", async () => {
  runbook("torn", { append: "feedback/torn.md" });
  rig.write("feedback/torn.md", "## half a blo");
  expect((await rig.json(["run", "torn"])).code).toBe(0);
  expect(read("feedback/torn.md")).toMatch(/^## half a blo\n\n## /);
});

test("artifacts, result and an index land below artifactsDir", async () => {
  runbook("nightly", { artifactsDir: "artifacts/ops/{runbook}" });
  const { document } = await rig.json(["run", "nightly"]);
  const folder = `artifacts/ops/nightly/${document.run}`;
  expect(read(`${folder}/artifacts/look/health.json`)).toBe('{"ok": true}\n');
  const result = JSON.parse(read(`${folder}/run.json`));
  expect(result).toMatchObject({ format: "runbook.run/1.0", run: document.run, result: "succeeded", exitCode: 0 });
  expect(schemaErrors("run", result)).toEqual([]);
  const digest = createHash("sha256").update('{"ok": true}\n').digest("hex");
  expect(read(`${folder}/index.md`)).toContain(
    `| [\`artifacts/look/health.json\`](artifacts/look/health.json) | 13 | \`${digest}\` | \`look\` |`,
  );
  expect(readdirSync(join(rig.project, "artifacts/ops/nightly"))).toEqual([document.run]);
});

test("an artifact in which a secret was found is not copied into the project", async () => {
  runbook(
    "leaky",
    { artifactsDir: "leaky" },
    {
      secrets: ["TOKEN"],
      steps: [
        {
          ...look,
          env: { TOKEN: "${{ secrets.TOKEN }}" },
          with: { script: 'printf %s "$TOKEN" > leak.txt; echo fine > fine.txt' },
          artifacts: ["leak.txt", "fine.txt"],
        },
      ],
    },
  );
  const value = "kV7-quite-unlikely-9Zt";
  const { document } = await rig.json(["run", "leaky"], { env: { RUNBOOK_SECRET_TOKEN: value } });
  expect(document.result).toBe("failed");
  expect(readdirSync(join(rig.project, "leaky", document.run, "artifacts/look"))).toEqual(["fine.txt"]);
});

test.each([
  ["the file is a link", "feedback/linked.md", () => symlinkSync(join(rig.dir, "home/evil"), at("feedback/linked.md"))],
  ["a folder on the way is a link", "linked/x.md", () => symlinkSync(join(rig.dir, "home"), at("linked"))],
  ["a folder stands in its place", "feedback/folder.md", () => mkdirSync(at("feedback/folder.md"))],
])("nothing is written through what is no file of the project: %s", async (_, append, prepare) => {
  mkdirSync(at("feedback"), { recursive: true });
  prepare();
  const before = lstatSync(at(append), { throwIfNoEntry: false })?.mtimeMs;
  runbook("guarded", { append });
  const ran = await rig.json(["run", "guarded"]);
  // The verdict is the steps'; that the project lacks its block is said.
  expect(ran.code).toBe(0);
  expect(ran.stderr).toContain(`${append}: not written; why is in `);
  expect(rig.file(ran.document.run, "executor.log")).toContain("nothing was written there");
  expect(lstatSync(at(append), { throwIfNoEntry: false })?.mtimeMs).toBe(before);
  expect(readdirSync(join(rig.dir, "home"))).toEqual([]);
  expect(await rig.problems(ran.document.run)).toEqual([]);
});

const at = (path: string) => join(rig.project, path);

test("the third failure in a row, which earlier runs in the state directory tell, stands there as a blocker", async () => {
  runbook("failing", { append: "feedback/ops.md" }, { steps: [{ ...look, verify: ["result.exitCode == 7"] }] });
  runbook("other", {}, { steps: [{ ...look, verify: ["result.exitCode == 7"] }] });
  const failing = async (name = "failing") => (await rig.json(["run", name])).document;
  const [first, , second, third] = [await failing(), await failing("other"), await failing(), await failing()];
  const escalated = [first, second, third].map(({ deviations }) => deviations.map(({ kind }) => kind));
  expect(escalated).toEqual([[], [], ["escalated"]]);
  const blockers = read("feedback/ops.md")
    .split("\n")
    .filter((line) => line.startsWith("- **blocker**"));
  expect(blockers).toEqual([
    `- **blocker**: the third run in a row of failing on here that failed, after ${second?.run} and ${first?.run}`,
  ]);
  expect((await rig.run(["verify", third?.run ?? ""])).code).toBe(0);
  expect(schemaErrors("run", third)).toEqual([]);
});
