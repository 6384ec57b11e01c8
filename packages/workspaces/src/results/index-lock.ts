import { join } from "node:path";

import { fileNameOf } from "../workspace-claims.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { locked } from "./result-errors.ts";
import type { Checkout } from "./result-record.ts";

const text = (id: string): string => `clauderon ${id}\n`;
/** Where an index lies until it takes the place of the user's. */
export function newIndexOf({ gitDirectory }: Checkout, id: string): string {
  return join(gitDirectory, `clauderon-index-${fileNameOf(id)}`);
}

const lockOf = ({ gitDirectory }: Checkout): string => join(gitDirectory, "index.lock");

/** Keeps every git out of the user's index, as git itself does it. It says whose it is: after a crash it is found again. */
export async function lockIndex({ fileSystem }: WorkspaceTools, checkout: Checkout, id: string): Promise<void> {
  const lock = lockOf(checkout);
  if (await fileSystem.claim(lock, text(id))) return;
  if ((await fileSystem.readText(lock)) !== text(id)) throw locked(lock, checkout.workTree);
}

/** Idempotent; another's lock stays. */
export async function unlockIndex({ fileSystem }: WorkspaceTools, checkout: Checkout, id: string): Promise<void> {
  const lock = lockOf(checkout);
  await fileSystem.remove(`${lock}.clauderon`);
  await fileSystem.remove(newIndexOf(checkout, id));
  if ((await fileSystem.readText(lock)) === text(id)) await fileSystem.remove(lock);
}
