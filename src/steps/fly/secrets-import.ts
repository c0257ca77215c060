/** Sets secrets of an app. The values go over standard input; no argument, plan, log or report ever holds one. */
import { commandText, exitFailure } from "../command-text.ts";
import { closed, listOf, nullable, result, row, text, truth } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { appField, teach } from "./flyctl.ts";
import { readSecrets, type SecretRow } from "./secret-rows.ts";
import { secretsText } from "./secrets-text.ts";

interface ImportSpec {
  readonly app: string;
  readonly values: Readonly<Record<string, string>>;
  readonly stage?: boolean;
}

interface ImportedSecret extends SecretRow {
  readonly digestBefore: string | null;
}

interface ImportResult {
  readonly secrets: readonly ImportedSecret[];
  readonly changed: readonly string[];
}

export const flySecretsImport = defineStepType<ImportSpec, ImportResult>({
  type: "fly/secrets-import",
  summary:
    "Sets secrets of a Fly app over standard input, staged unless `stage: false`, which restarts the machines at once. Then reads what fly lists: names, digests and statuses.",
  docs: "https://fly.io/docs/flyctl/secrets-import/",
  effects: "write",
  timeoutMs: 300_000,
  input: closed(
    {
      app: appField,
      values: {
        type: "object",
        description: "Name → value, as `${{ secrets.NAME }}`.",
        minProperties: 1,
        propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
        additionalProperties: { type: "string" },
      },
      stage: truth("Default true: keep them for `fly/secrets-deploy` or the next deployment."),
    },
    ["app", "values"],
  ),
  examples: [
    { app: "${{ target.app }}", values: { SESSION_KEY: "${{ secrets.SESSION_KEY }}" } },
    { app: "${{ target.app }}", values: { API_KEY: "${{ secrets.API_KEY }}" }, stage: false },
  ],
  result: result({
    secrets: listOf(
      row({
        name: text("Name."),
        digest: text("Digest of the value now."),
        status: nullable(text("`Staged`, `Deployed`, `Partial` or `Unknown`.")),
        digestBefore: nullable(text("Digest before; null = there was no such secret.")),
      }),
      "The secrets that were given, in their order.",
    ),
    changed: listOf(text("Name."), "Those whose digest is another one than before."),
  }),
  secretFields: ["values.*"],
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = importCommand(spec);
    // Before its holes are filled, a plan may have only a text in place of the map.
    const names = typeof spec.values === "object" ? Object.keys(spec.values).join(", ") : String(spec.values);
    return { text: `${commandText(argv)} < ${names}`, argv };
  },
  async run(spec, host) {
    const stdin = secretsText(spec.values);
    const before = new Map((await readSecrets(host, spec.app)).map((each) => [each.name, each.digest]));
    const ended = await host.command(importCommand(spec), { stdin });
    if (ended.exitCode !== 0) throw teach(exitFailure("fly secrets import", ended), ended.stderr);
    const after = new Map((await readSecrets(host, spec.app)).map((each) => [each.name, each]));
    const names = Object.keys(spec.values);
    const missing = names.filter((name) => !after.has(name));
    if (missing.length > 0) {
      throw new StepFailure(
        "failed",
        "secret-missing",
        `fly secrets import ended with 0, but ${spec.app} has no secret ${missing.join(", ")}.`,
        { facts: { missing } },
      );
    }
    const secrets = names.map((name) => ({ ...after.get(name)!, digestBefore: before.get(name) ?? null }));
    return {
      secrets,
      changed: secrets.flatMap((each) => (each.digest === each.digestBefore ? [] : each.name)),
    };
  },
});

function importCommand(spec: ImportSpec): [string, ...string[]] {
  return ["fly", "secrets", "import", "--app", spec.app, ...(spec.stage === false ? [] : ["--stage"])];
}
