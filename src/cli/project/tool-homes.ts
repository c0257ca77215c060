/** Where the tools that steps start are to be had, for those who miss one. */

interface ToolHome {
  /** Package of Debian that holds it; null = none does. */
  readonly debian: string | null;
  /** Its maker's own page. */
  readonly page: string;
}

const postgres: ToolHome = { debian: "postgresql-client", page: "https://www.postgresql.org/download/" };

const homes: Readonly<Record<string, ToolHome>> = {
  createdb: postgres,
  curl: { debian: "curl", page: "https://curl.se/download.html" },
  docker: { debian: "docker.io", page: "https://docs.docker.com/engine/install/" },
  dropdb: postgres,
  fly: { debian: null, page: "https://fly.io/docs/flyctl/install/" },
  gh: { debian: "gh", page: "https://cli.github.com/" },
  git: { debian: "git", page: "https://git-scm.com/downloads" },
  jq: { debian: "jq", page: "https://jqlang.org/download/" },
  kubectl: { debian: null, page: "https://kubernetes.io/docs/tasks/tools/" },
  pg_dump: postgres,
  pg_restore: postgres,
  pg_prove: { debian: "libtap-parser-sourcehandler-pgtap-perl", page: "https://pgtap.org/pg_prove.html" },
  prometheus: { debian: "prometheus", page: "https://prometheus.io/download/" },
  promtool: { debian: "prometheus", page: "https://prometheus.io/download/" },
  psql: postgres,
  ssh: { debian: "openssh-client", page: "https://www.openssh.com/portable.html" },
  supabase: {
    debian: null,
    page: "https://supabase.com/docs/guides/local-development/cli/getting-started",
  },
};

export function toolHome(name: string): ToolHome | null {
  return homes[name] ?? null;
}

/** Why a tool is missing and how to get it, for a refusal. */
export function missingTool(name: string): string {
  const said = `${name} was not found on PATH`;
  // Installed in a project it is in node_modules/.bin, which only npm's own commands put on PATH.
  if (name === "supabase") return `${said} (npm package supabase: npm install --save-dev supabase, then npx runbook …)`;
  const debian = homes[name]?.debian ?? null;
  return debian === null ? said : `${said} (Debian package ${debian})`;
}
