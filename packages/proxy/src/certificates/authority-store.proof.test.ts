import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createAuthorityStore } from "./authority-store.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "clauderon-ca-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});

describe("authority store", () => {
  const path = (): string => join(directory, "proxy", "authority.pem");
  const store = (): ReturnType<typeof createAuthorityStore> => createAuthorityStore(path(), systemClock);

  it("B4 kill -9 at any moment of creation or rotation leaves the old or the new, never half", async () => {
    const script = `
      const { createAuthorityStore } = await import(${JSON.stringify(new URL("authority-store.ts", import.meta.url).href)});
      const store = createAuthorityStore(${JSON.stringify(path())}, { now: () => new Date(), monotonicMs: () => 0 });
      process.stdout.write("ready\\n");
      for (;;) { await store.load(); await store.rotate(); await store.retire(new Set()); }`;
    const seen = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const child = execFile(process.execPath, [
        "--conditions",
        "@clauderon/source",
        "--input-type=module",
        "-e",
        script,
      ]);
      await once(child.stdout!, "data");
      // The moment differs from round to round by what the child has done: so many reads of the file.
      for (let read = 0; read < 3 + round * 5; read += 1) await readFile(path(), "utf8").catch(() => "");
      child.kill("SIGKILL");
      await once(child, "exit");
      seen.add((await store().load())[0].id);
    }
    expect(seen.size).toBeGreaterThan(0);
  });
});
