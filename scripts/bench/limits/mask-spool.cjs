// Limit of W5b: `mask-spool.cjs FILE SECRETS WORDS…`. One alternation over whole chunks with a carry-over, byte-exact by
// latin1, into a file.
const { spawn } = require("node:child_process");
const fs = require("node:fs");

const secrets = JSON.parse(process.argv[3]).sort((a, b) => b.length - a.length);
const any = new RegExp(secrets.join("|"), "g");
const longest = secrets[0].length;
const fd = fs.openSync(process.argv[2], "w");
let carry = "";
const put = (text) => fs.writeSync(fd, Buffer.from(text, "latin1"));
const child = spawn(process.argv[4], process.argv.slice(5), { stdio: ["ignore", "pipe", "inherit"] });
child.stdout.on("data", (chunk) => {
  const text = (carry + chunk.latin1Slice()).replace(any, "***");
  const safe = Math.max(0, text.length - longest + 1);
  put(text.slice(0, safe));
  carry = text.slice(safe);
});
child.stdout.on("end", () => put(carry));
