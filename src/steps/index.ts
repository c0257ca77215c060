/** The catalogue: every step type by the name after `uses:`. A new type is listed here and nowhere else. */
import { LazyMap } from "../util/lazy-map.ts";
import { alertmanagerSilence } from "./alertmanager/silence.ts";
import { approval } from "./approval.ts";
import { auditLog } from "./audit-log.ts";
import { baseline } from "./baseline.ts";
import { checkpoint } from "./checkpoint.ts";
import { dns } from "./dns.ts";
import { document } from "./document.ts";
import { email } from "./email.ts";
import { envMatrix } from "./env-matrix.ts";
import { evaluate } from "./eval.ts";
import { file } from "./file.ts";
import { flyChecks } from "./fly/checks.ts";
import { flyChooseRollbackTarget } from "./fly/choose-rollback-target.ts";
import { flyDeploy } from "./fly/deploy.ts";
import { flyLogs } from "./fly/logs.ts";
import { flyMachine } from "./fly/machine.ts";
import { flyMachineHours } from "./fly/machine-hours.ts";
import { flyReleases } from "./fly/releases.ts";
import { flySecrets } from "./fly/secrets.ts";
import { flySecretsDeploy } from "./fly/secrets-deploy.ts";
import { flySecretsImport } from "./fly/secrets-import.ts";
import { flySecretsRestore } from "./fly/secrets-restore.ts";
import { flyStatus } from "./fly/status.ts";
import { flyVolumes } from "./fly/volumes.ts";
import { flyWaitHealthy } from "./fly/wait-healthy.ts";
import { githubChecks } from "./github/checks.ts";
import { githubDeployment } from "./github/deployment.ts";
import { githubDeploymentStatus } from "./github/deployment-status.ts";
import { githubEnvironments } from "./github/environments.ts";
import { githubPendingDeployments } from "./github/pending-deployments.ts";
import { githubReviewDeployments } from "./github/review-deployments.ts";
import { githubSecretAlerts } from "./github/secret-alerts.ts";
import { githubSecrets } from "./github/secrets.ts";
import { githubSecretsRestore } from "./github/secrets-restore.ts";
import { githubSecretsSet } from "./github/secrets-set.ts";
import { githubUsage } from "./github/usage.ts";
import { githubWorkflow } from "./github/workflow.ts";
import { githubWorkflowRun } from "./github/workflow-run.ts";
import { history } from "./history.ts";
import { http } from "./http.ts";
import { manual } from "./manual.ts";
import { mcp } from "./mcp.ts";
import { pagerduty } from "./pagerduty.ts";
import { parity } from "./parity.ts";
import { postgresDump } from "./postgres/dump.ts";
import { postgresInspect } from "./postgres/inspect.ts";
import { postgresRestore } from "./postgres/restore.ts";
import { prometheus } from "./prometheus.ts";
import { proof } from "./proof.ts";
import { rounds } from "./rounds.ts";
import { run } from "./run.ts";
import { sample } from "./sample.ts";
import { script } from "./script.ts";
import { secretScan } from "./secret-scan.ts";
import { secretsAudit } from "./secrets/audit.ts";
import { secretsInventory } from "./secrets/inventory.ts";
import { secretsRecord } from "./secrets/record.ts";
import { slack } from "./slack.ts";
import { sql } from "./sql.ts";
import { ssh } from "./ssh.ts";
import type { AnyStepType, Catalogue } from "./step-type.ts";
import { supabaseAdvisors } from "./supabase/advisors.ts";
import { supabaseLint } from "./supabase/lint.ts";
import { supabaseList } from "./supabase/list.ts";
import { supabaseMigrate } from "./supabase/migrate.ts";
import { supabasePlan } from "./supabase/plan.ts";
import { supabaseRevert } from "./supabase/revert.ts";
import { tap } from "./tap.ts";
import { tcp } from "./tcp.ts";
import { tls } from "./tls.ts";
import { wait } from "./wait.ts";
import { window } from "./window.ts";

/** Sorted by name, as the manual and diagnostics list them. A step type is loaded when it is asked for. */
export const catalogue: Catalogue = new LazyMap<AnyStepType>(
  Object.entries({
    "alertmanager/silence": () => alertmanagerSilence,
    approval: () => approval,
    "audit-log": () => auditLog,
    baseline: () => baseline,
    checkpoint: () => checkpoint,
    dns: () => dns,
    document: () => document,
    email: () => email,
    "env-matrix": () => envMatrix,
    eval: () => evaluate,
    file: () => file,
    "fly/checks": () => flyChecks,
    "fly/choose-rollback-target": () => flyChooseRollbackTarget,
    "fly/deploy": () => flyDeploy,
    "fly/logs": () => flyLogs,
    "fly/machine": () => flyMachine,
    "fly/machine-hours": () => flyMachineHours,
    "fly/releases": () => flyReleases,
    "fly/secrets": () => flySecrets,
    "fly/secrets-deploy": () => flySecretsDeploy,
    "fly/secrets-import": () => flySecretsImport,
    "fly/secrets-restore": () => flySecretsRestore,
    "fly/status": () => flyStatus,
    "fly/volumes": () => flyVolumes,
    "fly/wait-healthy": () => flyWaitHealthy,
    "github/checks": () => githubChecks,
    "github/deployment": () => githubDeployment,
    "github/deployment-status": () => githubDeploymentStatus,
    "github/environments": () => githubEnvironments,
    "github/pending-deployments": () => githubPendingDeployments,
    "github/review-deployments": () => githubReviewDeployments,
    "github/secret-alerts": () => githubSecretAlerts,
    "github/secrets": () => githubSecrets,
    "github/secrets-restore": () => githubSecretsRestore,
    "github/secrets-set": () => githubSecretsSet,
    "github/usage": () => githubUsage,
    "github/workflow": () => githubWorkflow,
    "github/workflow-run": () => githubWorkflowRun,
    history: () => history,
    http: () => http,
    manual: () => manual,
    mcp: () => mcp,
    pagerduty: () => pagerduty,
    parity: () => parity,
    "postgres/dump": () => postgresDump,
    "postgres/inspect": () => postgresInspect,
    "postgres/restore": () => postgresRestore,
    prometheus: () => prometheus,
    proof: () => proof,
    rounds: () => rounds,
    run: () => run,
    sample: () => sample,
    script: () => script,
    "secret-scan": () => secretScan,
    "secrets/audit": () => secretsAudit,
    "secrets/inventory": () => secretsInventory,
    "secrets/record": () => secretsRecord,
    slack: () => slack,
    sql: () => sql,
    ssh: () => ssh,
    "supabase/advisors": () => supabaseAdvisors,
    "supabase/lint": () => supabaseLint,
    "supabase/list": () => supabaseList,
    "supabase/migrate": () => supabaseMigrate,
    "supabase/plan": () => supabasePlan,
    "supabase/revert": () => supabaseRevert,
    tap: () => tap,
    tcp: () => tcp,
    tls: () => tls,
    wait: () => wait,
    window: () => window,
  }),
);
