/** An executor that does nothing but run commands, for tests that kill it. */

import { text } from "node:stream/consumers";
import { type SupervisorOptions, startSupervisor } from "../../../src/host/supervisor/client.ts";
import type { CommandSpec } from "../../../src/host/supervisor/protocol.ts";

async function main(): Promise<void> {
  const { options, specs } = JSON.parse(await text(process.stdin)) as {
    options: SupervisorOptions;
    specs: readonly CommandSpec[];
  };
  const client = await startSupervisor(options);
  await client.start();
  process.stdout.write(`${JSON.stringify({ supervisor: client.identity() })}\n`);
  for (const spec of specs) process.stdout.write(`${JSON.stringify(await client.run(spec).exit)}\n`);
  setInterval(() => {}, 1000); // stays idle until it is killed
}

void main();
