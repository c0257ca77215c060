/** Open alerts of secret scanning. GitHub is told to leave the secrets themselves out. */
import { aList, anObject, aText, aTruth, aWhole, or, type Shape } from "../fly/shape.ts";
import { closed, listOf, nullable, result, row, text, truth, whole } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { type GithubSpec, githubFields, githubPages, githubRequired, repositoryPath } from "./api.ts";

interface Alert {
  readonly number: number;
  readonly type: string;
  readonly createdAt: string;
  readonly url: string;
  readonly validity: string | null;
  readonly bypassed: boolean;
}

interface AlertsResult {
  readonly alerts: readonly Alert[];
  readonly bypassed: number;
}

interface AlertRow {
  readonly number: number;
  readonly secret_type: string;
  readonly created_at: string;
  readonly html_url: string;
  readonly validity: string | null;
  readonly push_protection_bypassed: boolean;
}

// Picked field by field: what else an alert holds may be the secret.
const page: Shape<readonly Alert[]> = (value, at) =>
  aList(
    anObject<AlertRow>({
      number: aWhole,
      secret_type: aText,
      created_at: aText,
      html_url: aText,
      validity: or(aText, null),
      push_protection_bypassed: or(aTruth, false),
    }),
  )(value, at).map((each) => ({
    number: each.number,
    type: each.secret_type,
    createdAt: each.created_at,
    url: each.html_url,
    validity: each.validity,
    bypassed: each.push_protection_bypassed,
  }));

export const githubSecretAlerts = defineStepType<GithubSpec, AlertsResult>({
  type: "github/secret-alerts",
  summary:
    "Lists the open secret scanning alerts of a GitHub repository, without the secrets. Fails when scanning is off: nothing was looked at then.",
  docs: "https://docs.github.com/en/rest/secret-scanning/secret-scanning#list-secret-scanning-alerts-for-a-repository",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(githubFields, githubRequired),
  examples: [{ repository: "acme/shop", token: "${{ secrets.GITHUB_TOKEN }}" }],
  result: result({
    alerts: listOf(
      row({
        number: whole("Number of the alert."),
        type: text("Kind of secret, such as `slack_incoming_webhook_url`."),
        createdAt: text("When it was found, RFC 3339."),
        url: text("Its page."),
        validity: nullable(text("`active`, `inactive`, `unknown`.")),
        bypassed: truth("Whether somebody pushed it past push protection."),
      }),
      "Open alerts.",
    ),
    bypassed: whole("How many of them were pushed past push protection."),
  }),
  secretFields: ["token"],
  action: (spec) => ({ text: `list the open secret scanning alerts of ${spec.repository}`, argv: null }),
  async run(spec, host) {
    try {
      const path = repositoryPath(spec, "secret-scanning", "alerts");
      const alerts = await githubPages(host, spec, path, page, { state: "open", hide_secret: "true" });
      return { alerts, bypassed: alerts.filter((each) => each.bypassed).length };
    } catch (error) {
      if (!(error instanceof StepFailure) || error.reason !== "not-found") throw error;
      throw new StepFailure(
        "failed",
        "scanning-off",
        `${spec.repository} has no secret scanning, or the token may not see it; nothing was looked at. Turn it on in the repository's settings (Advanced Security).`,
        { cause: error, facts: error.facts },
      );
    }
  },
});
