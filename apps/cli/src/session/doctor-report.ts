import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import type { BackendInfo, BackendOverview, ClauderonError } from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import { agentRows } from "../commands/agent.ts";
import { toClauderonError } from "../output/problem.ts";

/** One thing that was looked at. */
export interface DoctorRow {
  readonly id: string;
  readonly status: "ok" | "warning" | "failed";
  /** A failed required row makes `doctor` exit with 1. */
  readonly isRequired: boolean;
  readonly message: string;
  readonly fix: string | null;
}

/** A backend with the reason why it is, or is not, what a session gets. */
export interface DoctorBackend {
  readonly backendId: string;
  readonly isUsable: boolean;
  readonly version: string | null;
  readonly isolation: string;
  /** Chosen without `--backend`, and why (not). */
  readonly default: { readonly isChosen: boolean; readonly reason: string };
  /** Chosen by `--backend auto`, and why (not). */
  readonly auto: { readonly isChosen: boolean; readonly reason: string };
}

export interface MachineReport {
  readonly schemaVersion: 1;
  readonly isOk: boolean;
  readonly rows: readonly DoctorRow[];
  readonly backends: readonly DoctorBackend[];
  readonly default: { readonly backendId: string | null; readonly reason: string };
  readonly auto: { readonly backendId: string | null; readonly reason: string };
}

const ok = (id: string, message: string, isRequired = true): DoctorRow => ({
  id,
  status: "ok",
  isRequired,
  message,
  fix: null,
});

/** Looks at everything a session needs; never throws for what it finds. */
export async function inspectMachine(context: CommandContext): Promise<MachineReport> {
  const [home, git, settings, overview] = await Promise.all([
    attempt("home", () => checkHome(context)),
    checkGit(context),
    attempt("settings", async () => ok("settings", (await context.access.settings()).path)),
    readOverview(context),
  ]);
  const proxy = await attempt("proxy", () => checkProxy(context));
  const agents = settings.status === "ok" ? await checkAgents(context) : [];
  const rows = [
    ok("node", process.versions.node),
    gitOfDaemon(overview.value) ?? git,
    home,
    settings,
    overview.daemon,
    { ...proxy, isRequired: false },
    ...(overview.value === undefined ? [] : backendRows(overview.value)),
    ...agents,
  ];
  const choice = (pick: "default" | "auto"): MachineReport["default"] => ({
    backendId: overview.value?.[pick].backendId ?? null,
    reason: overview.value?.[pick].reason ?? "the daemon could not be asked",
  });
  return {
    schemaVersion: 1,
    isOk: rows.every((row) => row.status !== "failed" || !row.isRequired),
    rows,
    backends: overview.value?.backends.map((info) => describeBackend(info, overview.value)) ?? [],
    default: choice("default"),
    auto: choice("auto"),
  };
}

async function attempt(id: string, look: () => Promise<DoctorRow>): Promise<DoctorRow> {
  try {
    return await look();
  } catch (error) {
    const problem: ClauderonError = toClauderonError(error);
    const message = problem.why === undefined ? problem.message : `${problem.message}: ${problem.why}`;
    return { id, status: "failed", isRequired: true, message, fix: problem.fix[0] };
  }
}

async function checkHome(context: CommandContext): Promise<DoctorRow> {
  const home = await context.access.homeDirectory();
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await access(home, constants.W_OK | constants.X_OK);
    return ok("home", home);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      id: "home",
      status: "failed",
      isRequired: true,
      message: `${home} cannot be written: ${why}`,
      fix: `make it writable (or ${dirname(home)}), or set CLAUDERON_HOME to another directory`,
    };
  }
}

/** Its settings as they are on the disk; a process that runs may still hold those before. */
async function checkProxy(context: CommandContext): Promise<DoctorRow> {
  await context.access.proxyHome();
  await using client = await context.access.runningProxy();
  if (client === undefined) {
    const failure = await context.access.failedProxy();
    if (failure === undefined) return ok("proxy", "does not run: nothing asks for it");
    const message = `did not start: ${failure.why}`;
    return { id: "proxy", status: "failed", isRequired: true, message, fix: failure.fix[0] ?? null };
  }
  const { processId, port } = await client.call("status", {});
  return ok("proxy", `127.0.0.1:${port} (pid ${processId})`);
}

function checkGit(context: CommandContext): Promise<DoctorRow> {
  return attempt("git", async () => {
    const { createCommandRunner, refuseOldGit } = await import("./command-runner.ts");
    const { stdout } = await createCommandRunner().run("git", ["--version"], { signal: context.signal });
    refuseOldGit(stdout);
    return ok("git", stdout.trim().replace(/^git version /, ""));
  }).then((row) => (row.status === "failed" ? { ...row, fix: "install git, for example: sudo apt install git" } : row));
}

/** The daemon works with the repositories: what it finds on its own PATH counts. */
function gitOfDaemon(overview: BackendOverview | undefined): DoctorRow | undefined {
  const check = overview?.workspaces?.find(({ id }) => id === "git");
  if (check === undefined) return undefined;
  const { status, message, fix } = check;
  return { id: "git", status, isRequired: true, message, fix: fix ?? null };
}

async function readOverview(
  context: CommandContext,
): Promise<{ readonly daemon: DoctorRow; readonly value: BackendOverview | undefined }> {
  let value: BackendOverview | undefined;
  const daemon = await attempt("daemon", async () => {
    const client = await context.client();
    value = await client.backends({ signal: context.signal });
    const record = await context.access.daemonRecord(context.signal);
    return ok("daemon", record === undefined ? "answers" : `${record.url} (pid ${record.pid}, ${record.version})`);
  });
  return { daemon, value };
}

function backendRows(overview: BackendOverview): readonly DoctorRow[] {
  const { default: chosen, backends } = overview;
  const summary: DoctorRow =
    chosen.backendId === undefined
      ? {
          id: "backend",
          status: "failed",
          isRequired: true,
          message: chosen.reason,
          fix: "choose one that can be used: clauderon config set general.default_backend local",
        }
      : ok("backend", `${chosen.backendId}: ${chosen.reason}`);
  const checks = backends.flatMap((info) =>
    info.report.checks.map((check): DoctorRow => ({
      id: `backend.${info.backendId}.${check.id}`,
      status: check.status,
      isRequired: false,
      message: check.message,
      fix: check.status === "ok" ? null : (check.fix ?? `see: clauderon backend list`),
    })),
  );
  return [summary, ...checks];
}

async function checkAgents(context: CommandContext): Promise<readonly DoctorRow[]> {
  const rows = await agentRows(context);
  return rows.map((row) => {
    const id = `agent.${row.agentId}`;
    if (row.isInstalled) return ok(id, [row.version, row.program].filter((part) => part !== null).join(" "), false);
    return {
      id,
      status: "warning",
      isRequired: false,
      message: row.isDefault ? "not found on your PATH; it is the default agent" : "not found on your PATH",
      fix: row.installHint,
    };
  });
}

function describeBackend(info: BackendInfo, overview: BackendOverview | undefined): DoctorBackend {
  const { backendId, report, capabilities } = info;
  const failed = report.checks.find((check) => check.status === "failed");
  const unusable = failed === undefined ? "it cannot be used here" : failed.message;
  const reasonOf = (choice: BackendOverview["default"] | undefined, otherwise: string): DoctorBackend["default"] => {
    if (choice?.backendId === backendId) return { isChosen: true, reason: choice.reason };
    return { isChosen: false, reason: report.isUsable ? otherwise : unusable };
  };
  const { default: standard, auto } = overview ?? {};
  return {
    backendId,
    isUsable: report.isUsable,
    version: report.version ?? null,
    isolation: capabilities.isolation,
    default: reasonOf(standard, `${standard?.backendId ?? "another one"} comes first`),
    auto:
      capabilities.isolation === "none"
        ? { isChosen: false, reason: "it does not isolate: auto never takes it" }
        : reasonOf(auto, `${auto?.backendId ?? "another one"} isolates more strongly`),
  };
}
