#!/usr/bin/env node
// The `supabase` package, less the platforms whose binaries the registry lacks (npm then drops them from the lockfile
// and `npm ci` refuses it): finds the binary of this platform and becomes it.
const { spawnSync } = require("node:child_process");

let binary;
try {
  binary = require.resolve(`@supabase/cli-${process.platform}-${process.arch}/bin/supabase`);
} catch {
  console.error(`supabase: no binary for ${process.platform}-${process.arch} here; install the supabase CLI itself`);
  process.exit(127);
}
// Its JavaScript runs once and is gone: what its engine spends on optimizing it is more than half of its start.
const env = { ...process.env, BUN_JSC_useDFGJIT: "0" };
const { status, signal } = spawnSync(binary, process.argv.slice(2), { env, stdio: "inherit" });
if (signal !== null) process.kill(process.pid, signal);
process.exit(status ?? 1);
