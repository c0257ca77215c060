/**
 * The executor: one process per execution of a run, in its own session, its standard streams on a file. It waits for its
 * request (without one it leaves and has done nothing), takes the run, drives it to the verdict or to the point where only
 * a person can go on, and writes the evidence.
 * Nobody needs to watch: what it knows is in the journal, its own log in `executor.log`.
 */
import pino from "pino";
import { exitCodes } from "../engine/exit-codes.ts";
import { JournalCorrupt, JournalError } from "../engine/ports.ts";
import { RunIsTaken } from "../host/claim.ts";
import { timeZone } from "../host/environment.ts";
import { redirect } from "../host/standard-streams.ts";
import { runDirectory } from "../host/state-dir.ts";
import { callSupervisor } from "../host/supervisor/client.ts";
import { CommandError } from "./errors.ts";
import { execute } from "./execute/execution.ts";
import { type ExecutorRequest, executorLog } from "./start/executor-request.ts";
import { distDir } from "./version.ts";

async function main(): Promise<number> {
  const reading = readRequest();
  // In the time until the request is here, or the supervisor ready.
  setImmediate(timeZone);
  const { request, disconnected } = await reading;
  const supervisor = request.start?.beginsWithCommand ? callSupervisor(distDir) : null;
  const runDir = runDirectory(request.stateDir, request.run);
  // What V8 prints when it dies belongs to the log.
  redirect([1, 2], executorLog(runDir));
  let mask = (line: string) => line;
  // Written synchronously: a kill loses nothing that was logged.
  const log = pino(
    { base: { pid: process.pid }, hooks: { streamWrite: (line) => mask(line) } },
    pino.destination({ dest: executorLog(runDir), sync: true, mode: 0o600 }),
  );
  // The terminal and its keys belong to the viewer; a lost one must not stop a run.
  for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE"] as const) process.on(signal, () => {});
  // Node ignores it, so that a limit on file sizes is an error of the write; a library that listens to every signal
  // (signal-exit, which execa brings) would turn it into the death of this process.
  process.on("SIGXFSZ", () => {});
  try {
    const maskLog = (masked: typeof mask) => {
      mask = masked;
    };
    return await execute(request, runDir, { log, maskLog, disconnected, supervisor });
  } catch (error) {
    const code = codeOf(error);
    log.fatal({ code, err: error }, error instanceof Error ? error.message : String(error));
    return code;
  }
}

/** The request is the first line of standard input; its end, later, is the end of the one who watches. */
function readRequest(): Promise<{ request: ExecutorRequest; disconnected: Promise<void> }> {
  return new Promise((resolve, reject) => {
    let text = "";
    const disconnected = new Promise<void>((gone) => process.stdin.once("close", gone));
    process.stdin.setEncoding("utf8");
    process.stdin.on("error", () => process.stdin.destroy());
    process.stdin.once("end", () => reject(new Error("no request")));
    const onData = (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end < 0) return;
      process.stdin.off("data", onData);
      process.stdin.resume();
      resolve({ request: JSON.parse(text.slice(0, end)) as ExecutorRequest, disconnected });
    };
    process.stdin.on("data", onData);
  });
}

function codeOf(error: unknown): number {
  if (error instanceof JournalError) return exitCodes.io;
  if (error instanceof JournalCorrupt) return exitCodes.corrupt;
  if (error instanceof RunIsTaken) return exitCodes.refused;
  if (error instanceof CommandError) return exitCodes[error.exitName];
  return exitCodes.internal;
}

main().then(
  (code) => process.exit(code),
  () => process.exit(exitCodes.internal),
);
