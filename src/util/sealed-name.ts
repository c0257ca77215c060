/** Where a file that a runbook refers to stands among the sealed files of a run. */
import { posix } from "node:path";

/** `sql/a.sql` → `sql/a.sql`, `./x/../a.sh` → `a.sh`, `../reports/r.hbs` → `up/reports/r.hbs`: never outside its folder. */
export function sealedName(path: string): string {
  return posix.normalize(path).replace(/^(?:\.\.\/)+/, "up/");
}
