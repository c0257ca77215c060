import { describe, expect, test } from "vitest";
import { githubAnnotations, githubSummary } from "../../src/report/github.ts";
import { junitReport } from "../../src/report/junit.ts";
import { prometheusReport } from "../../src/report/prometheus.ts";
import { check, JournalBuilder } from "../rig/journal-builder.ts";
import { stories } from "../rig/run-stories.ts";

/** A reader of this XML alone: throws when a tag is not closed, or a name or an attribute is odd. */
function tagsOf(xml: string): { name: string; attributes: Record<string, string> }[] {
  const open: string[] = [];
  const tags: { name: string; attributes: Record<string, string> }[] = [];
  const text = xml.replace(/^<\?xml version="1.0" encoding="UTF-8"\?>\n/, "");
  const rest = text.replace(/<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g, (_, close, name, attributes, alone) => {
    if (close === "/") expect(open.pop()).toBe(name);
    else {
      const pairs = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
      tags.push({ name, attributes: Object.fromEntries(pairs) });
      if (alone === "") open.push(name);
    }
    return "";
  });
  expect(open).toEqual([]);
  expect(rest.trim()).toBe("");
  return tags;
}

const hostile = "\u001b[31m]]><&\"'\u202e\u0000::error::x\r\n\ud800";

describe("JUnit", () => {
  test.each(Object.entries(stories))("%s is well-formed, its totals are those of its cases", (_, story) => {
    const tags = tagsOf(junitReport(story().fold()));
    const suite = tags.find((tag) => tag.name === "testsuite")?.attributes;
    const count = (name: string) => String(tags.filter((tag) => tag.name === name).length);
    expect(suite).toMatchObject({
      name: "rollback-production",
      tests: count("testcase"),
      failures: count("failure"),
      errors: count("error"),
      skipped: count("skipped"),
    });
  });

  test("has a case for each step and each verification; what was not reached is skipped", () => {
    const xml = junitReport(stories.rolledBack().fold());
    expect(xml).toContain('<testcase name="confirm.version: result.json.image');
    expect(xml).toMatch(/name="confirm\.latency" [^>]*><failure type="verify-not-met" message="p95 is 912 ms/);
    expect(junitReport(stories.refused().fold())).toContain('<skipped message="not reached"/>');
  });

  test("nothing of others breaks out of it", () => {
    const failure = { class: "failed" as const, reason: "x", message: hostile, facts: {} };
    const builder = new JournalBuilder().start([{ path: "a" }]);
    builder
      .step("a", { failure, checks: [check(hostile, "a", "b")] })
      .finish("failed", 1)
      .seal();
    const xml = junitReport(builder.fold());
    tagsOf(xml);
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e\ud800-\udfff]/);
  });
});

describe("Prometheus", () => {
  test("tells the figures of the run, each metric once with help and type", () => {
    const text = prometheusReport(stories.succeeded().fold());
    const finished = stories.succeeded().records.find((record) => record.type === "run.finished");
    expect(text).toContain(
      'runbook_objective_target_seconds{runbook="rollback-production",target="production",objective="rto"} 300\n',
    );
    expect(text).toContain(
      `runbook_last_success_timestamp_seconds{runbook="rollback-production",target="production"} ${Date.parse(finished?.at ?? "") / 1000}\n`,
    );
    const names = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const line of text.trimEnd().split("\n")) {
      expect(line).toMatch(
        /^(?:# (?:HELP|TYPE) runbook_\w+ .+|runbook_\w+\{(?:\w+="(?:[^"\\\n]|\\.)*",?)+\} -?[\d.]+)$/,
      );
    }
  });

  test("a run that failed says nothing of a success", () => {
    const text = prometheusReport(stories.rolledBack().fold());
    expect(text).not.toContain("last_success");
    expect(text).toContain("runbook_run_exit_code");
  });

  test("a label's quotes, backslashes and newlines are written out", () => {
    const builder = new JournalBuilder().start([], { target: 'a"b\\c\nd' });
    expect(prometheusReport(builder.finish("failed", 1).seal().fold())).toContain('target="a\\"b\\\\c\\nd"');
  });
});

describe("GitHub", () => {
  const placeOf = (path: string) => ({ file: "runbooks/a,b:c.yaml", line: path.length });

  test("annotates the line of the step that failed", () => {
    expect(githubAnnotations(stories.rolledBack().fold(), placeOf)[0]).toBe(
      "::error file=runbooks/a%2Cb%3Ac.yaml,line=15,title=rollback-production%3A confirm.latency::p95 is 912 ms over 40 requests.%0Aresult.p95Ms < 800 is 912",
    );
    expect(githubAnnotations(stories.succeeded().fold(), placeOf)).toEqual([]);
  });

  test("a run that ended badly without a failed step is said to have", () => {
    const [line] = githubAnnotations(stories.aborted().fold(), () => null);
    expect(line).toMatch(/^::error /);
  });

  test("at most ten, the last of which counts the rest; each is one line whatever it says", () => {
    const steps = Array.from({ length: 30 }, (_, index) => ({ path: `s${index}` }));
    const builder = new JournalBuilder().start(steps);
    const failure = { class: "failed" as const, reason: "x", message: hostile, facts: {} };
    for (const { path } of steps) builder.step(path, { failure });
    const lines = githubAnnotations(builder.finish("failed", 1).seal().fold(), placeOf);
    expect(lines).toHaveLength(10);
    expect(lines[9]).toBe("::error::and 21 more; all are in the report");
    for (const line of lines) expect(line).not.toMatch(/[\r\n]/);
  });

  test("the summary is the report, cut below the cap with its fence closed and saying so", () => {
    expect(githubSummary("# short\n", "/runs/x")).toBe("# short\n");
    const long = `# Title\n\n\`\`\`\`text\n${"ä line of output\n".repeat(2000)}\`\`\`\`\n`;
    const cut = githubSummary(long, "/runs/x", 5000);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(5000);
    expect(cut).toMatch(/\n````\n\n\*\*Cut here: the whole report is larger/);
  });
});
