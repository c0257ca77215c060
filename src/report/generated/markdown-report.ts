/** Made of reports/*.md.hbs by scripts/generate.mjs. */
import type { AddendumView } from "../addendum-text.ts";
import { markdownFormat as f } from "../markdown-format.ts";
import { isGiven, type TextSink } from "../text-sink.ts";
import type { ReportView } from "../view.ts";

export function addendum(v: AddendumView, out: TextSink): void {
  out.add(`\n`);
  out.add(`# Addendum\n`);
  out.add(`\n`);
  out.add(`Written by people after the run was sealed; the report above is unchanged. It is chained like the journal and lies in ${f.file("addendum.ndjson")}.\n`);
  out.add(`\n`);
  out.add(`| # | What | Text | Who | When (UTC) | Signature |\n`);
  out.add(`|---|---|---|---|---|---|\n`);
  for (const v1 of v.rows) {
    out.add(`| ${f.bare(v1.number)} | ${f.bare(v1.kind)} | ${f.bare(v1.text)} | ${f.bare(v1.who)} | ${f.bare(v1.at)} | ${f.bare(v1.signature)} |\n`);
  }
  out.add(`\n`);
  out.add(`Head of the addendum: ${f.proseCode(v.headHash)}\n`);
}

export function appendix(v: ReportView, out: TextSink): void {
  out.add(`## Appendix: the runbook as executed\n`);
  out.add(`\n`);
  out.add(`${f.proseCode(v.runbook.file)}, ${f.proseCode(v.runbook.digest)}, plan ${f.proseCode(v.runbook.planDigest)}\n`);
  out.add(`\n`);
  out.add(`${f.fence(v.runbookYaml, { language: "yaml" })}\n`);
  out.add(`\n`);
  out.add(`| Sealed file | Digest |\n`);
  out.add(`|---|---|\n`);
  for (const v1 of v.files) {
    out.add(`| ${f.file(v1.path, v1.path)} | ${f.code(v1.digest)} |\n`);
  }
}

export function deviations(v: ReportView, out: TextSink): void {
  out.add(`## Deviations\n`);
  out.add(`\n`);
  if (isGiven(v.deviations)) {
    out.add(`| Kind | Step | What | Who | Why | When (UTC) | Record |\n`);
    out.add(`|---|---|---|---|---|---|---|\n`);
    for (const v1 of v.deviations) {
      out.add(`| ${f.bare(v1.kind)} | ${f.code(v1.step)} | ${f.bare(v1.what)} | ${f.bare(v1.by)} | ${f.bare(v1.reason)} | ${f.bare(v1.at)} | ${f.ref(v1.seq)} |\n`);
    }
  } else {
    out.add(`None.\n`);
  }
}

export function outcome(v: ReportView, out: TextSink): void {
  out.add(`## What changed\n`);
  out.add(`\n`);
  out.add(`${f.bare(v.verdict.state)}\n`);
  out.add(`\n`);
  if (isGiven(v.changes)) {
    out.add(`| Step | Effect | What it did | Before → after | Now | Records |\n`);
    out.add(`|---|---|---|---|---|---|\n`);
    for (const v1 of v.changes) {
      out.add(`| ${f.code(v1.step)} | ${f.bare(v1.effects)} | ${f.code(v1.action)} | `);
      let v2Count = 0;
      for (const v2 of v1.values) {
        v2Count++;
        out.add(`${f.bare(v2.name)}: `);
        if (isGiven(v2.before)) {
          out.add(`${f.code(v2.before)}`);
        } else {
          out.add(`not recorded`);
        }
        out.add(` → ${f.code(v2.after)} `);
      }
      if (v2Count === 0) {
        out.add(`not recorded`);
      }
      out.add(` | ${f.bare(v1.standing)} | ${f.ref(v1.seqs)} |\n`);
    }
    out.add(`\n`);
  }
  if (isGiven(v.undo)) {
    out.add(`Undo was begun: ${f.bare(v.undo.why)}. It is **${f.bare(v.undo.result)}**; its steps: ${f.codes(v.undo.steps)}.\n`);
    out.add(`\n`);
  }
  out.add(`## Artifacts\n`);
  out.add(`\n`);
  if (isGiven(v.artifacts)) {
    out.add(`| File | Bytes | Media type | SHA-256 | Step | Record |\n`);
    out.add(`|---|---|---|---|---|---|\n`);
    for (const v3 of v.artifacts) {
      out.add(`| ${f.file(v3.path, v3.name)} | ${f.bare(v3.bytes)} | ${f.bare(v3.mediaType)} | ${f.code(v3.sha256)} | ${f.code(v3.step)} | ${f.ref(v3.seqs)} |\n`);
    }
  } else {
    out.add(`None.\n`);
  }
  out.add(`\n`);
  if (isGiven(v.backups)) {
    out.add(`## Back-ups\n`);
    out.add(`\n`);
    out.add(`| Back-up | Bytes | Taken (UTC) | Integrity | Step | Records |\n`);
    out.add(`|---|---|---|---|---|---|\n`);
    for (const v4 of v.backups) {
      out.add(`| ${f.code(v4.sha256)} | ${f.bare(v4.bytes)} | ${f.bare(v4.takenAt)} | ${f.bare(v4.integrity)} | ${f.code(v4.step)} | ${f.ref(v4.seqs)} |\n`);
    }
    out.add(`\n`);
  }
  out.add(`## Environment\n`);
  out.add(`\n`);
  out.add(`| | | Record |\n`);
  out.add(`|---|---|---|\n`);
  for (const v5 of v.environment) {
    out.add(`| ${f.bare(v5.name)} | ${f.code(v5.value)} | ${f.ref(v5.seq)} |\n`);
  }
  out.add(`\n`);
  out.add(`## Inputs\n`);
  out.add(`\n`);
  if (isGiven(v.inputs)) {
    out.add(`| Input | Value | Source | Record |\n`);
    out.add(`|---|---|---|---|\n`);
    for (const v6 of v.inputs) {
      out.add(`| ${f.code(v6.name)} | ${f.code(v6.value)} | ${f.bare(v6.source)} | ${f.ref(v.run.startSeq)} |\n`);
    }
  } else {
    out.add(`None.\n`);
  }
  out.add(`\n`);
  out.add(`Digest of the inputs: ${f.proseCode(v.inputsDigest)} ${f.ref(v.run.startSeq)}\n`);
  out.add(`\n`);
  out.add(`Secrets: `);
  if (isGiven(v.secrets)) {
    out.add(`${f.codes(v.secrets)} (names only; values are not stored)`);
  } else {
    out.add(`none`);
  }
  if (isGiven(v.scan)) {
    out.add(`. ${f.bare(v.scan)} ${f.ref(v.scanSeq)}`);
  }
  out.add(`\n`);
  out.add(`\n`);
  out.add(`## Sign-off\n`);
  out.add(`\n`);
  out.add(`| Role | Name | Date | Result agreed | Signature |\n`);
  out.add(`|---|---|---|---|---|\n`);
  for (const v7 of v.signOff) {
    out.add(`| ${f.bare(v7.role)} | ${f.bare(v7.name)} | ${f.bare(v7.date)} | ${f.bare(v7.agreed)} | ${f.bare(v7.signature)} |\n`);
  }
  out.add(`\n`);
}

export function people(v: ReportView, out: TextSink): void {
  out.add(`## Participants\n`);
  out.add(`\n`);
  out.add(`| Who | Role | Identified by | Record |\n`);
  out.add(`|---|---|---|---|\n`);
  for (const v1 of v.participants) {
    out.add(`| ${f.bare(v1.name)} | ${f.bare(v1.role)} | ${f.code(v1.identifiedBy)} | ${f.ref(v1.seq)} |\n`);
  }
  out.add(`\n`);
  out.add(`## Approvals and manual confirmations\n`);
  out.add(`\n`);
  if (isGiven(v.questions)) {
    for (const v2 of v.questions) {
      out.add(`### ${f.proseCode(v2.step)}: ${f.bare(v2.title)}\n`);
      out.add(`\n`);
      out.add(`Asked ${f.bare(v2.askedAt)}`);
      if (isGiven(v2.from)) {
        out.add(` of ${f.list(v2.from)}`);
      }
      if (isGiven(v2.expiresAt)) {
        out.add(`, until ${f.bare(v2.expiresAt)}`);
      }
      out.add(` · ${f.bare(v2.kind)} · now **${f.bare(v2.state)}** ${f.ref(v2.seq)}\n`);
      out.add(`\n`);
      if (isGiven(v2.answers)) {
        out.add(`| Who | Decision | How | Answered | After | Reason | Attached | Record |\n`);
        out.add(`|---|---|---|---|---|---|---|---|\n`);
        for (const v3 of v2.answers) {
          out.add(`| ${f.bare(v3.name)} | ${f.bare(v3.decision)} | ${f.bare(v3.how)} | ${f.bare(v3.at)} | ${f.bare(v3.after)} | ${f.bare(v3.reason)} | `);
          for (const v4 of v3.attachments) {
            out.add(`${f.file(v4.path, v4.name)} `);
          }
          out.add(` | ${f.ref(v3.seq)} |\n`);
        }
        out.add(`\n`);
      }
      out.add(`What they were shown (${f.proseCode(v2.shownDigest)}, of the plan ${f.proseCode(v.runbook.planDigest)}):\n`);
      out.add(`\n`);
      out.add(`${f.fence(v2.shown)}\n`);
      out.add(`\n`);
    }
  } else {
    out.add(`Nobody was asked.\n`);
    out.add(`\n`);
  }
  deviations(v, out);
  out.add(`\n`);
}

export function report(v: ReportView, out: TextSink): void {
  out.add(`# ${f.headline(v.heading)}\n`);
  out.add(`\n`);
  summary(v, out);
  out.add(`\n`);
  out.add(`## Objectives\n`);
  out.add(`\n`);
  if (isGiven(v.objectives)) {
    out.add(`| Objective | Target | Actual | Margin | Met | How it was measured | Record |\n`);
    out.add(`|---|---|---|---|---|---|---|\n`);
    for (const v1 of v.objectives) {
      out.add(`| ${f.bare(v1.name)} | ${f.bare(v1.target)} | **${f.bare(v1.actual)}** | ${f.bare(v1.margin)} | ${f.bare(v1.met)} | ${f.bare(v1.measured)} | ${f.ref(v1.seq)} |\n`);
    }
  } else {
    out.add(`The runbook states none.\n`);
  }
  out.add(`\n`);
  out.add(`## Timeline\n`);
  out.add(`\n`);
  if (isGiven(v.timeline.bars)) {
    out.add(`${f.fence(v.timeline.mermaid, { language: "mermaid" })}\n`);
    out.add(`\n`);
    out.add(`| # | Step | Part | From (UTC) | To | Took | Status | Records |\n`);
    out.add(`|---|---|---|---|---|---|---|---|\n`);
    for (const v2 of v.timeline.bars) {
      out.add(`| ${f.bare(v2.number)} | ${f.code(v2.path)} | ${f.bare(v2.section)} | ${f.bare(v2.from)} | ${f.bare(v2.to)} | ${f.bare(v2.took)} | ${f.bare(v2.status)} | ${f.ref(v2.seqs)} |\n`);
    }
    for (const v3 of v.timeline.limits) {
      out.add(`| | ${f.bare(v3.name)} | Limits | ${f.bare(v3.at)} | ${f.bare(v3.at)} | | limit | ${f.ref(v3.seq)} |\n`);
    }
    if (isGiven(v.timeline.leftOut)) {
      out.add(`\n`);
      out.add(`${f.bare(v.timeline.leftOut)} more steps are left out here; all are in the next table.\n`);
    }
  } else {
    out.add(`No step was started.\n`);
  }
  out.add(`\n`);
  steps(v, out);
  people(v, out);
  outcome(v, out);
  appendix(v, out);
}

export function steps(v: ReportView, out: TextSink): void {
  out.add(`## Steps\n`);
  out.add(`\n`);
  out.add(`| # | Step | Effect | Status | Start (UTC) | Took | Tries | Checks | Who | Records |\n`);
  out.add(`|---|---|---|---|---|---|---|---|---|---|\n`);
  for (const v1 of v.steps) {
    out.add(`| ${f.bare(v1.number)} | `);
    if (isGiven(v1.anchor)) {
      out.add(`[${f.bare(v1.title)}](#${f.bare(v1.anchor)})`);
    } else {
      out.add(`${f.bare(v1.title)}`);
    }
    out.add(` | ${f.bare(v1.effects)} | ${f.bare(v1.status)} | ${f.bare(v1.startedAt)} | ${f.bare(v1.took)} | ${f.bare(v1.tries)} | ${f.bare(v1.checks)} | ${f.bare(v1.who)} | ${f.ref(v1.seqs)} |\n`);
  }
  out.add(`\n`);
  out.add(`## Details\n`);
  out.add(`\n`);
  let v2Count = 0;
  for (const v2 of v.details) {
    v2Count++;
    out.add(`### ${f.bare(v2.number)} ${f.proseCode(v2.path)}\n`);
    out.add(`\n`);
    out.add(`**${f.bare(v2.title)}** · ${f.bare(v2.stepType)} · ${f.bare(v2.effects)} · ${f.bare(v2.status)}`);
    if (isGiven(v2.startedAt)) {
      out.add(` · ${f.bare(v2.startedAt)} to `);
      if (isGiven(v2.finishedAt)) {
        out.add(`${f.bare(v2.finishedAt)}`);
      } else {
        out.add(`no end`);
      }
    }
    if (isGiven(v2.took)) {
      out.add(` · ${f.bare(v2.took)}`);
    }
    out.add(` · journal ${f.ref(v2.seqs)}\n`);
    out.add(`\n`);
    if (isGiven(v2.why)) {
      out.add(`${f.bare(v2.why)}\n`);
      out.add(`\n`);
    }
    if (isGiven(v2.note)) {
      out.add(`Note of the author: ${f.bare(v2.note)}\n`);
      out.add(`\n`);
    }
    if (isGiven(v2.failure)) {
      out.add(`**Failed** (${f.bare(v2.failure.class)}, ${f.bare(v2.failure.reason)}): ${f.bare(v2.failure.message)}\n`);
      out.add(`\n`);
      if (isGiven(v2.failure.facts)) {
        out.add(`| Fact | Value |\n`);
        out.add(`|---|---|\n`);
        for (const v3 of v2.failure.facts) {
          out.add(`| ${f.bare(v3.name)} | ${f.code(v3.value)} |\n`);
        }
        out.add(`\n`);
      }
    }
    if (isGiven(v2.action)) {
      out.add(`What it does: ${f.proseCode(v2.action)}\n`);
      out.add(`\n`);
    }
    if (isGiven(v2.attempts)) {
      out.add(`| Attempt | Started | Ended | Status | Why it failed |\n`);
      out.add(`|---|---|---|---|---|\n`);
      for (const v4 of v2.attempts) {
        out.add(`| ${f.bare(v4.attempt)} | ${f.bare(v4.startedAt)} | ${f.bare(v4.finishedAt)} | ${f.bare(v4.status)} | ${f.bare(v4.failure)} |\n`);
      }
      out.add(`\n`);
    }
    for (const v5 of v2.commands) {
      out.add(`Command ${f.ref(v5.seqs)}, attempt ${f.bare(v5.attempt)}, ${f.bare(v5.effects)}: ${f.bare(v5.ended)}`);
      if (isGiven(v5.took)) {
        out.add(` after ${f.bare(v5.took)}`);
      }
      out.add(`\n`);
      out.add(`\n`);
      out.add(`${f.fence(v5.text, { language: "sh" })}\n`);
      out.add(`\n`);
      out.add(`Working directory ${f.proseCode(v5.cwd)} · environment `);
      if (isGiven(v5.env)) {
        out.add(`${f.codes(v5.env)}`);
      } else {
        out.add(`nothing of its own`);
      }
      out.add(` · started ${f.bare(v5.startedAt)}\n`);
      out.add(`\n`);
      for (const v6 of v5.streams) {
        out.add(`${f.file(v6.file, v6.name)}, ${f.bare(v6.bytes)} bytes`);
        if (isGiven(v6.droppedBytes)) {
          out.add(` (${f.bare(v6.droppedBytes)} more were not kept)`);
        }
        out.add(`, SHA-256 ${f.proseCode(v6.sha256)}:\n`);
        out.add(`\n`);
        out.add(`${f.fence(v6.excerpt)}\n`);
        out.add(`\n`);
      }
    }
    if (isGiven(v2.commandsLeftOut)) {
      out.add(`${f.bare(v2.commandsLeftOut)} more commands are in the journal.\n`);
      out.add(`\n`);
    }
    if (isGiven(v2.checks)) {
      out.add(`| Check | Result | Expected | Actual | Message |\n`);
      out.add(`|---|---|---|---|---|\n`);
      for (const v7 of v2.checks) {
        out.add(`| ${f.code(v7.that)} | ${f.bare(v7.status)} | ${f.code(v7.expected)} | ${f.code(v7.actual)} | ${f.bare(v7.message)} |\n`);
      }
      if (isGiven(v2.polls)) {
        out.add(`\n`);
        out.add(`Asked ${f.bare(v2.polls)} times.\n`);
      }
      out.add(`\n`);
    }
    if (isGiven(v2.lastSeen)) {
      out.add(`Last seen ${f.bare(v2.lastSeen.at)} by ${f.proseCode(v2.lastSeen.that)}: **${f.bare(v2.lastSeen.answer)}**`);
      if (isGiven(v2.lastSeen.actual)) {
        out.add(`, ${f.bare(v2.lastSeen.actual)}`);
      }
      out.add(` ${f.ref(v2.lastSeen.seq)}\n`);
      out.add(`\n`);
    }
    for (const v8 of v2.shown) {
      out.add(`Shown for ${f.proseCode(v8.that)}:\n`);
      out.add(`\n`);
      out.add(`${f.fence(v8.value, { language: "json" })}\n`);
      out.add(`\n`);
    }
    if (isGiven(v2.outputs)) {
      out.add(`| Output | Value |\n`);
      out.add(`|---|---|\n`);
      for (const v9 of v2.outputs) {
        out.add(`| ${f.bare(v9.name)} | ${f.code(v9.value)} |\n`);
      }
      out.add(`\n`);
    }
    if (isGiven(v2.results)) {
      out.add(`| Result | Value |\n`);
      out.add(`|---|---|\n`);
      for (const v10 of v2.results) {
        out.add(`| ${f.bare(v10.name)} | ${f.code(v10.value)} |\n`);
      }
      out.add(`\n`);
    }
    if (isGiven(v2.artifacts)) {
      out.add(`| Artifact | Bytes | SHA-256 |\n`);
      out.add(`|---|---|---|\n`);
      for (const v11 of v2.artifacts) {
        out.add(`| ${f.file(v11.path, v11.name)} | ${f.bare(v11.bytes)} | ${f.code(v11.sha256)} |\n`);
      }
      out.add(`\n`);
    }
  }
  if (v2Count === 0) {
    out.add(`No step was started.\n`);
    out.add(`\n`);
  }
}

export function summary(v: ReportView, out: TextSink): void {
  out.add(`| | |\n`);
  out.add(`|---|---|\n`);
  out.add(`| Runbook | ${f.bare(v.runbook.name)} ${f.bare(v.runbook.version)} (${f.code(v.runbook.digest)}`);
  if (isGiven(v.runbook.commit)) {
    out.add(`, commit ${f.code(v.runbook.commit)}`);
  }
  out.add(`, ${f.bare(v.runbook.tree)}) ${f.ref(v.run.startSeq)} |\n`);
  out.add(`| Kind | ${f.bare(v.runbook.kind)} ${f.ref(v.run.startSeq)} |\n`);
  out.add(`| Run | ${f.code(v.run.id)} · ${f.bare(v.run.startedAt)} to `);
  if (isGiven(v.run.finishedAt)) {
    out.add(`${f.bare(v.run.finishedAt)} · ${f.bare(v.run.took)}, of which ${f.bare(v.run.working)} working and ${f.bare(v.run.waiting)} waiting for people; ${f.bare(v.run.pauses.text)}`);
    if (isGiven(v.run.pauses.seqs)) {
      out.add(` ${f.ref(v.run.pauses.seqs)}`);
    }
    out.add(` ${f.ref(v.run.finishSeq)}`);
  } else {
    out.add(`no end; last record ${f.bare(v.run.lastAt)} ${f.ref(v.run.lastSeq)}`);
  }
  out.add(` |\n`);
  out.add(`| Target | ${f.bare(v.run.target)}`);
  if (isGiven(v.run.isProtected)) {
    out.add(` (protected)`);
  }
  out.add(` ${f.ref(v.run.startSeq)} |\n`);
  for (const v1 of v.planned.stated) {
    out.add(`| ${f.bare(v1.label)} | ${f.bare(v1.text)} ${f.ref(v.run.startSeq)} |\n`);
  }
  if (isGiven(v.planned.windowsText)) {
    out.add(`| Planned window | ${f.bare(v.planned.windowsText)} ${f.ref(v.run.startSeq)} |\n`);
  }
  out.add(`| Started by | ${f.bare(v.run.actor)}`);
  if (isGiven(v.run.reason)) {
    out.add(` · reason: ${f.bare(v.run.reason)}`);
  }
  out.add(` ${f.ref(v.run.startSeq)} |\n`);
  if (isGiven(v.run.changeRef)) {
    out.add(`| Change | ${f.bare(v.run.changeRef)} ${f.ref(v.run.startSeq)} |\n`);
  }
  if (isGiven(v.run.incidentRef)) {
    out.add(`| Incident | ${f.bare(v.run.incidentRef)} ${f.ref(v.run.startSeq)} |\n`);
  }
  out.add(`| Result | **${f.bare(v.result.name)}**`);
  if (isGiven(v.run.finishedAt)) {
    out.add(`, exit ${f.bare(v.result.exitCode)} (${f.bare(v.result.exitName)})`);
  }
  out.add(` · ${f.bare(v.result.counts)}`);
  if (isGiven(v.run.finishSeq)) {
    out.add(` ${f.ref(v.run.finishSeq)}`);
  }
  out.add(` |\n`);
  if (isGiven(v.failed)) {
    out.add(`| Failed at | `);
    if (isGiven(v.failed.anchor)) {
      out.add(`[${f.code(v.failed.path)}](#${f.bare(v.failed.anchor)})`);
    } else {
      out.add(`${f.code(v.failed.path)}`);
    }
    out.add(`: ${f.bare(v.failed.message)} ${f.ref(v.failed.seqs)} |\n`);
  }
  if (isGiven(v.runbook.owner)) {
    out.add(`| Owner | ${f.bare(v.runbook.owner)} ${f.ref(v.run.startSeq)} |\n`);
  }
  out.add(`| State left | ${f.bare(v.verdict.state)} |\n`);
  out.add(`| Deviations | `);
  if (isGiven(v.deviations)) {
    out.add(`[${f.bare(v.deviationsText)}](#deviations)`);
  } else {
    out.add(`none`);
  }
  out.add(` |\n`);
  out.add(`| Evidence | ${f.bare(v.evidence.files)} files named by ${f.bare(v.evidence.records)} journal records, `);
  if (isGiven(v.evidence.isSealed)) {
    out.add(`sealed`);
  } else {
    out.add(`**not sealed**`);
  }
  out.add(` · chain head ${f.code(v.evidence.headHash)} · written by ${f.bare(v.evidence.tool)} · `);
  if (isGiven(v.evidence.signer)) {
    out.add(`signed with ${f.code(v.evidence.signer)}`);
  } else {
    out.add(`not signed`);
  }
  out.add(` · check: \`runbook verify\` ${f.code(v.run.id)} ${f.ref(v.run.lastSeq)} |\n`);
  if (isGiven(v.planned.retention)) {
    out.add(`| Kept | ${f.bare(v.planned.retention)}`);
    if (isGiven(v.planned.keptUntil)) {
      out.add(`, until ${f.bare(v.planned.keptUntil)}`);
    }
    out.add(` ${f.ref(v.run.startSeq)} |\n`);
  }
  if (isGiven(v.planned.nextDue)) {
    out.add(`| Next test due | ${f.bare(v.planned.nextDue)} ${f.ref(v.run.finishSeq)} |\n`);
  }
  if (isGiven(v.result.summary)) {
    out.add(`\n`);
    out.add(`${f.bare(v.result.summary)} ${f.ref(v.run.finishSeq)}\n`);
  }
}
