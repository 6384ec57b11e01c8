import type { WorkspaceRecord, WorkspaceResult, WorkspaceResultRequest } from "@clauderon/core/contract";

import type { GitConfigEntry } from "../git-config-file.ts";
import { readablePath } from "../porcelain-status.ts";
import type { UserSettings } from "../user-settings.ts";
import type { FileChange } from "./result-record.ts";
import type { UserCheckout } from "./user-checkout.ts";

export interface PrepareCall {
  readonly record: WorkspaceRecord;
  readonly request: WorkspaceResultRequest;
  readonly settings: UserSettings;
  readonly signal?: AbortSignal | undefined;
}

/** A merge or an application that is worked out and has changed nothing; disposing it forgets it. */
export interface Prepared extends AsyncDisposable {
  readonly isUpToDate: boolean;
  readonly how: WorkspaceResult["how"];
  readonly changes: readonly FileChange[];
  /** Whose files change. */
  readonly checkout?: UserCheckout | undefined;
  /** Tree or commit with the changed files; `environment` knows its objects. */
  readonly after: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: readonly GitConfigEntry[];
  /** The branch that moves; short name. */
  readonly branch?: string | undefined;
  readonly before?: string | undefined;
  /** The commit to move it to; writes objects that nothing reaches yet. */
  makeCommit?(): Promise<string>;
}

export function resultOf(prepared: Prepared, kind: WorkspaceResult["kind"], after?: string): WorkspaceResult {
  const { isUpToDate, how, branch, before, checkout, changes } = prepared;
  return {
    kind,
    isUpToDate,
    how,
    branch,
    before,
    after: isUpToDate ? before : after,
    checkout: checkout?.workTree,
    files: isUpToDate ? [] : changes.map(({ path }) => readablePath(path)),
  };
}
