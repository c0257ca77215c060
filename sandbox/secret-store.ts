import { createHmac, randomBytes } from "node:crypto";
import { replaceFile } from "../src/host/durable-file.ts";
import { readJson } from "./json-file.ts";

interface SecretFile {
  readonly key: string;
  values: Record<string, string>;
}

/**
 * Values of the apps' secrets, kept apart from every other file (0600) and addressed by digest. Digests are keyed with
 * a random key, so a digest in a report cannot be used to guess a short value.
 */
export class SecretStore {
  readonly #path: string;
  readonly #file: SecretFile;

  constructor(path: string) {
    this.#path = path;
    this.#file = readJson<SecretFile>(path) ?? { key: randomBytes(32).toString("hex"), values: {} };
  }

  /** Keeps a value and returns its digest: 16 hexadecimal digits, as the vendor prints. */
  put(name: string, value: string): string {
    const digest = createHmac("sha256", this.#file.key).update(`${name}\0${value}`).digest("hex").slice(0, 16);
    this.#file.values[digest] = value;
    return digest;
  }

  value(digest: string): string {
    return this.#file.values[digest] ?? "";
  }

  /** Drops the values nobody refers to any more and writes the file. */
  save(inUse: ReadonlySet<string>): void {
    this.#file.values = Object.fromEntries(Object.entries(this.#file.values).filter(([digest]) => inUse.has(digest)));
    replaceFile(this.#path, `${JSON.stringify(this.#file)}\n`);
  }
}
