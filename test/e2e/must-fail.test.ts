/**
 * Every shipped runbook is shown to fail when what it watches over is wrong: a check that cannot fail proves nothing. The
 * tests are elsewhere; this one says where, and that none is missing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const here = import.meta.dirname;

/** Runbook → the file in this folder and the title of the test in which it must fail. */
const shownToFail: Readonly<Record<string, readonly [file: string, title: string]>> = {
  "backup-database": ["databases", "a program that exits with 0 and writes nothing makes no backup"],
  "backup-verify": ["deploy-production", "must fail when the newest backup is cut off, however young it is"],
  "canary-deploy": [
    "releases",
    "must fail when the new image is slower: aborted, and only the canary was ever touched",
  ],
  "chaos-drill": ["releases", "must fail when users notice: told after everything was put back"],
  "chatwoot-health": ["service-health", "$state: both fail and say it"],
  "cost-report": ["upkeep", "cost-report with GitHub %s and %j fails at %j"],
  "deploy-production": ["deploy-production", "an image that was proven and does not become healthy here is taken back"],
  "deploy-staging": ["deploy-production", "is refused when the staging run failed"],
  "disaster-recovery": ["disaster-recovery", "a backup that is damaged ends it at assess, before anything is touched"],
  "drift-sweep": ["checklists", "goes on after a failure, names all that drifted, and fails in the end"],
  "env-matrix": [
    "secrets-runbooks",
    "the matrix passes for what it lists; a variable in no row, and an empty cell, fail",
  ],
  "env-parity": ["secrets-runbooks", "nothing on both sides is no parity"],
  "go-live-checklist": ["checklists", "NO-GO: every open item is named, and nobody is asked to go"],
  "incident-response": ["incident-response", "a service that stays ill: the run fails"],
  "launch-day-monitor": ["launch-day", "two looks in a row that fail call somebody once"],
  "log-check": ["log-check", "lines %s fail"],
  "performance-baseline": ["releases", "must fail for a path that answers with errors, and keeps nothing of it"],
  "publer-health": ["service-health", "$state: both fail and say it"],
  "restore-drill": ["databases", "a restore that lost something is not a restore"],
  "rls-checks": ["databases", "finds %s"],
  "rollback-production": ["rollback-failures", "an image that never becomes healthy is taken back"],
  "rollback-staging": ["releases", "must fail when the earlier image does not start"],
  "secret-scan": ["secrets-runbooks", "stops at a finding without another try"],
  "secrets-audit": ["secrets-runbooks", "an audit before the first sync fails and names what is missing"],
  "secrets-sync": ["secrets-runbooks", "a vault that others may read, an open alert and a GitHub that is down fail"],
  "security-headers": ["upkeep", "a release without headers and with a debug page fails, header by header"],
  "seed-staging": ["databases", "a seed that loses rows is taken back"],
  "slo-report": ["service-levels", "nothing measured is not good: each empty series fails"],
  "smoke-tests": ["service-levels", "agents whose server is %s fail it"],
  "supabase-migrate-staging": ["migrations", "a migration that breaks takes the ones before it back"],
  "tls-check": ["tls-check", "%s: %s fails"],
};

test("every shipped runbook has one", () => {
  const shipped = readdirSync(join(here, "../../runbooks")).filter((name) => name.endsWith(".yaml"));
  expect(shipped.map((name) => name.slice(0, -".yaml".length)).sort()).toEqual(Object.keys(shownToFail).sort());
});

test.each(Object.entries(shownToFail))("%s", (runbook, [file, title]) => {
  const text = readFileSync(join(here, `${file}.test.ts`), "utf8");
  expect(text).toContain(`"${title}`);
  // By name, or as SERVICE-health where a file is about several.
  expect(text.includes(runbook) || text.includes(runbook.replace(/-health$/, ""))).toBe(true);
});
