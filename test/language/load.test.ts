import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/language/load-config.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { catalogue } from "./catalogue.ts";

const root = new URL("../fixtures/language/examples/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const config = loadConfig({ file: "runbook.config.yaml", text: read("runbook.config.yaml") });

describe("the examples of the language description", () => {
  it("loads the project file", () => {
    expect(config.diagnostics).toEqual([]);
    expect(config.config).toMatchObject({
      targets: { production: { name: "production", protected: true, sandbox: false, variables: { app: "shop" } } },
      windows: { deploy: { days: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1020, mode: "block" } },
      policy: { maxRetries: 3, reversibility: { local: "warn" } },
      evidence: { retentionMs: 90 * 86_400_000 },
      state: ".runbook",
    });
    expect(config.config?.secrets.map((s) => s.type)).toEqual(["env", "file", "vault"]);
  });

  it.each(["rollback-production", "restore-drill", "go-live"])("loads %s without a word", (name) => {
    const loaded = loadRunbook({
      file: `runbooks/${name}.yaml`,
      text: read(`runbooks/${name}.yaml`),
      catalogue,
      config: config.config ?? undefined,
    });
    expect(loaded.diagnostics).toEqual([]);
    expect(loaded.runbook?.name).toBe(name);
  });

  it("fills in every default of the rollback", () => {
    const { runbook, files } = loadRunbook({
      file: "runbooks/rollback-production.yaml",
      text: read("runbooks/rollback-production.yaml"),
      catalogue,
      config: config.config ?? undefined,
    });
    expect(files).toEqual([]);
    expect(runbook).toMatchObject({
      budgetMs: 120_000,
      onFailure: "rollback",
      drillEveryMs: 90 * 86_400_000,
      objectives: { rto: { targetMs: 300_000, measure: null } },
    });
    const steps = Object.fromEntries(runbook!.steps.map((step) => [step.id, step]));
    expect(steps["pre_state"]).toMatchObject({
      effects: "read",
      onInterrupted: "retry",
      retry: { attempts: 3, delayMs: 1000, backoff: 2 },
    });
    expect(steps["deploy"]).toMatchObject({
      effects: "write",
      onInterrupted: "check",
      timeoutMs: 100_000,
      pointer: "/steps/3",
    });
    expect(steps["deploy"]?.rollback.map((s) => [s.id, s.onInterrupted])).toEqual([
      ["redeploy", "retry"],
      ["restored", "retry"],
    ]);
    expect(steps["confirm"]).toMatchObject({ action: { kind: "parallel" }, effects: "read", timeoutMs: null });
  });

  it("splits a folded command into words and lists the files to seal", () => {
    const { runbook, files } = loadRunbook({
      file: "runbooks/restore-drill.yaml",
      text: read("runbooks/restore-drill.yaml"),
      catalogue,
    });
    const create = runbook!.steps.find((step) => step.id === "create");
    expect(create?.action).toEqual({
      kind: "run",
      argv: [
        "createdb",
        "--host",
        "${{ target.scratch.host }}",
        "--port",
        "${{ target.scratch.port }}",
        "--username",
        "${{ target.scratch.user }}",
        "drill_${{ run.slug }}",
      ],
    });
    expect(files).toEqual(["sql/manifest.sql"]);
  });

  it("gives a runbook the secrets of those it uses, and of those that these use", () => {
    const text = (name: string, uses: string, secrets: string) =>
      read("runbooks/go-live.yaml")
        .replace("name: go-live", `name: ${name}\nsecrets: [${secrets}]`)
        .replace(/steps:[\s\S]*/, `steps:\n  - { id: inner, title: Inner, ${uses} }\n`);
    const inner = text("inner", 'run: "true", effects: read, env: { T: "${{ secrets.INNER_TOKEN }}" }', "INNER_TOKEN");
    const files: Record<string, string> = { inner, middle: text("middle", "uses: runbook/inner", "") };
    const { runbook, diagnostics } = loadRunbook({
      file: "runbooks/outer.yaml",
      text: text("outer", "uses: runbook/middle", ""),
      catalogue,
      readInclude: (name) => ({ path: `runbooks/${name}.yaml`, text: files[name] ?? "" }),
    });
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(runbook?.secrets).toEqual(["INNER_TOKEN"]);
  });
});
