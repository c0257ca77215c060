/**
 * The holder: a few lines of POSIX shell around each write step. It keeps read ends of the output FIFOs open, so that a
 * step survives the death of the supervisor (it blocks at a full pipe instead of dying of SIGPIPE), and files the exit
 * code. It leaves as soon as the command has ended while the supervisor lives; if that one is killed in this instant, up
 * to a pipe of output is lost, which adoption tells as an output gap. No value ever becomes shell text: everything arrives as arguments.
 */

import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The holder's exit code when it could not take the FIFOs; a command may exit with it as well, but files it then. */
export const HOLDER_FAILED = 125;

/**
 * Arguments: code file and attempt id, acknowledgement file, linger limit in seconds, the two FIFOs, the supervisor's pid and its descriptor of the first, "keep" or
 * "drop" for PWD, then the command with an absolute path (so that it can be no builtin).
 *
 * - The signals are trapped and not ignored, because ignored ones would stay ignored in the command.
 * - dash exports PWD on its own account; it is dropped unless the command's environment has it.
 * - The supervisor lives when it still has the FIFO open, which takes two calls to see (as long as the holder has not let
 *   go of its own end). Where that cannot be seen, the current parent is asked, which dash reads byte by byte.
 * - It also goes when the runtime directory is gone: the run that adopted it may be over before it looks for its answer.
 * - The parent is read from /proc, because `kill -0` also succeeds on a dead parent that nobody has reaped yet.
 */
const HOLDER_SCRIPT = `
__rb_codes=$1 __rb_attempt=$2 __rb_ack=$3 __rb_limit=$4 __rb_fifo=$5 __rb_parent=$7 __rb_fd=$8
command exec 8<"$5" 9<"$6" || exit ${HOLDER_FAILED}
[ "$9" = keep ] || unset PWD OLDPWD
shift 9
trap : TERM INT QUIT HUP PIPE
"$@" 8<&- 9<&-
__rb_code=$?
if [ "/proc/$__rb_parent/fd/$__rb_fd" -ef "$__rb_fifo" ]; then
  printf '%s %s\\n' "$__rb_attempt" "$__rb_code" >>"$__rb_codes"
  exit "$__rb_code"
fi
exec </dev/null >&0 2>&0
printf '%s %s\\n' "$__rb_attempt" "$__rb_code" >>"$__rb_codes"
IFS=' ' PATH=/usr/bin:/bin
set -f
if [ -r "/proc/$$/stat" ]; then
  read -r __rb_stat <"/proc/$$/stat"
  set -- \${__rb_stat##*) }
else
  set -- - $(ps -o ppid= -p $$)
fi
[ "$2" = "$__rb_parent" ] && exit "$__rb_code"
sync
while [ -e "$__rb_codes" ] && [ ! -e "$__rb_ack" ] && [ "$__rb_limit" -gt 0 ]; do
  sleep 1 || exit "$__rb_code"
  __rb_limit=$((__rb_limit - 1))
done
exit "$__rb_code"
`;

/** How long a holder waits to be adopted; afterwards it leaves and the output not yet read is lost. */
const LINGER_LIMIT_SECONDS = 3600;

/**
 * The files of the runtime directory beside the FIFOs. Two are shared by all attempts and only appended to, because
 * creating a file takes half a millisecond where a journal is synced in between, and appending none.
 */
export function holderFiles(runtimeDir: string) {
  return {
    /** A line `<attempt> <code>` from each holder. */
    codes: join(runtimeDir, "codes"),
    /** A {@link HeldNote} a line, from the supervisors. */
    notes: join(runtimeDir, "held.ndjson"),
    /** Its existence lets the holder of an attempt go. */
    ackOf: (attemptId: string): string => join(runtimeDir, `${attemptId}.ack`),
  };
}

/** The shell's exit code that an attempt's holder has filed, or null. A line without its newline is not there yet. */
export function readCode(runtimeDir: string, attemptId: string): number | null {
  const found = new RegExp(`^${attemptId} (\\d+)\n`, "m").exec(readIfThere(holderFiles(runtimeDir).codes));
  return found === null ? null : Number(found[1]);
}

/** Appends what adoption will have to know. Throws a system error. */
export function appendNote(runtimeDir: string, note: HeldNote): void {
  appendFileSync(holderFiles(runtimeDir).notes, `${JSON.stringify(note)}\n`, { mode: 0o600 });
}

/** The note of an attempt, or null: then it was not held, or never began. */
export function readNote(runtimeDir: string, attemptId: string): HeldNote | null {
  for (const line of readIfThere(holderFiles(runtimeDir).notes).split("\n").slice(0, -1)) {
    try {
      const note = JSON.parse(line) as HeldNote;
      if (note.attemptId === attemptId) return note;
    } catch {
      // the torn line of a killed supervisor, whose command then never began
    }
  }
  return null;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** What adoption must know of a held command when its supervisor is dead. */
export interface HeldNote {
  readonly attemptId: string;
  readonly stdoutFifo: string;
  readonly stderrFifo: string;
  readonly stdoutFile: string;
  readonly stderrFile: string;
  readonly headBytes: number;
  readonly tailBytes: number;
  readonly startedAtMs: number;
  readonly timeoutMs: number;
  readonly graceMs: number;
}

/** The arguments of `/bin/sh` that run a command under the holder. */
export function holderArguments(options: {
  readonly runtimeDir: string;
  readonly attemptId: string;
  readonly stdoutFifo: string;
  readonly stderrFifo: string;
  /** The descriptor by which this process reads the stdout FIFO. */
  readonly stdoutFd: number;
  readonly program: string;
  readonly args: readonly string[];
  readonly keepsPwd: boolean;
}): string[] {
  const files = holderFiles(options.runtimeDir);
  return [
    "-c",
    HOLDER_SCRIPT,
    "runbook-holder",
    files.codes,
    options.attemptId,
    files.ackOf(options.attemptId),
    String(LINGER_LIMIT_SECONDS),
    options.stdoutFifo,
    options.stderrFifo,
    String(process.pid),
    String(options.stdoutFd),
    options.keepsPwd ? "keep" : "drop",
    options.program,
    ...options.args,
  ];
}

/** A shell passes on only variables whose names it could have itself. */
export const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
