import { describe, expect, test } from "vitest";
import { catalogue } from "../../src/cli/project/catalogue.ts";
import { toolStates } from "../../src/cli/project/tool-states.ts";
import { loadRunbook } from "../../src/language/load-runbook.ts";
import { placeAtStart } from "../../src/plan/at-start.ts";

const text = `apiVersion: runbook/v1
name: ask
version: 1.0.0
title: Ask
owner: operations
kind: audit
description: Asks.
inputs:
  database: { type: boolean, default: false, description: Ask the database too }
steps:
  - id: database
    title: The database answers
    if: inputs.database
    uses: sql
    with: { server: { host: 127.0.0.1, port: 5432, user: reader, database: shop }, query: SELECT 1 AS answer }
`;

describe("tools that only a skipped step needs", () => {
  const { runbook, diagnostics } = loadRunbook({ file: "ask.yaml", text, catalogue: catalogue() });
  const problems = async (inputs: Record<string, unknown> | null) => {
    if (runbook === null) throw new Error(JSON.stringify(diagnostics));
    const place = inputs === null ? null : placeAtStart(runbook, {}, inputs);
    return (await toolStates(runbook, { PATH: "" }, "/nowhere", false, place)).map(({ problem }) => problem);
  };

  test("are not asked for when it is skipped for certain", async () => {
    expect(await problems({ database: false })).toEqual([]);
  });

  test("are asked for when it runs, and when nobody knows", async () => {
    expect(await problems({ database: true })).toEqual([expect.stringContaining("postgresql-client")]);
    expect(await problems(null)).toHaveLength(1);
    expect(await problems({})).toHaveLength(1);
  });
});
