/** JSON as flyctl prints it: shapes read in superfly/flyctl@ad0172fac and superfly/fly-go@22d6e51. */

/** `registry.fly.io/shop:deployment-NAME`, the form of images that flyctl builds. */
export function image(name: string): string {
  return `registry.fly.io/shop:deployment-${name}`;
}

export interface MachineOptions {
  readonly id?: string;
  readonly image?: string;
  readonly digest?: string;
  readonly state?: string;
  readonly checks?: readonly { readonly name: string; readonly status: string; readonly output?: string }[] | null;
  /** `config.image`; default the image, null = no config at all. */
  readonly asked?: string | null;
}

export function machine(options: MachineOptions = {}): Record<string, unknown> {
  const [registry = "", rest = ""] = split(options.image ?? image("GOOD"), "/");
  const [repository = "", tag = ""] = split(rest, ":");
  const asked = options.asked === undefined ? (options.image ?? image("GOOD")) : options.asked;
  return {
    id: options.id ?? "3d8d9930b32189",
    name: "young-sun-7573",
    state: options.state ?? "started",
    region: "fra",
    image_ref: {
      registry,
      repository,
      tag,
      digest: options.digest ?? "sha256:875867fff7acfa5c6a3fc798d9e91b43eb0c660476df1025fb8055019bc2656e",
      labels: null,
    },
    instance_id: "01HX3Z7F9VQ2K1B4M5N6P7Q8R9",
    private_ip: "fdaa:0:1da8:a7b:7b:1:2:2",
    created_at: "2026-11-18T09:12:44Z",
    updated_at: "2026-11-20T17:40:02Z",
    ...(asked === null ? {} : { config: { image: asked, guest: { cpu_kind: "shared", cpus: 1, memory_mb: 256 } } }),
    events: [{ type: "start", status: "started", source: "flyd", timestamp: 1763660402000 }],
    ...(options.checks === undefined
      ? { checks: [check("servicecheck-00-http-8080", "passing")] }
      : { checks: options.checks?.map((each) => check(each.name, each.status, each.output)) ?? null }),
    host_status: "ok",
  };
}

export function check(name: string, status: string, output = "HTTP GET http://172.19.0.2:8080/healthz: 200 OK") {
  return { name, status, output, updated_at: "2026-11-20T17:40:09.1Z" };
}

export function status(machines: readonly unknown[] | null, version = 42): Record<string, unknown> {
  return {
    ID: "shop",
    Name: "shop",
    Deployed: true,
    Status: "deployed",
    Hostname: "shop.fly.dev",
    Version: version,
    AppURL: "",
    Organization: { ID: "", InternalNumericID: "0", Name: "", Slug: "shop" },
    Machines: machines,
  };
}

export function release(
  version: number,
  imageRef: string,
  releaseStatus = "complete",
  createdAt = `2026-11-${String(version % 30 || 1).padStart(2, "0")}T09:00:00Z`,
): Record<string, unknown> {
  return {
    ID: `rel_${version}`,
    Version: version,
    Stable: false,
    InProgress: false,
    Reason: "",
    Description: "Release",
    Status: releaseStatus,
    DeploymentStrategy: "rolling",
    Metadata: null,
    User: { ID: "", Name: "Operator", Email: "operator@shop.example", EnablePaidHobby: false },
    EvaluationID: "",
    CreatedAt: createdAt,
    ImageRef: imageRef,
  };
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index === -1 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
