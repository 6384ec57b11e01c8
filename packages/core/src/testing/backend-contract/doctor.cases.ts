import assert from "node:assert/strict";

import type { DoctorReport } from "../../contract/index.ts";
import type { ContractCases } from "../contract-context.ts";

function isConsistent(report: DoctorReport): void {
  for (const check of report.checks) {
    assert.match(check.id, /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?$/);
    assert.ok(["ok", "warning", "failed"].includes(check.status), check.status);
    assert.ok(check.message.length > 0, `the check ${check.id} says what was found`);
  }
  assert.equal(report.isUsable, !report.checks.some((check) => check.status === "failed"));
}

/** One fix per check that is not ok, none elsewhere. */
function hasFixes(report: DoctorReport): void {
  for (const check of report.checks) {
    if (check.status !== "ok") assert.ok((check.fix ?? "").trim().length > 0, `the check ${check.id} has a fix`);
  }
}

export const doctorCases: ContractCases = {
  "doctor:usable": async ({ backend }) => {
    const report = await backend.doctor();
    assert.equal(report.backendId, backend.backendId);
    assert.ok(report.checks.length > 0, "something was checked");
    isConsistent(report);
    assert.equal(report.isUsable, true);
  },

  "doctor:fixes": async ({ backend }) => {
    hasFixes(await backend.doctor());
  },

  "doctor:broken-home": async ({ brokenInstance }) => {
    const report = await brokenInstance().doctor();
    isConsistent(report);
    hasFixes(report);
  },

  "doctor:in-time": async ({ backend, milliseconds }) => {
    const begin = performance.now();
    await backend.doctor();
    assert.ok(performance.now() - begin < milliseconds(10_000));
  },

  "doctor:at-once": async ({ backend }) => {
    const reports = await Promise.all([backend.doctor(), backend.doctor(), backend.doctor()]);
    for (const report of reports) isConsistent(report);
  },

  "doctor:makes-nothing": async ({ reopen }) => {
    const backend = reopen();
    const before = await backend.doctor();
    const after = await backend.doctor();
    assert.equal(after.isUsable, before.isUsable);
    assert.equal(after.version, before.version);
  },
};
