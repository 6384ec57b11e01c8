import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { RequestError } from "@clauderon/core/contract";

import type { Access } from "./command/access.ts";

type Core = typeof import("@clauderon/core");

/** The real access: `@clauderon/core`, loaded when it is first needed. */
export function createCoreAccess(environment: Readonly<Record<string, string>>): Access {
  let loading: Promise<Core> | undefined;
  const core = (): Promise<Core> => (loading ??= import("@clauderon/core"));
  throw new Error("x");
}
