/** Which secrets the vault has, and since when each has its value. Names and times, never values nor lengths. */
import { closed, listOf, result, row, text } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { namesInFolder, type VaultName } from "./vault-folder.ts";
import { namesInKv2 } from "./vault-kv2.ts";

interface InventorySpec {
  readonly folder?: string;
  readonly address?: string;
  readonly mount?: string;
  readonly path?: string;
  readonly token?: string;
  readonly namespace?: string;
}

const defaultMount = "kv";

export const secretsInventory = defineStepType<InventorySpec, { readonly secrets: readonly VaultName[] }>({
  type: "secrets/inventory",
  summary:
    "Lists the names in a vault and when each value was last changed: a folder of files (mode 0600, ignored by git), or HashiCorp Vault's KV version 2. Never a value.",
  docs: "https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-subkeys",
  effects: "read",
  timeoutMs: 60_000,
  input: closed({
    folder: text(
      "Folder of `<system>/<name>.env` (KEY=VALUE), `.json` (an object of texts) and `.txt` (`shopify/api-key.txt` is SHOPIFY_API_KEY), relative to the project. Without it the KV store is asked.",
      { minLength: 1 },
    ),
    address: text("Base URL of Vault.", { minLength: 1 }),
    mount: text(`Mount of the KV store, default \`${defaultMount}\`.`, { pattern: "^[A-Za-z0-9_/-]+$" }),
    path: text("Path of one secret, or with a slash at its end all secrets below.", {
      pattern: "^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?$",
    }),
    token: text("Token of Vault: `${{ secrets.VAULT_TOKEN }}`.", { minLength: 1 }),
    namespace: text("Namespace of Vault Enterprise.", { minLength: 1 }),
  }),
  examples: [
    { folder: "vault/occ" },
    {
      address: "https://vault.example:8200",
      mount: "kv",
      path: "shop/",
      token: "${{ secrets.VAULT_TOKEN }}",
      namespace: "platform",
    },
  ],
  result: result({
    secrets: listOf(
      row({
        name: text("Name."),
        source: text("File in the folder, or path and version in the KV store."),
        changedAt: text("When the value was last changed, RFC 3339: of the file, or of the version."),
      }),
      "The secrets, sorted by name.",
    ),
  }),
  secretFields: ["token"],
  tools: ["git"],
  action: (spec) => ({
    text: `list the names in ${spec.folder ?? `${spec.address ?? "?"} ${spec.mount ?? defaultMount}/${spec.path ?? "?"}`}`,
    argv: null,
  }),
  async run(spec, host) {
    const secrets = spec.folder === undefined ? await fromKv2(spec, host) : await namesInFolder(host, spec.folder);
    if (secrets.length > 0) return { secrets };
    throw new StepFailure("failed", "vault-empty", "The vault has no secrets; comparing with nothing proves nothing.");
  },
});

function fromKv2(spec: InventorySpec, host: Parameters<typeof namesInKv2>[0]): Promise<VaultName[]> {
  const { address, path, token, mount = defaultMount, namespace } = spec;
  if (address === undefined || path === undefined || token === undefined) {
    throw new StepFailure("fatal", "vault-missing", "Give the step `folder`, or `address`, `path` and `token`.");
  }
  return namesInKv2(host, { address, mount, path, token, ...(namespace === undefined ? {} : { namespace }) });
}
