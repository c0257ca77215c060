/** secretlint with its recommended rules, loaded at the first use only. https://github.com/secretlint/secretlint */
import { extname } from "node:path";

export interface Finding {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** `slack`, `aws`, `privatekey` … */
  readonly rule: string;
  /** What kind of secret the rule saw. */
  readonly kind: string;
}

export type Scanner = (file: string, text: string) => Promise<Finding[]>;

const prefix = "@secretlint/secretlint-rule-";

/** secretlint's own message is left out on purpose: it quotes the secret, or tells its length by asterisks. */
export async function createScanner(): Promise<Scanner> {
  const [{ lintSource }, { creator }] = await Promise.all([
    import("@secretlint/core"),
    import("@secretlint/secretlint-rule-preset-recommend"),
  ]);
  const config = { rules: [{ id: `${prefix}preset-recommend`, rule: creator }] };
  return async (file, text) => {
    const { messages } = await lintSource({
      source: { filePath: file, content: text, contentType: "text", ext: extname(file) },
      options: { config, maskSecrets: true, noPhysicFilePath: true },
    });
    return messages.map((message) => ({
      file,
      line: message.loc.start.line,
      rule: message.ruleId.replace(prefix, ""),
      kind: message.messageId,
    }));
  };
}
