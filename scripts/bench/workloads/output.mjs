// W5: a step that talks a lot.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProcess } from "../measure.mjs";
import { makeProject } from "../projects.mjs";
import { runOf } from "./steps.mjs";

const limits = join(import.meta.dirname, "../limits");
const mebibyte = 1024 * 1024;
const secretNames = Array.from({ length: 10 }, (_, at) => `SECRET_${at}`);
const secrets = secretNames.map((_, at) => `k3y-${at}-9f27c1d8e5a4b6${at}`);
const env = Object.fromEntries(secretNames.map((name, at) => [`BENCH_${name}`, secrets[at]]));

/** A project whose runbooks print `bytes` of log lines (with and without secrets known), and lines with a secret each. */
export function outputProject(directory, bytes, lines) {
  const flood = join(directory, "flood.sh");
  writeFileSync(
    flood,
    `yes '2026-01-05T03:00:12.345Z INFO request served path=/orders status=200 ms=12' | head -c ${bytes}\n`,
  );
  const secretLines = join(directory, "secret-lines.txt");
  writeFileSync(
    secretLines,
    Array.from({ length: lines }, (_, at) => `line ${at}: token=${secrets[at % 10]} accepted\n`).join(""),
  );
  const step = (command) => `  - id: talk\n    title: Talk\n    run: ${command}\n    effects: read\n    timeout: 10m\n`;
  const declared = `secrets: [${secretNames.join(", ")}]\n`;
  makeProject(directory, {
    flood: { steps: step(`sh ${flood}`) },
    masked: { steps: step(`sh ${flood}`), more: declared },
    tokens: { steps: step(`cat ${secretLines}`), more: declared },
  });
  writeFileSync(
    join(directory, "runbook.config.yaml"),
    "apiVersion: runbook/v1\ntargets:\n  local: {}\nsecrets:\n  - { type: env, prefix: BENCH_ }\n",
  );
  return { flood, secretLines };
}

const w5 = {
  id: "W5",
  title: "one step prints a lot, or a secret in every line",
  prepare({ directory, small }) {
    const bytes = (small ? 16 : 1024) * mebibyte;
    const lines = small ? 5_000 : 100_000;
    const { flood, secretLines } = outputProject(directory, bytes, lines);
    const node = process.execPath;
    const cwd = directory;
    const spool = join(directory, "spool.txt");
    return {
      unit: `${bytes / mebibyte} MiB · ${lines} lines`,
      entrants: [
        {
          name: "pipe and discard",
          limit: true,
          run: () => runProcess([node, join(limits, "pipe-discard.cjs"), "sh", flood], { cwd, memory: true }),
        },
        { name: "a step", goal: 1.5, goalBytes: 120 * mebibyte, run: runOf(directory, "flood", { memory: true }) },
        {
          name: "a step, ten secrets known",
          goal: 1.5,
          goalBytes: 120 * mebibyte,
          run: runOf(directory, "masked", { memory: true, env }),
        },
        {
          name: "mask and spool",
          limit: true,
          run: () =>
            runProcess([node, join(limits, "mask-spool.cjs"), spool, JSON.stringify(secrets), "cat", secretLines], {
              cwd,
            }),
        },
        { name: "a step, a secret a line", goal: 1.2, run: runOf(directory, "tokens", { env }) },
      ],
    };
  },
};

export const outputWorkloads = [w5];
