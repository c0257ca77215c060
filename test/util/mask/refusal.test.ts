import { describe, expect, it } from "vitest";
import { refusalOf } from "../../../src/util/mask/refusal.ts";

describe("refusalOf", () => {
  for (const [value, reason] of [
    ["", "is empty"],
    ["   \n", "only white space"],
    ["abc", "shorter than 4 bytes"],
    [" abc ", "shorter than 4 bytes"],
    ["8080", "a number of fewer than 6 digits"],
    ["54321\n", "a number of fewer than 6 digits"],
    ["true", "common word"],
    ["NULL", "common word"],
    ["Password\n", "common word"],
    ["----------", "one repeated character"],
    ["ab***cd", '"***"'],
  ] as const) {
    it(`refuses ${JSON.stringify(value)}: ${reason}`, () => {
      const message = refusalOf("API_KEY", value, [])!;
      expect(message).toContain("API_KEY");
      expect(message).toContain(reason);
      if (value.trim().length > 3 && !value.includes("*") && !value.includes("-"))
        expect(message).not.toContain(value.trim());
    });
  }

  it("accepts an ordinary secret, four bytes of two letters included", () => {
    expect(refusalOf("API_KEY", "Zq7%", ["a runbook"])).toBeNull();
    expect(refusalOf("API_KEY", "äö", [])).toBeNull();
  });

  it("refuses a value that a public text holds, and says where", () => {
    const message = refusalOf("API_KEY", "blue-whale-9\n", [
      { where: "input `image`", text: "registry/blue-whale-9:latest" },
    ]);
    expect(message).toContain("API_KEY occurs in input `image`");
    expect(message).not.toContain("blue-whale-9");
  });

  it("does not mind that the runbook holds the frame of a PEM file", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----\n";
    expect(refusalOf("KEY", key, ["grep -q -- '-----BEGIN PRIVATE KEY-----'"])).toBeNull();
    expect(refusalOf("KEY", key, ["echo MIIEvQIBADANBgkqhkiG9w0BAQ"])).toContain("occurs in the runbook");
  });
});
