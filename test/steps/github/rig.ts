/** GitHub's stand-in in this process, held against the published description, and the fields every step needs. */
import { github } from "../../../sandbox/services/github.ts";
import { Contract } from "../../rig/contract.ts";
import { type ServiceServer, serviceServer } from "../../rig/service-server.ts";

export const sha = "4f1c9a7e4f1c9a7e4f1c9a7e4f1c9a7e4f1c9a7e";

export function githubServer(options: { readonly socket?: string } = {}): Promise<ServiceServer> {
  return serviceServer(github, new Contract("github-rest.openapi.trimmed.json"), options);
}

export function where(vendor: ServiceServer) {
  return { api: vendor.url, repository: "shop/web", token: vendor.secrets["GITHUB_TOKEN"] ?? "" };
}

export function startOver(vendor: ServiceServer): void {
  vendor.state = "ok";
  vendor.next.length = 0;
  vendor.data = structuredClone(github.data);
}
