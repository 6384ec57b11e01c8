import type { CallOptions } from "./call-options.ts";

export interface Checkpoint {
  readonly checkpointId: string;
  readonly note?: string | undefined;
  readonly createdAt: Date;
  readonly sizeBytes?: number | undefined;
}

/** States of a sandbox that can be gone back to. Needs the capability `checkpoint`; each method rejects with `CapabilityUnsupportedError` without it. */
export interface Checkpoints {
  create(options?: CallOptions & { readonly note?: string | undefined }): Promise<Checkpoint>;
  list(options?: CallOptions): Promise<readonly Checkpoint[]>;
  /** Ends the sandbox's processes. */
  restore(checkpointId: string, options?: CallOptions): Promise<void>;
  /** Idempotent. */
  delete(checkpointId: string, options?: CallOptions): Promise<void>;
}
