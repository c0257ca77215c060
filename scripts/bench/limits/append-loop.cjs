// Limit of W3: `append-loop.cjs COUNT FILE`. Lines of 1 KiB, each durable before the next.
const fs = require("node:fs");

const fd = fs.openSync(process.argv[3], "a");
const line = Buffer.from(`${"x".repeat(1023)}\n`);
for (let nth = 0; nth < Number(process.argv[2]); nth++) {
  fs.writeSync(fd, line);
  fs.fdatasyncSync(fd);
}
