// Limit of W9: `render-loop JOURNAL TEMPLATE`. Reads a journal bare and renders its steps by a precompiled template.
import { readFileSync } from "node:fs";
import Handlebars from "handlebars/dist/cjs/handlebars.runtime.js";

const steps = [];
for (const line of readFileSync(process.argv[2], "utf8").split("\n")) {
  if (line === "") continue;
  const record = JSON.parse(line);
  if (record.type === "step.finished") steps.push(record);
}
// The text of a precompiled template is an object literal, made by the benchmark a moment ago.
const template = Handlebars.template(Function(`return ${readFileSync(process.argv[3], "utf8")}`)());
process.stdout.write(template({ steps }));
