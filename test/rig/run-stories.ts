/** The runs that tests tell again and again: one per way a run can end. */
import { approver, check, JournalBuilder, operator, type StepSpec } from "./journal-builder.ts";

const yaml = `# yaml-language-server: $schema=../schemas/runbook.v1.schema.json
apiVersion: runbook/v1
name: rollback-production
version: 1.0.0
title: Roll production back to the last good release
# A fence must not end here: \`\`\`
steps:
  - id: pre_state
    run: fly releases --app shop-web --image --json
`;

const steps: readonly StepSpec[] = [
  { path: "window", title: "Inside the change window", phase: "guards", stepType: "window" },
  { path: "pre_state", title: "Record what is live now", stepType: "fly/status" },
  { path: "approve", title: "Approve the rollback", stepType: "approval" },
  { path: "deploy", title: "Deploy the earlier image", stepType: "fly/deploy", effects: "write" },
  { path: "confirm", title: "Confirm from outside", stepType: "parallel" },
  { path: "confirm.version", title: "The public version is the one deployed", stepType: "http" },
  { path: "confirm.latency", title: "p95 is below 800 ms", stepType: "sample" },
  { path: "note_down", title: "Write the time into the channel", phase: "always", stepType: "run" },
];

const failure = {
  class: "failed" as const,
  reason: "verify-not-met",
  message: "p95 is 912 ms over 40 requests.",
  facts: { p95Ms: 912 },
};

function opening(run: string, signer: string | null): JournalBuilder {
  return new JournalBuilder(run, signer)
    .start(steps, { yaml })
    .wait(20)
    .append({ type: "lock.acquired", key: "fly-app/shop-web" })
    .step("window", { ms: 3 })
    .step("pre_state", {
      argv: ["fly", "releases", "--app", "shop-web", "--image", "--json"],
      env: ["FLY_API_TOKEN", "PATH"],
      stdout: '[{"Version":42,"ImageRef":"shop-web:deploy-01HX"}]\n',
      ms: 3126,
      outputs: { version: 42, image: "shop-web:deploy-01HX" },
      artifacts: { "releases.json": '[{"Version":42}]\n' },
    });
}

function approved(run: string, signer: string | null): JournalBuilder {
  return opening(run, signer)
    .ask("approve")
    .append({ type: "run.waiting", for: ["approve"] })
    .wait(11_000)
    .answer("approve", "refused", operator, "the starter of a run cannot approve it on a protected target")
    .wait(20_400)
    .answer("approve", "approved", approver, "errors since 08:41, agreed")
    .append({ type: "run.resumed", by: approver, waitedMs: 31_400 })
    .end("approve", null, 31_400);
}

function deployed(run: string, signer: string | null = null): JournalBuilder {
  return approved(run, signer).step("deploy", {
    argv: ["fly", "deploy", "--app", "shop-web", "--image", "shop-web:deploy-01HY", "--yes"],
    env: ["FLY_API_TOKEN", "PATH"],
    stdout: "==> Verifying app config\nmachine 1 of 2 healthy\nmachine 2 of 2 healthy\n",
    stderr: "WARN using the image of release v41\n",
    ms: 41_000,
    outputs: { image: "shop-web:deploy-01HY" },
  });
}

const deploy = { step: "deploy", title: "Deploy the earlier image" };

export const stories = {
  succeeded: (signer: string | null = null) =>
    deployed("rb-2q9x4d", signer)
      .begin("confirm")
      .step("confirm.version", {
        ms: 210,
        checks: [check("result.json.image == steps.deploy.outputs.image", "a", "a")],
      })
      .step("confirm.latency", { ms: 12_210, checks: [check("result.p95Ms < 800", "yes", "yes")] })
      .end("confirm")
      .step("note_down", { argv: ["date", "-u"], stdout: "Sat Mar 14 09:01:31 UTC 2026\n", ms: 4 })
      .append({ type: "lock.released", key: "fly-app/shop-web" })
      .finish("succeeded", 0, {
        waitingMs: 31_400,
        workingMs: 57_973,
        objectives: [
          {
            name: "rto",
            targetMs: 300_000,
            actualMs: 88_900,
            met: true,
            measured: "start of the run to the end of `confirm`",
          },
        ],
        budget: { targetMs: 120_000, actualMs: 57_973, met: true },
        summary: "shop-web:deploy-01HY is live",
      })
      .seal(),

  rolledBack: () =>
    deployed("rb-91mm0c")
      .begin("confirm")
      .step("confirm.version", {
        ms: 210,
        checks: [check("result.json.image == steps.deploy.outputs.image", "a", "a")],
      })
      .step("confirm.latency", { ms: 12_210, failure, checks: [check("result.p95Ms < 800", "p95Ms < 800", "912")] })
      .end("confirm", { ...failure, message: "1 of 2 steps failed" })
      .append({ type: "rollback.started", why: "confirm.latency failed", steps: ["deploy.rollback.redeploy"] })
      .step("deploy.rollback.redeploy", {
        argv: ["fly", "deploy", "--app", "shop-web", "--image", "shop-web:deploy-01HX", "--yes"],
        stdout: "machine 2 of 2 healthy\n",
        ms: 39_000,
        outputs: { image: "shop-web:deploy-01HX" },
      })
      .append({ type: "step.undone", step: "deploy", ok: true, verified: true })
      .append({ type: "rollback.finished", ok: true })
      .finish("rolled_back", 6, {
        objectives: [
          { name: "rto", targetMs: 60_000, actualMs: 128_000, met: false, measured: "start of the run to the end" },
        ],
        summary: "v42 is live again, same as before this run",
      })
      .seal(),

  rollbackFailed: () =>
    deployed("rb-4hs8wt")
      .step("confirm.latency", { ms: 12_210, failure })
      .append({ type: "rollback.started", why: "confirm.latency failed", steps: ["deploy.rollback.redeploy"] })
      .step("deploy.rollback.redeploy", {
        argv: ["fly", "deploy", "--app", "shop-web", "--image", "shop-web:deploy-01HX", "--yes"],
        exitCode: 1,
        stderr: "Error: registry does not answer\n",
        ms: 9_000,
        failure: {
          class: "failed",
          reason: "exit-code",
          message: "fly ended with exit code 1",
          facts: { exitCode: 1 },
        },
      })
      .append({ type: "step.undone", step: "deploy", ok: false, verified: null })
      .append({ type: "rollback.finished", ok: false })
      .finish("rollback_failed", 7)
      .seal(),

  waiting: () =>
    opening("rb-w8f2aa", null)
      .ask("approve")
      .append({ type: "run.waiting", for: ["approve"] }),

  refused: () =>
    new JournalBuilder("rb-r3f5ed")
      .start(steps, { yaml })
      .step("window", {
        ms: 3,
        failure: {
          class: "refused",
          reason: "window-closed",
          message: "It is Sat 04:11 Europe/Berlin, outside Mon-Thu 09:00-16:00.",
          facts: {},
        },
      })
      .finish("refused", 4)
      .seal(),

  indeterminate: () =>
    approved("rb-d1ed5x", null)
      .begin("deploy", { argv: ["fly", "deploy"] })
      .wait(18_000)
      .executor(true)
      .append({
        ...{ type: "step.indeterminate", step: deploy.step, attempt: 1 },
        why: "the executor was killed while the command ran",
        known: "the command was started, its end was not seen",
      } as never)
      .ask("deploy", { kind: "indeterminate", title: "Did the deploy happen?", prompt: "Look at `fly releases`." })
      .append({ type: "run.waiting", for: ["deploy"] })
      .append({ type: "executor.stopped", why: "waiting" }),

  aborted: () =>
    deployed("rb-ab0rt3")
      .append({ type: "signal.received", signal: "SIGINT", press: 1 })
      .append({ type: "abort.requested", by: operator, reason: "wrong app", rollback: false, now: false })
      .finish("aborted", 1)
      .seal(),
} as const;
