import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describeStoreContract } from "@clauderon/core/testing";
import { afterAll } from "vitest";

import { createSqliteStore } from "../src/index.ts";

const directory = mkdtempSync(join(tmpdir(), "clauderon-store-"));
let count = 0;

afterAll(() => {
  rmSync(directory, { recursive: true });
});

describeStoreContract({
  name: "the SQLite store",
  create: () => {
    count += 1;
    return createSqliteStore({ path: join(directory, `${count}.sqlite`) });
  },
});
