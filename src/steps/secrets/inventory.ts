/** Which secrets the vault has, and since when each has its value. Names and times, never values nor lengths. */
import { closed, listOf, result, row, text } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { namesInFolder, type VaultName } from "./vault-folder.ts";
import { namesInKv2 } from "./vault-kv2.ts";

interface Vault {
  readonly folder?: string;
  readonly address?: string;
  readonly mount?: string;
  readonly path?: string;
  readonly namespace?: string;
}

interface InventorySpec {
  readonly vault: Vault;
  readonly token?: string;
}

interface Inventory {
  readonly secrets: readonly VaultName[];
  readonly earlier: readonly string[];
}

const defaultMount = "kv";
/** What an earlier value is kept under; providers of secrets know the same name. */
const suffix = "_PREVIOUS";

export const secretsInventory = defineStepType<InventorySpec, Inventory>({
  type: "secrets/inventory",
  summary:
    "Lists the names in a vault and when each value was last changed: a folder of files (mode 0600, ignored by git), or HashiCorp Vault's KV version 2. Never a value.",
  docs: "https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-subkeys",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      vault: closed(
        {
          folder: text(
            "Folder of `<system>/<name>.env` (KEY=VALUE), `.json` (an object of texts) and `.txt` (`shopify/api-key.txt` is SHOPIFY_API_KEY), relative to the project. Without it the KV store is asked.",
            { minLength: 1 },
          ),
          address: text("Base URL of Vault.", { minLength: 1 }),
          mount: text(`Mount of the KV store, default \`${defaultMount}\`.`, { pattern: "^[A-Za-z0-9_/-]+$" }),
          path: text("Path of one secret, or with a slash at its end all secrets below.", {
            pattern: "^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?$",
          }),
          namespace: text("Namespace of Vault Enterprise.", { minLength: 1 }),
        },
        [],
        {
          description:
            "A folder, or address, mount and path of a KV store: a target's variable, `${{ target.vault }}`.",
        },
      ),
      token: text("Token of the KV store: `${{ secrets.VAULT_TOKEN }}`; a folder needs none.", { minLength: 1 }),
    },
    ["vault"],
  ),
  examples: [
    { vault: { folder: "vault/occ" } },
    {
      vault: { address: "https://vault.example:8200", mount: "kv", path: "shop/", namespace: "platform" },
      token: "${{ secrets.VAULT_TOKEN }}",
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
    earlier: listOf(
      text("Name."),
      "Those whose earlier value the vault has too: under `NAME_PREVIOUS`, or in an earlier version of the KV store. It is not compared, so it may be the same.",
    ),
  }),
  secretFields: ["token"],
  tools: ["git"],
  action: (spec) => ({
    text: `list the names in ${placeOf(spec.vault)}`,
    argv: null,
  }),
  async run(spec, host) {
    const { folder } = spec.vault;
    const found =
      folder === undefined ? await fromKv2(spec, host) : { names: await namesInFolder(host, folder), before: [] };
    const all = new Set(found.names.map(({ name }) => name));
    const isEarlier = (name: string) => name.endsWith(suffix) && all.has(name.slice(0, -suffix.length));
    const secrets = found.names.filter(({ name }) => !isEarlier(name));
    const earlier = secrets.flatMap(({ name }) =>
      all.has(`${name}${suffix}`) || found.before.includes(name) ? name : [],
    );
    if (secrets.length > 0) return { secrets, earlier };
    throw new StepFailure("failed", "vault-empty", "The vault has no secrets; comparing with nothing proves nothing.");
  },
});

/** Before its hole is filled, a plan has only a text in place of the object. */
function placeOf(vault: Vault | string): string {
  if (typeof vault === "string") return vault;
  return vault.folder ?? `${vault.address ?? "?"} ${vault.mount ?? defaultMount}/${vault.path ?? "?"}`;
}

function fromKv2(
  { vault, token }: InventorySpec,
  host: Parameters<typeof namesInKv2>[0],
): ReturnType<typeof namesInKv2> {
  const { address, path, mount = defaultMount, namespace } = vault;
  if (address === undefined || path === undefined || token === undefined) {
    throw new StepFailure(
      "fatal",
      "vault-missing",
      "Give `vault` a `folder`, or an `address` and a `path`, and the step a `token`; the shipped runbooks take the secret VAULT_TOKEN.",
    );
  }
  return namesInKv2(host, { address, mount, path, token, ...(namespace === undefined ? {} : { namespace }) });
}
