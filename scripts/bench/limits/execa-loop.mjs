// Comparison for W2: the same loop by execa, nothing durable.
import { execa } from "execa";

for (let nth = 0; nth < Number(process.argv[2]); nth++) await execa("true");
