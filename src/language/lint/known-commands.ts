/**
 * Commands people write from memory that the tools do not have, and flags that do not do what they seem to do.
 * Sources: superfly/flyctl (commands below `internal/command`), supabase/cli (`supabase db --help`), cli/cli (manual),
 * PostgreSQL's psql reference page.
 */
export interface KnownWrong {
  readonly tool: string;
  /** Words after the tool, flags left out, that begin the command. */
  readonly words: readonly string[];
  /** Any of these flags must be there (`--tail`, `--env=production`). */
  readonly flag?: RegExp;
  /** The command is wrong when none of its words matches. */
  readonly without?: RegExp;
  readonly message: string;
  readonly hint: string;
}

const fly = (words: string, message: string, hint: string, flag?: RegExp): KnownWrong => ({
  tool: "fly",
  words: words === "" ? [] : words.split(" "),
  message,
  hint,
  ...(flag === undefined ? {} : { flag }),
});

export const knownWrongCommands: readonly KnownWrong[] = [
  fly(
    "releases rollback",
    '"fly releases" has no "rollback".',
    "Deploy the earlier image again: uses: fly/choose-rollback-target, then uses: fly/deploy.",
  ),
  fly(
    "rollback",
    'fly has no "rollback".',
    "Deploy the earlier image again: uses: fly/choose-rollback-target, then uses: fly/deploy.",
  ),
  fly("releases list", '"fly releases" takes no "list".', "Write fly releases --app NAME --json."),
  fly(
    "logs",
    '"fly logs" has no "--tail" or "--follow": it follows unless --no-tail is given.',
    "Write fly logs --no-tail.",
    /^(--tail|-f|--follow)(=|$)/,
  ),
  {
    tool: "fly",
    words: ["logs"],
    without: /^(--no-tail|-n)$/,
    message: '"fly logs" never ends without "--no-tail".',
    hint: "Write fly logs --no-tail.",
  },
  fly(
    "deploy",
    '"--env" of "fly deploy" sets a variable; "production" is no NAME=VALUE.',
    "Name the app: fly deploy --app NAME, or --config fly.production.toml.",
    /^(--env|-e)=[^=]*$/,
  ),
  fly(
    "status",
    '"fly status --watch" cannot be combined with "--json" and never ends.',
    "Use uses: fly/wait-healthy.",
    /^--watch$/,
  ),
  fly("secrets get", '"fly secrets" cannot read values back.', "fly secrets list shows names and digests."),
  fly("secrets show", '"fly secrets" cannot read values back.', "fly secrets list shows names and digests."),
  fly("scale up", '"fly scale" has no "up".', "Write fly scale count N."),
  fly("scale down", '"fly scale" has no "down".', "Write fly scale count N."),
  fly("restart", '"fly restart" was removed.', "Write fly apps restart NAME or fly machine restart ID."),
  fly("env list", '"fly env" does not exist.', "Write fly config env."),
  {
    tool: "supabase",
    words: ["db", "seed"],
    message: '"supabase db" has no "seed".',
    hint: "Write supabase db push --include-seed.",
  },
  {
    tool: "supabase",
    words: ["db", "migrate"],
    message: '"supabase db" has no "migrate".',
    hint: "Write supabase db push, or supabase migration up.",
  },
  {
    tool: "supabase",
    words: ["db", "rollback"],
    message: '"supabase db" has no "rollback".',
    hint: "Apply a migration that undoes the change, then supabase migration repair.",
  },
  {
    tool: "supabase",
    words: ["migrate"],
    message: 'supabase has no "migrate".',
    hint: "Write supabase migration list, or supabase db push.",
  },
  {
    tool: "supabase",
    words: ["db", "restore"],
    message: '"supabase db" has no "restore".',
    hint: "Use uses: postgres/restore.",
  },
  {
    tool: "gh",
    words: ["workflow", "dispatch"],
    message: '"gh workflow" has no "dispatch".',
    hint: "Write gh workflow run NAME.",
  },
  { tool: "gh", words: ["run", "start"], message: '"gh run" has no "start".', hint: "Write gh workflow run NAME." },
  {
    tool: "gh",
    words: ["run", "wait"],
    message: '"gh run" has no "wait".',
    hint: "Write gh run watch ID --exit-status.",
  },
  {
    tool: "gh",
    words: ["run", "watch"],
    without: /^--exit-status$/,
    message: '"gh run watch" exits 0 even when the run failed.',
    hint: "Add --exit-status.",
  },
  {
    tool: "gh",
    words: ["secret", "get"],
    message: '"gh secret" cannot read values back.',
    hint: "gh secret list shows names.",
  },
  {
    tool: "gh",
    words: ["deployment"],
    message: 'gh has no "deployment".',
    hint: "Use gh api repos/OWNER/REPO/deployments.",
  },
  {
    tool: "psql",
    words: [],
    without: /ON_ERROR_STOP=(1|on|true)|^(--version|-V|--help|-\?|-l|--list)$/i,
    message: "psql exits 0 after an error in a script.",
    hint: "Add -v ON_ERROR_STOP=1, or use uses: sql.",
  },
];

/** Flags whose value is the next word; needed to tell subcommands from values. */
export const valueFlags: ReadonlySet<string> = new Set(
  "-a --app -c --config -e --env -i --image --strategy -R --repo -r --ref -f --field -b --branch -o --org -t --access-token -h -p -U -d -v --host --port --username --dbname --db-url --workdir".split(
    " ",
  ),
);
