/** How far the creation of a session is, while something of it takes long. */
export interface CreationProgress {
  /** `clone`: the repository is fetched from its address. `history`: what an isolated session may see of it is copied, once for all sessions that see the same. */
  readonly task: "clone" | "history";
  /** `counting`: which objects are needed. `writing`: they are being copied. */
  readonly phase: "counting" | "writing";
  /** Written so far. */
  readonly bytes: number;
  /** About how many there will be in the end; absent when nobody knows. With `bytes` equal to it, all is written. */
  readonly totalBytes?: number | undefined;
}

/** Called a few times a second while it takes. */
export type OnCreationProgress = (progress: CreationProgress) => void;
