import type { CallOptions, DoctorCheck, DoctorReport } from "@clauderon/core/contract";

import type { SandboxRecord } from "./sandbox-records.ts";
import type { ZellijCommand } from "./zellij-command.ts";
import { excessSocketBytes, socketDirectory } from "./zellij-environment.ts";
import type { FoundZellij, ZellijProgram } from "./zellij-program.ts";
import { neededVersion } from "./zellij-version.ts";

const DEADLINE_MS = 8000;
const install = "brew install zellij, or: cargo install zellij";
/** A session's name has at least this many characters. */
const shortestName = `clauderon-${"x".repeat(12)}`;

export interface DoctorOptions extends CallOptions {
  readonly backendId: string;
  readonly program: ZellijProgram;
  readonly places: SandboxRecord["places"];
  readonly command: (path: string) => ZellijCommand;
}

/** Looks whether zellij can be used here and now. */
export async function examineZellij(options: DoctorOptions): Promise<DoctorReport> {
  const { backendId } = options;
  const limit = AbortSignal.timeout(DEADLINE_MS);
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  const checks: DoctorCheck[] = [];
  let version: string | undefined;
  try {
    const found = await options.program.find({ signal });
    ({ version } = found);
    checks.push(...programChecks(found), socketCheck(options.places));
    if (found.path !== undefined && found.verdict !== "too-old") {
      const sessions = await options.command(found.path).sessions({ signal });
      checks.push({ id: "sessions", status: "ok", message: `zellij answers and lists ${sessions.length} sessions` });
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    const why = limit.aborted ? "it did not answer in time" : error instanceof Error ? error.message : String(error);
    checks.push({
      id: "sessions",
      status: "failed",
      message: `zellij cannot be used: ${why}`,
      fix: "run it by hand: zellij list-sessions",
    });
  }
  return { backendId, isUsable: !checks.some(({ status }) => status === "failed"), version, checks };
}

function programChecks(found: FoundZellij): readonly DoctorCheck[] {
  if (found.path === undefined) {
    const message = `zellij is not installed (${neededVersion} or newer is needed)`;
    return [{ id: "program", status: "failed", message, fix: install }];
  }
  return [{ id: "program", status: "ok", message: `zellij is ${found.path}` }, versionCheck(found)];
}

function versionCheck({ version, verdict }: FoundZellij): DoctorCheck {
  const id = "version";
  switch (verdict) {
    case "usable":
      return { id, status: "ok", message: `version ${version ?? ""}` };
    case "too-old":
      return {
        id,
        status: "failed",
        message: `version ${version ?? ""} is too old: ${neededVersion} or newer is needed`,
        fix: install,
      };
    case "loses-tabs":
      return {
        id,
        status: "warning",
        message: `version ${version ?? ""} loses tabs that are added while nobody is attached; clauderon adds none`,
        fix: `upgrade when a newer version is there: ${install}`,
      };
    case "unreadable":
    default:
      return {
        id,
        status: "warning",
        message: "the version cannot be read; it is used as if it were new enough",
        fix: `install a release (${neededVersion} or newer): ${install}`,
      };
  }
}

function socketCheck(places: SandboxRecord["places"]): DoctorCheck {
  const directory = socketDirectory(places);
  const excess = excessSocketBytes(places, shortestName);
  if (excess <= 0) {
    return {
      id: "socket",
      status: "ok",
      message: `sockets are in ${directory}; names may have ${12 - excess} characters`,
    };
  }
  return {
    id: "socket",
    status: "failed",
    message: `the path of zellij's sockets is too long: ${directory}`,
    fix: "set ZELLIJ_SOCKET_DIR to a shorter directory, for you and for clauderon: export ZELLIJ_SOCKET_DIR=/tmp/z",
  };
}
