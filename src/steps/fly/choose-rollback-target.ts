/**
 * Decides what a rollback returns to. Fly has no rollback verb: an earlier image is deployed again as a new, higher
 * release, so after one rollback the newest rows carry both the bad image and the good one. Hence the rule: the newest
 * complete release that is older than *every* listed release of the live image.
 */
import { commandText } from "../command-text.ts";
import { closed, listOf, result, row, text, whole } from "../schema.ts";
import { defineStepType, StepFailure } from "../step-type.ts";
import { readAppState, sameImage } from "./app-state.ts";
import { appField, flyRead } from "./flyctl.ts";
import { type ReleaseRow, readReleases } from "./release-rows.ts";

interface ChooseSpec {
  readonly app: string;
  readonly release?: string | number;
}

interface Skipped {
  readonly version: number;
  readonly image: string;
  readonly why: string;
}

interface Chosen {
  readonly version: number;
  readonly image: string;
  readonly createdAt: string;
  readonly skipped: readonly Skipped[];
}

export const flyChooseRollbackTarget = defineStepType<ChooseSpec, Chosen>({
  type: "fly/choose-rollback-target",
  summary:
    "Chooses the release a rollback returns to: the newest complete one before the live image, or the one given.",
  docs: "https://fly.io/docs/flyctl/releases/",
  effects: "read",
  timeoutMs: 60_000,
  input: closed(
    {
      app: appField,
      release: {
        type: ["string", "integer"],
        description: "Release to return to, `41` or `v41`. Default: the newest complete one before the live image.",
      },
    },
    ["app"],
  ),
  examples: [{ app: "${{ target.app }}" }, { app: "${{ target.app }}", release: "v41" }],
  result: result({
    version: whole("Number of the chosen release. Deploying its image makes a new, higher one."),
    image: text("Its image, `ImageRef`."),
    createdAt: text("When it was released, RFC 3339."),
    skipped: listOf(
      row({
        version: whole("Release number."),
        image: text("Its image, may be empty."),
        why: text("Why it was not chosen."),
      }),
      "Newer releases that were passed over, newest first.",
    ),
  }),
  stepKeys: ["env"],
  tools: ["fly"],
  action: (spec) => {
    const reads = [["status"], ["releases"]].map((command) => commandText(flyRead(command, spec.app)));
    const rule =
      spec.release === undefined ? "the newest complete one before the live image" : `release ${spec.release}`;
    return { text: `${reads.join("; ")} → ${rule}`, argv: null };
  },
  async run(spec, host) {
    const state = await readAppState(host, spec.app);
    const releases = await readReleases(host, spec.app);
    return spec.release === undefined
      ? chooseNewest(spec.app, releases, state.image)
      : chooseGiven(spec.app, releases, state.image, String(spec.release));
  },
});

/** The newest complete release with an image, older than every release of the live image. */
function chooseNewest(app: string, releases: readonly ReleaseRow[], live: string): Chosen {
  if (live === "") {
    throw refusal(
      "image-not-uniform",
      `The machines of ${app} do not all run one image, so there is no release "before the live one".`,
      releases,
      live,
    );
  }
  const oldestLive = releases.findLast((release) => sameImage(release.ImageRef, live));
  if (oldestLive === undefined) {
    throw refusal(
      "live-image-not-listed",
      `The live image ${live} is in none of the ${releases.length} releases fly lists for ${app}, so none is known to be older.`,
      releases,
      live,
    );
  }
  const skipped: Skipped[] = [];
  for (const release of releases) {
    const why = whyNot(release, live, oldestLive.Version);
    if (why === null) return chosen(release, skipped);
    skipped.push({ version: release.Version, image: release.ImageRef, why });
  }
  throw new StepFailure(
    "refused",
    "nothing-matched",
    `nothing matched (0 of ${releases.length} releases): ${app} has no complete release older than v${oldestLive.Version}, the first with the live image ${live}. fly lists at most 25 releases; nothing was changed.`,
    { facts: { releases: releases.length, live, skipped: skipped.map((each) => ({ ...each })) } },
  );
}

/** The release somebody named, if it is complete, has an image and is not what runs already. */
function chooseGiven(app: string, releases: readonly ReleaseRow[], live: string, wanted: string): Chosen {
  const version = Number(/^v?([1-9][0-9]{0,9})$/.exec(wanted.trim())?.[1] ?? Number.NaN);
  if (Number.isNaN(version)) {
    throw new StepFailure(
      "refused",
      "release-invalid",
      `${JSON.stringify(wanted)} is not a release number. Write it as 41 or v41.`,
      { facts: { release: wanted } },
    );
  }
  const index = releases.findIndex((release) => release.Version === version);
  const found = releases[index];
  if (found === undefined) {
    throw refusal(
      "release-not-found",
      `Release v${version} is not among the ${releases.length} releases fly lists for ${app} (at most 25).`,
      releases,
      live,
    );
  }
  if (found.Status !== "complete") {
    throw refusal(
      "release-not-complete",
      `Release v${version} of ${app} is ${found.Status}, not complete.`,
      releases,
      live,
    );
  }
  if (found.ImageRef === "") {
    throw refusal("release-without-image", `Release v${version} of ${app} has no image to deploy.`, releases, live);
  }
  if (live !== "" && sameImage(found.ImageRef, live)) {
    throw refusal("image-is-live", `Release v${version} has the image that runs now, ${live}.`, releases, live);
  }
  const newer = releases.slice(0, index).map((release) => ({
    version: release.Version,
    image: release.ImageRef,
    why: `v${version} was asked for`,
  }));
  return chosen(found, newer);
}

function chosen(release: ReleaseRow, skipped: readonly Skipped[]): Chosen {
  return { version: release.Version, image: release.ImageRef, createdAt: release.CreatedAt, skipped };
}

/** Why a row is passed over, in order of what helps most to know; null = it is a candidate. */
function whyNot(release: ReleaseRow, live: string, oldestLive: number): string | null {
  if (sameImage(release.ImageRef, live)) return "it has the live image";
  if (release.Version > oldestLive) return `it is newer than v${oldestLive}, the first with the live image`;
  if (release.Status !== "complete") return `it is ${release.Status}, not complete`;
  if (release.ImageRef === "") return "it has no image";
  return null;
}

function refusal(reason: string, what: string, releases: readonly ReleaseRow[], live: string): StepFailure {
  const usable = releases
    .filter(
      (each) => each.Status === "complete" && each.ImageRef !== "" && !(live !== "" && sameImage(each.ImageRef, live)),
    )
    .slice(0, 5);
  const first = usable[0];
  const list = usable.map((each) => `v${each.Version} (${each.ImageRef}, ${each.CreatedAt})`).join(", ");
  const next =
    first === undefined
      ? "No complete release with another image is listed."
      : `Complete ones with another image: ${list}. Name one: -i release=${first.Version}.`;
  return new StepFailure("refused", reason, `${what} ${next}`, {
    facts: { live, candidates: usable.map((each) => ({ version: each.Version, image: each.ImageRef })) },
  });
}
