// Limit of W2: `spawn-loop.cjs COUNT JOURNAL`. Spawns `true`, captures both streams through Node's own pipes, and makes
// one line durable before the next one starts.
const { spawn } = require("node:child_process");
const fs = require("node:fs");

const [count, journal] = [Number(process.argv[2]), fs.openSync(process.argv[3], "a")];

function next(nth) {
  if (nth === count) return;
  const child = spawn("true", [], { stdio: ["ignore", "pipe", "pipe"] });
  const output = [];
  child.stdout.on("data", (chunk) => output.push(chunk));
  child.stderr.on("data", (chunk) => output.push(chunk));
  child.on("close", (code) => {
    fs.writeSync(journal, `${JSON.stringify({ nth, code, output: Buffer.concat(output).toString() })}\n`);
    fs.fdatasyncSync(journal);
    next(nth + 1);
  });
}
next(0);
