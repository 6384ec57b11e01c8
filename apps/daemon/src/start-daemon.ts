import type { Settings } from "@clauderon/core";
import type { Logger } from "@clauderon/core/contract";
import type { DaemonFile } from "@clauderon/core/wire";
import { createTerminalHub, type TerminalHub } from "@clauderon/terminal";

import { choosePort, rememberPort } from "./choose-port.ts";
import type { Composition } from "./compose.ts";
import { createCreations } from "./creations.ts";
import type { HttpContext } from "./http-context.ts";
import { removeDaemonFile, writeDaemonFile } from "./instance/daemon-file.ts";
import { PortTaken, withOwner } from "./instance/port-taken.ts";
import { createHandOver } from "./proxy/hand-over.ts";
import { serve, type Serving } from "./serve.ts";
import { version as daemonVersion } from "./version.ts";

export interface StartOptions {
  readonly settings: Settings;
  readonly composition: Composition;
  readonly token: string;
  readonly logger: Logger;
  /** Between two reconciliations; default: a minute. */
  readonly reconcileMs?: number | undefined;
}

/** A daemon that answers. */
export interface RunningDaemon {
  readonly file: DaemonFile;
  /** Resolves when what a crash interrupted has been dealt with; never rejects. */
  readonly recovered: Promise<void>;
  /** Stops accepting, ends connections and watching. Agents go on. Idempotent. */
  close(): Promise<void>;
}

const RECONCILE_MS = 60_000;

/** Listens, says where, and then looks after what a crash may have left: sessions can be listed before that has ended. */
export async function startDaemon(options: StartOptions): Promise<RunningDaemon> {
  const { settings, logger, composition } = options;
  const { engine, store } = composition;
  const ending = new AbortController();
  const hub = createHub(options);
  let file: DaemonFile | undefined;
  const context: HttpContext = {
    engine,
    store,
    hub,
    creations: createCreations(async (session) => {
      await session.delete({ discard: true, ignored: "drop" });
    }),
    logger: logger.child({ part: "http" }),
    ending: ending.signal,
    daemonFile() {
      if (file === undefined) throw new TypeError("a request came in before the daemon listened");
      return file;
    },
  };
  const { ports } = await choosePort(settings, store);
  const { proxy } = composition;
  const open = proxy?.mayStart === true ? () => proxy.open() : undefined;
  const handOver = open === undefined ? undefined : createHandOver({ open, logger: context.logger });
  const serving = await serveOnFirst(ports, (port) => serve({ context, token: options.token, port, handOver }));
  file = {
    pid: process.pid,
    url: `http://127.0.0.1:${serving.port}`,
    version: daemonVersion,
    home: settings.homeDirectory,
    startedAt: new Date().toISOString(),
  };
  await rememberPort(serving.port, store);
  await writeDaemonFile(file);
  logger.info({ url: file.url, version: file.version }, "the daemon answers");
  const recovered = Promise.all([proxy?.begin([serving.port]), recover(options, ending.signal)]).then(() => undefined);

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    ending.abort();
    await removeDaemonFile(settings.homeDirectory);
    await hub.close();
    await serving.close();
    await recovered;
  };
  return {
    file,
    recovered,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function createHub({ composition, logger }: StartOptions): TerminalHub {
  return createTerminalHub({
    logger: logger.child({ part: "terminal" }),
    async open(sessionId, { size }) {
      const session = await composition.engine.sessions.get(sessionId);
      const sandbox = await composition.engine.openSandbox(sessionId);
      const { backend } = await session.detail();
      const kind =
        composition.backends.find(({ backendId }) => backendId === backend)?.capabilities.terminal ?? "screen";
      const { agent } = await sandbox.inspect();
      const stream = await sandbox.agentTerminal({ size });
      const epoch = kind === "bytes" && agent.launchId !== undefined ? agent.launchId : crypto.randomUUID();
      return { stream, kind, epoch };
    },
  });
}

async function serveOnFirst(ports: readonly number[], open: (port: number) => Promise<Serving>): Promise<Serving> {
  const [port = 0, ...others] = ports;
  try {
    return await open(port);
  } catch (error) {
    if (!(error instanceof PortTaken)) throw error;
    // Who has it is looked for once, and only where no other port will do.
    if (others.length === 0) throw await withOwner(error);
    return serveOnFirst(others, open);
  }
}

/** Once now, then again and again. */
async function recover(
  { composition, logger, reconcileMs = RECONCILE_MS }: StartOptions,
  ending: AbortSignal,
): Promise<void> {
  const { engine } = composition;
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!ending.aborted) logger.error({ error }, "sessions could not be reconciled with the world");
    }
  };
  await attempt(() => engine.recover({ signal: ending }));
  let isRunning = false;
  const timer = setInterval(() => {
    if (isRunning) return;
    isRunning = true;
    attempt(() => engine.reconcile({ signal: ending }))
      .finally(() => {
        isRunning = false;
      })
      .catch(() => undefined);
  }, reconcileMs);
  timer.unref();
  ending.addEventListener("abort", () => clearInterval(timer));
  if (ending.aborted) clearInterval(timer);
}
