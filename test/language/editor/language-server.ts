/** A client of yaml-language-server over its standard streams (Language Server Protocol 3.17), as an editor is one. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Shown {
  /** 1-based. */
  readonly line: number;
  readonly text: string;
  readonly message: string;
}

/** Where the server is installed: `YAML_LANGUAGE_SERVER` names a package folder, else the dependency; null = nowhere. */
export function findLanguageServer(): string | null {
  const own = fileURLToPath(new URL("../../../node_modules/yaml-language-server", import.meta.url));
  const program = join(process.env["YAML_LANGUAGE_SERVER"] ?? own, "bin/yaml-language-server");
  return existsSync(program) ? program : null;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly uri?: string; readonly diagnostics?: readonly LspDiagnostic[] };
  readonly result?: unknown;
}

interface LspPosition {
  readonly line: number;
  readonly character: number;
}

interface LspDiagnostic {
  readonly message: string;
  readonly range: { readonly start: LspPosition; readonly end: LspPosition };
}

/** Its settings: nothing is fetched, and what `schemaStore` would guess is off. */
const settings = { yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false, url: "" } } };

export class LanguageServer {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (result: unknown) => void>();
  readonly #published = new Map<string, (diagnostics: readonly LspDiagnostic[]) => void>();
  #buffer = Buffer.alloc(0);
  #lastId = 0;

  constructor(program: string) {
    this.#child = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "ignore"] });
    this.#child.stdout!.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  async start(rootUri: string): Promise<void> {
    const capabilities = { textDocument: { publishDiagnostics: {}, hover: { contentFormat: ["markdown"] } } };
    await this.#request("initialize", { processId: process.pid, rootUri, capabilities });
    this.#send({ method: "initialized", params: {} });
    this.#send({ method: "workspace/didChangeConfiguration", params: { settings } });
  }

  /** What an editor underlines in a file that is opened with this text. */
  async diagnose(uri: string, text: string): Promise<readonly Shown[]> {
    const published = new Promise<readonly LspDiagnostic[]>((resolve) => this.#published.set(uri, resolve));
    this.#open(uri, text);
    const lines = text.split("\n");
    return (await published).map(({ message, range: { start, end } }) => ({
      line: start.line + 1,
      text: lines[start.line]!.slice(start.character, end.line === start.line ? end.character : undefined),
      message,
    }));
  }

  async hover(uri: string, position: LspPosition): Promise<string> {
    const answer = await this.#request("textDocument/hover", { textDocument: { uri }, position });
    return String((answer as { contents: { value: string } } | null)?.contents.value ?? "");
  }

  async complete(uri: string, position: LspPosition): Promise<readonly string[]> {
    const answer = await this.#request("textDocument/completion", { textDocument: { uri }, position });
    return (answer as { items: readonly { label: string }[] }).items.map(({ label }) => label);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill();
    await ended;
  }

  #open(uri: string, text: string): void {
    const textDocument = { uri, languageId: "yaml", version: 1, text };
    this.#send({ method: "textDocument/didOpen", params: { textDocument } });
  }

  #request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = new Promise((resolve) => this.#answers.set(id, resolve));
    this.#send({ id, method, params });
    return answer;
  }

  #send(message: object): void {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#child.stdin!.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const headerEnd = this.#buffer.indexOf("\r\n\r\n");
      if (headerEnd === -1) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#buffer.toString("latin1", 0, headerEnd))![1]);
      const end = headerEnd + 4 + length;
      if (this.#buffer.length < end) return;
      const message = JSON.parse(this.#buffer.toString("utf8", headerEnd + 4, end)) as Message;
      this.#buffer = this.#buffer.subarray(end);
      this.#take(message);
    }
  }

  #take({ id, method, params, result }: Message): void {
    if (method === "textDocument/publishDiagnostics") this.#published.get(params!.uri!)?.(params!.diagnostics!);
    // A request of the server: it gets an empty answer, as from an editor that offers nothing more.
    else if (method !== undefined && id !== undefined) this.#send({ id, result: null });
    else if (id !== undefined) this.#answers.get(id)?.(result);
  }
}
