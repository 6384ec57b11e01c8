import { z } from "zod";

import { exactly } from "./exactly.ts";

/** `<home>/daemon.json`: where the daemon of a home answers. */
export interface DaemonFile {
  readonly pid: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly version: string;
  /** Absolute path. */
  readonly home: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

export const daemonFileSchema: z.ZodType<DaemonFile> = exactly<DaemonFile>()(
  z.object({
    pid: z.int().positive(),
    url: z.string(),
    version: z.string(),
    home: z.string(),
    startedAt: z.string(),
  }),
);

/** Body of `/healthz`: enough to tell daemons apart, nothing that needs a token. */
export interface Health {
  readonly status: "ok";
  readonly product: "clauderon";
  readonly version: string;
  readonly pid: number;
}

export const healthSchema: z.ZodType<Health> = exactly<Health>()(
  z
    .object({ status: z.literal("ok"), product: z.literal("clauderon"), version: z.string(), pid: z.int() })
    .meta({ id: "Health" }),
);

/** Body of `/api/daemon`. */
export interface DaemonStatus extends DaemonFile {
  /** How many are stored. */
  readonly sessions: number;
}

export const daemonStatusSchema: z.ZodType<DaemonStatus> = exactly<DaemonStatus>()(
  z
    .object({
      pid: z.int().positive(),
      url: z.string(),
      version: z.string(),
      home: z.string(),
      startedAt: z.string(),
      sessions: z.int(),
    })
    .meta({ id: "DaemonStatus" }),
);
