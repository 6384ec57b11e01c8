import fc from "fast-check";
import { expect, test } from "vitest";

import type { AuditEntry } from "./audit-entry.ts";
import { anyLine, auditLine } from "./audit-line.ts";

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("", "api.example.com", "/v1/messages", '"', "\\", "\n", "\u007f", "\u2028", "é", "a".repeat(257)),
  fc.constantFrom("sk-ant-api03-abcdefghijklmnopqrstuvwxyz", "/x/ghp_abcdefghijklmnopqrstuvwxyz012345", "key?=1"),
);
const name = fc.option(text, { nil: undefined });
const size = fc.option(fc.nat(), { nil: undefined });
const entry: fc.Arbitrary<AuditEntry> = fc.record({
  decision: fc.constantFrom("allowed", "injected", "blocked", "failed"),
  kind: fc.constantFrom("connect", "request", "upgrade"),
  correlationId: text,
  sessionId: name,
  sessionName: name,
  scheme: name,
  host: text,
  port: fc.nat(65_535),
  method: text,
  path: name,
  query: fc.option(fc.constantFrom("", "a=1", "secret", "a=1&b=2"), { nil: undefined }),
  ruleId: name,
  secret: name,
  reason: name,
  status: size,
  durationMs: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
  bytesSent: size,
  bytesReceived: size,
});

test("an entry that needs no care gives the same line by the short way", () => {
  fc.assert(
    fc.property(entry, fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }), (one, time) => {
      expect(auditLine(one, time)).toBe(anyLine(one, time));
    }),
    { numRuns: 3000 },
  );
});

test("plain entries give the same line by the short way", () => {
  const plain = fc.constantFrom("", "s0", "api.example.com", "/v1/messages", "GET", "a b&c=[d]<e>%20", "é", 'x"y');
  const shape = fc.record({
    decision: fc.constantFrom<AuditEntry["decision"]>("allowed", "injected"),
    kind: fc.constantFrom<AuditEntry["kind"]>("request"),
    correlationId: plain,
    sessionId: fc.option(plain, { nil: undefined }),
    host: plain,
    port: fc.nat(65_535),
    method: plain,
    path: plain,
    ruleId: fc.option(plain, { nil: undefined }),
    durationMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }),
  });
  fc.assert(
    fc.property(shape, (one) => {
      const time = new Date("2026-11-21T18:00:00.123Z");
      expect(auditLine(one, time)).toBe(anyLine(one, time));
    }),
    { numRuns: 2000 },
  );
});
