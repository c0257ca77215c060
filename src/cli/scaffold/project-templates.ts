/** The files that `init` writes. */

export const configText = `# yaml-language-server: $schema=./schemas/config.v1.schema.json
apiVersion: runbook/v1

targets:
  local:
    sandbox: true # real processes on loopback, no account needed; supplies url, fly and dummy secrets
    app: shop
  production:
    protected: true # the starter never approves their own run here
    app: shop # to do: your app
    url: https://shop.example # to do: where it is seen from outside

policy:
  noApproval: [restore-drill, checklist] # on a protected target every other kind needs one before its first write
  # approvers: # \`runbook keys new you@example\` makes a key and prints these lines
  #   sre-oncall:
  #     - { name: you@example, key: keys/you.pub }

secrets: # asked in this order; the first that knows the name wins
  - { type: env, prefix: RUNBOOK_SECRET_ }

evidence: { retention: 90d }
`;

/** Run state and private keys stay out of the repository. */
export const ignoredPaths: readonly string[] = [".runbook/", "keys/*.pem"];

export const workflowFile = ".github/workflows/runbooks.yml";

export const workflowText = `# Checks every runbook: \`runbook\` must be a dependency of this project (npm install --save-dev).
name: runbooks
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
jobs:
  validate:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 22
      - run: npm ci
      - run: npx --no-install runbook validate --strict -o github
      - run: npx --no-install runbook plan --all
`;

export const preCommitFile = ".pre-commit-config.yaml";

export const preCommitText = `repos:
  - repo: local
    hooks:
      - id: runbook-validate
        name: runbook validate
        entry: npx --no-install runbook validate
        language: system
        files: ^(runbooks/[^/]+\\.ya?ml|runbook\\.config\\.yaml)$
`;
