/** The four providers: order, targets, permissions, and what happens when one cannot answer. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { peekSecrets, resolveSecrets, type SecretSources } from "../../src/host/secrets.ts";
import type { SecretProvider } from "../../src/language/config.ts";

let project: string;
let server: Server | null = null;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "secrets-"));
});
afterEach(() => {
  rmSync(project, { recursive: true, force: true });
  server?.close();
  server = null;
});

const env: SecretProvider = { type: "env", prefix: "RUNBOOK_SECRET_", targets: null };
const folder: SecretProvider = { type: "file", dir: "vault/occ", targets: null };

function ask(names: readonly string[], providers: readonly SecretProvider[], more: Partial<SecretSources> = {}) {
  return resolveSecrets({
    names,
    optional: [],
    target: "staging",
    providers,
    projectDir: project,
    env: {},
    dummies: {},
    ...more,
  });
}

function put(path: string, text: string, mode = 0o600): void {
  const file = join(project, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

/** A program that answers as a secret manager's command line does: the value, nothing, or an error. */
function program(script: string): readonly string[] {
  return [process.execPath, "-e", script];
}

describe("order", () => {
  test("the first provider that knows a name wins; the sandbox's dummies come last", async () => {
    put("vault/occ/app.env", "TOKEN=from-file\nOTHER=from-file-too\n");
    const found = await ask(["TOKEN", "OTHER", "DUMMY", "NOBODY"], [env, folder], {
      env: { RUNBOOK_SECRET_TOKEN: "from-env" },
      dummies: { DUMMY: "from-sandbox", OTHER: "not-this" },
    });
    expect(found.found.map(({ name, value, provider }) => [name, value, provider])).toEqual([
      ["TOKEN", "from-env", "env RUNBOOK_SECRET_*"],
      ["OTHER", "from-file-too", "file vault/occ"],
      ["DUMMY", "from-sandbox", "sandbox"],
    ]);
    expect(found.missing).toEqual(["NOBODY"]);
  });

  test("a provider for other targets is not asked", async () => {
    const only = { ...env, targets: ["production"] };
    const found = await ask(["TOKEN"], [only], { env: { RUNBOOK_SECRET_TOKEN: "x" } });
    expect(found.missing).toEqual(["TOKEN"]);
  });

  test("a plan looks at environment and files only", async () => {
    put("vault/occ/app.env", "A=1\n");
    const failing: SecretProvider = {
      type: "command",
      command: program("process.exit(1)"),
      timeoutMs: 5_000,
      targets: null,
    };
    const names = ["A", "B"];
    const sources = {
      names,
      optional: [],
      target: "staging",
      providers: [folder, failing],
      projectDir: project,
      env: {},
      dummies: {},
    };
    expect(await peekSecrets(sources)).toEqual([
      { name: "A", status: "found", provider: "file vault/occ" },
      { name: "B", status: "not-checked", provider: null },
    ]);
  });
});

describe("a folder of files", () => {
  test("reads .env, .txt named by its path, and .json", async () => {
    put("vault/occ/fly/app.env", '# comment\nexport FLY="a b#c"\nPLAIN=x=y\n');
    put("vault/occ/shopify/api-key.txt", "k-123\n");
    put("vault/occ/supabase/keys.json", '{"SUPABASE_KEY":"json-value"}');
    const { found } = await ask(["FLY", "PLAIN", "SHOPIFY_API_KEY", "SUPABASE_KEY"], [folder]);
    expect(found.map(({ value }) => value)).toEqual(["a b#c", "x=y", "k-123", "json-value"]);
  });

  test("that others may read is refused with the command to type", async () => {
    put("vault/occ/app.env", "TOKEN=x\n", 0o644);
    const { missing, problems } = await ask(["TOKEN"], [folder]);
    expect(missing).toEqual(["TOKEN"]);
    expect(problems.join()).toContain("chmod 600");
  });

  test("that does not exist knows nothing", async () => {
    expect(await ask(["TOKEN"], [folder])).toEqual({ found: [], missing: ["TOKEN"], absent: [], problems: [] });
  });
});

describe("a command", () => {
  const command = (script: string, timeoutMs = 10_000): SecretProvider => ({
    type: "command",
    command: program(script),
    timeoutMs,
    targets: null,
  });

  test("gets the name as its last word and prints the value", async () => {
    const { found } = await ask(["TOKEN"], [command("console.log('value of ' + process.argv.at(-1))")]);
    expect(found[0]?.value).toBe("value of TOKEN");
  });

  test("that prints nothing does not know it, and the next provider is asked", async () => {
    const { found } = await ask(["TOKEN"], [command(""), env], { env: { RUNBOOK_SECRET_TOKEN: "next" } });
    expect(found[0]?.value).toBe("next");
  });

  test("that fails or does not end is told, and the value stays missing", async () => {
    const failed = await ask(["TOKEN"], [command("process.exit(3)")]);
    expect([failed.missing, failed.problems.join()]).toEqual([
      ["TOKEN"],
      expect.stringContaining("ended with 3 for TOKEN"),
    ]);
    const hung = await ask(["TOKEN"], [command("setInterval(() => {}, 1000)", 200)]);
    expect(hung.problems.join()).toContain("did not answer within 200 ms");
  });
});

/** HashiCorp Vault KV v2: GET /v1/{mount}/data/{path}, token by header; shapes of contracts/vault-kv2. */
describe("Vault KV v2", () => {
  async function vault(
    status: number,
    body: unknown,
    seen: { token?: string; url?: string } = {},
  ): Promise<SecretProvider> {
    server = createServer((request, response) => {
      seen.token = String(request.headers["x-vault-token"]);
      seen.url = request.url ?? "";
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return { type: "vault", address: `http://127.0.0.1:${port}/`, mount: "kv", path: "shop", targets: null };
  }
  const data = { data: { data: { TOKEN: "from-vault" }, metadata: { version: 3, destroyed: false } } };
  const token = { env: { VAULT_TOKEN: "t-1" } };

  test("reads the current version with the token of the environment", async () => {
    const seen: { token?: string; url?: string } = {};
    const { found } = await ask(["TOKEN"], [await vault(200, data, seen)], token);
    expect([found[0]?.value, seen]).toEqual(["from-vault", { token: "t-1", url: "/v1/kv/data/shop" }]);
  });

  test.each([
    ["a deleted version", 404, { data: { data: null, metadata: { deletion_time: "2026-01-01T00:00:00Z" } } }, ""],
    ["a name it does not hold", 200, { data: { data: { OTHER: "x" } } }, ""],
    ["no permission", 403, { errors: ["permission denied"] }, "answered 403"],
    ["a sealed vault", 503, { errors: ["Vault is sealed"] }, "answered 503"],
    ["an HTML page with 200", 200, "<html>", "JSON"],
  ])("%s leaves the value missing", async (_name, status, body, problem) => {
    const answer = await ask(["TOKEN"], [await vault(status, body)], token);
    expect(answer.missing).toEqual(["TOKEN"]);
    expect(answer.problems.join()).toContain(problem);
  });

  /** Version → data; null = deleted. */
  async function versions(kept: readonly (object | null)[], seen: string[] = []): Promise<SecretProvider> {
    server = createServer((request, response) => {
      seen.push(request.url ?? "");
      const version = Number(new URL(request.url ?? "", "http://v").searchParams.get("version") ?? kept.length);
      const held = kept[version - 1] ?? null;
      response.writeHead(held === null ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify({ data: { data: held, metadata: { version } } }));
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return { type: "vault", address: `http://127.0.0.1:${port}`, mount: "kv", path: "shop", targets: null };
  }

  test.each<[string, (object | null)[], string | undefined, number]>([
    ["is in the version before", [{ TOKEN: "old" }, { TOKEN: "new" }], "old", 2],
    [
      "is further back when only others changed since",
      [{ TOKEN: "old" }, { TOKEN: "new" }, { TOKEN: "new" }],
      "old",
      3,
    ],
    ["is not in a deleted version", [{ TOKEN: "old" }, null, { TOKEN: "new" }], "old", 3],
    ["is not there at first", [{ TOKEN: "new" }], undefined, 1],
    ["is not there for a name the newest version lacks", [{ TOKEN: "old" }, { OTHER: "x" }], undefined, 1],
    ["may stand under that very name", [{ TOKEN: "older" }, { TOKEN: "new", TOKEN_PREVIOUS: "kept" }], "kept", 1],
  ])("an earlier value %s", async (_, kept, value, calls) => {
    const seen: string[] = [];
    const answer = await ask(["TOKEN_PREVIOUS"], [await versions(kept, seen)], {
      ...token,
      optional: ["TOKEN_PREVIOUS"],
    });
    expect(answer.found[0]?.value).toBe(value);
    expect([answer.absent, answer.missing, seen.length]).toEqual([
      value === undefined ? ["TOKEN_PREVIOUS"] : [],
      [],
      calls,
    ]);
  });

  test("an optional secret is missing, not absent, when a provider could not be asked", async () => {
    const sealed = await ask(["TOKEN"], [await vault(503, {})], { ...token, optional: ["TOKEN"] });
    expect([sealed.missing, sealed.absent]).toEqual([["TOKEN"], []]);
    expect(await ask(["TOKEN"], [env], { optional: ["TOKEN"] })).toMatchObject({ missing: [], absent: ["TOKEN"] });
  });

  test("without a token it says which variable is missing", async () => {
    const { problems } = await ask(["TOKEN"], [await vault(200, data)]);
    expect(problems.join()).toContain("VAULT_TOKEN is not set");
  });
});
