/**
 * Reads the Test Anything Protocol, versions 12 to 14: https://testanything.org/tap-version-14-specification.html
 * Subtests count by the line that sums them up.
 */

export interface TapTest {
  readonly number: number;
  readonly ok: boolean;
  readonly description: string;
  readonly directive: "skip" | "todo" | null;
  /** Why it is skipped or to be done. */
  readonly reason: string;
  /** What the test said below its line. */
  readonly diagnostic: string;
}

export interface TapReport {
  /** Null = there was no plan. */
  readonly planned: number | null;
  readonly tests: readonly TapTest[];
  /** Reason of a `Bail out!`; null = there was none. */
  readonly bailOut: string | null;
  /** Why everything was skipped (`1..0 # SKIP no database`). */
  readonly skippedAll: string | null;
}

export function readTap(output: string): TapReport {
  const tests: (TapTest & { diagnostic: string })[] = [];
  let planned: number | null = null;
  let skippedAll: string | null = null;
  let bailOut: string | null = null;
  for (const line of output.split(/\r?\n/)) {
    const plan = /^1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$/i.exec(line);
    const result = /^(not )?ok\b(?:\s+(\d+))?(?:\s*-?\s*(.*))?$/.exec(line);
    const bail = /^Bail out!\s*(.*)$/i.exec(line);
    if (plan !== null) {
      planned = Number(plan[1]);
      if (planned === 0) skippedAll = plan[2] ?? "";
    } else if (bail !== null) {
      bailOut = bail[1] ?? "";
      break;
    } else if (result !== null) {
      tests.push(testOf(result, tests.length + 1));
    } else {
      const last = tests.at(-1);
      const said = /^(?:#\s?| {2})(.*)$/.exec(line)?.[1];
      if (last !== undefined && said !== undefined) last.diagnostic += `${last.diagnostic === "" ? "" : "\n"}${said}`;
    }
  }
  return { planned, tests, bailOut, skippedAll };
}

function testOf([, not, number, rest = ""]: RegExpExecArray, next: number): TapTest & { diagnostic: string } {
  // A `#` that is escaped belongs to the description.
  const directive = /(?<!\\)#\s*(skip\S*|todo)\b\s*(.*)$/i.exec(rest);
  return {
    number: number === undefined ? next : Number(number),
    ok: not === undefined,
    description: (directive === null ? rest : rest.slice(0, directive.index)).trim().replaceAll("\\#", "#"),
    directive: directive === null ? null : directive[1]?.toLowerCase() === "todo" ? "todo" : "skip",
    reason: directive?.[2]?.trim() ?? "",
    diagnostic: "",
  };
}

/** A test that counts against the whole: one that is not done yet does not. */
export function hasFailed(test: TapTest): boolean {
  return !test.ok && test.directive !== "todo";
}

/** Why the report is no proof, in words; null = every planned test ran, there is at least one, and none failed. */
export function tapProblem(report: TapReport): { readonly reason: string; readonly message: string } | null {
  const { planned, tests, bailOut, skippedAll } = report;
  const failed = tests.filter(hasFailed);
  if (bailOut !== null) {
    return {
      reason: "bailed-out",
      message: `The tests gave up after ${tests.length}: ${bailOut || "no reason given"}.`,
    };
  }
  if (failed.length > 0) {
    const named = failed.slice(0, 5).map((test) => `${test.number} ${test.description}`.trim());
    const more = failed.length > 5 ? `, and ${failed.length - 5} more` : "";
    return {
      reason: "tests-failed",
      message: `${failed.length} of ${tests.length} failed: ${named.join(", ")}${more}.`,
    };
  }
  if (tests.length === 0) {
    const why = skippedAll === null ? "" : ` All were skipped: ${skippedAll || "no reason given"}.`;
    return { reason: "no-tests", message: `No test ran, which proves nothing.${why}` };
  }
  if (planned === null)
    return {
      reason: "plan-missing",
      message: `${tests.length} tests ran without a plan (1..N): nobody knows whether all did.`,
    };
  if (planned !== tests.length) {
    return { reason: "plan-mismatch", message: `${planned} tests were planned, and ${tests.length} ran.` };
  }
  const wrong = tests.find((test, index) => test.number !== index + 1);
  if (wrong !== undefined) {
    return { reason: "out-of-order", message: `Test ${wrong.number} came out of order or twice.` };
  }
  if (tests.every((test) => test.directive === "skip")) {
    return { reason: "no-tests", message: `All ${tests.length} tests were skipped, which proves nothing.` };
  }
  return null;
}
