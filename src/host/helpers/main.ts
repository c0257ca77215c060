/**
 * `node helper.cjs NAME WORDS…`: one dialogue that needs a library of its own, run as a supervised command. Reads its
 * input as JSON from standard input, because it may hold secrets, and prints one JSON document; the words are for
 * people who look at the process list. SIGTERM ends the dialogue in order, so that the other side learns of it.
 */
import { StepFailure } from "../../steps/step-type.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { answerText, type HelperAnswer } from "./answer.ts";

type Helper = (input: JsonObject, signal: AbortSignal) => Promise<Json>;

const helpers: Readonly<Record<string, () => Promise<Helper>>> = {
  mcp: async () => (await import("./mcp-session.ts")).mcpSession as unknown as Helper,
  mail: async () => (await import("./mail.ts")).sendMail as unknown as Helper,
};

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());

main(process.argv[2] ?? "").then(
  (answer) => {
    // A library may still hold sockets open; the answer is all that is wanted.
    process.stdout.write(`${answerText(answer)}\n`, () => process.exit(0));
  },
  (error: unknown) => {
    process.stderr.write(`${(error as Error).stack ?? error}\n`, () => process.exit(1));
  },
);

async function main(name: string): Promise<HelperAnswer> {
  const load = helpers[name];
  if (load === undefined) throw new Error(`there is no helper "${name}"`);
  const input = JSON.parse(await readAll()) as JsonObject;
  try {
    return { ok: true, result: await (await load())(input, stop.signal) };
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    const { class: failureClass, reason, message, facts } = error;
    const result = (error.result ?? null) as Json;
    return { ok: false, failure: { class: failureClass, reason, message, facts, result } };
  }
}

async function readAll(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}
