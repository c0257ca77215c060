/** How much of each matrix belongs to a pull request, and how much to a night. */
import { spawnSync } from "node:child_process";
import { noPty } from "../cli/terminal/pty.ts";
import { damageCases } from "./damage-cases.ts";
import { errnoCases } from "./errno-cases.ts";
import { alwaysCrashCases, killCases, raceCases, recoveryCases } from "./kill-cases.ts";
import { loadCases } from "./load-cases.ts";
import type { MatrixCase } from "./matrix-case.ts";
import { clockCases, diskCases, limitCases, noClock, noLimits, noTmpfs, pauseCases } from "./outside-cases.ts";
import { powerCases } from "./power-cases.ts";
import { terminalCases } from "./terminal-cases.ts";

export const sizes = {
  pr: {
    kills: 17,
    recoveries: 2,
    alwaysCrash: 1,
    states: 300,
    powerless: 6,
    errnos: 3,
    races: 2,
    everyNthByte: 97,
    resumes: 2,
    terminals: 4,
    clocks: 3,
    pauses: 3,
    disks: 2,
    load: 1 / 50,
  },
  nightly: {
    kills: 600,
    recoveries: 200,
    alwaysCrash: 20,
    states: 5_000,
    powerless: 400,
    errnos: 60,
    races: 100,
    everyNthByte: 1,
    resumes: 40,
    terminals: 50,
    clocks: 60,
    pauses: 12,
    disks: 20,
    load: 1,
  },
} as const;

export function casesOf(size: keyof typeof sizes): MatrixCase[] {
  const {
    kills,
    recoveries,
    alwaysCrash,
    states,
    powerless,
    errnos,
    races,
    everyNthByte,
    resumes,
    terminals,
    clocks,
    pauses,
    disks,
    load,
  } = sizes[size];
  return [
    ...killCases(kills),
    ...recoveryCases(recoveries),
    ...alwaysCrashCases(alwaysCrash),
    ...(hasTool("strace") ? [...powerCases(states, powerless), ...errnoCases(errnos)] : []),
    ...damageCases(everyNthByte, resumes),
    ...raceCases(races),
    ...(noClock === null ? clockCases(clocks) : []),
    ...pauseCases(pauses),
    ...(noTmpfs === null ? diskCases(disks) : []),
    ...(noLimits === null ? limitCases(disks) : []),
    ...(noPty === null ? terminalCases(terminals) : []),
    ...loadCases(load),
  ];
}

/** What could not be run here, and why. */
export function missingTools(): string[] {
  return [
    ...(hasTool("strace")
      ? []
      : ["CM-4 (lost power), CM-5 (errors of system calls): strace is not installed (apt-get install strace)"]),
    ...(noClock === null ? [] : [`CM-8 (clocks that are set): ${noClock}`]),
    ...(noTmpfs === null ? [] : [`DISK (full file systems): ${noTmpfs}`]),
    ...(noLimits === null ? [] : [`DISK (limits on files): ${noLimits}`]),
    ...(noPty === null ? [] : [`TTY (closed terminals): ${noPty}`]),
  ];
}

function hasTool(name: string): boolean {
  return spawnSync(name, ["-V"], { stdio: "ignore" }).error === undefined;
}
