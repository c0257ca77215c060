/**
 * Documents that use every key of the language once. They are valid together, and the published schemas show each value at
 * the key it stands under; nothing at run time reads them.
 */
import type { JsonObject } from "../../util/json.ts";

export const exampleConfig: JsonObject = {
  apiVersion: "runbook/v1",
  targets: {
    local: { sandbox: true, app: "shop", url: "http://127.0.0.1:8080", hosts: ["web-1", "web-2"] },
    production: { protected: true, app: "shop", url: "https://shop.example", hosts: ["web-1", "web-2"] },
  },
  windows: {
    deploy: {
      days: "Mon-Fri",
      hours: "09:00-17:00",
      timezone: "America/Los_Angeles",
      holidays: ["2026-12-25"],
      mode: "block",
    },
    backup: { days: ["Sat", "Sun"], hours: "22:00-04:00", timezone: "UTC" },
  },
  policy: {
    maxRetries: 3,
    tools: ["fly", "kubectl", "systemctl", "df", "ps"],
    reversibility: { local: "warn" },
    noApproval: ["maintenance", "checklist"],
    approvers: { "sre-oncall": [{ name: "operators@example", key: "keys/operators.pub" }] },
  },
  secrets: [
    { type: "env", prefix: "RUNBOOK_SECRET_" },
    { type: "file", dir: "vault/occ", targets: ["local"] },
    { type: "vault", address: "https://vault.example:8200", mount: "kv", path: "shop", targets: ["production"] },
    { type: "command", command: ["pass", "show"], timeout: "10s" },
  ],
  evidence: { retention: "90d", append: "feedback/{actor}/{date}.md", artifactsDir: "artifacts/ops/{runbook}" },
  state: ".runbook",
  plugins: ["./plugins/queue-depth.mjs"],
};

/** The least there is. */
const checklist: JsonObject = {
  apiVersion: "runbook/v1",
  name: "go-live",
  version: "1.0.0",
  title: "Go-live checklist",
  owner: "team-platform",
  kind: "checklist",
  description: "What must be true before a launch. It changes nothing.",
  steps: [
    {
      id: "freeze",
      title: "The code freeze is announced",
      uses: "manual",
      with: { instructions: "Announce it in the launch channel.", confirm: "Announced" },
    },
  ],
};

/** Header, guards, the usual keys of a step, undo, notifications. */
const deploy: JsonObject = {
  apiVersion: "runbook/v1",
  name: "deploy-shop",
  version: "1.0.0",
  title: "Deploy the shop",
  owner: "team-platform",
  kind: "deploy",
  description: "Use this for a tested image. It does **not** migrate the database.",
  tags: ["shop", "weekly"],
  links: ["https://shop.example/handbook", { title: "Dashboard", url: "https://grafana.example/d/shop" }],
  severity: "sev1",
  inputs: {
    image: {
      type: "string",
      required: true,
      pattern: "^registry[.]fly[.]io/",
      description: "Image to deploy",
      prompt: "Which image?",
    },
    notBefore: { type: "string", format: "date-time" },
    region: { type: "string", enum: ["ams", "iad"], default: "ams" },
    percent: { type: "integer", default: 100, minimum: 1, maximum: 100 },
    session: { type: "string", required: true, minLength: 8, sensitive: true },
  },
  targets: ["local", "production"],
  secrets: ["FLY_API_TOKEN", "SLACK_WEBHOOK"],
  env: { FLY_API_TOKEN: "${{ secrets.FLY_API_TOKEN }}" },
  requires: {
    fly: ">=0.3",
    kubectl: { version: ">=1.30", command: ["kubectl", "version", "--client"], pattern: "v([0-9.]+)" },
  },
  concurrency: "fly/${{ target.app }}",
  budget: "10m",
  objectives: {
    rto: { target: "5m" },
    ready: { target: "90s", measure: "steps.answers.finishedAt - steps.deploy.finishedAt" },
  },
  onFailure: "rollback",
  guards: [{ id: "window", title: "Inside the change window", uses: "window", with: { name: "deploy" } }],
  steps: [
    {
      id: "pre_state",
      title: "Record what is live",
      uses: "fly/status",
      with: { app: "${{ target.app }}" },
      retry: 3,
      outputs: { image: "result.image" },
      verify: [{ that: 'result.image != ""', message: "The machines do not all run one image." }],
    },
    {
      id: "wait",
      title: "Wait until the sale is over",
      if: "inputs.notBefore != null",
      uses: "wait",
      with: { until: "${{ inputs.notBefore }}" },
    },
    {
      id: "approve",
      title: "Approve the deployment",
      note: "The image goes to ${{ inputs.percent }} % of the machines.",
      if: "target.protected",
      uses: "approval",
      with: { prompt: "Deploy ${{ inputs.image }} in ${{ inputs.region }}?", from: ["sre-oncall"] },
      override: "reason",
    },
    {
      id: "deploy",
      title: "Deploy ${{ inputs.image }}",
      uses: "fly/deploy",
      with: { app: "${{ target.app }}", image: "${{ inputs.image }}" },
      timeout: "5m",
      onInterrupted: "check",
      check: {
        uses: "fly/status",
        with: { app: "${{ target.app }}" },
        that: "result.image == inputs.image",
      },
      objective: { rto: "start" },
      rollback: [
        {
          id: "redeploy",
          title: "Put the image from before back",
          uses: "fly/deploy",
          with: { app: "${{ target.app }}", image: "${{ steps.pre_state.outputs.image }}" },
          idempotent: true,
        },
      ],
    },
    {
      id: "answers",
      title: "The service answers with the new image",
      uses: "http",
      with: { url: "${{ target.url }}/version", headers: { cookie: "session=${{ inputs.session }}" } },
      until: { that: "result.status == 200", every: "2s", timeout: "1m", backoff: 2 },
      objective: { rto: "end" },
      verify: [
        "result.json.image == inputs.image",
        {
          that: "result.durationMs < 800.0",
          severity: "warning",
          message: "It took ${{ result.durationMs }} ms.",
          show: "result.headers",
        },
      ],
    },
  ],
  always: [{ id: "after", title: "Record what is live now", uses: "fly/status", with: { app: "${{ target.app }}" } }],
  notify: [{ on: ["failed", "rolled_back"], uses: "slack", with: { webhook: "${{ secrets.SLACK_WEBHOOK }}" } }],
  evidence: {
    report: "../reports/weekly.md.hbs",
    retention: "90d",
    append: "feedback/{actor}/{date}.md",
    artifactsDir: "artifacts/ops/{runbook}",
  },
  drill: { every: "90d" },
};

/** Commands, groups, loops: what a deployment has no use for. */
const restart: JsonObject = {
  apiVersion: "runbook/v1",
  name: "restart-web",
  version: "1.0.0",
  title: "Restart the web servers",
  owner: "team-platform",
  kind: "maintenance",
  description: "Use this when the web servers leak memory. It loses no request.",
  inputs: {
    hosts: {
      type: "array",
      items: { type: "string", pattern: "^web-[0-9]+$", minLength: 5, format: "hostname" },
      default: ["web-1", "web-2"],
    },
    ports: { type: "array", items: { type: "integer", minimum: 1, maximum: 65535 }, default: [8080] },
    signals: { type: "array", items: { type: "string", enum: ["TERM", "HUP"] }, default: ["TERM"] },
    pairs: { type: "array", items: { type: "array", items: { type: "string" } }, default: [["web-1", "web-2"]] },
  },
  targets: { local: { rack: "a" }, production: { rack: "b" } },
  steps: [
    {
      id: "look",
      title: "Look at rack ${{ target.rack }}",
      parallel: [
        {
          id: "space",
          title: "There is room for a core dump",
          run: "df --output=pcent /var",
          effects: "read",
          verify: ["result.exitCode == 0"],
        },
        {
          id: "ports",
          title: "Every port answers",
          forEach: { in: "${{ inputs.ports }}", as: "port", max: 10, maxFailures: "5%" },
          uses: "tcp",
          with: { host: "web-1", port: "${{ port }}" },
        },
      ],
      max: 2,
    },
    {
      id: "restart",
      title: "Restart one host after the other",
      budget: "10m",
      forEach: { in: "${{ inputs.hosts }}", as: "host" },
      steps: [
        {
          id: "note",
          title: "Keep what ${{ host }} was doing",
          run: ["ps", "--forest", "-u", "web user"],
          effects: "read",
          cwd: "dumps",
          artifacts: ["*.txt"],
          continueOnFailure: true,
        },
        {
          id: "restart",
          title: "Restart ${{ host }}",
          run: "systemctl --host ${{ host }} restart web",
          env: { SYSTEMD_COLORS: "0" },
          effects: "write",
          irreversible: "A restart leaves nothing to undo.",
          check: { run: "systemctl --host ${{ host }} is-active web", that: "result.exitCode == 0" },
          retry: { attempts: 3, delay: "10s", backoff: 2, jitter: true, on: ["transient", "timeout", "exit:75"] },
        },
      ],
    },
    {
      id: "told",
      title: "The log says so",
      uses: "script",
      with: { script: "cat >> restarts.log", args: ["${{ inputs.signals[0] }}", "${{ inputs.pairs[0][0] }}"] },
      stdin: "restarted ${{ run.id }}\n",
      effects: "write",
      idempotent: true,
    },
    {
      id: "deploy",
      title: "Deploy the image again",
      uses: "runbook/deploy-shop",
      with: { image: "registry.fly.io/shop:v41", session: "${{ run.id }}" },
    },
  ],
};

export const exampleRunbooks: readonly JsonObject[] = [checklist, deploy, restart];
