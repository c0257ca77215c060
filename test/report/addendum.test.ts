import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { reportDocument } from "../../src/cli/execute/evidence-files.ts";
import annotate from "../../src/cli/verbs/annotate.ts";
import verify from "../../src/cli/verbs/verify.ts";
import { addendumFile, parseAction } from "../../src/report/addendum.ts";
import { checkStandard, fields, type StandardName, standardNames, standards } from "../../src/report/checks.ts";
import { newKeyPair } from "../../src/report/keys.ts";
import { collected } from "../../src/report/text-sink.ts";
import { verifyRun } from "../../src/report/verify.ts";
import { fakeCommand } from "../rig/fake-command.ts";
import { randomFrom, removeDirectory, spoilBytes, temporaryDirectory, tool, writeRun } from "../rig/run-directory.ts";
import { stories } from "../rig/run-stories.ts";

let root: string;
let dir: string;
const run = "rb-2q9x4d";
beforeEach(() => {
  root = temporaryDirectory();
  dir = join(root, "state/runs", run);
  mkdirSync(dir, { recursive: true });
  writeRun(dir, stories.succeeded());
});
afterEach(() => removeDirectory(root));

const add = (flags: Record<string, string[]>, output = "text") => {
  const fake = fakeCommand({ words: [run], flags, dir: root, output });
  return Promise.resolve(annotate(fake.command)).then((code) => ({ code, ...fake }));
};
const text = () => readFileSync(join(dir, addendumFile), "utf8");

describe("an addendum", () => {
  test("leaves the sealed run as it is, verifies, and stands below the report", async () => {
    const report = readFileSync(join(dir, "report.md"), "utf8");
    const record = stories.succeeded().fold();
    expect(collected(await reportDocument(dir, record))).toBe(report);
    await add({
      finding: ["The restore took | longer than <b>planned</b>"],
      action: ["Alert on it; owner: team-db; due: 2026-12-01; ticket: OPS-12"],
    });
    await add({ "sign-off": ["head of operations"] });
    expect(await verifyRun(dir, { tool })).toMatchObject({
      ok: true,
      problems: [],
      addendum: { records: 3, signatures: { absent: 3, valid: 0 } },
    });
    expect(readFileSync(join(dir, "report.md"), "utf8")).toBe(report);
    const whole = collected(await reportDocument(dir, record));
    expect(whole.startsWith(report)).toBe(true);
    const added = whole.slice(report.length);
    expect(added).toContain("| Finding | The restore took &#124; longer than &lt;b&gt;planned&lt;/b&gt; |");
    expect(added).toContain("Alert on it (owner team-db, due 2026-12-01, OPS-12)");
    expect(added).toContain("as head of operations");
    const page = collected(await reportDocument(dir, record, "html"));
    expect(page).toContain("<h2>Addendum</h2>");
    expect(page).toContain("&lt;b&gt;planned&lt;/b&gt;");
    expect(page.trimEnd().endsWith("</body>\n</html>")).toBe(true);
  });

  test("every change of it is found, 1,000 random ones too", async () => {
    await add({ finding: ["one", "two"], "sign-off": ["auditor"] });
    const original = readFileSync(join(dir, addendumFile));
    const lines = text().split("\n").slice(0, -1);
    const spoil = async (content: string | Buffer) => {
      writeFileSync(join(dir, addendumFile), content);
      return (await verifyRun(dir, { tool })).problems.map((problem) => problem.code);
    };
    expect(await spoil(text().replace('"two"', '"none"'))).toEqual(["addendum-altered"]);
    expect(await spoil(`${lines[1]}\n${lines[0]}\n`)).toEqual(["addendum-altered"]);
    expect(await spoil(text().slice(0, -5))).toEqual(["addendum-altered"]);
    const missed: number[] = [];
    for (let seed = 1; seed <= 1000; seed++) {
      const { bytes } = spoilBytes(original, randomFrom(seed));
      writeFileSync(join(dir, addendumFile), bytes);
      // Cutting whole records off the end needs an anchored head or a signature to be seen, as in any chain.
      const isPrefix = original.subarray(0, bytes.length).equals(bytes) && (bytes.length === 0 || bytes.at(-1) === 10);
      if (!isPrefix && (await verifyRun(dir)).ok) missed.push(seed);
    }
    expect(missed).toEqual([]);
  }, 300_000);

  test("of another run, or of a head this journal never had, does not count", async () => {
    await add({ finding: ["x"] });
    const moved = text();
    writeRun(dir, stories.rolledBack());
    writeFileSync(join(dir, addendumFile), moved);
    const { problems } = await verifyRun(dir, { tool });
    expect(problems.map((problem) => problem.code)).toEqual(["addendum-altered"]);
    expect(problems[0]?.message).toContain("it belongs to the run rb-2q9x4d");
  });

  test("is signed by a key, which a given public key makes valid, and no other", async () => {
    const mine = newKeyPair("auditor@example");
    writeFileSync(join(root, "auditor.pem"), mine.privatePem, { mode: 0o600 });
    await add({ finding: ["signed"], sign: ["auditor.pem"] });
    const states = async (key?: string) =>
      (await verifyRun(dir, { ...(key === undefined ? {} : { key }) })).addendum?.signatures;
    expect(await states()).toMatchObject({ untrusted: 1, valid: 0 });
    expect(await states(mine.publicLine)).toMatchObject({ valid: 1 });
    expect(await states(newKeyPair("other").publicLine)).toMatchObject({ untrusted: 1, valid: 0 });
    // Somebody else's words under the same signature, the chain made right again.
    const record = JSON.parse(text());
    const { addendumLine } = await import("../../src/report/addendum.ts");
    const forged = addendumLine({ ...record }, { type: "finding.added", text: "forged" }, "0".repeat(64), null).line;
    const line = JSON.stringify({ ...JSON.parse(forged), signer: record.signer, signature: record.signature });
    const { encodeLine } = await import("../../src/util/journal-line.ts");
    const { hash: _hash, ...parts } = JSON.parse(line);
    writeFileSync(join(dir, addendumFile), encodeLine(parts, "0".repeat(64)).line);
    expect((await verifyRun(dir)).problems.map((problem) => problem.message)).toEqual([
      "record 1 of addendum.ndjson: its signature is not right",
    ]);
  });

  test("refuses what it cannot take, and adds nothing to a spoilt one", async () => {
    await expect(add({})).rejects.toThrow("nothing to add");
    await expect(add({ finding: [" "] })).rejects.toThrow("--finding is empty");
    await expect(add({ field: ["scenari=x"] })).rejects.toThrow('Did you mean "scenario"?');
    await expect(add({ action: ["x; due: soon"] })).rejects.toThrow("due: soon is not a date");
    await add({ finding: ["x"] });
    appendFileSync(join(dir, addendumFile), "{}\n");
    const before = text();
    await expect(add({ finding: ["y"] })).rejects.toThrow("record 2 of addendum.ndjson");
    expect(text()).toBe(before);
  });

  test("a run without a seal takes none", async () => {
    const builder = stories.waiting();
    const open = join(root, "waiting/runs", builder.run);
    mkdirSync(open, { recursive: true });
    builder.write(open);
    const fake = fakeCommand({
      words: [builder.run],
      flags: { finding: ["x"] },
      dir: root,
      stateDir: join(root, "waiting"),
    });
    await expect(annotate(fake.command)).rejects.toThrow("is not sealed: it is waiting");
  });

  test("two writers at once leave one chain", async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => add({ finding: [`finding ${index}`] })));
    expect((await verifyRun(dir, { tool })).addendum?.records).toBe(8);
    expect((await verifyRun(dir, { tool })).ok).toBe(true);
  });
});

test("an action's owner, due date and ticket are read from its end", () => {
  expect(parseAction("Do a; then b; owner: team-x; due=2026-12-01")).toEqual({
    type: "action.added",
    text: "Do a; then b",
    owner: "team-x",
    due: "2026-12-01",
    ticket: null,
  });
});

describe("verify --check", () => {
  const check = async (name: string, output = "json") => {
    const fake = fakeCommand({ words: [dir], flags: { check: [name] }, dir: root, output });
    return { code: await verify(fake.command), ...fake };
  };
  const missingIn = async (name: StandardName) => (await verifyRun(dir, { tool, check: name })).check?.missing;

  test("lists exactly the missing operator fields of a run that has all others", async () => {
    expect(await missingIn("soc2-a1.3")).toEqual(["findings", "sign_off"]);
    expect(await missingIn("iso22301")).toEqual([
      "scenario",
      "scope",
      "findings",
      "recommendations",
      "next_test_due",
      "sign_off",
    ]);
    expect(await missingIn("pci-6.5.1")).toEqual(["impact", "security_impact", "sign_off"]);
    expect(await missingIn("nist-800-84")).toEqual(["scope", "scenario", "test_type", "findings", "recommendations"]);
    for (const name of standardNames) {
      const { fields: checked = [] } = (await verifyRun(dir, { check: name })).check ?? {};
      expect(checked.filter((item) => !item.present).map((item) => item.by)).toEqual(
        checked.filter((item) => !item.present).map(() => "operator"),
      );
    }
  });

  test.each(standardNames)("%s stops listing each as soon as it is added, and no other", async (name) => {
    const flags: Record<string, Record<string, string[]>> = {
      findings: { finding: ["none"] },
      actions: { action: ["Fix it; owner: team; due: 2026-12-01"] },
      sign_off: { "sign-off": ["auditor"] },
    };
    const missing = [...((await missingIn(name)) ?? [])];
    expect(missing.length).toBeGreaterThan(0);
    for (let field = missing.shift(); field !== undefined; field = missing.shift()) {
      await add(flags[field] ?? { field: [`${field}=as written`] });
      expect(await missingIn(name)).toEqual(missing);
    }
    expect((await check(name)).code).toBe(0);
  });

  test("ends with 1 and the commands that add them, and with 0 once they are there", async () => {
    const first = await check("soc2-a1.3", "text");
    expect(first.code).toBe(1);
    expect(first.out()).toContain("INCOMPLETE  SOC 2");
    expect(first.out()).toContain(`runbook annotate ${run} --finding "…"`);
    await add({ finding: ["none"], "sign-off": ["auditor"] });
    const second = await check("soc2-a1.3");
    expect(second.code).toBe(0);
    expect(second.document()).toMatchObject({ ok: true, check: { standard: "soc2-a1.3", ok: true, missing: [] } });
  });

  test("asks for actions where something went otherwise, with owner and due date", async () => {
    const record = stories.rolledBack().fold();
    const missing = async () => {
      const { addendum } = await verifyRun(dir);
      expect(addendum === null || addendum.records > 0).toBe(true);
      const { loadAddendum } = await import("../../src/report/addendum-file.ts");
      const seals = new Set([stories.succeeded().headHash]);
      return checkStandard(
        "soc2-a1.3",
        record,
        loadAddendum(dir, () => ({ run, seals, keys: [] })),
      ).missing;
    };
    expect(await missing()).toContain("actions");
    await add({ action: ["Fix it"] });
    expect(await missing()).toContain("actions");
    removeDirectory(join(dir, addendumFile));
    await add({ action: ["Fix it; owner: team; due: 2026-12-01"] });
    expect(await missing()).not.toContain("actions");
  });

  test("an unknown list is a mistake that is corrected", async () => {
    await expect(check("soc2")).rejects.toThrow("there is no such list");
    await expect(check("iso22302")).rejects.toThrow('Did you mean "iso22301"?');
  });

  test("every field of every list is defined and names its clause", () => {
    for (const { asks } of Object.values(standards)) {
      expect(new Set(asks.map(([field]) => field)).size).toBe(asks.length);
      for (const [field, clause] of asks) {
        expect(fields[field], field).toBeDefined();
        expect(clause).toMatch(/\d/);
      }
    }
  });
});
