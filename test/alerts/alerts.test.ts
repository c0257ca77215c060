/** The shipped alert rules: what promtool says of them, and that each leads to a runbook there is. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { CliRig } from "../rig/cli-rig.ts";
import { describeWith } from "../rig/monitoring.ts";

const root = join(import.meta.dirname, "../..");
const files = readdirSync(join(root, "alerts")).filter((name) => name.endsWith(".yaml"));
const prefix = "https://docs.shop.example/runbooks/";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const rulesOf = (file: string): readonly Rule[] => {
  const text = readFileSync(join(root, "alerts", file), "utf8");
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
};
const rules = files.flatMap(rulesOf);

describeWith(["promtool"], "promtool", () => {
  const promtool = (...words: string[]) => spawnSync("promtool", words, { cwd: root, encoding: "utf8" });

  test.each(files)("takes %s", (file) => {
    const ran = promtool("check", "rules", `alerts/${file}`);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
  });

  test.each(files)("finds %s to fire when it should and only then", (file) => {
    const ran = promtool("test", "rules", `test/alerts/${file}`);
    expect(ran.status, ran.stdout + ran.stderr).toBe(0);
  });

  test("every alert is expected to fire somewhere", () => {
    interface Expected {
      readonly tests: readonly { readonly alert_rule_test: readonly { alertname: string; exp_alerts: unknown[] }[] }[];
    }
    const tested = files.flatMap((file) =>
      (parse(readFileSync(join(root, "test/alerts", file), "utf8")) as Expected).tests.flatMap((each) =>
        each.alert_rule_test.filter((one) => one.exp_alerts.length > 0).map((one) => one.alertname),
      ),
    );
    expect([...new Set(tested)].sort()).toEqual(rules.map((rule) => rule.alert).sort());
  });
});

test.each(rules)("$alert says how bad it is and what to do", ({ alert, labels, annotations }) => {
  expect(alert).toMatch(/^[A-Z][A-Za-z]+$/);
  expect(["critical", "warning"]).toContain(labels["severity"]);
  expect(annotations["summary"]?.length).toBeGreaterThan(10);
  expect(annotations["runbook_url"]).toMatch(/^https:\/\/docs\.shop\.example\/runbooks\/[a-z][a-z0-9-]*$/);
});

describe("each runbook_url", () => {
  const names = [...new Set(rules.map((rule) => rule.annotations["runbook_url"]?.slice(prefix.length) ?? ""))].sort();
  let rig: CliRig;
  beforeAll(() => {
    rig = new CliRig();
    cpSync(join(root, "runbooks"), join(rig.project, "runbooks"), { recursive: true });
  });
  afterAll(() => rig.end());

  test("leads to the page that `runbook docs` writes for a shipped runbook", async () => {
    const ran = await rig.run(["docs"]);
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("up to date")]);
    expect(names.filter((name) => !existsSync(join(rig.project, "docs/runbooks", `${name}.md`)))).toEqual([]);
  });
});
