import type { Backend } from "../contract/backend.ts";
import type { CallOptions } from "../contract/call-options.ts";
import type { BackendChoice, BackendInfo, BackendOverview } from "../contract/clauderon.ts";
import type { Clock } from "../contract/clock.ts";
import type { DoctorReport } from "../contract/doctor-report.ts";
import { BackendError } from "../contract/errors/backend-error.ts";
import { nearest } from "../support/nearest.ts";

/** Isolating backends, strongest first: the order of `--backend auto`. */
const isolatingOrder = ["firecracker", "apple", "docker", "podman"];

/** How long a doctor's answer decides the default without asking again. */
const reportLifetimeMs = 30_000;

export interface BackendDefaults {
  readonly backend: string | undefined;
  readonly origin: string | undefined;
}

/** Finds backends by name and decides which one a session gets. */
export class BackendRegistry {
  readonly #backends: ReadonlyMap<string, Backend>;
  readonly #defaults: BackendDefaults;
  readonly #clock: Clock;
  readonly #reports = new Map<string, { readonly report: DoctorReport; readonly atMs: number }>();

  constructor(backends: readonly Backend[], defaults: BackendDefaults, clock: Clock) {
    this.#backends = new Map(backends.map((backend) => [backend.backendId, backend]));
    this.#defaults = defaults;
    this.#clock = clock;
  }

  all(): readonly Backend[] {
    return [...this.#backends.values()];
  }

  /** Throws `backend.unknown` with the nearest name. */
  get(backendId: string): Backend {
    const backend = this.#backends.get(backendId);
    if (backend !== undefined) return backend;
    const known = [...this.#backends.keys()];
    const guess = nearest(backendId, known);
    throw new BackendError({
      code: "backend.unknown",
      message: `There is no backend called ${JSON.stringify(backendId)}`,
      why: `this installation has ${known.join(", ")}`,
      fix: [
        guess === undefined
          ? `choose one of them: --backend ${known[0] ?? "local"}`
          : `did you mean --backend ${guess}?`,
        'a backend of another package is named in config.toml: [backends.NAME] module = "…"',
        "config.toml is read when the daemon starts: clauderon daemon restart",
      ],
      context: { backend: backendId, known },
    });
  }

  /** The backend for a session: the one asked for, else the default; with the reason in one line. */
  async choose(
    asked: string | undefined,
    options: CallOptions = {},
  ): Promise<{ readonly backend: Backend; readonly reason: string }> {
    if (asked !== undefined && asked !== "auto") return { backend: this.get(asked), reason: "asked for" };
    const choice =
      asked === "auto" || this.#defaults.backend === "auto" ? await this.#auto(options) : await this.#default(options);
    if (choice.backendId === undefined) {
      throw new BackendError({
        code: "backend.unavailable",
        message: "No isolating backend can be used here",
        why: choice.reason,
        fix: [
          "mend one of them: clauderon doctor shows how",
          "or choose a backend without isolation: --backend zellij or --backend local",
        ],
      });
    }
    return { backend: this.get(choice.backendId), reason: choice.reason };
  }

  async overview(options: CallOptions = {}): Promise<BackendOverview> {
    this.#reports.clear();
    const backends = await Promise.all(
      this.all().map(async (backend): Promise<BackendInfo> => ({
        backendId: backend.backendId,
        capabilities: backend.capabilities,
        report: await this.#report(backend, options),
      })),
    );
    const auto = await this.#auto(options);
    return { backends, auto, default: this.#defaults.backend === "auto" ? auto : await this.#default(options) };
  }

  async #default(options: CallOptions): Promise<BackendChoice> {
    const { backend, origin } = this.#defaults;
    if (backend !== undefined)
      return { backendId: this.get(backend).backendId, reason: `set by ${origin ?? "the configuration"}` };
    const zellij = this.#backends.get("zellij");
    const report = zellij === undefined ? undefined : await this.#report(zellij, options);
    if (report?.isUsable === true)
      return {
        backendId: "zellij",
        reason: `the default; ${["zellij", report.version].filter((word) => word !== undefined).join(" ")} was found`,
      };
    const why = report === undefined ? "there is no zellij backend" : failureOf(report);
    return { backendId: "local", reason: `built in; zellij cannot be used: ${why}` };
  }

  async #auto(options: CallOptions): Promise<BackendChoice> {
    const others = this.all().filter(
      (backend) => backend.capabilities.isolation !== "none" && !isolatingOrder.includes(backend.backendId),
    );
    const reasons: string[] = [];
    for (const backendId of [...isolatingOrder, ...others.map((backend) => backend.backendId)]) {
      const backend = this.#backends.get(backendId);
      if (backend === undefined) {
        reasons.push(`${backendId}: not part of this version`);
        continue;
      }
      const report = await this.#report(backend, options);
      if (report.isUsable)
        return {
          backendId,
          reason: `the strongest isolation that can be used here (${backend.capabilities.isolation})`,
        };
      reasons.push(`${backendId}: ${failureOf(report)}`);
    }
    return { backendId: undefined, reason: reasons.join("; ") };
  }

  async #report(backend: Backend, options: CallOptions): Promise<DoctorReport> {
    const known = this.#reports.get(backend.backendId);
    if (known !== undefined && this.#clock.monotonicMs() - known.atMs < reportLifetimeMs) return known.report;
    const report = await backend.doctor(options);
    this.#reports.set(backend.backendId, { report, atMs: this.#clock.monotonicMs() });
    return report;
  }
}

function failureOf(report: DoctorReport): string {
  const failed = report.checks.find((check) => check.status === "failed");
  if (failed === undefined) return "it said no reason";
  return failed.fix === undefined ? failed.message : `${failed.message} (fix: ${failed.fix})`;
}
