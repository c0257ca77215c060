/** Made of reports/*.html.hbs by scripts/generate.mjs. */
import type { AddendumView } from "../addendum-text.ts";
import { htmlFormat as f } from "../html-format.ts";
import type { PageView } from "../html.ts";
import { isGiven, type TextSink } from "../text-sink.ts";

export function addendum(v: AddendumView, out: TextSink): void {
  out.add(`<h2>Addendum</h2>\n`);
  out.add(`<p>Written by people after the run was sealed; the report above is unchanged. It is chained like the journal and lies in ${f.file("addendum.ndjson")}.</p>\n`);
  out.add(`<div class="scroll"><table><thead><tr><th>#</th><th>What</th><th>Text</th><th>Who</th><th>When (UTC)</th><th>Signature</th></tr></thead>\n`);
  for (const v1 of v.rows) {
    out.add(`<tr><td>${f.bare(v1.number)}</td><td>${f.bare(v1.kind)}</td><td>${f.bare(v1.text)}</td><td>${f.bare(v1.who)}</td><td>${f.bare(v1.at)}</td><td>${f.bare(v1.signature)}</td></tr>\n`);
  }
  out.add(`</table></div>\n`);
  out.add(`<p>Head of the addendum: ${f.code(v.headHash)}</p>\n`);
}

export function outcome(v: PageView, out: TextSink): void {
  out.add(`<h2>What changed</h2>\n`);
  out.add(`<p>${f.bare(v.verdict.state)}</p>\n`);
  if (isGiven(v.changes)) {
    out.add(`<div class="scroll"><table><thead><tr><th>Step</th><th>Effect</th><th>What it did</th><th>Before → after</th><th>Now</th><th>Records</th></tr></thead>\n`);
    for (const v1 of v.changes) {
      out.add(`<tr><td class="wide">${f.code(v1.step)}</td><td>${f.bare(v1.effects)}</td><td class="wide">${f.code(v1.action)}</td><td class="wide">`);
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
      out.add(`</td><td>${f.bare(v1.standing)}</td><td>${f.ref(v1.seqs)}</td></tr>\n`);
    }
    out.add(`</table></div>\n`);
  }
  if (isGiven(v.undo)) {
    out.add(`<p>Undo was begun: ${f.bare(v.undo.why)}. It is <strong>${f.bare(v.undo.result)}</strong>; its steps: ${f.codes(v.undo.steps)}.</p>\n`);
  }
  out.add(`<h2>Artifacts</h2>\n`);
  if (isGiven(v.artifacts)) {
    out.add(`<div class="scroll"><table><thead><tr><th>File</th><th>Bytes</th><th>Media type</th><th>SHA-256</th><th>Step</th><th>Record</th></tr></thead>\n`);
    for (const v3 of v.artifacts) {
      out.add(`<tr><td class="wide">${f.file(v3.path, v3.name)}</td><td>${f.bare(v3.bytes)}</td><td>${f.bare(v3.mediaType)}</td><td class="wide">${f.code(v3.sha256)}</td><td class="wide">${f.code(v3.step)}</td><td>${f.ref(v3.seqs)}</td></tr>\n`);
    }
    out.add(`</table></div>\n`);
  } else {
    out.add(`<p>None.</p>\n`);
  }
  if (isGiven(v.backups)) {
    out.add(`<h2>Back-ups</h2>\n`);
    out.add(`<div class="scroll"><table><thead><tr><th>Back-up</th><th>Bytes</th><th>Taken (UTC)</th><th>Integrity</th><th>Step</th><th>Records</th></tr></thead>\n`);
    for (const v4 of v.backups) {
      out.add(`<tr><td class="wide">${f.code(v4.sha256)}</td><td>${f.bare(v4.bytes)}</td><td>${f.bare(v4.takenAt)}</td><td>${f.bare(v4.integrity)}</td><td class="wide">${f.code(v4.step)}</td><td>${f.ref(v4.seqs)}</td></tr>\n`);
    }
    out.add(`</table></div>\n`);
  }
  out.add(`<h2>Environment</h2>\n`);
  out.add(`<div class="scroll"><table>\n`);
  for (const v5 of v.environment) {
    out.add(`<tr><th>${f.bare(v5.name)}</th><td class="wide">${f.code(v5.value)}</td><td>${f.ref(v5.seq)}</td></tr>\n`);
  }
  out.add(`</table></div>\n`);
  out.add(`<h2>Inputs</h2>\n`);
  if (isGiven(v.inputs)) {
    out.add(`<div class="scroll"><table><thead><tr><th>Input</th><th>Value</th><th>Source</th><th>Record</th></tr></thead>\n`);
    for (const v6 of v.inputs) {
      out.add(`<tr><td>${f.code(v6.name)}</td><td class="wide">${f.code(v6.value)}</td><td>${f.bare(v6.source)}</td><td>${f.ref(v.run.startSeq)}</td></tr>\n`);
    }
    out.add(`</table></div>\n`);
  } else {
    out.add(`<p>None.</p>\n`);
  }
  out.add(`<p>Digest of the inputs: ${f.code(v.inputsDigest)} ${f.ref(v.run.startSeq)}</p>\n`);
  out.add(`<p>Secrets: `);
  if (isGiven(v.secrets)) {
    out.add(`${f.codes(v.secrets)} (names only; values are not stored)`);
  } else {
    out.add(`none`);
  }
  if (isGiven(v.scan)) {
    out.add(`. ${f.bare(v.scan)} ${f.ref(v.scanSeq)}`);
  }
  out.add(`</p>\n`);
  out.add(`<h2>Sign-off</h2>\n`);
  out.add(`<div class="scroll"><table><thead><tr><th>Role</th><th>Name</th><th>Date</th><th>Result agreed</th><th>Signature</th></tr></thead>\n`);
  for (const v7 of v.signOff) {
    out.add(`<tr><td>${f.bare(v7.role)}</td><td>${f.bare(v7.name)}</td><td>${f.bare(v7.date)}</td><td>${f.bare(v7.agreed)}</td><td>${f.bare(v7.signature)}</td></tr>\n`);
  }
  out.add(`</table></div>\n`);
  out.add(`<h2>Appendix: the runbook as executed</h2>\n`);
  out.add(`<p>${f.code(v.runbook.file)}, ${f.code(v.runbook.digest)}, plan ${f.code(v.runbook.planDigest)}</p>\n`);
  out.add(`${f.fence(v.runbookYaml)}\n`);
  out.add(`<div class="scroll"><table><thead><tr><th>Sealed file</th><th>Digest</th></tr></thead>\n`);
  for (const v8 of v.files) {
    out.add(`<tr><td class="wide">${f.file(v8.path, v8.path)}</td><td class="wide">${f.code(v8.digest)}</td></tr>\n`);
  }
  out.add(`</table></div>\n`);
}

export function people(v: PageView, out: TextSink): void {
  out.add(`<h2>Participants</h2>\n`);
  out.add(`<div class="scroll"><table><thead><tr><th>Who</th><th>Role</th><th>Identified by</th><th>Record</th></tr></thead>\n`);
  for (const v1 of v.participants) {
    out.add(`<tr><td>${f.bare(v1.name)}</td><td>${f.bare(v1.role)}</td><td class="wide">${f.code(v1.identifiedBy)}</td><td>${f.ref(v1.seq)}</td></tr>\n`);
  }
  out.add(`</table></div>\n`);
  out.add(`<h2>Approvals and manual confirmations</h2>\n`);
  if (isGiven(v.questions)) {
    for (const v2 of v.questions) {
      out.add(`<h3>${f.code(v2.step)}: ${f.bare(v2.title)}</h3>\n`);
      out.add(`<p>Asked ${f.bare(v2.askedAt)}`);
      if (isGiven(v2.from)) {
        out.add(` of ${f.list(v2.from)}`);
      }
      if (isGiven(v2.expiresAt)) {
        out.add(`, until ${f.bare(v2.expiresAt)}`);
      }
      out.add(` · ${f.bare(v2.kind)} · now <strong>${f.bare(v2.state)}</strong> ${f.ref(v2.seq)}</p>\n`);
      if (isGiven(v2.answers)) {
        out.add(`<div class="scroll"><table><thead><tr><th>Who</th><th>Decision</th><th>How</th><th>Answered</th><th>After</th><th>Reason</th><th>Attached</th><th>Record</th></tr></thead>\n`);
        for (const v3 of v2.answers) {
          out.add(`<tr><td>${f.bare(v3.name)}</td><td>${f.bare(v3.decision)}</td><td>${f.bare(v3.how)}</td><td>${f.bare(v3.at)}</td><td>${f.bare(v3.after)}</td><td>${f.bare(v3.reason)}</td><td>`);
          for (const v4 of v3.attachments) {
            out.add(`${f.file(v4.path, v4.name)} `);
          }
          out.add(`</td><td>${f.ref(v3.seq)}</td></tr>\n`);
        }
        out.add(`</table></div>\n`);
      }
      out.add(`<p>What they were shown (${f.code(v2.shownDigest)}, of the plan ${f.code(v.runbook.planDigest)}):</p>\n`);
      out.add(`${f.fence(v2.shown)}\n`);
    }
  } else {
    out.add(`<p>Nobody was asked.</p>\n`);
  }
  out.add(`<h2 id="deviations">Deviations</h2>\n`);
  if (isGiven(v.deviations)) {
    out.add(`<div class="scroll"><table><thead><tr><th>Kind</th><th>Step</th><th>What</th><th>Who</th><th>Why</th><th>When (UTC)</th><th>Record</th></tr></thead>\n`);
    for (const v5 of v.deviations) {
      out.add(`<tr><td>${f.bare(v5.kind)}</td><td class="wide">${f.code(v5.step)}</td><td>${f.bare(v5.what)}</td><td>${f.bare(v5.by)}</td><td>${f.bare(v5.reason)}</td><td>${f.bare(v5.at)}</td><td>${f.ref(v5.seq)}</td></tr>\n`);
    }
    out.add(`</table></div>\n`);
  } else {
    out.add(`<p>None.</p>\n`);
  }
}

export function report(v: PageView, out: TextSink): void {
  out.add(`<!doctype html>\n`);
  out.add(`<html lang="en">\n`);
  out.add(`<head>\n`);
  out.add(`<meta charset="utf-8">\n`);
  out.add(`<meta http-equiv="Content-Security-Policy" content="${f.bare(v.page.policy)}">\n`);
  out.add(`<meta name="viewport" content="width=device-width, initial-scale=1">\n`);
  out.add(`<meta name="referrer" content="no-referrer">\n`);
  out.add(`<title>${f.bare(v.heading)}</title>\n`);
  out.add(`<style>`);
  style(v, out);
  out.add(`</style>\n`);
  out.add(`</head>\n`);
  out.add(`<body>\n`);
  out.add(`<h1 class="${f.bare(v.page.tone)}">${f.bare(v.heading)}</h1>\n`);
  out.add(`<div class="scroll"><table class="head">\n`);
  out.add(`<tr><th>Runbook</th><td>${f.bare(v.runbook.name)} ${f.bare(v.runbook.version)} (${f.code(v.runbook.digest)}`);
  if (isGiven(v.runbook.commit)) {
    out.add(`, commit ${f.code(v.runbook.commit)}`);
  }
  out.add(`, ${f.bare(v.runbook.tree)}) ${f.ref(v.run.startSeq)}</td></tr>\n`);
  out.add(`<tr><th>Kind</th><td>${f.bare(v.runbook.kind)} ${f.ref(v.run.startSeq)}</td></tr>\n`);
  out.add(`<tr><th>Run</th><td>${f.code(v.run.id)} · ${f.bare(v.run.startedAt)} to `);
  if (isGiven(v.run.finishedAt)) {
    out.add(`${f.bare(v.run.finishedAt)} · ${f.bare(v.run.took)}, of which ${f.bare(v.run.working)} working and ${f.bare(v.run.waiting)} waiting for people; ${f.bare(v.run.pauses.text)}`);
    if (isGiven(v.run.pauses.seqs)) {
      out.add(` ${f.ref(v.run.pauses.seqs)}`);
    }
    out.add(` ${f.ref(v.run.finishSeq)}`);
  } else {
    out.add(`no end; last record ${f.bare(v.run.lastAt)} ${f.ref(v.run.lastSeq)}`);
  }
  out.add(`</td></tr>\n`);
  out.add(`<tr><th>Target</th><td>${f.bare(v.run.target)}`);
  if (isGiven(v.run.isProtected)) {
    out.add(` (protected)`);
  }
  out.add(` ${f.ref(v.run.startSeq)}</td></tr>\n`);
  for (const v1 of v.planned.stated) {
    out.add(`<tr><th>${f.bare(v1.label)}</th><td>${f.bare(v1.text)} ${f.ref(v.run.startSeq)}</td></tr>\n`);
  }
  if (isGiven(v.planned.windowsText)) {
    out.add(`<tr><th>Planned window</th><td>${f.bare(v.planned.windowsText)} ${f.ref(v.run.startSeq)}</td></tr>\n`);
  }
  out.add(`<tr><th>Started by</th><td>${f.bare(v.run.actor)}`);
  if (isGiven(v.run.reason)) {
    out.add(` · reason: ${f.bare(v.run.reason)}`);
  }
  out.add(` ${f.ref(v.run.startSeq)}</td></tr>\n`);
  if (isGiven(v.run.changeRef)) {
    out.add(`<tr><th>Change</th><td>${f.bare(v.run.changeRef)} ${f.ref(v.run.startSeq)}</td></tr>\n`);
  }
  if (isGiven(v.run.incidentRef)) {
    out.add(`<tr><th>Incident</th><td>${f.bare(v.run.incidentRef)} ${f.ref(v.run.startSeq)}</td></tr>\n`);
  }
  out.add(`<tr><th>Result</th><td><strong>${f.bare(v.result.name)}</strong>`);
  if (isGiven(v.run.finishedAt)) {
    out.add(`, exit ${f.bare(v.result.exitCode)} (${f.bare(v.result.exitName)})`);
  }
  out.add(` · ${f.bare(v.result.counts)} ${f.ref(v.run.finishSeq)}</td></tr>\n`);
  if (isGiven(v.failed)) {
    out.add(`<tr><th>Failed at</th><td>`);
    if (isGiven(v.failed.anchor)) {
      out.add(`<a href="#${f.bare(v.failed.anchor)}">${f.code(v.failed.path)}</a>`);
    } else {
      out.add(`${f.code(v.failed.path)}`);
    }
    out.add(`: ${f.bare(v.failed.message)} ${f.ref(v.failed.seqs)}</td></tr>\n`);
  }
  if (isGiven(v.runbook.owner)) {
    out.add(`<tr><th>Owner</th><td>${f.bare(v.runbook.owner)} ${f.ref(v.run.startSeq)}</td></tr>\n`);
  }
  out.add(`<tr><th>State left</th><td>${f.bare(v.verdict.state)}</td></tr>\n`);
  out.add(`<tr><th>Deviations</th><td>`);
  if (isGiven(v.deviations)) {
    out.add(`<a href="#deviations">${f.bare(v.deviationsText)}</a>`);
  } else {
    out.add(`none`);
  }
  out.add(`</td></tr>\n`);
  out.add(`<tr><th>Evidence</th><td>${f.bare(v.evidence.files)} files named by ${f.bare(v.evidence.records)} journal records, `);
  if (isGiven(v.evidence.isSealed)) {
    out.add(`sealed`);
  } else {
    out.add(`<strong>not sealed</strong>`);
  }
  out.add(` · chain head ${f.code(v.evidence.headHash)} · written by ${f.bare(v.evidence.tool)} · `);
  if (isGiven(v.evidence.signer)) {
    out.add(`signed with ${f.code(v.evidence.signer)}`);
  } else {
    out.add(`not signed`);
  }
  out.add(` · check: <code>runbook verify</code> ${f.code(v.run.id)} ${f.ref(v.run.lastSeq)}</td></tr>\n`);
  if (isGiven(v.planned.retention)) {
    out.add(`<tr><th>Kept</th><td>${f.bare(v.planned.retention)}`);
    if (isGiven(v.planned.keptUntil)) {
      out.add(`, until ${f.bare(v.planned.keptUntil)}`);
    }
    out.add(` ${f.ref(v.run.startSeq)}</td></tr>\n`);
  }
  if (isGiven(v.planned.nextDue)) {
    out.add(`<tr><th>Next test due</th><td>${f.bare(v.planned.nextDue)} ${f.ref(v.run.finishSeq)}</td></tr>\n`);
  }
  out.add(`</table></div>\n`);
  if (isGiven(v.result.summary)) {
    out.add(`<p>${f.bare(v.result.summary)} ${f.ref(v.run.finishSeq)}</p>\n`);
  }
  out.add(`<h2>Objectives</h2>\n`);
  if (isGiven(v.objectives)) {
    out.add(`<div class="scroll"><table><thead><tr><th>Objective</th><th>Target</th><th>Actual</th><th>Margin</th><th>Met</th><th>How it was measured</th><th>Record</th></tr></thead>\n`);
    for (const v2 of v.objectives) {
      out.add(`<tr><td>${f.bare(v2.name)}</td><td>${f.bare(v2.target)}</td><td><strong>${f.bare(v2.actual)}</strong></td><td>${f.bare(v2.margin)}</td><td>${f.bare(v2.met)}</td><td>${f.bare(v2.measured)}</td><td>${f.ref(v2.seq)}</td></tr>\n`);
    }
    out.add(`</table></div>\n`);
  } else {
    out.add(`<p>The runbook states none.</p>\n`);
  }
  out.add(`<h2>Timeline</h2>\n`);
  if (isGiven(v.timeline.bars)) {
    out.add(`<div class="scroll"><svg viewBox="0 0 ${f.bare(v.page.width)} ${f.bare(v.page.height)}" role="img" aria-label="Timeline; the same in the table below">\n`);
    for (const v3 of v.page.ticks) {
      out.add(`<line class="grid" x1="${f.bare(v3.x)}" y1="16" x2="${f.bare(v3.x)}" y2="${f.bare(v.page.height)}"/><text class="tick" x="${f.bare(v3.x)}" y="11" text-anchor="middle">${f.bare(v3.label)}</text>\n`);
    }
    for (const v4 of v.page.bars) {
      out.add(`<text x="0" y="${f.bare(v4.textY)}">${f.bare(v4.label)}</text><rect class="${f.bare(v4.state)}" x="${f.bare(v4.x)}" y="${f.bare(v4.y)}" width="${f.bare(v4.width)}" height="12" rx="2"><title>${f.bare(v4.tip)}</title></rect>\n`);
    }
    for (const v5 of v.page.limits) {
      out.add(`<line class="limit" x1="${f.bare(v5.x)}" y1="16" x2="${f.bare(v5.x)}" y2="${f.bare(v.page.height)}"><title>${f.bare(v5.tip)}</title></line>\n`);
    }
    out.add(`</svg></div>\n`);
    out.add(`<div class="scroll"><table><thead><tr><th>#</th><th>Step</th><th>Part</th><th>From (UTC)</th><th>To</th><th>Took</th><th>Status</th><th>Records</th></tr></thead>\n`);
    for (const v6 of v.timeline.bars) {
      out.add(`<tr><td>${f.bare(v6.number)}</td><td class="wide">${f.code(v6.path)}</td><td>${f.bare(v6.section)}</td><td>${f.bare(v6.from)}</td><td>${f.bare(v6.to)}</td><td>${f.bare(v6.took)}</td><td>${f.bare(v6.status)}</td><td>${f.ref(v6.seqs)}</td></tr>\n`);
    }
    for (const v7 of v.timeline.limits) {
      out.add(`<tr><td></td><td>${f.bare(v7.name)}</td><td>Limits</td><td>${f.bare(v7.at)}</td><td>${f.bare(v7.at)}</td><td></td><td>limit</td><td>${f.ref(v7.seq)}</td></tr>\n`);
    }
    out.add(`</table></div>\n`);
    if (isGiven(v.timeline.leftOut)) {
      out.add(`<p>${f.bare(v.timeline.leftOut)} more steps are left out here; all are in the next table.</p>\n`);
    }
  } else {
    out.add(`<p>No step was started.</p>\n`);
  }
  steps(v, out);
  people(v, out);
  outcome(v, out);
  out.add(`</body>\n`);
  out.add(`</html>\n`);
}

export function steps(v: PageView, out: TextSink): void {
  out.add(`<h2>Steps</h2>\n`);
  out.add(`<div class="scroll"><table><thead><tr><th>#</th><th>Step</th><th>Effect</th><th>Status</th><th>Start (UTC)</th><th>Took</th><th>Tries</th><th>Checks</th><th>Who</th><th>Records</th></tr></thead>\n`);
  for (const v1 of v.steps) {
    out.add(`<tr><td>${f.bare(v1.number)}</td><td>`);
    if (isGiven(v1.anchor)) {
      out.add(`<a href="#${f.bare(v1.anchor)}">${f.bare(v1.title)}</a>`);
    } else {
      out.add(`${f.bare(v1.title)}`);
    }
    out.add(`</td><td>${f.bare(v1.effects)}</td><td>${f.bare(v1.status)}</td><td>${f.bare(v1.startedAt)}</td><td>${f.bare(v1.took)}</td><td>${f.bare(v1.tries)}</td><td>${f.bare(v1.checks)}</td><td>${f.bare(v1.who)}</td><td>${f.ref(v1.seqs)}</td></tr>\n`);
  }
  out.add(`</table></div>\n`);
  out.add(`<h2>Details</h2>\n`);
  let v2Count = 0;
  for (const v2 of v.details) {
    v2Count++;
    out.add(`<h3 id="${f.bare(v2.anchor)}">${f.bare(v2.number)} ${f.code(v2.path)}</h3>\n`);
    out.add(`<p><strong>${f.bare(v2.title)}</strong> · ${f.bare(v2.stepType)} · ${f.bare(v2.effects)} · ${f.bare(v2.status)}`);
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
    out.add(` <span class="soft">journal ${f.ref(v2.seqs)}</span></p>\n`);
    if (isGiven(v2.why)) {
      out.add(`<p>${f.bare(v2.why)}</p>\n`);
    }
    if (isGiven(v2.note)) {
      out.add(`<p>Note of the author: ${f.bare(v2.note)}</p>\n`);
    }
    if (isGiven(v2.failure)) {
      out.add(`<p><span class="bad">Failed</span> (${f.bare(v2.failure.class)}, ${f.bare(v2.failure.reason)}): ${f.bare(v2.failure.message)}</p>\n`);
      if (isGiven(v2.failure.facts)) {
        out.add(`<div class="scroll"><table><thead><tr><th>Fact</th><th>Value</th></tr></thead>\n`);
        for (const v3 of v2.failure.facts) {
          out.add(`<tr><td>${f.bare(v3.name)}</td><td class="wide">${f.code(v3.value)}</td></tr>\n`);
        }
        out.add(`</table></div>\n`);
      }
    }
    if (isGiven(v2.action)) {
      out.add(`<p>What it does: ${f.code(v2.action)}</p>\n`);
    }
    if (isGiven(v2.attempts)) {
      out.add(`<div class="scroll"><table><thead><tr><th>Attempt</th><th>Started</th><th>Ended</th><th>Status</th><th>Why it failed</th></tr></thead>\n`);
      for (const v4 of v2.attempts) {
        out.add(`<tr><td>${f.bare(v4.attempt)}</td><td>${f.bare(v4.startedAt)}</td><td>${f.bare(v4.finishedAt)}</td><td>${f.bare(v4.status)}</td><td>${f.bare(v4.failure)}</td></tr>\n`);
      }
      out.add(`</table></div>\n`);
    }
    for (const v5 of v2.commands) {
      out.add(`<p>Command ${f.ref(v5.seqs)}, attempt ${f.bare(v5.attempt)}, ${f.bare(v5.effects)}: ${f.bare(v5.ended)}`);
      if (isGiven(v5.took)) {
        out.add(` after ${f.bare(v5.took)}`);
      }
      out.add(`</p>\n`);
      out.add(`${f.fence(v5.text)}\n`);
      out.add(`<p>Working directory ${f.code(v5.cwd)} · environment `);
      if (isGiven(v5.env)) {
        out.add(`${f.codes(v5.env)}`);
      } else {
        out.add(`nothing of its own`);
      }
      out.add(` · started ${f.bare(v5.startedAt)}</p>\n`);
      for (const v6 of v5.streams) {
        out.add(`<p>${f.file(v6.file, v6.name)}, ${f.bare(v6.bytes)} bytes`);
        if (isGiven(v6.droppedBytes)) {
          out.add(` (${f.bare(v6.droppedBytes)} more were not kept)`);
        }
        out.add(`, SHA-256 ${f.code(v6.sha256)}:</p>\n`);
        out.add(`${f.fence(v6.excerpt)}\n`);
      }
    }
    if (isGiven(v2.commandsLeftOut)) {
      out.add(`<p>${f.bare(v2.commandsLeftOut)} more commands are in the journal.</p>\n`);
    }
    if (isGiven(v2.checks)) {
      out.add(`<div class="scroll"><table><thead><tr><th>Check</th><th>Result</th><th>Expected</th><th>Actual</th><th>Message</th></tr></thead>\n`);
      for (const v7 of v2.checks) {
        out.add(`<tr><td class="wide">${f.code(v7.that)}</td><td>${f.bare(v7.status)}</td><td class="wide">${f.code(v7.expected)}</td><td class="wide">${f.code(v7.actual)}</td><td class="wide">${f.bare(v7.message)}</td></tr>\n`);
      }
      out.add(`</table></div>\n`);
      if (isGiven(v2.polls)) {
        out.add(`<p>Asked ${f.bare(v2.polls)} times.</p>\n`);
      }
    }
    if (isGiven(v2.lastSeen)) {
      out.add(`<p>Last seen ${f.bare(v2.lastSeen.at)} by ${f.code(v2.lastSeen.that)}: <strong>${f.bare(v2.lastSeen.answer)}</strong>`);
      if (isGiven(v2.lastSeen.actual)) {
        out.add(`, ${f.bare(v2.lastSeen.actual)}`);
      }
      out.add(` ${f.ref(v2.lastSeen.seq)}</p>\n`);
    }
    for (const v8 of v2.shown) {
      out.add(`<p>Shown for ${f.code(v8.that)}:</p>\n`);
      out.add(`${f.fence(v8.value)}\n`);
    }
    if (isGiven(v2.outputs)) {
      out.add(`<div class="scroll"><table><thead><tr><th>Output</th><th>Value</th></tr></thead>\n`);
      for (const v9 of v2.outputs) {
        out.add(`<tr><td>${f.bare(v9.name)}</td><td class="wide">${f.code(v9.value)}</td></tr>\n`);
      }
      out.add(`</table></div>\n`);
    }
    if (isGiven(v2.results)) {
      out.add(`<div class="scroll"><table><thead><tr><th>Result</th><th>Value</th></tr></thead>\n`);
      for (const v10 of v2.results) {
        out.add(`<tr><td>${f.bare(v10.name)}</td><td class="wide">${f.code(v10.value)}</td></tr>\n`);
      }
      out.add(`</table></div>\n`);
    }
    if (isGiven(v2.artifacts)) {
      out.add(`<div class="scroll"><table><thead><tr><th>Artifact</th><th>Bytes</th><th>SHA-256</th></tr></thead>\n`);
      for (const v11 of v2.artifacts) {
        out.add(`<tr><td class="wide">${f.file(v11.path, v11.name)}</td><td>${f.bare(v11.bytes)}</td><td class="wide">${f.code(v11.sha256)}</td></tr>\n`);
      }
      out.add(`</table></div>\n`);
    }
  }
  if (v2Count === 0) {
    out.add(`<p>No step was started.</p>\n`);
  }
}

export function style(_: unknown, out: TextSink): void {
  out.add(`:root { color-scheme: light; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #fff; --shade: #f6f8fa; --ok: #1a7f37; --bad: #b3261e; --wait: #8a5a00; }\n`);
  out.add(`* { box-sizing: border-box; }\n`);
  out.add(`body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }\n`);
  out.add(`h1 { font-size: 1.5rem; line-height: 1.25; border-left: .4rem solid var(--line); padding-left: .8rem; }\n`);
  out.add(`h1.passed { border-color: var(--ok); } h1.failed { border-color: var(--bad); } h1.open { border-color: var(--wait); }\n`);
  out.add(`h2 { margin-top: 2.2rem; font-size: 1.2rem; border-bottom: 1px solid var(--line); }\n`);
  out.add(`h3 { margin: 1.8rem 0 .3rem; font-size: 1rem; }\n`);
  out.add(`.scroll { overflow-x: auto; margin: .6rem 0; }\n`);
  out.add(`table { border-collapse: collapse; min-width: 100%; font-size: .875rem; }\n`);
  out.add(`th, td { border: 1px solid var(--line); padding: .3rem .55rem; text-align: left; vertical-align: top; overflow-wrap: normal; }\n`);
  out.add(`th { background: var(--shade); font-weight: 600; }\n`);
  out.add(`.head th { width: 8rem; white-space: nowrap; } .head td, .head td code { overflow-wrap: anywhere; }\n`);
  out.add(`code, pre { font: .8125rem/1.45 ui-monospace, monospace; }\n`);
  out.add(`td code { overflow-wrap: break-word; }\n`);
  out.add(`code { background: var(--shade); padding: .05rem .25rem; border-radius: .2rem; white-space: pre-wrap; }\n`);
  out.add(`pre { background: var(--shade); border: 1px solid var(--line); padding: .6rem; overflow-x: auto; white-space: pre-wrap; max-height: 32rem; }\n`);
  out.add(`a { color: #0b57d0; } a.ref { color: var(--soft); font-size: .85em; white-space: nowrap; text-decoration: none; } a.ref:hover { text-decoration: underline; }\n`);
  out.add(`.soft { color: var(--soft); }\n`);
  out.add(`.bad { color: var(--bad); font-weight: 600; } .ok { color: var(--ok); }\n`);
  out.add(`svg { display: block; width: 100%; min-width: 40rem; height: auto; font: 11px system-ui, sans-serif; }\n`);
  out.add(`svg text { fill: var(--ink); } svg .tick { fill: var(--soft); } svg .grid { stroke: var(--line); } svg .limit { stroke: var(--bad); stroke-dasharray: 4 3; stroke-width: 1.5; }\n`);
  out.add(`svg .done { fill: #4c8fd6; } svg .crit { fill: var(--bad); } svg .active { fill: #d29922; }\n`);
  out.add(`@media screen and (prefers-color-scheme: dark) {\n`);
  out.add(`  :root { color-scheme: dark; --ink: #e6edf3; --soft: #9da7b3; --line: #3d444d; --paper: #0d1117; --shade: #161b22; --ok: #3fb950; --bad: #ff7b72; --wait: #d29922; }\n`);
  out.add(`  a { color: #79b8ff; }\n`);
  out.add(`}\n`);
  out.add(`@media (max-width: 40rem) { body { padding: .8rem; font-size: 15px; } th, td { padding: .25rem .35rem; } }\n`);
  out.add(`@media print {\n`);
  out.add(`  body { max-width: none; padding: 0; font-size: 10pt; } a { color: inherit; text-decoration: none; }\n`);
  out.add(`  pre { max-height: none; orphans: 4; widows: 4; box-decoration-break: clone; -webkit-box-decoration-break: clone; } .scroll { overflow: visible; } .wide { min-width: 4.5rem; } .wide, .wide code { overflow-wrap: anywhere; }\n`);
  out.add(`  h1, h2, h3, thead, p:has(+ pre), p:has(+ .scroll) { break-after: avoid; } tr, svg { break-inside: avoid; } p { orphans: 3; widows: 3; }\n`);
  out.add(`  svg { min-width: 0; } table { font-size: 8pt; } code, pre { font-size: 7.5pt; }\n`);
  out.add(`}\n`);
}
