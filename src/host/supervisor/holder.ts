/**
 * The holder: a few lines of POSIX shell around each write step. It keeps read ends of the output FIFOs open, so that a
 * step survives the death of the supervisor (it blocks at a full pipe instead of dying of SIGPIPE), and files the exit
 * code. It leaves as soon as the command has ended while the supervisor lives; if that one is killed in this instant, up
 * to a pipe of output is lost, which adoption tells as an output gap. No value ever becomes shell text: everything arrives as arguments.
 */

import { join } from "node:path";

/**
 * Arguments: exit file, acknowledgement file, linger limit in seconds, the two FIFOs, the supervisor's pid, "keep" or
 * "drop" for PWD, then the command with an absolute path (so that it can be no builtin).
 *
 * - The signals are trapped and not ignored, because ignored ones would stay ignored in the command.
 * - dash exports PWD on its own account; it is dropped unless the command's environment has it.
 * - The parent is read from /proc, because `kill -0` also succeeds on a dead parent that nobody has reaped yet.
 */
const HOLDER_SCRIPT = `
__rb_exit=$1 __rb_ack=$2 __rb_limit=$3 __rb_parent=$6
exec 8<"$4" 9<"$5"
[ "$7" = keep ] || unset PWD OLDPWD
shift 7
trap : TERM INT QUIT HUP PIPE
"$@" 8<&- 9<&-
__rb_code=$?
exec </dev/null >/dev/null 2>/dev/null
printf '%s\\n' "$__rb_code" >"$__rb_exit"
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
while [ ! -e "$__rb_ack" ] && [ "$__rb_limit" -gt 0 ]; do
  sleep 1 || exit "$__rb_code"
  __rb_limit=$((__rb_limit - 1))
done
exit "$__rb_code"
`;

/** How long a holder waits to be adopted; afterwards it leaves and the output not yet read is lost. */
const LINGER_LIMIT_SECONDS = 3600;

/** The files of one attempt in the runtime directory. */
export function attemptFiles(runtimeDir: string, attemptId: string) {
  return {
    /** One line: the shell's exit code. Without its newline the code is unknown. */
    exit: join(runtimeDir, `${attemptId}.exit`),
    /** Its existence lets the holder go. */
    ack: join(runtimeDir, `${attemptId}.ack`),
    /** A {@link HeldNote}. */
    note: join(runtimeDir, `${attemptId}.held`),
  };
}

/** What adoption must know of a held command when its supervisor is dead. */
export interface HeldNote {
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
  readonly program: string;
  readonly args: readonly string[];
  readonly keepsPwd: boolean;
}): string[] {
  const files = attemptFiles(options.runtimeDir, options.attemptId);
  return [
    "-c",
    HOLDER_SCRIPT,
    "runbook-holder",
    files.exit,
    files.ack,
    String(LINGER_LIMIT_SECONDS),
    options.stdoutFifo,
    options.stderrFifo,
    String(process.pid),
    options.keepsPwd ? "keep" : "drop",
    options.program,
    ...options.args,
  ];
}

/** A shell passes on only variables whose names it could have itself. */
export const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
