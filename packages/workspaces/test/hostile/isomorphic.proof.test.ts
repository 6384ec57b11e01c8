import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { runWork } from "../../src/repository/isomorphic/run-work.ts";
import { errorWith } from "../git-fixture.ts";
import { bomb, deltaOfItself, forgePack, neighbours } from "./isomorphic-vectors.ts";

test(
  "isomorphic-git is ended where reading an object would never end, or would fill the memory",
  { timeout: 120_000 },
  async () => {
    const { gitDirectory } = neighbours();
    const endless = "a".repeat(40);
    forgePack(gitDirectory, [{ name: endless, bytes: deltaOfItself(endless) }]);
    writeFileSync(join(gitDirectory, "refs", "heads", "led"), `${endless}\n`);
    const work = { kind: "listRefs", gitDirectory } as const;
    await expect(runWork(work, { durationMs: 3000 })).rejects.toEqual(errorWith("command.not-found"));

    const other = neighbours().gitDirectory;
    const large = "b".repeat(40);
    mkdirSync(join(other, "objects", "bb"), { recursive: true });
    writeFileSync(join(other, "objects", "bb", "b".repeat(38)), bomb(4096));
    writeFileSync(join(other, "refs", "heads", "led"), `${large}\n`);
    const limited = { kind: "listRefs", gitDirectory: other } as const;
    await expect(runWork(limited, { memoryBytes: 256 * 1024 * 1024 })).rejects.toMatchObject({
      code: "command.not-found",
      why: expect.stringContaining("memory"),
    });
  },
);
