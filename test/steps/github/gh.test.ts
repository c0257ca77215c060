/** The real `gh` against the stand-in, over a Unix socket: what it sends and accepts is what GitHub does. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sodium from "libsodium-wrappers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GithubState } from "../../../sandbox/services/github/state.ts";
import { awkwardSecrets } from "../../rig/awkward-secrets.ts";
import { finished } from "../../rig/cli-rig.ts";
import type { ServiceServer } from "../../rig/service-server.ts";
import { githubServer, sha } from "./rig.ts";

describe.skipIf(missingGh() !== null)("gh", () => {
  const dir = mkdtempSync(join(tmpdir(), "gh-"));
  let vendor: ServiceServer;

  beforeAll(async () => {
    await sodium.ready;
    const socket = join(dir, "github.sock");
    writeFileSync(join(dir, "config.yml"), `version: "1"\nhttp_unix_socket: ${socket}\n`);
    vendor = await githubServer({ socket });
  });
  afterAll(async () => {
    await vendor.close();
    rmSync(dir, { recursive: true, force: true });
    expect(vendor.problems).toEqual([]);
  });

  const gh = (args: readonly string[], stdin = "") => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: dir,
      GH_CONFIG_DIR: dir,
      GH_TOKEN: vendor.secrets["GITHUB_TOKEN"] ?? "",
      GH_PROMPT_DISABLED: "1",
      NO_COLOR: "1",
    };
    const child = spawn("gh", args, { cwd: dir, env, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.end(stdin);
    return finished(child);
  };

  test.each(Object.entries(awkwardSecrets))("sets %s, and the stand-in opens the box", async (name, value) => {
    expect(await gh(["secret", "set", name, "-R", "shop/web"], value)).toMatchObject({ code: 0, stderr: "" });
    const { keys, secrets } = vendor.data as GithubState;
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
    const key = keys["repository"];
    const box = bytes(secrets["repository"]?.[name]?.sealed ?? "");
    const text = sodium.crypto_box_seal_open(box, bytes(key?.publicKey ?? ""), bytes(key?.privateKey ?? ""));
    // gh takes one line end off what it reads from standard input.
    expect(Buffer.from(text).toString("utf8")).toBe(value.replace(/\n$/, ""));
  });

  test("lists names, reads checks, dispatches and follows a run", async () => {
    await gh(["secret", "set", "LISTED", "-R", "shop/web"], "x");
    expect((await gh(["secret", "list", "-R", "shop/web"])).stdout).toContain("LISTED");
    const checks = await gh(["api", `repos/shop/web/commits/${sha}/check-runs`, "--jq", ".check_runs[].conclusion"]);
    expect(checks.stdout.trim().split("\n")).toEqual(["success", "success", "success"]);
    const path = "repos/shop/web/actions/workflows/deploy.yml";
    expect(await gh(["api", "-X", "POST", `${path}/dispatches`, "-f", "ref=main"])).toMatchObject({ code: 0 });
    const listed = await gh(["api", `${path}/runs`, "--jq", ".workflow_runs[0].status"]);
    expect(listed.stdout.trim()).toBe("queued");
  });

  test("a wrong token is refused", async () => {
    vendor.next.push("forbidden");
    expect((await gh(["secret", "list", "-R", "shop/web"])).code).not.toBe(0);
  });
});

/** Why gh cannot be run here; null = it can. With `RUNBOOK_TEST_REQUIRE=1` (CI) a missing part is a failure. */
function missingGh(): string | null {
  if (spawnSync("gh", ["--version"], { stdio: "ignore" }).error === undefined) return null;
  const why = "gh is not installed (Debian package gh)";
  if (process.env["RUNBOOK_TEST_REQUIRE"] === "1") throw new Error(why);
  process.stderr.write(`not run: github/gh: ${why}\n`);
  return why;
}
