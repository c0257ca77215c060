/** What `doctor <runbook>` checks: the tools and secrets a run on one target would need. */

import { readSandbox, sandboxSecretNames } from "../../../sandbox/client.ts";
import { childEnvironment } from "../../host/environment.ts";
import { resolveSecrets } from "../../host/secrets.ts";
import type { SecretProvider, Target } from "../../language/config.ts";
import type { Runbook } from "../../language/runbook.ts";
import type { Project } from "../project/project.ts";
import { toolHome } from "../project/tool-homes.ts";
import { type ToolState, toolStates } from "../project/tool-states.ts";
import { secretSources } from "../start/secret-sources.ts";
import type { Finding } from "./machine.ts";

export async function checkNeeds(project: Project, runbook: Runbook, target: Target): Promise<Finding[]> {
  const sandbox = target.sandbox ? readSandbox(project.stateDir) : null;
  const env = childEnvironment(process.env, sandbox?.binDir ?? null);
  const tools = await toolStates(runbook, env, project.dir, true, null);
  const findings = tools.map((tool) => toolFinding(tool, target));
  const sources = await secretSources({
    runbook,
    target,
    providers: project.config.secrets,
    projectDir: project.dir,
    sandbox,
  });
  const { found, missing, absent, problems } = await resolveSecrets({
    ...sources,
    // What is not running yet cannot be asked; it brings them when it starts.
    ...(target.sandbox && sandbox?.running !== true ? { providers: project.config.secrets, dummies: dummies() } : {}),
  });
  for (const { name, provider } of found)
    findings.push(finding(target, "secret", "ok", `${name} from ${provider}`, null));
  for (const name of missing) {
    const detail = `no provider knows ${name}`;
    findings.push(finding(target, "secret", "problem", detail, howToGive(project.config.secrets, target.name, name)));
  }
  for (const name of absent)
    findings.push(finding(target, "secret", "ok", `no provider knows ${name}, which is optional`, null));
  for (const text of problems) findings.push(finding(target, "secret provider", "warning", text, null));
  return findings;
}

function dummies(): Record<string, string> {
  return Object.fromEntries(sandboxSecretNames.map((name) => [name, "supplied when the sandbox starts"]));
}

function toolFinding(tool: ToolState, target: Target): Finding {
  if (tool.found === null && target.sandbox && tool.name === "fly")
    return finding(target, tool.name, "ok", "supplied when the sandbox starts", null);
  const needs = tool.range === null ? "" : ` (${tool.range} is required)`;
  if (tool.problem !== null) {
    const home = toolHome(tool.name);
    return finding(target, tool.name, "problem", tool.problem, home?.page ?? `install ${tool.name}${needs}`);
  }
  const version = tool.version === null ? "" : ` ${tool.version}`;
  return finding(target, tool.name, "ok", `${tool.found}${version}${needs}`, null);
}

function finding(
  target: Target,
  check: string,
  status: Finding["status"],
  detail: string,
  next: string | null,
): Finding {
  return { check, status, detail: `${target.name}: ${detail}`, next };
}

/** The first provider asked for this target decides how a secret is given. */
function howToGive(providers: readonly SecretProvider[], target: string, name: string): string {
  const provider = providers.find((item) => item.targets === null || item.targets.includes(target));
  switch (provider?.type) {
    case "env":
      return `export ${provider.prefix}${name}=…`;
    case "file":
      return `echo '${name}=…' >> ${provider.dir}/${target}.env && chmod 600 ${provider.dir}/${target}.env`;
    case "vault":
      return `vault kv patch ${provider.mount}/${provider.path} ${name}=…`;
    case "command":
      return `${provider.command.join(" ")} ${name}`;
    default:
      return `add a provider for ${target} under secrets: in runbook.config.yaml`;
  }
}
