import { describe, expect, test } from "vitest";
import { flyChooseRollbackTarget } from "../../../src/steps/fly/choose-rollback-target.ts";
import { image, machine, release, status } from "../../rig/fly-json.ts";
import { failureOf, rigHost, runStep } from "../../rig/step-host.ts";

type Row = ReturnType<typeof release>;

function hostWith(live: readonly unknown[], releases: readonly Row[] | null) {
  return rigHost({
    replies: {
      "status --app shop --json": { stdout: status(live) },
      "releases --app shop --json": { stdout: releases },
    },
  });
}

const bad = image("BAD");
const good = image("GOOD");
const older = image("OLDER");
const oldest = image("OLDEST");
const runsBad = [machine({ image: bad })];

describe("without a release given", () => {
  const cases: { name: string; live?: readonly unknown[]; releases: Row[]; version: number; image: string }[] = [
    {
      name: "takes the complete release before the live one",
      releases: [release(42, bad), release(41, good), release(40, older)],
      version: 41,
      image: good,
    },
    {
      name: "passes over a failed release between",
      releases: [release(42, bad), release(41, image("FAILED"), "failed"), release(40, good)],
      version: 40,
      image: good,
    },
    {
      name: "passes over one that is still running and one that was interrupted",
      releases: [
        release(42, bad),
        release(41, good, "running"),
        release(40, older, "interrupted"),
        release(39, oldest),
      ],
      version: 39,
      image: oldest,
    },
    {
      name: "passes over a release without an image",
      releases: [release(42, bad), release(41, ""), release(40, good)],
      version: 40,
      image: good,
    },
    {
      name: "goes before the first of two releases with the live image",
      releases: [release(42, bad), release(41, good), release(40, bad), release(39, older)],
      version: 39,
      image: older,
    },
    {
      name: "goes one further back after a rollback, not to the bad image",
      live: [machine({ image: good })],
      releases: [release(43, good), release(42, bad), release(41, good), release(40, older), release(39, oldest)],
      version: 40,
      image: older,
    },
    {
      name: "goes one further back again after a second rollback",
      live: [machine({ image: older })],
      releases: [
        release(44, older),
        release(43, good),
        release(42, bad),
        release(41, good),
        release(40, older),
        release(39, oldest),
      ],
      version: 39,
      image: oldest,
    },
    {
      name: "ignores a newer release that failed and never went live",
      live: [machine({ image: good })],
      releases: [release(42, bad, "failed"), release(41, good), release(40, older)],
      version: 40,
      image: older,
    },
    {
      name: "compares digests where both sides have one",
      live: [machine({ image: `${bad}`, digest: "sha256:aa", asked: `${bad}@sha256:aa` })],
      releases: [release(42, `${bad}@sha256:aa`), release(41, `${bad}@sha256:bb`)],
      version: 41,
      image: `${bad}@sha256:bb`,
    },
    {
      name: "sorts rows that arrive in another order",
      releases: [release(40, older), release(42, bad), release(41, good)],
      version: 41,
      image: good,
    },
  ];
  test.each(cases)("$name", async ({ live, releases, version, image: expected }) => {
    const chosen = await runStep(flyChooseRollbackTarget, { app: "shop" }, hostWith(live ?? runsBad, releases));
    expect(chosen).toMatchObject({ version, image: expected });
  });

  test("says what was passed over and why", async () => {
    const host = hostWith(
      [machine({ image: good })],
      [release(44, good), release(43, bad), release(42, image("X"), "failed"), release(41, good), release(40, older)],
    );
    const chosen = await runStep(flyChooseRollbackTarget, { app: "shop" }, host);
    expect(chosen.createdAt).toBe("2026-11-10T09:00:00Z");
    expect(chosen.skipped.map((each) => `v${each.version}: ${each.why}`)).toEqual([
      "v44: it has the live image",
      "v43: it is newer than v41, the first with the live image",
      "v42: it is newer than v41, the first with the live image",
      "v41: it has the live image",
    ]);
  });

  test("refuses when nothing older is complete, saying how many releases there were", async () => {
    const releases = Array.from({ length: 12 }, (_, index) =>
      release(42 - index, index === 0 ? bad : image(`F${index}`), index === 0 ? "complete" : "failed"),
    );
    const failure = await failureOf(flyChooseRollbackTarget, { app: "shop" }, hostWith(runsBad, releases));
    expect(failure).toMatchObject({ class: "refused", reason: "nothing-matched" });
    expect(failure.message).toContain("nothing matched (0 of 12 releases)");
  });

  test("refuses when the target would be beyond the 25 releases fly lists", async () => {
    const releases = Array.from({ length: 25 }, (_, index) => release(60 - index, bad));
    const failure = await failureOf(flyChooseRollbackTarget, { app: "shop" }, hostWith(runsBad, releases));
    expect(failure).toMatchObject({ class: "refused", reason: "nothing-matched" });
    expect(failure.message).toContain("fly lists at most 25 releases");
  });

  test("refuses rather than guesses when the live image is in no listed release", async () => {
    const host = hostWith([machine({ image: image("HOTFIX") })], [release(42, bad), release(41, good)]);
    const failure = await failureOf(flyChooseRollbackTarget, { app: "shop" }, host);
    expect(failure).toMatchObject({ class: "refused", reason: "live-image-not-listed" });
    expect(failure.message).toContain("-i release=42");
  });

  test("refuses when the machines do not run one image", async () => {
    const host = hostWith(
      [machine({ id: "a", image: bad }), machine({ id: "b", image: good })],
      [release(42, bad), release(41, good)],
    );
    const failure = await failureOf(flyChooseRollbackTarget, { app: "shop" }, host);
    expect(failure).toMatchObject({ class: "refused", reason: "image-not-uniform" });
  });

  test.each([
    ["no releases as an empty list", []],
    ["no releases as null", null],
  ])("refuses on %s", async (_name, releases) => {
    const failure = await failureOf(flyChooseRollbackTarget, { app: "shop" }, hostWith(runsBad, releases));
    expect(failure).toMatchObject({ class: "refused", reason: "live-image-not-listed" });
  });
});

describe("with a release given", () => {
  const releases = [
    release(42, bad),
    release(41, good),
    release(40, image("F"), "failed"),
    release(39, older),
    release(38, ""),
  ];

  test.each(["39", "v39", 39])("accepts %s and lists the newer ones as passed over", async (given) => {
    const chosen = await runStep(flyChooseRollbackTarget, { app: "shop", release: given }, hostWith(runsBad, releases));
    expect(chosen).toMatchObject({ version: 39, image: older });
    expect(chosen.skipped.map((each) => each.version)).toEqual([42, 41, 40]);
  });

  test.each([
    ["41 of a list whose live image is its own", "41", [machine({ image: good })], "image-is-live"],
    ["one that is not listed", "12", runsBad, "release-not-found"],
    ["one that failed", "v40", runsBad, "release-not-complete"],
    ["one without an image", "38", runsBad, "release-without-image"],
    ["something that is no number", "latest", runsBad, "release-invalid"],
    ["a leading zero", "041", runsBad, "release-invalid"],
  ])("refuses %s", async (_name, given, live, reason) => {
    const failure = await failureOf(flyChooseRollbackTarget, { app: "shop", release: given }, hostWith(live, releases));
    expect(failure).toMatchObject({ class: "refused", reason });
  });

  test("names the candidates and the next thing to type", async () => {
    const failure = await failureOf(
      flyChooseRollbackTarget,
      { app: "shop", release: "12" },
      hostWith(runsBad, releases),
    );
    expect(failure.message).toBe(
      "Release v12 is not among the 5 releases fly lists for shop (at most 25). Complete ones with another image: " +
        `v41 (${good}, 2026-11-11T09:00:00Z), v39 (${older}, 2026-11-09T09:00:00Z). Name one: -i release=41.`,
    );
  });

  test("returns to a named release even when the machines differ", async () => {
    const host = hostWith([machine({ id: "a", image: bad }), machine({ id: "b", image: good })], releases);
    const chosen = await runStep(flyChooseRollbackTarget, { app: "shop", release: "41" }, host);
    expect(chosen.image).toBe(good);
  });
});

test("says in a plan what it reads and by which rule it chooses", async () => {
  const text = (release?: string) =>
    flyChooseRollbackTarget.action({ app: "shop", ...(release === undefined ? {} : { release }) }, { target: {} }).text;
  const reads = "fly status --app shop --json; fly releases --app shop --json";
  expect(text()).toBe(`${reads} → the newest complete one before the live image`);
  expect(text("v41")).toBe(`${reads} → release v41`);
  const host = hostWith(runsBad, [release(42, bad), release(41, good)]);
  await runStep(flyChooseRollbackTarget, { app: "shop" }, host);
  expect(host.calls.map((call) => call.argv.join(" ")).join("; ")).toBe(reads);
});
