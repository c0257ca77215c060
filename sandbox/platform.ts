// The sandbox platform: one daemon per state directory, on loopback only. Started as
// `node sandbox-platform.cjs <sandbox folder> <folder of the bundles>` in its own session.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { Server as HttpServer, type RequestListener } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { dirname, join } from "node:path";
import { replaceFile } from "../src/host/durable-file.ts";
import { identityOf } from "../src/host/supervisor/process-identity.ts";
import { createApi } from "./api.ts";
import { Cloud } from "./cloud.ts";
import { createEdge } from "./edge.ts";
import { readJson } from "./json-file.ts";
import {
  type Credentials,
  layoutOf,
  loopbackUrl,
  type Ports,
  type RunningPlatform,
  type SandboxLayout,
} from "./layout.ts";
import { holdsLock, releaseLock, takeLock } from "./lock.ts";
import { allServiceDummies } from "./services/index.ts";
import { createServiceServer, Services } from "./services/server.ts";
import { createMailServer } from "./services/smtp.ts";
import { shopSecrets } from "./services/vault.ts";
import { createTlsFront, loadAuthority } from "./tls-front.ts";

const [dir, distDir] = process.argv.slice(2);
if (dir === undefined || distDir === undefined)
  throw new Error("usage: sandbox-platform <sandbox folder> <bundle folder>");

process.on("SIGHUP", () => {});
main(layoutOf(dir), distDir).catch((error: unknown) => {
  console.error(`sandbox platform: ${(error as Error).stack ?? error}`);
  process.exit(1);
});

async function main(layout: SandboxLayout, bundles: string): Promise<void> {
  mkdirSync(layout.dir, { recursive: true, mode: 0o700 });
  const { holder } = takeLock(layout.lock);
  if (holder !== null) {
    console.error(`sandbox platform: process ${holder.pid} already serves ${layout.dir}`);
    process.exit(0);
  }
  rmSync(layout.running, { force: true });

  const credentials = loadCredentials(layout.credentials);
  const cloud = new Cloud(layout, join(bundles, "sandbox-app.cjs"));
  writeFlyWrapper(layout, bundles);
  writeVault(layout.vault, credentials.flyApiToken);

  const notices: string[] = [];
  const kept = readJson<Ports>(layout.ports);
  const instance = randomBytes(8).toString("hex");
  const apps: Record<string, number> = {};
  const services = new Services(layout.services, credentials.flyApiToken, {
    dir: layout.dir,
    apps: () => Object.fromEntries(Object.entries(apps).map(([name, port]) => [name, loopbackUrl(port)])),
  });
  const api = createApi({ cloud, credentials, instance, services });
  const servers: Server[] = [api];
  const apiPort = await listen(api, kept?.api, "control API", notices);
  const serviceServer = createServiceServer(services);
  servers.push(serviceServer);
  const servicesPort = await listen(serviceServer, kept?.services, "stand-ins", notices);
  const mailServer = createMailServer({
    state: () => services.stateOf("smtp"),
    password: () => services.secretOf("smtp", "SMTP_PASSWORD"),
    take: (mail) => services.add("smtp", mail),
  });
  const mailPort = await listen(mailServer, kept?.mail, "mail server", notices);
  let tlsPort = 0;
  for (const [index, { name }] of cloud.apps.entries()) {
    const edge = createEdge(cloud, name);
    servers.push(edge);
    if (index === 0) {
      const pass: RequestListener = (request, response) => edge.emit("request", request, response);
      const front = createTlsFront(loadAuthority(layout.authority), pass, () => services.stateOf("tls"));
      servers.push(front);
      tlsPort = await listen(front, kept?.tls, `HTTPS of ${name}`, notices);
    }
    apps[name] = await listen(edge, kept?.apps[name], `app ${name}`, notices);
  }
  if (!holdsLock(layout.lock)) throw new Error("another platform took over while this one started");
  const ports: Ports = { api: apiPort, services: servicesPort, tls: tlsPort, mail: mailPort, apps };
  replaceFile(layout.ports, `${JSON.stringify(ports)}\n`);

  await cloud.startAll();
  const identity = identityOf(process.pid);
  if (identity === null) throw new Error("this process cannot see itself in /proc; is it mounted?");
  replaceFile(layout.running, `${JSON.stringify({ identity, notices } satisfies RunningPlatform)}\n`);
  console.error(`sandbox platform: pid ${process.pid} serves ${loopbackUrl(apiPort)}`);

  let ending = false;
  const end = async () => {
    if (ending) return;
    ending = true;
    mailServer.close();
    for (const server of servers) {
      server.close();
      if (server instanceof HttpServer) server.closeAllConnections();
    }
    await cloud.close();
    rmSync(layout.running, { force: true });
    releaseLock(layout.lock);
    process.exit(0);
  };
  process.on("SIGTERM", () => void end());
  process.on("SIGINT", () => void end());
}

function loadCredentials(path: string): Credentials {
  const kept = readJson<Credentials>(path);
  if (kept !== null) return kept;
  const random = (bytes: number) => randomBytes(bytes).toString("base64url");
  const fresh: Credentials = {
    flyApiToken: `fm2_${random(32)}`,
    slackPath: `/services/T0SANDBOX/B0SANDBOX/${random(18)}`,
  };
  replaceFile(path, `${JSON.stringify(fresh)}\n`);
  return fresh;
}

// sh alone finds everything by absolute path, so the wrapper also works with an empty environment.
function writeFlyWrapper(layout: SandboxLayout, bundles: string): void {
  mkdirSync(layout.binDir, { recursive: true, mode: 0o700 });
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const lines = [
    "#!/bin/sh",
    "# flyctl of the local sandbox; see sandbox/README.md.",
    `RUNBOOK_SANDBOX_DIR=${quoted(layout.dir)}`,
    "export RUNBOOK_SANDBOX_DIR",
    `exec ${quoted(process.execPath)} ${quoted(join(bundles, "sandbox-fly.cjs"))} "$@"`,
    "",
  ];
  replaceFile(layout.fly, lines.join("\n"), 0o700);
  chmodSync(layout.fly, 0o700);
}

async function listen(server: Server, wanted: number | undefined, what: string, notices: string[]): Promise<number> {
  const on = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.removeListener("error", reject);
        resolve((server.address() as AddressInfo).port);
      });
    });
  if (wanted === undefined) return on(0);
  try {
    return await on(wanted);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    const port = await on(0);
    const notice = `port ${wanted} of the ${what} is taken by another program; it now listens on ${port}`;
    notices.push(notice);
    console.error(`sandbox platform: ${notice}`);
    return port;
  }
}

/** The vault of the shop as a folder of files; what is in it already stays, so that a person may change it. */
function writeVault(folder: string, flyApiToken: string): void {
  const file = join(folder, "shop/app.env");
  if (existsSync(file)) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const dummies = allServiceDummies(flyApiToken);
  const lines = shopSecrets.map((name) => `${name}=${dummies[name]}\n`);
  writeFileSync(file, lines.join(""), { mode: 0o600 });
}
