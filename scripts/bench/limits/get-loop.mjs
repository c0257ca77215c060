// Limit of W8: `get-loop URL COUNT AT-ONCE`. GETs by undici's pool, each answer's status and JSON checked.
import { Pool } from "undici";

const [url, count, atOnce] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const pool = new Pool(url, { connections: atOnce });
let next = 0;
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (next < count) {
      const nth = next++;
      const { statusCode, body } = await pool.request({ path: `/${nth}`, method: "GET" });
      const answer = await body.json();
      if (statusCode !== 200 || answer.ok !== true) throw new Error(`answer ${nth} is wrong`);
    }
  }),
);
await pool.close();
