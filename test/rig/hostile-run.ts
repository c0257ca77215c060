import { JournalBuilder, operator } from "./journal-builder.ts";

/** A run in which everything that comes from outside is `text`. */
export function runSaying(text: string): JournalBuilder {
  const spec = { path: "deploy", title: text, effects: "write" as const };
  const failure = { class: "failed" as const, reason: "exit-code", message: text, facts: { detail: text } };
  return new JournalBuilder()
    .start([spec], {
      title: text,
      actor: text,
      reason: text,
      inputs: [{ name: "note", value: text, source: "flag", sensitive: false }],
      environment: { host: text },
      yaml: text,
    })
    .ask("deploy", { title: text, prompt: text, shown: text, from: [text] })
    .answer("deploy", "rejected", { ...operator, name: text, login: text }, text)
    .step("deploy", {
      argv: ["echo", text],
      env: [text],
      stdout: text,
      stderr: text,
      outputs: { said: text },
      checks: [
        { that: text, status: "not_met", severity: "error", expected: text, actual: text, message: text, show: text },
      ],
      artifacts: { [`a${text.replace(/[\0/]/g, "")}`]: text },
      failure,
    })
    .append({
      type: "decision.recorded",
      step: "deploy",
      decision: "accept",
      reason: text,
      by: { ...operator, name: text },
    })
    .append({ type: "rollback.started", why: text, steps: [text] })
    .finish("failed", 1, { summary: text })
    .seal();
}
