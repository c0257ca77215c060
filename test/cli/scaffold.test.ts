/** `init`, `new`, `docs` and `keys new`: what they write is valid, and nothing of yours is ever lost. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { verbNamed } from "../../src/cli/verbs/table.ts";
import { loadPrivateKey, parsePublicKey } from "../../src/report/keys.ts";
import { CliRig } from "../rig/cli-rig.ts";
import { schemaErrors } from "../rig/schema-check.ts";

interface Written {
  readonly files: readonly { file: string; status: string; detail: string | null }[];
}

const templates = verbNamed("new")?.flags.find((flag) => flag.name === "template")?.values ?? [];

let rig: CliRig;
beforeEach(() => {
  rig = new CliRig({ fixture: "ledger" });
});
afterEach(() => rig.end());

/** A folder that is no project yet. */
function bare(): void {
  rmSync(join(rig.project, "runbook.config.yaml"));
}
const read = (path: string) => readFileSync(join(rig.project, path), "utf8");

describe("init", () => {
  test("writes a project in which every template validates without a diagnostic", async () => {
    bare();
    const { code, document } = await rig.json<Written>(["init"]);
    expect(code).toBe(0);
    expect(schemaErrors("written", document)).toEqual([]);
    expect(new Set(document.files.map((item) => item.status))).toEqual(new Set(["written"]));
    expect(templates.length).toBe(5);
    for (const name of templates) {
      const ran = await rig.run(["new", `my-${name}`, "--template", name]);
      expect([ran.code, ran.stdout]).toEqual([0, `runbooks/my-${name}.yaml\n`]);
      expect(ran.stderr).toContain(`next: runbook plan my-${name} -t local`);
      expect(read(`runbooks/my-${name}.yaml`).split("\n")[0]).toBe(
        "# yaml-language-server: $schema=../schemas/runbook.v1.schema.json",
      );
    }
    const checked = await rig.run(["validate", "--strict"]);
    expect(checked).toEqual({ code: 0, stdout: "", stderr: "✔ 6 files, 0 errors, 0 warnings\n" });
    const plans = await rig.json<{ plans: { decision: string; target: string }[] }>(["plan", "--all", "-t", "local"]);
    expect(plans.code).toBe(0);
    expect(plans.document.plans).toHaveLength(5);
  });

  test("leaves what is there as it is, and says so", async () => {
    const before = read("runbook.config.yaml");
    rig.write(".gitignore", "node_modules\n.runbook");
    rig.write(".pre-commit-config.yaml", "repos: []\n");
    const first = await rig.json<Written>(["init"]);
    expect(read("runbook.config.yaml")).toBe(before);
    expect(read(".pre-commit-config.yaml")).toBe("repos: []\n");
    expect(read(".gitignore")).toBe("node_modules\n.runbook\nkeys/*.pem\n");
    const status = Object.fromEntries(first.document.files.map((item) => [item.file, item.status]));
    expect(status).toMatchObject({
      "runbook.config.yaml": "kept",
      ".pre-commit-config.yaml": "kept",
      ".gitignore": "added-to",
      ".github/workflows/runbooks.yml": "written",
    });
    const again = await rig.json<Written>(["init"]);
    expect(again.document.files.map((item) => item.status).sort()).toEqual(
      ["kept", "kept", "unchanged", "unchanged", "unchanged", "unchanged"].sort(),
    );
    expect(read(".gitignore")).toBe("node_modules\n.runbook\nkeys/*.pem\n");
  });

  test("the workflow and the hook are YAML that names real flags", async () => {
    bare();
    await rig.run(["init"]);
    const workflow = parse(read(".github/workflows/runbooks.yml"));
    const commands = workflow.jobs.validate.steps.flatMap((step: { run?: string }) => (step.run ? [step.run] : []));
    expect(commands).toContain("npx --no-install runbook validate --strict -o github");
    const hook = parse(read(".pre-commit-config.yaml")).repos[0].hooks[0];
    expect(hook.id).toBe("runbook-validate");
    expect("runbooks/a-b.yaml").toMatch(new RegExp(hook.files));
    expect("runbook.config.yaml").toMatch(new RegExp(hook.files));
    expect("docs/runbooks/a.yaml").not.toMatch(new RegExp(hook.files));
  });
});

describe("new", () => {
  test("never overwrites", async () => {
    rig.write("runbooks/mine.yaml", "mine\n");
    const ran = await rig.run(["new", "mine"]);
    expect(ran).toMatchObject({ code: 4, stdout: "" });
    expect(ran.stderr).toContain("runbooks/mine.yaml exists and is not overwritten");
    expect(read("runbooks/mine.yaml")).toBe("mine\n");
  });

  test.each([["My Runbook"], ["../escape"], ["a/b"], ["9lives"], ["x".repeat(64)]])(
    "%s is no name; nothing is written",
    async (name) => {
      const ran = await rig.run(["new", name]);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toMatch(/next: runbook new [a-z][a-z0-9-]*\n$/);
      expect(existsSync(join(rig.project, "runbooks", `${name}.yaml`))).toBe(false);
    },
  );

  test("takes the targets that have what the template reads", async () => {
    rig.write(
      "runbook.config.yaml",
      "apiVersion: runbook/v1\ntargets:\n  bare: {}\n  web: { url: https://web.example }\n  local: { sandbox: true, app: shop }\n",
    );
    await rig.run(["new", "smoke", "--template", "smoke-test"]);
    expect(read("runbooks/smoke.yaml")).toContain("targets: [web, local]");
    expect((await rig.run(["validate", "--strict"])).code).toBe(0);
  });

  test("in a project without such a target it says that there is something to mend", async () => {
    const ran = await rig.run(["new", "smoke", "--template", "smoke-test"]);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("next: runbook validate runbooks/smoke.yaml");
    expect((await rig.run(["validate"])).code).toBe(3);
  });
});

describe("docs", () => {
  beforeEach(() => rig.run(["new", "alpha"]));

  test("a page per runbook; --check is 1 when one is missing, changed or left over, and writes nothing", async () => {
    expect((await rig.run(["docs", "--check"])).code).toBe(1);
    expect(existsSync(join(rig.project, "docs"))).toBe(false);
    const written = await rig.json<Written>(["docs"]);
    expect(written.code).toBe(0);
    expect(schemaErrors("written", written.document)).toEqual([]);
    expect(read("docs/runbooks/alpha.md")).toContain("# A checklist");
    expect((await rig.run(["docs", "--check"])).code).toBe(0);

    rig.write("runbooks/alpha.yaml", read("runbooks/alpha.yaml").replace("title: A checklist", "title: Another"));
    const stale = await rig.run(["docs", "--check"]);
    expect(stale.code).toBe(1);
    expect(stale.stdout).toContain("stale  docs/runbooks/alpha.md  differs");
    expect(read("docs/runbooks/alpha.md")).toContain("# A checklist");
    await rig.run(["docs"]);
    expect(read("docs/runbooks/alpha.md")).toContain("# Another");
  });

  test("removes its own pages of runbooks that are gone, and no page of others", async () => {
    await rig.run(["new", "beta"]);
    await rig.run(["docs"]);
    rig.write("docs/runbooks/handmade.md", "# By hand\n");
    rmSync(join(rig.project, "runbooks/beta.yaml"));
    expect((await rig.run(["docs", "--check"])).code).toBe(1);
    await rig.run(["docs"]);
    expect(existsSync(join(rig.project, "docs/runbooks/beta.md"))).toBe(false);
    expect(read("docs/runbooks/handmade.md")).toBe("# By hand\n");
    expect((await rig.run(["docs", "--check"])).code).toBe(0);
  });

  test("the same page from any folder", async () => {
    mkdirSync(join(rig.project, "below"));
    await rig.run(["docs"]);
    expect((await rig.run(["docs", "--check"], { cwd: "below" })).code).toBe(0);
  });

  test("nothing is written while a runbook is not valid", async () => {
    rig.write("runbooks/bad.yaml", "apiVersion: runbook/v1\n");
    expect((await rig.run(["docs"])).code).toBe(3);
    expect(existsSync(join(rig.project, "docs"))).toBe(false);
  });
});

describe("keys", () => {
  test("new: private 0600, public beside it, the lines to paste make a valid config", async () => {
    const { code, document } = await rig.json<{ id: string; approver: string; privateFile: string }>([
      "keys",
      "new",
      "me@example",
    ]);
    expect(code).toBe(0);
    expect(schemaErrors("key", document)).toEqual([]);
    const file = join(rig.project, "keys/me.pem");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(loadPrivateKey(file).id).toBe(document.id);
    expect(parsePublicKey(read("keys/me.pub").trim())).toMatchObject({ id: document.id, name: "me@example" });

    rig.write(
      "runbook.config.yaml",
      `apiVersion: runbook/v1\ntargets: { here: {} }\npolicy:\n  approvers:\n    ops:\n      - ${document.approver}\n      - { name: gone, key: keys/gone.pub }\n`,
    );
    const list = await rig.json<{ approvers: { name: string; id: string | null; problem: string | null }[] }>([
      "keys",
      "list",
    ]);
    expect(list.code).toBe(0);
    expect(schemaErrors("keys", list.document)).toEqual([]);
    expect(list.document.approvers).toMatchObject([
      { name: "me@example", id: document.id, problem: null },
      { name: "gone", id: null, problem: "there is no such file" },
    ]);
  });

  test("text: the YAML alone on stdout, and how to keep the key out of git", async () => {
    const ran = await rig.run(["keys", "new", "me@example"]);
    expect(parse(ran.stdout)).toEqual({
      policy: { approvers: { GROUP: [{ name: "me@example", key: "keys/me.pub" }] } },
    });
    expect(ran.stderr).toContain("next: echo 'keys/me.pem' >> .gitignore");
    expect(ran.stdout + ran.stderr).not.toContain("PRIVATE");
    rig.write(".gitignore", "keys/*.pem\n");
    expect((await rig.run(["keys", "new", "you@example"])).stderr).not.toContain(".gitignore");
  });

  test("a key is never overwritten, neither half", async () => {
    rig.write("keys/me.pub", "somebody's\n");
    const ran = await rig.run(["keys", "new", "me@example"]);
    expect(ran).toMatchObject({ code: 4, stdout: "" });
    expect(ran.stderr).toContain("keys/me.pub exists");
    expect(existsSync(join(rig.project, "keys/me.pem"))).toBe(false);
    writeFileSync(join(rig.project, "own.pem"), "mine\n");
    expect((await rig.run(["keys", "new", "me", "--out", "own.pem"])).code).toBe(4);
    expect(read("own.pem")).toBe("mine\n");
  });

  test("a name that is hostile or missing is refused; one that YAML would misread is quoted", async () => {
    expect((await rig.run(["keys", "new"])).code).toBe(2);
    expect((await rig.run(["keys", "new", "a\nb: c"])).code).toBe(2);
    expect((await rig.run(["keys", "nwe", "a"])).stderr).toContain("runbook keys new");
    const ran = await rig.run(["keys", "new", "no"]);
    expect(parse(ran.stdout).policy.approvers.GROUP[0].name).toBe("no");
  });

  test("outside the project the key itself is pasted", async () => {
    const out = join(rig.dir, "outside.pem");
    const ran = await rig.run(["keys", "new", "far@example", "--out", out]);
    const { key } = parse(ran.stdout).policy.approvers.GROUP[0];
    expect(parsePublicKey(key).id).toBe(loadPrivateKey(out).id);
  });
});

test("git agrees about what is ignored", async () => {
  bare();
  await rig.run(["init"]);
  const git = (...words: string[]) =>
    execFileSync("git", words, { cwd: rig.project, env: rig.environment(), encoding: "utf8", stdio: "pipe" });
  git("init", "--quiet");
  expect(git("check-ignore", ".runbook/runs", "keys/me.pem").trim().split("\n")).toHaveLength(2);
  expect(() => git("check-ignore", "keys/me.pub")).toThrow();
});
