import { writeSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Clock } from "@clauderon/core/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { answer, startRecordingUpstream } from "../transport/testing/recording-upstream.fixture.ts";
import {
  connectThrough,
  isWholeAnswer,
  readUntil,
  startTestProxy,
  tlsThrough,
} from "../transport/testing/test-proxy.fixture.ts";
import type { AuditEntry, AuditRecord } from "./audit-entry.ts";
import { createAuditLog, type AuditLog, type AuditLogSettings } from "./create-audit-log.ts";
import { readAuditLog, type AuditFilter } from "./read-audit-log.ts";

let directory = "";
let time = new Date("2026-11-21T10:00:00Z");
const clock: Clock = { now: () => time, monotonicMs: () => time.getTime() };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "clauderon-audit-"));
  time = new Date("2026-11-21T10:00:00Z");
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});

const path = (): string => join(directory, "audit.jsonl");
const log = (settings: Partial<AuditLogSettings> = {}): AuditLog =>
  createAuditLog({ path: path(), flushMs: 0, clock, ...settings });

const entry: AuditEntry = {
  decision: "injected",
  kind: "request",
  correlationId: "c-1",
  sessionId: "s-1",
  sessionName: "fix-login",
  scheme: "https",
  host: "api.github.com",
  port: 443,
  method: "GET",
  path: "/user",
  ruleId: "github-api",
  secret: "github",
  status: 200,
  durationMs: 12.3456,
  bytesSent: 10,
  bytesReceived: 20,
};

async function records(filter?: AuditFilter): Promise<readonly AuditRecord[]> {
  return Array.fromAsync(readAuditLog(path(), filter));
}

/** A disk with so many bytes left; it takes what fits, then says ENOSPC, as Linux does. */
function disk(free: number): { left: number; write(descriptor: number, bytes: Uint8Array): number } {
  return {
    left: free,
    write(descriptor, bytes) {
      if (this.left === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      const count = writeSync(descriptor, bytes.subarray(0, this.left));
      this.left -= count;
      return count;
    },
  };
}

describe("a disk that does not take it", () => {
  it("P62 full: the line is refused with a reason, no half line stays, and it goes on once there is space", async () => {
    const writer = disk(500);
    const audit = log({ writer });
    audit.write(entry);
    expect(() => audit.write({ ...entry, correlationId: "c-2" })).toThrow(
      expect.objectContaining({
        code: "store.full",
        fix: [expect.stringContaining("free space"), expect.anything()],
      }) as Error,
    );
    expect(audit.healthy).toBe(false);
    expect(() => audit.write({ ...entry, correlationId: "c-3" })).toThrow("full");
    expect((await records()).map((line) => line.correlation_id)).toEqual(["c-1"]);
    expect(await readFile(path(), "latin1")).toMatch(/\}\n$/);
    writer.left = 100_000;
    expect(audit.healthy).toBe(true);
    audit.write({ ...entry, correlationId: "c-4" });
    audit.close();
    // Those that were refused have no line that says that they were injected: one line says that there were two of them.
    expect(await records()).toMatchObject([
      { correlation_id: "c-1" },
      { kind: "gap", decision: "blocked", reason: "audit-unavailable", missing: 2 },
      { correlation_id: "c-4" },
    ]);
  });

  it("P62 buffered lines are not lost when the disk fills between", async () => {
    const writer = disk(0);
    const audit = log({ writer, flushMs: 10_000 });
    audit.write(entry);
    audit.write({ ...entry, correlationId: "c-2" });
    expect(() => audit.flush()).toThrow("full");
    expect(() => audit.write({ ...entry, correlationId: "c-3" })).toThrow("full");
    writer.left = 100_000;
    audit.close();
    expect(await records()).toMatchObject([
      { correlation_id: "c-1" },
      { correlation_id: "c-2" },
      { kind: "gap", missing: 1 },
    ]);
  });

  it("P62 how something ended is kept while the disk is full, and written in its place once there is space", async () => {
    const writer = disk(500);
    const audit = log({ writer, flushMs: 10_000 });
    audit.write(entry);
    audit.flush();
    audit.write({ ...entry, correlationId: "c-2" });
    expect(() => audit.flush()).toThrow("full");
    audit.write({ ...entry, correlationId: "c-2", decision: "failed" }, { isEnd: true });
    for (const correlationId of ["c-3", "c-4"]) expect(() => audit.write({ ...entry, correlationId })).toThrow("full");
    time = new Date("2026-11-21T10:00:05Z");
    audit.write({ ...entry, bytesReceived: 7 }, { isEnd: true });
    writer.left = 100_000;
    audit.write({ ...entry, correlationId: "c-5" });
    audit.close();
    const seen = await records();
    expect(seen).toMatchObject([
      { correlation_id: "c-1" },
      { correlation_id: "c-2", decision: "injected" },
      { correlation_id: "c-2", decision: "failed" },
      { kind: "gap", missing: 2, duration_ms: 5000, timestamp: "2026-11-21T10:00:00.000Z" },
      { correlation_id: "c-1", bytes_received: 7 },
      { correlation_id: "c-5" },
    ]);
    expect((await records({ session: "another" })).map(({ kind }) => kind)).toEqual(["gap"]);
  });

  it("P62 what another process wrote is not taken back with a half line", async () => {
    // The day of the file, which is not closed between the two.
    time = new Date();
    const writer = disk(100_000);
    const audit = log({ writer });
    audit.write(entry);
    const other = log();
    for (const correlationId of ["o-1", "o-2"]) other.write({ ...entry, correlationId });
    writer.left = 100;
    expect(() => audit.write({ ...entry, correlationId: "c-2" })).toThrow("full");
    writer.left = 100_000;
    audit.write({ ...entry, correlationId: "c-3" });
    audit.close();
    other.close();
    expect((await records()).map((line) => line.correlation_id)).toEqual(["c-1", "o-1", "o-2", "", "c-3"]);
  });

  it("P62 a directory that cannot be written refuses too", async () => {
    await writeFile(join(directory, "file"), "");
    const audit = createAuditLog({ path: join(directory, "file", "audit.jsonl"), flushMs: 0, clock });
    expect(() => audit.write(entry)).toThrow(expect.objectContaining({ code: "store.failed" }) as Error);
  });

  it("P62 buffered lines reach the file without anyone asking", async () => {
    const audit = log({ flushMs: 5 });
    audit.write(entry);
    await expect.poll(async () => readFile(path(), "latin1").catch(() => "")).toContain("c-1");
    audit.close();
  });
});

it("P62 through the proxy: no line says of a request that was refused that it went, and what had begun has its end", async () => {
  const writer = disk(100_000);
  const audit = createAuditLog({ path: path(), writer });
  const answering = Promise.withResolvers<void>();
  await using upstream = await startRecordingUpstream({
    respond: async ({ socket, text }) => {
      if (text.includes(" /slow ")) await answering.promise;
      if (text.endsWith("\r\n\r\n")) socket.write(answer("ok"));
    },
  });
  await using test = await startTestProxy({
    writeRecord: (line, about) => audit.write(line, about),
    flushRecords: () => audit.flush(),
  });
  const target = `api.test:${upstream.port}`;
  const open = await Promise.all(["/slow", "/one", "/two"].map(async () => tlsThrough(test, { target })));
  const ask = async (index: number, of: string): Promise<string> => {
    const tls = open[index] ?? expect.unreachable();
    const read = readUntil(tls, isWholeAnswer);
    tls.write(`GET ${of} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    return (await read).text.slice(9, 12);
  };
  const slow = ask(0, "/slow");
  await upstream.until(() => upstream.text.includes("/slow"));
  writer.left = 0;
  expect(await ask(1, "/one")).toBe("503");
  expect(await ask(2, "/two")).toBe("503");
  expect((await connectThrough(test, { target })).answer).toMatch(/^HTTP\/1.1 503/u);
  answering.resolve();
  expect(await slow).toBe("200");
  writer.left = 100_000;
  // Nobody has to ask for it: the log itself tries again.
  await expect.poll(async () => (await records()).some(({ kind }) => kind === "gap"), { timeout: 20_000 }).toBe(true);
  const seen = await records();
  expect(seen.filter(({ path: of }) => of === "/slow")).toMatchObject([
    { decision: "injected", response_code: null },
    { decision: "injected", response_code: 200 },
  ]);
  expect(seen.filter(({ path: of }) => of === "/one")).toMatchObject([
    { decision: "injected", response_code: null },
    { decision: "failed", reason: "audit-unavailable" },
  ]);
  expect(seen.filter(({ path: of }) => of === "/two")).toEqual([]);
  expect(seen.filter(({ kind }) => kind === "gap")).toMatchObject([{ missing: 2 }]);
  for (const tls of open) tls.destroy();
  audit.close();
});
