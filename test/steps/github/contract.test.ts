/** The judge of exchanges itself: it must see what is not as documented, or the other tests prove nothing. */
import { expect, test } from "vitest";
import { Contract } from "../../rig/contract.ts";

const contract = new Contract("github-rest.openapi.trimmed.json");
const put = {
  method: "PUT",
  url: "/repos/a/b/actions/secrets/KEY",
  requestBody: '{"encrypted_value":"AAAA","key_id":"1"}',
  status: 201,
  responseBody: "{}",
};

test("a request and an answer as documented have no problem", () => {
  expect(contract.problems(put)).toEqual([]);
});

test.each([
  [{ requestBody: '{"encrypted_value":"AAAA"}' }, /required property 'key_id'/],
  [{ requestBody: '{"encrypted_value":"not base64!","key_id":"1"}' }, /must match pattern/],
  [{ requestBody: "no JSON" }, /no JSON/],
  [{ status: 200 }, /undocumented status 200/],
  [{ responseBody: '{"extra":1}' }, /must NOT have additional properties/],
  [{ responseBody: "" }, /no JSON/],
  [{ method: "PATCH" }, /no such operation/],
  [{ url: "/repos/a/b/nothing" }, /no such operation/],
  [{ url: "/repos/a/b/actions/secrets/KEY?unknown=1" }, /unknown parameter unknown/],
])("%j is seen", (change, problem) => {
  expect(contract.problems({ ...put, ...change }).join("\n")).toMatch(problem);
});
