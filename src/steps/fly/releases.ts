/** Releases of an app. https://fly.io/docs/flyctl/releases/ : there is no rollback subcommand. */
import { commandText } from "../command-text.ts";
import { closed, result } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { appField, flyRead } from "./flyctl.ts";
import { type ReleaseRow, readReleases, releaseRowsSchema } from "./release-rows.ts";

export const flyReleases = defineStepType<{ app: string }, { readonly releases: readonly ReleaseRow[] }>({
  type: "fly/releases",
  summary: "Lists the newest releases of a Fly app, at most 25, with their images.",
  docs: "https://fly.io/docs/flyctl/releases/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed({ app: appField }, ["app"]),
  examples: [{ app: "${{ target.app }}" }],
  result: result({ releases: releaseRowsSchema }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["releases"], spec.app);
    return { text: commandText(argv), argv };
  },
  run: async (spec, host) => ({ releases: await readReleases(host, spec.app) }),
});
