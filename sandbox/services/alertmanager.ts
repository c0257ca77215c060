import { randomUUID } from "node:crypto";
import type { Service, ServiceAnswer, ServiceCall } from "./service.ts";

interface Matcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

interface Silence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly updatedAt: string;
  readonly createdBy: string;
  readonly comment: string;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The silences of Alertmanager's API v2 (its `api/v2/openapi.yaml`); statuses and texts as version 0.25 answers them. An
 * active silence with the same start and matchers is changed in place, any other change ends it and makes a new one.
 */
export const alertmanager: Service = {
  secrets: [],
  states: ["ok", "read-only"],
  data: [],
  answer(call) {
    const { method, path, state } = call;
    const silences = call.data as readonly Silence[];
    if (path === "/-/ready" && method === "GET") return { status: 200, body: "OK" };
    if (path === "/api/v2/silences" && method === "GET") return { status: 200, body: silences.map(shown) };
    if (path === "/api/v2/silences" && method === "POST")
      return state === "read-only" ? problem(500, "silences are read-only") : post(call, silences);
    const id = /^\/api\/v2\/silence\/([^/]+)$/.exec(path)?.[1];
    if (id === undefined) return { status: 404, body: { code: 404, message: `path ${path} was not found` } };
    if (!uuid.test(id))
      return { status: 422, body: { code: 601, message: `silenceID in path must be of type uuid: "${id}"` } };
    const found = silences.find((silence) => silence.id === id);
    if (method === "GET") return found === undefined ? { status: 404, body: "" } : { status: 200, body: shown(found) };
    if (method !== "DELETE") return { status: 405, body: { code: 405, message: `method ${method} is not allowed` } };
    if (state === "read-only") return problem(500, "silences are read-only");
    if (found === undefined) return problem(500, "silence not found");
    call.data = silences.map((silence) => (silence === found ? ended(silence) : silence));
    return { status: 200, body: "" };
  },
};

function post(call: ServiceCall, silences: readonly Silence[]): ServiceAnswer {
  let given: Partial<Silence>;
  try {
    given = JSON.parse(call.body) as Partial<Silence>;
  } catch (error) {
    return {
      status: 400,
      body: { code: 400, message: `parsing silence body failed, because ${(error as Error).message}` },
    };
  }
  for (const name of ["matchers", "startsAt", "endsAt", "createdBy", "comment"] as const)
    if (given[name] === undefined) return { status: 422, body: { code: 602, message: `${name} in body is required` } };
  const matchers = (given.matchers ?? []).map((matcher) => ({ ...matcher, isEqual: matcher.isEqual ?? true }));
  if (matchers.length === 0)
    return { status: 422, body: { code: 612, message: "matchers in body should have at least 1 items" } };
  const now = new Date();
  const [startsAt, endsAt] = [new Date(given.startsAt ?? ""), new Date(given.endsAt ?? "")];
  if (!(endsAt > startsAt)) return problem(400, "Failed to create silence: start time must be before end time");
  if (endsAt < now) return problem(400, "Failed to create silence: end time can't be in the past");
  const broken = matchers.findIndex((matcher) => matcher.isRegex && !isPattern(matcher.value));
  if (broken >= 0)
    return problem(
      400,
      `silence invalid: invalid label matcher ${broken}: invalid regular expression "${matchers[broken]?.value}"`,
    );
  if (matchers.every(fitsEmpty))
    return problem(400, "silence invalid: at least one matcher must not match the empty string");
  const before = given.id ? silences.find((silence) => silence.id === given.id) : undefined;
  if (given.id && before === undefined) return problem(404, "silence not found");
  const inPlace =
    before !== undefined &&
    stateOf(before) !== "expired" &&
    Date.parse(before.startsAt) === startsAt.getTime() &&
    JSON.stringify(before.matchers) === JSON.stringify(matchers);
  const silence: Silence = {
    id: inPlace ? before.id : randomUUID(),
    matchers,
    startsAt: (inPlace || startsAt > now ? startsAt : now).toISOString(),
    endsAt: endsAt.toISOString(),
    updatedAt: now.toISOString(),
    createdBy: String(given.createdBy),
    comment: String(given.comment),
  };
  const others = silences.flatMap((each) => (each !== before ? [each] : inPlace ? [] : [ended(each)]));
  call.data = [silence, ...others];
  return { status: 200, body: { silenceID: silence.id } };
}

/** Errors are a JSON text. */
function problem(status: number, message: string): ServiceAnswer {
  return { status, headers: { "content-type": "application/json" }, body: `${JSON.stringify(message)}\n` };
}

function shown(silence: Silence): object {
  return { ...silence, status: { state: stateOf(silence) } };
}

function stateOf({ startsAt, endsAt }: Silence): "active" | "pending" | "expired" {
  const now = Date.now();
  if (Date.parse(endsAt) <= now) return "expired";
  return Date.parse(startsAt) > now ? "pending" : "active";
}

function ended(silence: Silence): Silence {
  if (stateOf(silence) === "expired") return silence;
  const now = new Date().toISOString();
  return { ...silence, startsAt: silence.startsAt > now ? now : silence.startsAt, endsAt: now, updatedAt: now };
}

/** Whether it fits an alert without its label. */
function fitsEmpty({ value, isRegex, isEqual }: Matcher): boolean {
  return (isRegex ? new RegExp(`^(?:${value})$`).test("") : value === "") === isEqual;
}

function isPattern(value: string): boolean {
  try {
    new RegExp(`^(?:${value})$`);
    return true;
  } catch {
    return false;
  }
}
