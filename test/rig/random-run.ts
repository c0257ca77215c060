/** Runs of random length and content, each made again from its number. */
import { check, JournalBuilder } from "./journal-builder.ts";
import { randomFrom } from "./run-directory.ts";

/** A run whose length, outputs and end come from a number. */
export function someRun(seed: number): JournalBuilder {
  const random = randomFrom(seed);
  const paths = Array.from({ length: 1 + random(6) }, (_, i) => `step_${i}`);
  const builder = new JournalBuilder(`rb-${(seed % 1_000_000).toString().padStart(6, "2")}`).start(
    paths.map((path) => ({ path, effects: random(2) === 0 ? "read" : "write" })),
  );
  const words = ["ok\n", "é ü 漢字\n", "\u001b[31mred\u001b[0m\r\n", '{"a":1}\n', "", "\u{1f600}", '\\ " \u2028'];
  for (const path of paths) {
    builder.wait(random(5000)).step(path, {
      argv: ["tool", words[random(words.length)] as string],
      stdout: (words[random(words.length)] as string).repeat(1 + random(30)),
      stderr: words[random(words.length)] as string,
      ms: random(9000),
      outputs: { n: random(1000), text: words[random(words.length)] as string },
      checks: random(2) === 0 ? [check("result.exitCode == 0", "0", "0")] : [],
      artifacts: random(3) === 0 ? { "kept file.txt": words[random(words.length)] as string } : {},
    });
  }
  return builder.finish("succeeded", 0).seal();
}
