/**
 * One command on another machine by the OpenSSH client. sshd hands the user's login shell one text, so each word is
 * quoted here, for a POSIX shell (`sh`, `bash`, `dash`, `ksh`, `zsh`; not `csh`, `fish` or PowerShell), and arrives as it
 * stands: no word can become two, or shell text. Nobody is asked anything, unknown host keys are never accepted, and
 * neither agent, ports nor displays are forwarded. https://man.openbsd.org/ssh https://man.openbsd.org/ssh_config
 */
import { constants } from "node:os";
import { type CommandFacts, commandFacts, commandResultSchema } from "./command-result.ts";
import { commandText, lastLines } from "./command-text.ts";
import { durationField, durationMs } from "./duration.ts";
import { closed, listOf, text, whole } from "./schema.ts";
import { type CommandResult, defineStepType, type FailureClass, StepFailure, type StepHost } from "./step-type.ts";

interface SshSpec {
  readonly host: string;
  readonly command: readonly unknown[];
  readonly user?: string;
  readonly port?: number;
  readonly knownHosts?: string;
  readonly identityFile?: string;
  readonly connectTimeout?: string;
}

/** What ssh ends with when it failed itself, and also when the remote command ended with it. */
const ownExitCode = 255;

export const ssh = defineStepType<SshSpec, CommandFacts>({
  type: "ssh",
  summary:
    "Runs one command on another machine by OpenSSH, each word quoted for its POSIX shell. Succeeds on exit code 0.",
  docs: "https://man.openbsd.org/ssh",
  effects: "write",
  effectsRequired: true,
  timeoutMs: 300_000,
  input: closed(
    {
      host: text("Name or address, as the known hosts have it.", { pattern: "^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$" }),
      command: listOf(
        { type: ["string", "number", "boolean"] },
        "The command and its words. There is no shell syntax in it; for that name a shell: `[sh, -c, TEXT]`.",
        { minItems: 1 },
      ),
      user: text("Whom to log in as; default what ssh's own configuration says.", {
        pattern: "^[A-Za-z0-9_][A-Za-z0-9_.@-]*$",
      }),
      port: whole("Port, default 22.", { minimum: 1, maximum: 65_535 }),
      knownHosts: text(
        "Path of a known_hosts file, relative to the runbook file and sealed with the run: only its keys are trusted. Default: those of the user and the machine.",
        { minLength: 1 },
      ),
      identityFile: text(
        "Private key to log in with, absolute or relative to the working directory; no other is offered. Default: the agent's and the user's.",
        { pattern: "^[^%~-][^%]*$" },
      ),
      connectTimeout: durationField("How long connecting may take, default 10s."),
    },
    ["host", "command"],
  ),
  examples: [
    { host: "web-1.shop.example", command: ["systemctl", "is-active", "web"] },
    {
      host: "${{ host }}",
      command: ["systemctl", "restart", "web"],
      user: "deploy",
      port: 2222,
      knownHosts: "keys/known_hosts",
      identityFile: "keys/deploy",
      connectTimeout: "5s",
    },
  ],
  result: commandResultSchema,
  fileFields: ["knownHosts"],
  stepKeys: ["cwd", "stdin", "artifacts"],
  tools: ["ssh"],
  action: ({ host, user, port, command }) => ({
    text: commandText([
      "ssh",
      `${user === undefined ? "" : `${user}@`}${host}${port === undefined ? "" : `:${port}`}`,
      ...words(command),
    ]),
    argv: null,
  }),
  async run(spec, host) {
    const command = words(spec.command);
    if ((command[0] ?? "") === "") {
      throw new StepFailure("fatal", "command-empty", "The command is empty: its first word, the program, is missing.");
    }
    const ended = await host.command(["ssh", ...options(spec, host), "--", spec.host, remoteText(command)]);
    const { said, isLoggedIn } = readLog(ended.stderr);
    const clean = { ...ended, stderr: said };
    if (ended.exitCode === ownExitCode) throw ownFailure(spec, clean, isLoggedIn);
    const signal = ended.exitCode === null ? undefined : signalOf(ended.exitCode - 128);
    if (signal === undefined) return commandFacts(`${command[0]} on ${spec.host}`, clean);
    throw new StepFailure("failed", "signal", `${command[0]} on ${spec.host} was ended by ${signal}: ${tail(clean)}`, {
      facts: { exitCode: ended.exitCode, signal, stderr: lastLines(said, 20) },
    });
  },
});

function words(command: readonly unknown[]): string[] {
  return command.map(String);
}

/**
 * The text for the remote shell: every word in single quotes, `'` as `'\''` (POSIX.1-2024, Shell Command Language 2.2.2).
 * `exit $?` keeps the shell from becoming the command, so that the end by a signal arrives as 128 + its number; ssh would
 * give 255 for it.
 */
function remoteText(command: readonly string[]): string {
  const zero = command.find((word) => word.includes("\0"));
  if (zero !== undefined)
    throw new StepFailure("fatal", "word-invalid", "A word of the command holds a NUL character.");
  return `${command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ")}; exit $?`;
}

/** The first value ssh meets counts, so these win over every configuration file. */
function options(spec: SshSpec, host: StepHost): string[] {
  const connectMs = durationMs(spec.connectTimeout ?? "10s", "connectTimeout");
  const set: Record<string, string | number> = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    UpdateHostKeys: "no",
    ConnectTimeout: Math.max(1, Math.ceil(connectMs / 1_000)),
    ConnectionAttempts: 1,
    ServerAliveInterval: 15,
    ServerAliveCountMax: 3,
    ForwardAgent: "no",
    ForwardX11: "no",
    ClearAllForwardings: "yes",
    PermitLocalCommand: "no",
    // A shared connection would outlive the step, and end with somebody else's.
    ControlMaster: "no",
    ControlPath: "none",
    RequestTTY: "no",
    EscapeChar: "none",
    // Says when the login succeeded: from then on something may have happened there.
    LogLevel: "VERBOSE",
  };
  if (spec.knownHosts !== undefined) {
    set["UserKnownHostsFile"] = configured(host.files.sealedPath(spec.knownHosts));
    set["GlobalKnownHostsFile"] = "none";
  }
  if (spec.identityFile !== undefined) set["IdentitiesOnly"] = "yes";
  return [
    ...Object.entries(set).map(([name, value]) => `-o${name}=${value}`),
    ...(spec.identityFile === undefined ? [] : ["-i", spec.identityFile]),
    ...(spec.user === undefined ? [] : ["-l", spec.user]),
    ...(spec.port === undefined ? [] : ["-p", String(spec.port)]),
  ];
}

/** A path in an option is split at blanks unless quoted, and `%` begins a token. */
function configured(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
}

/** What ssh notes about itself at LogLevel VERBOSE, and whether the login succeeded. */
function readLog(stderr: string): { readonly said: string; readonly isLoggedIn: boolean } {
  let isLoggedIn = false;
  const lines = stderr.split("\n").filter((line) => {
    if (/^Authenticated to .* using "[\w-]+"\.\r?$/.test(line)) isLoggedIn = true;
    else if (!/^(?:Transferred: sent \d+, received \d+ bytes|Bytes per second: sent )/.test(line)) return true;
    return false;
  });
  return { said: lines.join("\n"), isLoggedIn };
}

interface Known {
  readonly said: RegExp;
  readonly class: FailureClass;
  readonly reason: string;
  readonly hint: string;
}

/** What ssh says before it is logged in: sshconnect.c, sshconnect2.c, misc.c of OpenSSH. */
const beforeLogin: readonly Known[] = [
  {
    said: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/,
    class: "fatal",
    reason: "host-key-changed",
    hint: "The machine shows another key than the known one: it was rebuilt, or somebody is in between. Ask whoever runs it before you change known_hosts.",
  },
  {
    said: /Host key verification failed|No .* host key is known/,
    class: "fatal",
    reason: "host-key-unknown",
    hint: "Add its key, compared with what whoever runs it says, to known_hosts (ssh-keyscan shows it).",
  },
  {
    said: /Permission denied|Too many authentication failures|No supported authentication methods/,
    class: "failed",
    reason: "not-authorised",
    hint: "The machine accepts none of the keys that were offered: see `user:`, `identityFile:` and its authorized_keys.",
  },
  { said: /Could not resolve hostname/, class: "transient", reason: "name-not-found", hint: "" },
  { said: /Connection refused/, class: "transient", reason: "connection-refused", hint: "Nobody listens there." },
  { said: /timed out|Timeout/, class: "transient", reason: "connection-timed-out", hint: "" },
  { said: /No route to host|Network is unreachable/, class: "transient", reason: "host-unreachable", hint: "" },
  {
    said: /Connection (?:closed|reset)|Broken pipe|kex_exchange_identification|banner exchange/,
    class: "transient",
    reason: "connection-lost",
    hint: "",
  },
];

const afterLogin =
  /client_loop: |Connection to \S+ closed by remote host|Connection (?:closed|reset) by |Timeout, server \S+ not responding|Broken pipe/;

function ownFailure(spec: SshSpec, ended: CommandResult, isLoggedIn: boolean): StepFailure {
  const facts = {
    host: spec.host,
    port: spec.port ?? 22,
    exitCode: ended.exitCode,
    stderr: lastLines(ended.stderr, 20),
  };
  if (isLoggedIn && afterLogin.test(ended.stderr)) {
    return new StepFailure(
      "transient",
      "session-lost",
      `The connection to ${spec.host} broke while the command ran, and it may run on there: ${tail(ended)}`,
      { facts },
    );
  }
  if (isLoggedIn) {
    return new StepFailure(
      "failed",
      "exit-code",
      `The command on ${spec.host} ended with exit code 255: ${tail(ended)}`,
      {
        facts,
      },
    );
  }
  const known = beforeLogin.find(({ said }) => said.test(ended.stderr));
  const message = `No session on ${spec.host}: ${tail(ended)}`;
  return new StepFailure(
    known?.class ?? "failed",
    known?.reason ?? "no-session",
    known === undefined || known.hint === "" ? message : `${message} ${known.hint}`,
    { facts },
  );
}

function tail({ stderr, stdout }: CommandResult): string {
  return lastLines(stderr, 3) || lastLines(stdout, 3) || "nothing was printed.";
}

function signalOf(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
