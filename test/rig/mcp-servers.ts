/** The reference servers of the Model Context Protocol, as npm has them: over stdio, and `everything` over HTTP. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freePort } from "./postgres.ts";
import { until } from "./until.ts";

const folder = join(import.meta.dirname, "../../node_modules/@modelcontextprotocol");

/** Command of a reference server over stdio. */
export function referenceServer(name: "everything" | "filesystem" | "memory", ...words: string[]): string[] {
  return [process.execPath, join(folder, `server-${name}`, "dist/index.js"), ...words];
}

/** `everything` over streamable HTTP on a free loopback port. */
export async function startEverything(): Promise<{ readonly url: string; end(): Promise<void> }> {
  const port = await freePort();
  const [program = "", ...words] = referenceServer("everything", "streamableHttp");
  const server = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"], env: { PORT: String(port) } });
  let said = "";
  server.stderr?.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  await until(`the server at ${url} answers`, async () => {
    if (server.exitCode !== null) throw new Error(`it ended: ${said}`);
    return await fetch(url).then(
      () => true,
      () => false,
    );
  });
  return {
    url,
    async end() {
      const ended = once(server, "close");
      server.kill("SIGKILL");
      await ended;
    },
  };
}
