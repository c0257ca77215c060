// The other side of W8: answers every GET with a small JSON document; says its address and ends with its input.
const { createServer } = require("node:http");

const server = createServer((_, answer) => {
  answer.setHeader("content-type", "application/json");
  answer.end('{"ok":true,"release":"v42","items":[1,2,3]}');
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
process.stdin.on("end", () => process.exit(0)).resume();
