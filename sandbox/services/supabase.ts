import type { Service, ServiceAnswer } from "./service.ts";

const hour = 3_600_000;

interface Backup {
  readonly status: "COMPLETED" | "FAILED" | "PENDING" | "REMOVED" | "ARCHIVED" | "CANCELLED";
  readonly ageHours: number;
}

const backups: Readonly<Record<string, readonly Backup[]>> = {
  ok: [
    { status: "COMPLETED", ageHours: 6 },
    { status: "COMPLETED", ageHours: 30 },
  ],
  "last-failed": [
    { status: "FAILED", ageHours: 6 },
    { status: "COMPLETED", ageHours: 20 },
  ],
  "only-pending": [{ status: "PENDING", ageHours: 1 }],
  old: [{ status: "COMPLETED", ageHours: 30 }],
  none: [],
};

/**
 * Two calls of Supabase's Management API v1 (supabase/supabase, apps/docs/spec/api_v1_openapi.json, Apache-2.0):
 * `GET /v1/projects/{ref}/database/backups` and `…/health`, with a bearer token; 401 without, 403 for a project of somebody
 * else.
 */
export const supabase: Service = {
  secrets: ["SUPABASE_ACCESS_TOKEN"],
  states: ["ok", "last-failed", "only-pending", "old", "none", "forbidden"],
  answer({ method, path, query, headers, state, secrets }): ServiceAnswer {
    if (headers.authorization !== `Bearer ${secrets["SUPABASE_ACCESS_TOKEN"]}`)
      return { status: 401, body: { message: "Unauthorized" } };
    const [, asked = ""] = /^\/v1\/projects\/[a-z]{20}\/(database\/backups|health)$/.exec(path) ?? [];
    if (method !== "GET" || asked === "") return { status: 404, body: { message: "Not Found" } };
    if (state === "forbidden") return { status: 403, body: { message: "Forbidden resource" } };
    if (asked === "health") {
      const names = query.getAll("services").flatMap((each) => each.split(","));
      return { status: 200, body: names.map((name) => ({ name, status: "ACTIVE_HEALTHY" })) };
    }
    return {
      status: 200,
      body: {
        region: "us-west-1",
        walg_enabled: true,
        pitr_enabled: false,
        backups: (backups[state] ?? []).map(({ status, ageHours }, index) => ({
          id: 1_000 - index,
          is_physical_backup: true,
          status,
          inserted_at: new Date(Date.now() - ageHours * hour).toISOString(),
        })),
        physical_backup_data: {},
      },
    };
  },
};
