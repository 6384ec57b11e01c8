import { pbkdf2 } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  appendFile,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Clock } from "@clauderon/core/contract";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { AuditEntry, AuditRecord } from "./audit-entry.ts";
import { auditLine } from "./audit-line.ts";
import { createAuditLog, type AuditLogSettings, type AuditLog } from "./create-audit-log.ts";
import { followAuditLog } from "./follow-audit-log.ts";
import { readAuditLog, type AuditFilter } from "./read-audit-log.ts";

const pbkdf2Async = promisify(pbkdf2);
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

describe("lines", () => {
  it("P62 a line has the names of old and the whole decision", async () => {
    const audit = log();
    audit.write(entry);
    expect(await readFile(path(), "latin1")).toBe(
      '{"timestamp":"2026-11-21T10:00:00.000Z","correlation_id":"c-1","session_id":"s-1","service":"api.github.com","method":"GET","path":"/user","auth_injected":true,"response_code":200,"duration_ms":12.346,"decision":"injected","kind":"request","session_name":"fix-login","scheme":"https","port":443,"rule":"github-api","secret":"github","bytes_sent":10,"bytes_received":20}\n',
    );
    audit.close();
  });

  it.each([
    ["key=AIza-secret&alt=sse", "/p?key=[redacted]&alt=[redacted]"],
    ["secret", "/p?[redacted]"],
    ["=secret", "/p?[redacted]"],
    ["a", "/p?[redacted]"],
    ["", "/p"],
    ["a=b=c&&d=", "/p?a=[redacted]&[redacted]&d=[redacted]"],
  ])("P61 values of the query %j are redacted", (query, expected) => {
    expect(JSON.parse(auditLine({ ...entry, path: "/p", query }, time))).toMatchObject({ path: expected });
  });

  it.each([
    `sk-ant-api03-${"a".repeat(80)}`,
    `sk-proj-${"a".repeat(40)}`,
    `ghp_${"a".repeat(36)}`,
    `github_pat_${"A".repeat(60)}`,
    `npm_${"a".repeat(36)}`,
    `pypi-AgEIcHlwaS5vcmc${"a".repeat(40)}`,
    "xoxb-123456789012-abcdefgh",
    `AIzaSy${"A".repeat(33)}`,
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.sig",
    `dckr_pat_${"a".repeat(27)}`,
    `glpat-${"a".repeat(20)}`,
  ])("P61 the credential %s is redacted wherever it stands", (credential) => {
    const line = auditLine(
      {
        ...entry,
        path: `/hooks/${credential}/x`,
        query: `${credential}=1`,
        host: `${credential}.example`,
        reason: credential,
      },
      time,
    );
    expect(line).not.toContain(credential);
    expect(line).toContain("/hooks/[redacted]/x");
    expect(auditLine({ ...entry, path: `/\n${credential}` }, time)).not.toContain(credential);
  });

  it.each([
    "\n",
    "\r\n",
    "\u001b[2J\u001b[1;1H",
    "\u009b2J",
    "\u0007",
    "\u2028",
    "\u2029",
    "\u202e",
    "\0",
    "\u007f",
    '"}\n{"decision":"allowed"',
    "\\",
    "💥",
    "\ud800",
  ])("P63 %j anywhere makes one valid line of ASCII", (text) => {
    const line = auditLine(
      {
        ...entry,
        sessionName: text,
        host: text,
        method: text,
        path: text,
        query: `${text}=${text}`,
        reason: text,
        correlationId: text,
      },
      time,
    );
    expect(line).toMatch(/^[\u0020-\u007e]+\n$/);
    expect(JSON.parse(line)).toMatchObject({ decision: "injected" });
  });

  it("P63 a path of 1 MiB is cut", () => {
    const line = auditLine(
      { ...entry, path: `/${"a".repeat(1024 * 1024)}`, query: "b".repeat(1024 * 1024), host: "c".repeat(100_000) },
      time,
    );
    expect(line.length).toBeLessThan(8192);
    expect(line).toContain("(1048577 characters)");
  });

  it("P63 whatever is written is one line that reads back", () => {
    const text = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        const line = auditLine({ ...entry, host: a, path: b, query: c, method: a, sessionName: b }, time);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(line).toMatch(/^[\u0020-\u007e]+\n$/);
        JSON.parse(line);
      }),
      { numRuns: 300 },
    );
  });
});

describe("files", () => {
  it("P60 the log is private under any umask, and an open one is closed to others", async () => {
    await writeFile(path(), "", { mode: 0o644 });
    await chmod(path(), 0o644);
    const umask = process.umask(0);
    try {
      log().write(entry);
    } finally {
      process.umask(umask);
    }
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it("P60 a link in its place is not followed: requests are refused", async () => {
    await writeFile(join(directory, "target"), "untouched");
    await symlink(join(directory, "target"), path());
    expect(() => log().write(entry)).toThrow(expect.objectContaining({ code: "store.failed" }) as Error);
    expect(await readFile(join(directory, "target"), "utf8")).toBe("untouched");
  });

  it("P62 a half line of a crash is ended, and what follows reads back", async () => {
    const audit = log();
    audit.write(entry);
    audit.close();
    await appendFile(path(), '{"timestamp":"2026');
    // Of the clock's day, not of this one.
    await utimes(path(), time, time);
    const next = log();
    next.write({ ...entry, correlationId: "c-2" });
    next.close();
    expect((await records()).map((line) => line.correlation_id)).toEqual(["c-1", "c-2"]);
    expect((await readFile(path(), "utf8")).split("\n")).toHaveLength(4);
  });

  it("it is rotated by size; the newest closed files are kept", async () => {
    const audit = log({ maxBytes: 1000, keepFiles: 2 });
    for (let index = 0; index < 12; index += 1) audit.write({ ...entry, correlationId: `c-${index}` });
    audit.close();
    expect((await readdir(directory)).sort()).toEqual([
      "audit.2026-11-21.4.jsonl",
      "audit.2026-11-21.5.jsonl",
      "audit.jsonl",
    ]);
    expect((await records()).map((line) => line.correlation_id)).toEqual(["c-6", "c-7", "c-8", "c-9", "c-10", "c-11"]);
    for (const name of await readdir(directory))
      expect((await stat(join(directory, name))).size).toBeLessThanOrEqual(1000);
  });

  it("it is rotated by day", async () => {
    const audit = log();
    audit.write(entry);
    time = new Date("2026-11-22T00:00:01Z");
    audit.write({ ...entry, correlationId: "c-2" });
    audit.close();
    expect((await readdir(directory)).sort()).toEqual(["audit.2026-11-21.1.jsonl", "audit.jsonl"]);
    expect((await records()).map((line) => line.correlation_id)).toEqual(["c-1", "c-2"]);
  });

  it("P62 a log that somebody removes or replaces goes on under its own name", async () => {
    const audit = log();
    audit.write(entry);
    await rm(path());
    audit.write({ ...entry, correlationId: "c-2" });
    await rename(path(), join(directory, "taken.jsonl"));
    await writeFile(path(), "");
    audit.write({ ...entry, correlationId: "c-3" });
    audit.close();
    expect((await records()).map((line) => line.correlation_id)).toEqual(["c-3"]);
    expect(await readFile(join(directory, "taken.jsonl"), "utf8")).toContain("c-2");
  });

  it("it is read by session and by what was blocked", async () => {
    const audit = log();
    audit.write(entry);
    audit.write({ ...entry, decision: "blocked", reason: "read-only", correlationId: "c-2" });
    audit.write({ ...entry, sessionId: undefined, sessionName: undefined, decision: "failed", correlationId: "c-3" });
    audit.close();
    const ids = async (filter: AuditFilter): Promise<readonly string[]> =>
      (await records(filter)).map((line) => line.correlation_id);
    expect(await ids({ session: "fix-login" })).toEqual(["c-1", "c-2"]);
    expect(await ids({ session: "s-1", isBlocked: true })).toEqual(["c-2"]);
    expect(await ids({ isBlocked: true })).toEqual(["c-2", "c-3"]);
    expect(await Array.fromAsync(readAuditLog(join(directory, "none.jsonl")))).toEqual([]);
  });
});

describe("following", () => {
  it("new lines come as they are written, over a rotation, until the signal", async () => {
    const audit = log({ maxBytes: 1000 });
    audit.write({ ...entry, correlationId: "before" });
    const ending = new AbortController();
    const seen: string[] = [];
    const lines = followAuditLog(path(), { signal: ending.signal, filter: { session: "s-1" }, pollMs: 20 });
    const following = (async (): Promise<void> => {
      for await (const line of lines) {
        seen.push(line.correlation_id);
        if (line.correlation_id === "c-9") ending.abort();
      }
    })();
    for (let index = 0; index < 10; index += 1) {
      audit.write({ ...entry, sessionId: "other", sessionName: "other", correlationId: `x-${index}` });
      audit.write({ ...entry, correlationId: `c-${index}` });
      await expect.poll(() => seen.includes(`c-${index}`), { interval: 5 }).toBe(true);
    }
    await following;
    expect(seen).not.toContain("before");
    expect(seen.filter((id) => id.startsWith("c-"))).toEqual(Array.from({ length: 10 }, (_, index) => `c-${index}`));
    expect((await readdir(directory)).length).toBeGreaterThan(2);
    audit.close();
  });

  it("a rotation right after the call loses nothing", async () => {
    const audit = log();
    audit.write({ ...entry, correlationId: "before" });
    await expect.poll(() => readFileSync(path(), "utf8")).toContain("before");
    audit.close();
    const line = readFileSync(path(), "utf8");
    const pool = Array.from({ length: 8 }, () =>
      pbkdf2Async("keeps the file system's threads busy", "", 20_000, 32, "sha256"),
    );
    const ending = new AbortController();
    const lines = followAuditLog(path(), { signal: ending.signal, pollMs: 20 });
    const first = lines.next();
    renameSync(path(), `${path()}.1`);
    writeFileSync(path(), line.replace("before", "first"));
    await expect(first).resolves.toMatchObject({ value: { correlation_id: "first" } });
    ending.abort();
    await lines.return(undefined);
    await Promise.all(pool);
  });

  it("a log that does not exist yet is followed from its first line", async () => {
    const ending = new AbortController();
    const lines = followAuditLog(path(), { signal: ending.signal, pollMs: 20 });
    const first = lines.next();
    const audit = log();
    audit.write({ ...entry, correlationId: "first" });
    await expect(first).resolves.toMatchObject({ value: { correlation_id: "first" } });
    ending.abort();
    await expect(lines.next()).resolves.toMatchObject({ done: true });
    audit.close();
  });
});
