/** The stand-ins by the name under `target.services`. A new one is listed here and in `sandbox-services.ts`. */
import { createHmac } from "node:crypto";
import { type SandboxService, sandboxServices } from "../../src/language/sandbox-services.ts";
import { alertmanager } from "./alertmanager.ts";
import { chatwoot } from "./chatwoot.ts";
import { github } from "./github.ts";
import { mcp } from "./mcp.ts";
import { openai } from "./openai.ts";
import { pagerduty } from "./pagerduty.ts";
import { prometheus } from "./prometheus.ts";
import { publer } from "./publer.ts";
import type { Service } from "./service.ts";
import { smtp } from "./smtp.ts";
import { supabase } from "./supabase.ts";
import { tls } from "./tls.ts";
import { vault } from "./vault.ts";

export const services: Readonly<Record<SandboxService, Service>> = {
  alertmanager,
  chatwoot,
  github,
  mcp,
  openai,
  pagerduty,
  prometheus,
  publer,
  smtp,
  supabase,
  tls,
  vault,
};

/** The dummy secrets of a service, derived from the sandbox's token. */
export function serviceDummies(service: Service, flyApiToken: string): Record<string, string> {
  return Object.fromEntries(
    service.secrets.map((name) => [name, createHmac("sha256", flyApiToken).update(name).digest("hex").slice(0, 40)]),
  );
}

/** The dummy secrets of all of them. */
export function allServiceDummies(flyApiToken: string): Record<string, string> {
  return Object.assign({}, ...sandboxServices.map((name) => serviceDummies(services[name], flyApiToken)));
}
