/** What the sandbox's Prometheus knows from the start, in the OpenMetrics text format (openmetrics.io, "Text format"). */

/** `burning`: two of a hundred requests fail, which uses up a month's error budget. */
export type HistoryKind = "good" | "burning";

const daySeconds = 86_400;
/** Few points on purpose: each becomes a block of its own on disk, and making one takes time. */
const oldDays = [30, 24, 18, 12, 6, 1];
const requestsPerSecond = 2;
const failingShare = { good: 0.0004, burning: 0.02 } as const;
/** Share of requests that were answered within so many seconds. */
const withinSeconds: Readonly<Record<string, number>> = {
  "0.1": 0.7,
  "0.3": 0.93,
  "1": 0.985,
  "3": 0.998,
  "+Inf": 1,
};

export function historyText(apps: readonly string[], kind: HistoryKind, nowMs: number): string {
  const end = Math.floor(nowMs / 1000);
  const recent = Array.from({ length: 12 }, (_, nth) => end - (12 - nth) * 300);
  const times = [...oldDays.map((days) => end - days * daySeconds + 60), ...recent];
  const first = times[0] as number;
  const rows = (name: string, labels: string, value: (requests: number) => number) =>
    times.map((time) => `${name}{${labels}} ${value((time - first) * requestsPerSecond)} ${time}`);
  const each = (line: (labels: string) => string[]) => apps.flatMap((app) => line(`app="${app}",instance="history"`));
  return [
    "# TYPE up gauge",
    ...each((labels) => rows("up", labels, () => 1)),
    "# TYPE http_requests counter",
    ...each((labels) =>
      rows("http_requests_total", `${labels},code="200"`, (all) => Math.round(all * (1 - failingShare[kind]))),
    ),
    ...each((labels) =>
      rows("http_requests_total", `${labels},code="500"`, (all) => Math.round(all * failingShare[kind])),
    ),
    "# TYPE http_request_duration_seconds histogram",
    ...each((labels) => [
      ...Object.entries(withinSeconds).flatMap(([le, share]) =>
        rows("http_request_duration_seconds_bucket", `${labels},le="${le}"`, (all) => Math.round(all * share)),
      ),
      ...rows("http_request_duration_seconds_count", labels, (all) => all),
      ...rows("http_request_duration_seconds_sum", labels, (all) => all * 0.12),
    ]),
    "# EOF",
    "",
  ].join("\n");
}
