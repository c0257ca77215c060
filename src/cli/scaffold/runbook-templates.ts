/**
 * The runbooks that `new` writes. Each is complete: it validates as it stands, and what must be filled in is named in
 * its description. `%{{` stands for the language's own hole, which a template string of this file would swallow.
 */

export interface RunbookTemplate {
  /** Variables a target must have so that the text is valid for it. */
  readonly variables: readonly string[];
  readonly body: string;
}

const restoreSteps = `      - id: restored
        title: The image from before is live and healthy again
        uses: fly/wait-healthy
        with: { app: "%{{ target.app }}" }
        timeout: 60s
        verify:
          - result.image == steps.pre_state.outputs.image`;

const redeploySteps = `    rollback:
      - id: redeploy
        title: Put the image of v%{{ steps.pre_state.outputs.version }} back
        uses: fly/deploy
        with: { app: "%{{ target.app }}", image: "%{{ steps.pre_state.outputs.image }}", strategy: rolling }
        timeout: 5m
        idempotent: true
${restoreSteps}`;

const preState = `  - id: pre_state
    title: Record what is live now
    uses: fly/status
    with: { app: "%{{ target.app }}" }
    retry: 3
    outputs:
      version: result.version
      image: result.image
    verify:
      - that: result.image != ""
        message: The machines do not all run one image; there would be nothing certain to go back to.`;

const confirmSteps = `  - id: confirm
    title: The service answers from outside
    uses: http
    with: { url: "%{{ target.url }}/healthz" }
    retry: 3
    verify:
      - result.status == 200`;

const flyHeader = `secrets: [FLY_API_TOKEN]
env: { FLY_API_TOKEN: "%{{ secrets.FLY_API_TOKEN }}" }
requires: { fly: ">=0.3" }
concurrency: fly/%{{ target.app }} # one run at a time per app
onFailure: rollback`;

const deploy = `title: Deploy an image
owner: team
kind: deploy
description: |
  Say when to use this, what it changes, and what it does **not** undo: migrations, secrets, what the new image wrote.
  To do: owner, the check of what is live from outside, a time budget.

inputs:
  image: { type: string, required: true, pattern: "^[^ ]+[:@][^ ]+$", description: Image to deploy with tag or digest }
  reason: { type: string, required: true, minLength: 3, description: Why this is done; kept in the report }

TARGETS
${flyHeader}

steps:
${preState}

  - id: approve
    title: Approve the deployment
    if: target.protected
    uses: approval
    with:
      prompt: >-
        Deploy %{{ inputs.image }} to %{{ target.app }} in place of %{{ steps.pre_state.outputs.image }}?
        Reason: %{{ inputs.reason }}
      expires: 4h

  - id: deploy
    title: Deploy %{{ inputs.image }}
    uses: fly/deploy
    with: { app: "%{{ target.app }}", image: "%{{ inputs.image }}", strategy: rolling, waitTimeout: 90s }
    timeout: 5m
    check: # on resume: is it already done?
      uses: fly/status
      with: { app: "%{{ target.app }}" }
      that: result.image == inputs.image
${redeploySteps}

  - id: healthy
    title: Every machine runs the new image and passes its checks
    uses: fly/wait-healthy
    with: { app: "%{{ target.app }}" }
    timeout: 60s
    verify:
      - result.image == inputs.image

${confirmSteps}
`;

const rollback = `title: Roll back to the last good release
owner: team
kind: rollback
description: |
  Use this when the live release made the service worse and the one before it was fine. It swaps the image, nothing
  else: it does **not** undo migrations, secrets or configuration.
  To do: owner, the check of what is live from outside, the recovery time you promise.

inputs:
  reason: { type: string, required: true, minLength: 3, description: Why this is done; kept in the report }
  release: { type: string, pattern: "^v?[1-9][0-9]*$", description: Release to return to (empty = the one before) }

TARGETS
${flyHeader}
objectives:
  rto: { target: 10m } # start of the run to the last verified step
drill: { every: 90d }

steps:
${preState}

  - id: choose
    title: Choose the release to return to
    uses: fly/choose-rollback-target
    with: { app: "%{{ target.app }}", release: "%{{ inputs.release }}" }
    outputs:
      version: result.version
      image: result.image
    verify:
      - outputs.image != steps.pre_state.outputs.image

  - id: approve
    title: Approve the rollback
    if: target.protected
    uses: approval
    with:
      prompt: >-
        Roll %{{ target.app }} back from v%{{ steps.pre_state.outputs.version }}
        to v%{{ steps.choose.outputs.version }}? Reason: %{{ inputs.reason }}
      expires: 10m
    override: reason # --override approve --reason "…", recorded as a deviation

  - id: deploy
    title: Deploy the image of v%{{ steps.choose.outputs.version }}
    uses: fly/deploy
    with: { app: "%{{ target.app }}", image: "%{{ steps.choose.outputs.image }}", strategy: rolling, waitTimeout: 90s }
    timeout: 5m
    check: # on resume: is it already done?
      uses: fly/status
      with: { app: "%{{ target.app }}" }
      that: result.image == steps.choose.outputs.image
${redeploySteps}

  - id: healthy
    title: Every machine runs the chosen image and passes its checks
    uses: fly/wait-healthy
    with: { app: "%{{ target.app }}" }
    timeout: 60s
    verify:
      - result.image == steps.choose.outputs.image

${confirmSteps}
`;

const restoreDrill = `title: Prove that the database can be restored
owner: team
kind: restore-drill
description: |
  Dumps the source, restores it into a new scratch database with a random name, and counts what arrived. It only reads
  the source. Source and scratch are libpq services (~/.pg_service.conf), passwords stand in ~/.pgpass.
  To do: owner, a comparison that means something for this database, the times you promise.

inputs:
  source: { type: string, default: source, pattern: "^[a-z0-9_]+$", description: Service to dump }
  scratch: { type: string, default: scratch, pattern: "^[a-z0-9_]+$", description: Service that takes the copy }

TARGETS
requires: { pg_dump: ">=15", pg_restore: ">=15", psql: ">=15", createdb: ">=15", dropdb: ">=15" }
concurrency: restore-drill/%{{ inputs.scratch }}
objectives:
  rto: { target: 30m, measure: steps.count.finishedAt - steps.restore.startedAt }
drill: { every: 90d }

guards:
  - id: not_the_source
    title: The scratch server is not the source
    uses: eval
    verify:
      - inputs.scratch != inputs.source

steps:
  - id: backup
    title: Dump the source
    run: pg_dump --dbname service=%{{ inputs.source }} --format custom --file backup.dump
    effects: read
    timeout: 20m
    artifacts: [backup.dump]
    verify:
      - artifacts["backup.dump"].bytes > 0

  - id: create
    title: Create the scratch database
    run: createdb --maintenance-db service=%{{ inputs.scratch }} drill_%{{ run.slug }}
    effects: write
    irreversible: Nothing to undo; drop removes the database whatever happens.

  - id: restore
    title: Restore the dump
    run: >-
      pg_restore --dbname "service=%{{ inputs.scratch }} dbname=drill_%{{ run.slug }}" --no-owner --exit-on-error
      %{{ steps.backup.artifacts["backup.dump"].path }}
    effects: write
    timeout: 30m
    irreversible: It fills the scratch database only; drop removes it.

  - id: count
    title: The copy has tables
    run: >-
      psql --dbname "service=%{{ inputs.scratch }} dbname=drill_%{{ run.slug }}" -v ON_ERROR_STOP=1
      --tuples-only --no-align --command "select count(*) from pg_stat_user_tables"
    effects: read
    outputs:
      tables: int(result.stdout.trim())
    verify:
      - that: outputs.tables > 0
        message: The copy has no tables; comparing nothing with nothing proves nothing.

always:
  - id: drop
    title: Drop the scratch database
    if: steps.create.status != "pending"
    run: dropdb --if-exists --force --maintenance-db service=%{{ inputs.scratch }} drill_%{{ run.slug }}
    effects: destructive
    idempotent: true
    retry: 3
`;

const checklist = `title: A checklist
owner: team
kind: checklist
description: |
  A procedure may begin as steps that people do and be automated one by one. It changes nothing by itself.
  To do: owner, and the steps.

TARGETS

steps:
  - id: first
    title: The first thing is done
    uses: manual
    with:
      instructions: Say what to do, and how to see that it worked.
      confirm: It is done
      evidence: note

  - id: second
    title: The second thing is done
    uses: manual
    with:
      instructions: Say what to do, and how to see that it worked.
      confirm: It is done
      evidence: none

  - id: go
    title: Go or no-go
    uses: checkpoint
    with: { question: "Go on with %{{ target.name }}?" }
`;

const smokeTest = `title: Smoke tests from outside
owner: team
kind: smoke-test
description: |
  Use this after any change, or when somebody says the service is down. It reads only.
  To do: owner, and what this service must answer.

TARGETS
budget: 2m

steps:
  - id: outside
    title: The service answers from outside
    parallel:
      - id: health
        title: Health answers ok
        uses: http
        with: { url: "%{{ target.url }}/healthz" }
        retry: 3
        verify:
          - result.status == 200
      - id: latency
        title: p95 is below 800 ms and nothing fails
        uses: sample
        with: { url: "%{{ target.url }}/healthz", requests: 20 }
        verify:
          - result.errors == 0
          - that: result.p95Ms < 800
            message: p95 is %{{ result.p95Ms }} ms over %{{ result.requests }} requests.
`;

export const runbookTemplates: Readonly<Record<string, RunbookTemplate>> = {
  deploy: { variables: ["app", "url"], body: deploy },
  rollback: { variables: ["app", "url"], body: rollback },
  "restore-drill": { variables: [], body: restoreDrill },
  checklist: { variables: [], body: checklist },
  "smoke-test": { variables: ["url"], body: smokeTest },
};

/** The text of a new runbook. `targets`: those it may run on, at least one. */
export function runbookText(template: RunbookTemplate, name: string, targets: readonly string[]): string {
  const head = `# yaml-language-server: $schema=../schemas/runbook.v1.schema.json
apiVersion: runbook/v1
name: ${name}
version: 0.1.0
`;
  return head + template.body.replace("TARGETS", `targets: [${targets.join(", ")}]`).replaceAll("%{{", "${{");
}
