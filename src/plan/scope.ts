/**
 * What expressions see. A `Frame` is one runbook being planned or run (the main one, or one used by `uses: runbook/…`);
 * `scopeOf` gives the names that docs/language.md lists under Expressions, for one place in it. Step entries are objects with
 * getters over the source of step facts, made once per frame: a scope costs nothing per step however many steps there are.
 */
import type { Runbook, Step } from "../language/runbook.ts";
import type { JsonObject } from "../util/json.ts";

/** What is known of a step: from the run record, or unknown under plan. */
export interface StepFactsSource {
  /** Value of `steps.<id>.<name>` for the step at `path`: the same shape whether it ran, waits or was skipped. */
  get(path: string, step: Step, name: StepFactName): unknown;
}

const stepFactNames = ["outputs", "status", "startedAt", "finishedAt", "durationMs", "attempts", "artifacts"] as const;
export type StepFactName = (typeof stepFactNames)[number];

export interface RunFacts {
  readonly id: unknown;
  readonly slug: unknown;
  readonly actor: unknown;
  readonly startedAt: unknown;
  readonly reason: unknown;
  readonly dry: boolean;
}

export interface Frame {
  readonly runbook: Runbook;
  /** Path of the step that uses this runbook; "" for the main one. */
  readonly prefix: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** `target.*` with `name` and `protected`. */
  readonly target: JsonObject;
  readonly run: RunFacts;
  readonly facts: StepFactsSource;
  /** Made once, see `scopeOf`. */
  readonly cache: Map<string, Record<string, unknown>>;
}

/** The place an expression stands at: items of `forEach` around it, outermost first. */
export interface Place {
  readonly frame: Frame;
  /** Step path of each forEach container around the place → index of the item and its bindings. */
  readonly items: readonly {
    readonly path: string;
    /** Null = each of them: the place of a plan, where `value` is not known either. */
    readonly index: number | null;
    readonly as: string;
    readonly value: unknown;
  }[];
}

export function newFrame(frame: Omit<Frame, "cache">): Frame {
  return { ...frame, cache: new Map() };
}

/** Path of a step below `parent` ("" = top of the main runbook). */
export function childPath(parent: string, id: string): string {
  return parent === "" ? id : `${parent}.${id}`;
}

export function itemPath(container: string, index: number): string {
  return `${container}[${index}]`;
}

function pathOfItem({ path, index }: Place["items"][number]): string {
  return index === null ? path : itemPath(path, index);
}

/** `hosts[3].ping` → `hosts.ping`: where the step is written. */
export function withoutItems(path: string): string {
  return path.replaceAll(/\[\d+\]/g, "");
}

/** The steps inside a group, a parallel block or a used runbook; empty for others. */
export function membersOf(step: Step): readonly Step[] {
  switch (step.action.kind) {
    case "parallel":
    case "group":
      return step.action.steps;
    case "runbook":
      return allSteps(step.action.runbook);
    default:
      return [];
  }
}

/** What a step is, in one word: `run`, the type it uses, `group`, `parallel`, `runbook/name`. */
export function typeNameOf({ action }: Step): string {
  if (action.kind === "uses") return action.type;
  return action.kind === "runbook" ? `runbook/${action.name}` : action.kind;
}

/** Guards, steps and always of a runbook: one list, as ids are. */
export function allSteps(runbook: Runbook): readonly Step[] {
  return [...runbook.guards, ...runbook.steps, ...runbook.always];
}

/** All names an expression at `place` may read. `extra` adds `result`, `outputs`, `artifacts` of the step itself. */
export function scopeOf(place: Place, extra: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { frame } = place;
  const bindings: Record<string, unknown> = {};
  for (const item of place.items) {
    bindings[item.as] = item.value;
    bindings["index"] = item.index ?? item.value;
  }
  return {
    inputs: frame.inputs,
    target: frame.target,
    run: frame.run,
    steps: stepsAt(place),
    ...bindings,
    ...extra,
  };
}

function stepsAt(place: Place): Record<string, unknown> {
  const key = place.items.map(pathOfItem).join(">");
  let steps = place.frame.cache.get(key);
  if (steps === undefined) {
    steps = stepsMadeAt(place);
    place.frame.cache.set(key, steps);
  }
  return steps;
}

/** Inside a `forEach` only the step that holds it looks different from one item to the next; the others are shared. */
function stepsMadeAt(place: Place): Record<string, unknown> {
  const { frame, items } = place;
  const [outermost] = items;
  const all = allSteps(frame.runbook);
  if (outermost === undefined) return entriesOf(place, all, frame.prefix);
  const holder = all.find((step) => isWithin(outermost.path, childPath(frame.prefix, step.id)));
  const shared = stepsAt({ frame, items: [] });
  if (holder === undefined) return shared;
  return { ...shared, [holder.id]: entryOf(place, holder, childPath(frame.prefix, holder.id)) };
}

function isWithin(path: string, ancestor: string): boolean {
  return path.startsWith(ancestor) && [undefined, ".", "["].includes(path[ancestor.length]);
}

function entriesOf(place: Place, steps: readonly Step[], parent: string): Record<string, unknown> {
  const entries: Record<string, unknown> = {};
  for (const step of steps) {
    let made: Record<string, unknown> | undefined;
    const get = () => (made ??= entryOf(place, step, childPath(parent, step.id)));
    Object.defineProperty(entries, step.id, { enumerable: true, get });
  }
  return entries;
}

function entryOf(place: Place, step: Step, path: string): Record<string, unknown> {
  const entry: Record<string, unknown> = {};
  for (const name of stepFactNames) {
    Object.defineProperty(entry, name, { enumerable: true, get: () => place.frame.facts.get(path, step, name) });
  }
  if (step.action.kind === "group" || step.action.kind === "parallel") {
    const inside = place.items.find((item) => item.path === path);
    const parent = inside ? pathOfItem(inside) : path;
    const members = step.action.steps;
    let made: Record<string, unknown> | undefined;
    Object.defineProperty(entry, "steps", {
      enumerable: true,
      get: () => {
        made ??= entriesOf(place, members, parent);
        return made;
      },
    });
  }
  return entry;
}
