/**
 * Looks at sockets, names, certificates and files: the reading eyes of `tcp`, `dns`, `tls` and `file`, which
 * `StepHost` has no call for. Nothing here sends data of a run. Modules are loaded where they are used, for most runs
 * need none of them.
 */
import type { DetailedPeerCertificate } from "node:tls";
import { StepFailure } from "./step-type.ts";

export interface Connection {
  /** Address that answered. */
  readonly address: string;
  readonly durationMs: number;
}

export interface ServerCertificate {
  readonly address: string;
  /** `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
  /** Whether the chain and the name hold; null = they do, else OpenSSL's or Node's code. */
  readonly problem: string | null;
  readonly certificate: CertificateFacts;
  /** Issuers above it, as the server sent them or as they were found in the store. */
  readonly chain: readonly CertificateFacts[];
}

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly altNames: readonly string[];
  readonly validFrom: Date;
  readonly validTo: Date;
  readonly fingerprint256: string;
}

/** Opens a TCP connection and closes it. Throws `transient` when nobody answered, `timeout` at the end of the attempt. */
export async function connectTcp(host: string, port: number, signal: AbortSignal): Promise<Connection> {
  const { connect } = await import("node:net");
  const place = `${host}:${port}`;
  const started = performance.now();
  return await new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const stop = onAbort(signal, () => {
      socket.destroy();
      reject(outOfTime(`No connection to ${place}`));
    });
    socket.once("connect", () => {
      stop();
      const address = socket.remoteAddress ?? host;
      socket.destroy();
      resolve({ address, durationMs: performance.now() - started });
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      stop();
      reject(networkFailure(`No connection to ${place}`, error));
    });
  });
}

/** Shakes hands and reads the certificate, trusted or not. `ca`: PEM of the only authorities to trust. */
export async function readCertificate(
  target: { readonly host: string; readonly port: number; readonly serverName: string; readonly ca: string | null },
  signal: AbortSignal,
): Promise<ServerCertificate> {
  const [{ connect }, { isIP }] = await Promise.all([import("node:tls"), import("node:net")]);
  const place = `${target.host}:${target.port}`;
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host: target.host,
      port: target.port,
      // SNI takes names only (RFC 6066, section 3); an address is still compared with the certificate.
      ...(isIP(target.serverName) === 0 ? { servername: target.serverName } : {}),
      ...(target.ca === null ? {} : { ca: target.ca }),
      rejectUnauthorized: false,
    });
    const stop = onAbort(signal, () => {
      socket.destroy();
      reject(outOfTime(`No TLS handshake with ${place}`));
    });
    socket.once("secureConnect", () => {
      stop();
      const peer = socket.getPeerCertificate(true);
      const problem = socket.authorized ? null : String(socket.authorizationError ?? "unknown");
      const seen = {
        address: socket.remoteAddress ?? target.host,
        protocol: socket.getProtocol() ?? "unknown",
        cipher: socket.getCipher().standardName ?? socket.getCipher().name,
      };
      socket.destroy();
      resolve({ ...seen, problem, certificate: factsOf(peer), chain: chainOf(peer).map(factsOf) });
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      stop();
      reject(
        error.code !== undefined && error.code in reasons
          ? networkFailure(`No TLS handshake with ${place}`, error)
          : new StepFailure("failed", "handshake-failed", `No TLS handshake with ${place}: ${error.message}`, {
              cause: error,
              facts: { host: target.host, port: target.port, code: error.code ?? null },
            }),
      );
    });
  });
}

/** Records as the zone files write their values, sorted. Empty when the name or the type does not exist. */
export async function resolveName(
  name: string,
  type: string,
  server: string | null,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { promises } = await import("node:dns");
  const resolver = new promises.Resolver({ tries: 2 });
  if (server !== null) resolver.setServers([server]);
  const stop = onAbort(signal, () => resolver.cancel());
  try {
    const answer: unknown = await resolver.resolve(name, type);
    const records = Array.isArray(answer) ? answer : [answer];
    return records.map((record) => recordText(type, record)).sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    if (signal.aborted) throw outOfTime(`No answer about ${name}`);
    throw networkFailure(`No answer about ${type} of ${name}`, error as NodeJS.ErrnoException);
  } finally {
    stop();
  }
}

export interface FileFacts {
  readonly kind: "file" | "directory" | "other";
  readonly bytes: number;
  readonly modifiedAt: Date;
  /** Of regular files only. */
  readonly sha256: string | null;
}

/** What is at a path; null = nothing. Follows symbolic links. */
export async function readFileFacts(path: string, signal: AbortSignal): Promise<FileFacts | null> {
  const [{ stat }, { createReadStream }, { createHash }] = await Promise.all([
    import("node:fs/promises"),
    import("node:fs"),
    import("node:crypto"),
  ]);
  try {
    const facts = await stat(path);
    const kind = facts.isFile() ? "file" : facts.isDirectory() ? "directory" : "other";
    const hash = createHash("sha256");
    if (kind === "file") for await (const chunk of createReadStream(path, { signal })) hash.update(chunk);
    return {
      kind,
      bytes: facts.size,
      modifiedAt: facts.mtime,
      sha256: kind === "file" ? hash.digest("hex") : null,
    };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (signal.aborted) throw outOfTime(`${path} was not read`);
    throw new StepFailure("failed", "file-unreadable", `${path} could not be read: ${code}.`, {
      cause,
      facts: { path, code },
    });
  }
}

/** Text of a file; null = it is not there. */
export async function readTextFile(path: string, signal: AbortSignal): Promise<string | null> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path, { encoding: "utf8", signal });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (code === "ENOENT") return null;
    if (signal.aborted) throw outOfTime(`${path} was not read`);
    throw new StepFailure("failed", "file-unreadable", `${path} could not be read: ${code}.`, {
      cause,
      facts: { path, code },
    });
  }
}

export interface FolderFile {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

/** The files of a folder of texts, by name; hidden ones and folders are left out. Null = there is no such folder. */
export async function readFolder(path: string, signal: AbortSignal): Promise<readonly FolderFile[] | null> {
  const [{ readdir, readFile }, { createHash }, { join }] = await Promise.all([
    import("node:fs/promises"),
    import("node:crypto"),
    import("node:path"),
  ]);
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name);
    return await Promise.all(
      names.sort().map(async (name) => {
        const bytes = await readFile(join(path, name), { signal });
        return { name, text: bytes.toString("utf8"), sha256: createHash("sha256").update(bytes).digest("hex") };
      }),
    );
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (code === "ENOENT") return null;
    if (signal.aborted) throw outOfTime(`${path} was not read`);
    throw new StepFailure("failed", "file-unreadable", `${path} could not be read: ${code}.`, {
      cause,
      facts: { path, code },
    });
  }
}

function onAbort(signal: AbortSignal, stop: () => void): () => void {
  if (signal.aborted) queueMicrotask(stop);
  signal.addEventListener("abort", stop, { once: true });
  return () => signal.removeEventListener("abort", stop);
}

function outOfTime(what: string): StepFailure {
  return new StepFailure("timeout", "timed-out", `${what} before the step's time limit.`);
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection-refused",
  ECONNRESET: "connection-reset",
  ENOTFOUND: "name-not-found",
  EAI_AGAIN: "name-not-found",
  EHOSTUNREACH: "host-unreachable",
  ENETUNREACH: "host-unreachable",
  ETIMEDOUT: "connection-timed-out",
};

function networkFailure(what: string, error: NodeJS.ErrnoException): StepFailure {
  const code = error.code ?? error.name;
  const reason = reasons[code] ?? "network";
  return new StepFailure("transient", reason, `${what}: ${reason.replaceAll("-", " ")} (${code}).`, {
    cause: error,
    facts: { code },
  });
}

function chainOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  // A root is its own issuer.
  for (let at = leaf; at.issuerCertificate && at.issuerCertificate.fingerprint256 !== at.fingerprint256; ) {
    at = at.issuerCertificate;
    chain.push(at);
  }
  return chain;
}

function factsOf(certificate: DetailedPeerCertificate): CertificateFacts {
  return {
    subject: nameText(certificate.subject),
    issuer: nameText(certificate.issuer),
    altNames: (certificate.subjectaltname ?? "")
      .split(", ")
      .map((each) => each.replace(/^(DNS|IP Address):/, ""))
      .filter((each) => each !== ""),
    validFrom: new Date(certificate.valid_from),
    validTo: new Date(certificate.valid_to),
    fingerprint256: certificate.fingerprint256,
  };
}

/** `CN=shop.example, O=Shop` */
function nameText(name: object): string {
  return Object.entries(name)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

function recordText(type: string, record: unknown): string {
  if (typeof record === "string") return record;
  // One TXT record is a list of character strings that belong together (RFC 7208, section 3.3).
  if (Array.isArray(record)) return record.join("");
  const fields = record as Readonly<Record<string, string | number>>;
  switch (type) {
    case "MX":
      return `${fields["priority"]} ${fields["exchange"]}`;
    case "SRV":
      return `${fields["priority"]} ${fields["weight"]} ${fields["port"]} ${fields["name"]}`;
    case "CAA": {
      const tag = ["issue", "issuewild", "iodef"].find((each) => fields[each] !== undefined) ?? "";
      return `${fields["critical"]} ${tag} "${fields[tag] ?? ""}"`;
    }
    default:
      return JSON.stringify(record);
  }
}
