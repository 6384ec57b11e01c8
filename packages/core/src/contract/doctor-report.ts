export interface DoctorCheck {
  /** Stable word, `noun` or `noun.noun`: `program`, `version`, `permission`. */
  readonly id: string;
  readonly status: "ok" | "warning" | "failed";
  /** What was found, in plain words. */
  readonly message: string;
  /** Present unless `ok`: one command or sentence that mends it. */
  readonly fix?: string | undefined;
}

/** Whether a backend can be used here and now. */
export interface DoctorReport {
  readonly backendId: string;
  /** True when no check failed. */
  readonly isUsable: boolean;
  /** Of the program or engine behind the backend. */
  readonly version?: string | undefined;
  readonly checks: readonly DoctorCheck[];
}
