/** Health checks of an app. https://fly.io/docs/flyctl/checks-list/ */
import { commandText } from "../command-text.ts";
import { closed, listOf, result, row, text, whole } from "../schema.ts";
import { defineStepType } from "../step-type.ts";
import { aCheck, type Check, checkProperties } from "./app-state.ts";
import { appField, flyJson, flyRead } from "./flyctl.ts";
import { aList, aMap, or } from "./shape.ts";

interface ChecksResult {
  readonly checks: readonly (Check & { readonly machine: string })[];
  readonly total: number;
  readonly passing: number;
}

export const flyChecks = defineStepType<{ app: string }, ChecksResult>({
  type: "fly/checks",
  summary: "Lists the health checks of a Fly app, one row per machine and check.",
  docs: "https://fly.io/docs/flyctl/checks-list/",
  effects: "read",
  timeoutMs: 30_000,
  input: closed({ app: appField }, ["app"]),
  examples: [{ app: "${{ target.app }}" }],
  result: result({
    checks: listOf(row({ machine: text("Machine id."), ...checkProperties }), "The checks, with the vendor's keys."),
    total: whole("How many checks there are. None is not healthy."),
    passing: whole("How many of them are `passing`."),
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const argv = flyRead(["checks", "list"], spec.app);
    return { text: commandText(argv), argv };
  },
  async run(spec, host) {
    const byMachine = await flyJson(host, ["checks", "list"], spec.app, or(aMap(or(aList(aCheck), [])), {}));
    const checks = Object.entries(byMachine).flatMap(([machine, rows]) => rows.map((each) => ({ machine, ...each })));
    return { checks, total: checks.length, passing: checks.filter((check) => check.status === "passing").length };
  },
});
