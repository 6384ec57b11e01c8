/** Fills a disk of 64 KiB, which only this process sees, under an audit log, and makes room again; prints the log's lines as JSON. Runs where it may mount (`unshare -rm`). */
import { execFileSync } from "node:child_process";
import { appendFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { createAuditLog } from "../create-audit-log.ts";
import { readAuditLog } from "../read-audit-log.ts";

const [directory = ""] = process.argv.slice(2);
execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]);
const path = join(directory, "audit.jsonl");
const filler = join(directory, "filler");
const audit = createAuditLog({ path });
const entry = { decision: "injected", kind: "request", host: "api.github.com", port: 443, method: "GET" } as const;

/** The code of what went wrong. */
function attempt(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

audit.write({ ...entry, correlationId: "begun" });
audit.flush();
let filled: string | undefined;
while (filled === undefined) filled = attempt(() => appendFileSync(filler, Buffer.alloc(512)));
// What is left of the log's own last block.
let refused: string | undefined;
for (let count = 1; refused === undefined; count += 1)
  refused = attempt(() => {
    audit.write({ ...entry, correlationId: `in-time-${count}`, path: `/${"x".repeat(1000)}` });
    audit.flush();
  });
const counted = [1, 2, 3].map((count) => attempt(() => audit.write({ ...entry, correlationId: `refused-${count}` })));
audit.write({ ...entry, correlationId: "begun", status: 200, durationMs: 1 }, { isEnd: true });
rmSync(filler);
// It is looked for by itself.
const size = statSync(path).size;
while (statSync(path).size === size) await new Promise((fulfil) => setTimeout(fulfil, 20));
audit.write({ ...entry, correlationId: "after" });
audit.close();
const lines = await Array.fromAsync(readAuditLog(path));
console.log(JSON.stringify({ filled, refused, counted, lines }));
