// Limit of W7: `read-journal.cjs FILE`. Streams it, hashes every line onto the one before, parses it, keeps nothing.
const { hash } = require("node:crypto");
const fs = require("node:fs");

const fd = fs.openSync(process.argv[2], "r");
const buffer = Buffer.allocUnsafe(1024 * 1024);
let rest = Buffer.alloc(0);
let head = "0".repeat(64);
let count = 0;
for (let bytes = fs.readSync(fd, buffer); bytes > 0; bytes = fs.readSync(fd, buffer)) {
  const chunk = Buffer.concat([rest, buffer.subarray(0, bytes)]);
  let start = 0;
  for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
    const line = chunk.utf8Slice(start, end);
    const record = JSON.parse(line);
    head = hash("sha256", head + line.slice(0, -75), "hex");
    if (head !== record.hash) throw new Error(`record ${count + 1} does not follow`);
    count++;
    start = end + 1;
  }
  rest = Buffer.from(chunk.subarray(start));
}
if (count !== Number(process.argv[3])) throw new Error(`${count} records`);
