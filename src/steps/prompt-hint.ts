/**
 * Recognises a command that asked for something. Steps have no terminal and, unless they set `stdin`, nothing on standard
 * input, so such a command fails or waits for its timeout; what it printed then seldom says what to do instead.
 */
import type { CommandResult } from "./step-type.ts";

interface Question {
  readonly said: RegExp;
  readonly advice: string;
}

/** The first that fits counts. The words are those of the programs, in English. */
const questions: readonly Question[] = [
  {
    said: /^sudo: .*(?:terminal is required|no tty present|password is required)/m,
    advice: "Allow this command without a password in sudoers (NOPASSWD) and call it as sudo -n.",
  },
  {
    said: /terminal prompts disabled|could not read (?:Username|Password) for/,
    advice: "Give git a credential helper, a token by `env:`, or a remote by SSH with a key of the agent.",
  },
  {
    said: /^Host key verification failed\./m,
    advice: "Add the host's key to known_hosts first; ssh-keyscan shows it, whoever runs the host confirms it.",
  },
  {
    said: /^\S*: ?Permission denied \([a-z-]+(?:,[a-z-]+)*\)\.|^Permission denied \([a-z-]+(?:,[a-z-]+)*\)\./m,
    advice: "Offer a key by the agent or -i and add -o BatchMode=yes; passwords and passphrases are never asked for.",
  },
  {
    said: /fe_sendauth: no password supplied/,
    advice: "Set PGPASSWORD from a secret, or PGPASSFILE, in `env:`.",
  },
  {
    said: /cannot open '?\/dev\/tty|\bpinentry\b|Inappropriate ioctl for device/,
    advice: "Use its unattended mode (for gpg: --batch --pinentry-mode loopback --passphrase-fd 0 with `stdin:`).",
  },
  { said: /Do you want to continue\? \[Y\/n\]/, advice: "Add -y (apt-get -y)." },
  { said: /^npm error code (?:EOTP|ENEEDAUTH)/m, advice: "Give npm an automation token by `env:` (NODE_AUTH_TOKEN)." },
  {
    said: /non[- ]?TTY|not a (?:TTY|terminal)\b|\bnon[- ]?interactive|must be run from a terminal|EOF when reading a line|^EOFError/im,
    advice: "",
  },
];

const generally = "Give the answer by a flag (such as --yes), by `env:` or by `stdin:`.";

/** A last line that was left open: `package name: (app) `, `Overwrite (y/n)? `. */
const openQuestion = /(?:^|\n)[^\n]*[?:)\]>] ?$/;
const yesOrNo = /[([](?:y(?:es)?\/n(?:o)?)[)\]]/i;
const tailLength = 4_000;

/** One or two sentences for the message of a failure; null when nothing looks like a question. */
export function promptHint(output: Pick<CommandResult, "stdout" | "stderr">): string | null {
  for (const text of [output.stderr, output.stdout]) {
    const tail = text.slice(-tailLength);
    const known = questions.find(({ said }) => said.test(tail));
    const last = tail.trimEnd().split("\n").at(-1) ?? "";
    if (known === undefined && !(openQuestion.test(tail) && tail.endsWith(" ")) && !yesOrNo.test(last)) continue;
    return `It seems to have asked for something, and nobody answers a step. ${known?.advice || generally}`;
  }
  return null;
}
