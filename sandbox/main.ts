// `npm run -s sandbox -- VERB`: starts, stops, seeds and shows the local platform.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ensureSandbox, readSandbox, SandboxError, type SandboxInfo, stopSandbox } from "./client.ts";
import { ApiClient, ApiError } from "./fly/api-client.ts";
import { FlagError, type ParsedFlags, parseFlags } from "./fly/flags.ts";
import { BEHAVIOURS, type ImageSpec } from "./model.ts";
import {
  DatabaseError,
  defaultDatabasePort,
  readDatabase,
  removeDatabase,
  startDatabase,
  stopDatabase,
} from "./postgres.ts";
import { SEEDS } from "./seeds.ts";

const USAGE = `Usage: sandbox [--state-dir DIR] VERB

  start                     start the platform and wait until it answers
  stop                      end the platform, every app process and the database
  status                    one JSON object: url, api, fly, pid, apps
  seed ${SEEDS.join("|")}
                            replace everything by a known history
  images                    list the images of the registry
  image add REF --behaviour ${BEHAVIOURS.join("|")} [--latency-ms N] [--note TEXT]
  image remove REF          as if the registry had lost it
  postgres start [--port N] start a real PostgreSQL with the demo shop, on port ${defaultDatabasePort} unless given
  postgres stop|status|remove
                            end it · one JSON object: port, running · end it and remove its data
  service                   the stand-ins of other vendors: name, state, states
  service NAME STATE        put one into a state, such as: service chatwoot queue-failing
  service NAME              what it keeps, as JSON
  fly ARGS…                 the fly of this sandbox, with its token
`;

const distDir = __dirname;

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const expected =
      error instanceof SandboxError ||
      error instanceof DatabaseError ||
      error instanceof FlagError ||
      error instanceof ApiError;
    process.stderr.write(`sandbox: ${expected ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
    process.exitCode = error instanceof FlagError ? 2 : 1;
  },
);

async function main(args: readonly string[]): Promise<number> {
  const { stateDir, verb, rest } = splitArguments(args);
  switch (verb) {
    case "start": {
      noMore(rest);
      print(await start(stateDir));
      return 0;
    }
    case "stop": {
      noMore(rest);
      const stopped = [await stopDatabase(stateDir), await stopSandbox(stateDir)].includes(true);
      process.stderr.write(stopped ? "sandbox: stopped\n" : "sandbox: was not running\n");
      return 0;
    }
    case "status": {
      noMore(rest);
      const info = readSandbox(stateDir);
      if (info?.running !== true) {
        process.stderr.write("sandbox: not running. Start it with: npm run -s sandbox -- start\n");
        return 1;
      }
      print(info);
      return 0;
    }
    case "seed":
      return seed(stateDir, rest);
    case "images":
      noMore(rest);
      return images(stateDir);
    case "image":
      return image(stateDir, rest);
    case "service":
      return service(stateDir, rest);
    case "postgres":
      return postgres(stateDir, rest);
    case "fly":
      return fly(stateDir, rest);
    case "help":
    case "--help":
    case "-h":
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(
        `sandbox: ${verb === undefined ? "a verb is missing" : `unknown verb "${verb}"`}\n\n${USAGE}`,
      );
      return 2;
  }
}

// --state-dir stands before the verb, so that everything behind `fly` goes to fly untouched; the other verbs also
// take it behind.
function splitArguments(args: readonly string[]): {
  stateDir: string;
  verb: string | undefined;
  rest: readonly string[];
} {
  const left = [...args];
  let given: string | undefined;
  const take = (at: number) => {
    const word = left[at] as string;
    given = word.includes("=") ? word.slice(word.indexOf("=") + 1) : left[at + 1];
    if (given === undefined || given === "") throw new FlagError("--state-dir needs a folder");
    left.splice(at, word.includes("=") ? 1 : 2);
  };
  const isStateDir = (word: string) => word === "--state-dir" || word.startsWith("--state-dir=");
  if (left[0] !== undefined && isStateDir(left[0])) take(0);
  const [verb, ...rest] = left;
  if (verb !== "fly" && given === undefined) {
    const at = left.findIndex(isStateDir);
    if (at > 0) {
      take(at);
      rest.splice(0, rest.length, ...left.slice(1));
    }
  }
  return { stateDir: resolve(given ?? process.env["RUNBOOK_STATE_DIR"] ?? join(projectDir(), ".runbook")), verb, rest };
}

function projectDir(): string {
  for (let dir = process.cwd(); ; dir = dirname(dir)) {
    if (existsSync(join(dir, "runbook.config.yaml"))) return dir;
    if (dir === dirname(dir)) return process.cwd();
  }
}

async function start(stateDir: string): Promise<SandboxInfo> {
  const wasRunning = readSandbox(stateDir)?.running === true;
  const info = await ensureSandbox(stateDir, { distDir });
  if (!wasRunning) for (const notice of info.notices) process.stderr.write(`sandbox: ${notice}\n`);
  return info;
}

async function seed(stateDir: string, rest: readonly string[]): Promise<number> {
  const name = rest[0];
  if (!SEEDS.some((each) => each === name))
    throw new FlagError(`unknown seed "${name ?? ""}", expected one of ${SEEDS.join(", ")}`);
  noMore(rest.slice(1));
  const info = await start(stateDir);
  await api(info).call("POST", "/platform/seed", { seed: name });
  print(await ensureSandbox(stateDir, { distDir }));
  return 0;
}

async function images(stateDir: string): Promise<number> {
  const all = await api(await start(stateDir)).call<ImageSpec[]>("GET", "/platform/images");
  const width = Math.max(...all.map((each) => each.ref.length));
  for (const { ref, behaviour, note } of all)
    process.stdout.write(`${ref.padEnd(width)}  ${behaviour.padEnd(7)}  ${note}\n`);
  return 0;
}

async function image(stateDir: string, rest: readonly string[]): Promise<number> {
  const flags: ParsedFlags = parseFlags(rest, [
    { name: "behaviour", kind: "string" },
    { name: "latency-ms", kind: "string" },
    { name: "note", kind: "string" },
  ]);
  const [verb, ref, ...more] = flags.positional;
  noMore(more);
  if ((verb !== "add" && verb !== "remove") || ref === undefined)
    throw new FlagError("expected `image add REF` or `image remove REF`");
  const client = api(await start(stateDir));
  if (verb === "remove") await client.call("DELETE", `/platform/images/${encodeURIComponent(ref)}`);
  else {
    const latencyMs = Number(flags.string("latency-ms") ?? 0);
    await client.call("POST", "/platform/images", {
      ref,
      behaviour: flags.string("behaviour") ?? "ok",
      latencyMs,
      note: flags.string("note"),
    });
  }
  return 0;
}

async function service(stateDir: string, rest: readonly string[]): Promise<number> {
  const [name, state, ...more] = rest;
  noMore(more);
  const client = api(await start(stateDir));
  if (name === undefined) {
    const all = await client.call<Record<string, { state: string; states: string[] }>>("GET", "/platform/services");
    for (const [each, { state: now, states }] of Object.entries(all))
      process.stdout.write(`${each.padEnd(14)}  ${now.padEnd(14)}  ${states.join(" ")}\n`);
  } else if (state === undefined) {
    const { data } = await client.call<{ data: unknown }>("GET", `/platform/services/${encodeURIComponent(name)}`);
    process.stdout.write(`${JSON.stringify(data)}\n`);
  } else {
    await client.call("PUT", `/platform/services/${encodeURIComponent(name)}`, { state });
  }
  return 0;
}

async function postgres(stateDir: string, rest: readonly string[]): Promise<number> {
  const flags = parseFlags(rest, [{ name: "port", kind: "string" }]);
  const [verb, ...more] = flags.positional;
  noMore(more);
  const text = flags.string("port") ?? String(defaultDatabasePort);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new FlagError(`--port ${text} is no port`);
  switch (verb) {
    case "start":
      await start(stateDir);
      process.stdout.write(`${JSON.stringify(await startDatabase(stateDir, port))}\n`);
      return 0;
    case "stop":
      process.stderr.write(
        (await stopDatabase(stateDir)) ? "sandbox: database stopped\n" : "sandbox: no database ran\n",
      );
      return 0;
    case "remove":
      process.stderr.write(
        (await removeDatabase(stateDir)) ? "sandbox: database removed\n" : "sandbox: there was no database\n",
      );
      return 0;
    case "status": {
      const database = await readDatabase(stateDir);
      if (database?.running !== true) {
        process.stderr.write("sandbox: no database runs. Start it with: npm run -s sandbox -- postgres start\n");
        return 1;
      }
      process.stdout.write(`${JSON.stringify(database)}\n`);
      return 0;
    }
    default:
      throw new FlagError("expected `postgres start`, `stop`, `status` or `remove`");
  }
}

async function fly(stateDir: string, rest: readonly string[]): Promise<number> {
  const info = await start(stateDir);
  const child = spawn(info.fly, rest, { stdio: "inherit", env: { ...process.env, ...info.secrets } });
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => child.kill(name));
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", (code) => done(code ?? 1));
  });
}

function api(info: SandboxInfo): ApiClient {
  return new ApiClient(info.api, info.secrets["FLY_API_TOKEN"] ?? "", new AbortController().signal);
}

function noMore(rest: readonly string[]): void {
  if (rest[0] !== undefined) throw new FlagError(`unexpected argument "${rest[0]}"`);
}

function print({ url, api: apiUrl, fly: flyPath, pid, apps }: SandboxInfo): void {
  const shown = {
    url,
    api: apiUrl,
    fly: flyPath,
    pid,
    apps: apps.map(({ name, image: ref, version }) => ({ name, image: ref, version })),
  };
  process.stdout.write(`${JSON.stringify(shown)}\n`);
}
