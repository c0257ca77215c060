/** The buffered log of an app. `--no-tail` is what makes `fly logs` end; there is no `--tail` flag. */
import { commandText } from "../command-text.ts";
import { anything, closed, listOf, result, row, text, truth, whole } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { appField, flyOutput, flyRead, shaped, unexpectedOutput } from "./flyctl.ts";
import { jsonDocuments } from "./json-documents.ts";
import { anObject, aText, or } from "./shape.ts";

interface LogEntry {
  readonly level: string;
  readonly instance: string;
  readonly message: string;
  readonly region: string;
  readonly timestamp: string;
}

interface LogResult {
  readonly entries: readonly LogEntry[];
  readonly total: number;
  readonly truncated: boolean;
}

const logEntry = anObject<LogEntry>({
  level: or(aText, ""),
  instance: or(aText, ""),
  message: aText,
  region: or(aText, ""),
  timestamp: aText,
});

const command = ["logs", "--no-tail"];
const defaultLimit = 1_000;

export const flyLogs = defineStepType<{ app: string; limit?: number }, LogResult>({
  type: "fly/logs",
  summary: "Fetches the buffered log of a Fly app once, oldest entry first, and ends.",
  docs: "https://fly.io/docs/flyctl/logs/",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      app: appField,
      limit: whole(`How many of the newest entries to keep, default ${defaultLimit}.`, {
        minimum: 1,
        maximum: 100_000,
      }),
    },
    ["app"],
  ),
  examples: [{ app: "${{ target.app }}", limit: 200 }],
  result: result({
    entries: listOf(
      row({
        level: text("`info`, `error`, …"),
        instance: text("Machine id."),
        message: text("The line."),
        region: text("Region code."),
        timestamp: text("RFC 3339."),
        meta: anything("Vendor's metadata, may be null."),
      }),
      "The newest entries, oldest first, with the vendor's keys.",
    ),
    total: whole("How many entries fly printed."),
    truncated: truth("Whether older entries were left out because of `limit`."),
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(command, spec.app);
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    const { stdout } = await flyOutput(host, command, spec.app);
    const name = "fly logs --no-tail --json";
    const documents = jsonDocuments(stdout);
    if (documents === null) throw unexpectedOutput(name, "text that is not a sequence of JSON objects");
    const entries = documents.map((each, index) =>
      shaped(`${name} (entry ${index + 1})`, each, (value, at) => ({ meta: null, ...logEntry(value, at) })),
    );
    const limit = spec.limit ?? defaultLimit;
    return { entries: entries.slice(-limit), total: entries.length, truncated: entries.length > limit };
  },
});
