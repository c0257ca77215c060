// W2: steps one after the other. W6: many at a time. W8: requests instead of commands.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProcess } from "../measure.mjs";
import { bundlePart } from "../parts.mjs";
import { commandSteps, makeProject, runWords } from "../projects.mjs";
import { tool } from "../tools.mjs";

const limits = join(import.meta.dirname, "../limits");

/** Runs a runbook in a state directory of its own, which is removed after the measurement. */
export function runOf(directory, name, options = {}) {
  return async () => {
    const state = join(directory, `state-${name}`);
    rmSync(state, { recursive: true, force: true });
    return await runProcess(runWords(name, "--state-dir", state), { cwd: directory, ...options });
  };
}

const w2 = {
  id: "W2",
  title: "sequential steps running `true`, everything durable",
  async prepare({ directory, small }) {
    const count = small ? 50 : 1_000;
    makeProject(directory, {
      reads: { steps: commandSteps(count, "true") },
      writes: { steps: commandSteps(count, "true", "write") },
    });
    const cwd = directory;
    const journal = join(directory, "bare.ndjson");
    const playbook = tool("ansible-playbook");
    return {
      unit: `${count} steps`,
      entrants: [
        {
          name: "Node spawn, captured, one sync a step",
          limit: true,
          run: () => runProcess([process.execPath, join(limits, "spawn-loop.cjs"), String(count), journal], { cwd }),
        },
        { name: "read steps", goal: 1.7, run: runOf(directory, "reads") },
        { name: "write steps (holder)", goal: 2.0, run: runOf(directory, "writes") },
        {
          name: "execa loop, not durable",
          run: await execaLoop(directory, count),
        },
        {
          name: "ansible-playbook, raw, not durable",
          missing: playbook.missing,
          run: () => runProcess([...playbook.words, ...ansiblePlaybook(directory, count)], { cwd }),
        },
      ],
    };
  },
};

async function execaLoop(directory, count) {
  const script = await bundlePart(directory, "execa-loop", "scripts/bench/limits/execa-loop.mjs", "esm");
  return () => runProcess([process.execPath, script, String(count)], { cwd: directory });
}

function ansiblePlaybook(directory, count) {
  const file = join(directory, "playbook.json");
  const tasks = Array.from({ length: count }, () => ({ raw: "true" }));
  writeFileSync(file, JSON.stringify([{ hosts: "localhost", connection: "local", gather_facts: false, tasks }]));
  return ["-i", "localhost,", file];
}

const w6 = {
  id: "W6",
  title: "steps of `sleep 0.05`, 50 at a time",
  async prepare({ directory, small }) {
    const count = small ? 100 : 1_000;
    const items = `forEach: { in: "\${{ inputs.items }}", as: item, max: 50 }`;
    makeProject(directory, {
      sleeps: {
        more: `inputs: { items: { type: array, default: ${JSON.stringify(Array.from({ length: count }, (_, at) => at))} } }\n`,
        steps: `  - id: all\n    title: All\n    ${items}\n    run: sleep 0.05\n    effects: read\n`,
      },
    });
    const cwd = directory;
    const sh = (text) => ["/bin/sh", "-c", text];
    const parallel = tool("parallel");
    return {
      unit: `${count} steps`,
      entrants: [
        {
          name: "xargs -P 50",
          limit: true,
          run: () => runProcess(sh(`seq ${count} | xargs -P 50 -I{} sleep 0.05`), { cwd }),
        },
        { name: "forEach, max: 50", goal: 1.25, run: runOf(directory, "sleeps") },
        {
          name: "GNU parallel -j 50",
          missing: parallel.missing,
          run: () => runProcess(sh(`seq ${count} | parallel -j 50 sleep 0.05 '#' {}`), { cwd }),
        },
      ],
    };
  },
};

const w8 = {
  id: "W8",
  title: "GETs, each with a check of status and JSON",
  async prepare({ directory, small }) {
    const count = small ? 50 : 1_000;
    const atOnce = 16;
    const server = spawn(process.execPath, [join(limits, "server.cjs")], { stdio: ["pipe", "pipe", "inherit"] });
    const url = String((await once(server.stdout, "data"))[0]).trim();
    const get = (id, path, more = "") =>
      `  - id: ${id}\n    title: Get\n${more}    uses: http\n    with: { url: "${url}/${path}" }\n` +
      "    verify: [result.status == 200, result.json.ok == true]\n";
    makeProject(directory, {
      sequence: { steps: Array.from({ length: count }, (_, at) => get(`get${at}`, at)).join("") },
      parallel: {
        more: `inputs: { items: { type: array, default: ${JSON.stringify(Array.from({ length: count }, (_, at) => at))} } }\n`,
        steps: get("all", "${{ item }}", `    forEach: { in: "\${{ inputs.items }}", as: item, max: ${atOnce} }\n`),
      },
    });
    const loop = await bundlePart(directory, "get-loop", "scripts/bench/limits/get-loop.mjs", "esm");
    const bare = (connections) => () =>
      runProcess([process.execPath, loop, url, String(count), String(connections)], { cwd: directory });
    return {
      unit: `${count} requests`,
      entrants: [
        { name: "undici pool, one at a time", limit: true, run: bare(1) },
        { name: "steps in sequence", goal: 1.8, run: runOf(directory, "sequence") },
        { name: `undici pool, ${atOnce} at a time`, limit: true, run: bare(atOnce) },
        { name: `forEach, max: ${atOnce}`, goal: 1.8, run: runOf(directory, "parallel") },
      ],
      end: () => server.stdin.end(),
    };
  },
};

export const stepWorkloads = [w2, w6, w8];
