import { expect, test } from "vitest";
import { shortenedMask } from "../../../src/util/mask/shortened.ts";

const mask = shortenedMask([
  { name: "KEY", value: "sk-proj-56f322c5aabbccddeeff6b62" },
  { name: "OTHER", value: "xoxb-1234567890-tail" },
]);

test.each([
  ["Incorrect API key provided: sk-proj-********************6b62.", "Incorrect API key provided: ***."],
  ["key sk-…6b62 is revoked", "key *** is revoked"],
  ["key=sk-proj...", "key=***"],
  ["(••••eeff6b62)", "(***)"],
  ['{"a":"xoxb-12**","b":"sk-p***"}', '{"a":"***","b":"***"}'],
  ["Bearer *** and **bold** and wait...", "Bearer *** and **bold** and wait..."],
  ["unknown-key-****abcd", "unknown-key-****abcd"],
  ["nothing is left out of sk-proj", "nothing is left out of sk-proj"],
])("%s", (text, masked) => {
  expect(mask(text)).toBe(masked);
});

test("a long text of nothing but gaps is looked at in linear time", () => {
  const text = "sk-...".repeat(200_000);
  const began = process.cpuUsage().user;
  expect(mask(text)).toBe("***".repeat(200_000));
  mask(`${"a.".repeat(500_000)}${"*".repeat(500_000)}`);
  expect((process.cpuUsage().user - began) / 1_000).toBeLessThan(2_000);
});

test("without secrets nothing changes", () => {
  expect(shortenedMask([])("sk-proj-****6b62")).toBe("sk-proj-****6b62");
});
