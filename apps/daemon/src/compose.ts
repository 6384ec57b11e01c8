import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";

import { createEngine, type CrashPoints, type Engine } from "@clauderon/core";
import type { Settings } from "@clauderon/core";
import {
  SettingsError,
  type Backend,
  type BackendContext,
  type BackendModule,
  type Logger,
  type SessionStore,
} from "@clauderon/core/contract";
import { createHelpedRunner, createHostContext, withoutSessionMarks } from "@clauderon/core/host";
import { createSqliteStore } from "@clauderon/store";

import { ProxySupervisor } from "./proxy/proxy-supervisor.ts";
import { createSessionProxy } from "./proxy/session-proxy.ts";
import { storeModelEvents } from "./proxy/store-model-events.ts";

/** Everything behind the HTTP interface. */
export interface Composition extends AsyncDisposable {
  readonly engine: Engine;
  readonly store: SessionStore;
  readonly backends: readonly Backend[];
  /** Absent = there is no proxy. */
  readonly proxy?: ProxySupervisor | undefined;
}

export interface ComposeOptions {
  readonly settings: Settings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly crashPoints?: CrashPoints | undefined;
}

const HELPER_AFTER_MS = 1000;

/** Puts store, backends, agents, workspaces and engine together. Packages are loaded while the database opens. */
export async function compose(options: ComposeOptions): Promise<Composition> {
  const { settings, logger } = options;
  const { homeDirectory } = settings;
  await using stack = new AsyncDisposableStack();
  const [store, agents, guest, workspaces, local, zellij, docker] = await Promise.all([
    createSqliteStore({ path: join(homeDirectory, "db.sqlite"), logger: logger.child({ part: "store" }) }),
    import("@clauderon/agents"),
    import("@clauderon/guest"),
    import("@clauderon/workspaces"),
    import("@clauderon/backend-local"),
    import("@clauderon/backend-zellij"),
    import("@clauderon/backend-docker"),
  ]);
  stack.use(store);
  const ownEnvironment = withoutSessionMarks(options.environment);
  const proxyLogger = logger.child({ part: "proxy" });
  const supervisor = stack.use(
    new ProxySupervisor({
      homeDirectory,
      userHome: ownEnvironment["HOME"] ?? homedir(),
      environment: ownEnvironment,
      isEnabled: settings.proxy.isEnabled,
      logger: proxyLogger,
    }),
  );
  const runner = stack.use(createHelpedRunner());
  // Not while the first command waits for an answer.
  const helping = setTimeout(() => void runner.start(), HELPER_AFTER_MS).unref();
  stack.defer(() => clearTimeout(helping));
  const context = createHostContext({ homeDirectory, instanceId: await instanceIdOf(store), logger, runner });
  const guestProgram = guest.createGuestProgram({ directory: join(homeDirectory, "guest") });
  const backends: Backend[] = [
    local.createLocalBackend(backendContext(context, "local")),
    zellij.createZellijBackend(backendContext(context, "zellij"), { program: settings.zellij.program }),
    docker.createDockerBackend(backendContext(context, "docker"), {
      ...settings.docker,
      guest: guestProgram,
      machine: {
        platform: process.platform,
        userHome: ownEnvironment["HOME"] ?? homedir(),
        environment: ownEnvironment,
      },
    }),
    ...(await Promise.all(
      Object.entries(settings.backends).map(([name, backend]) => loadBackend(name, { context, settings, backend })),
    )),
  ];
  for (const backend of backends) stack.use(backend);
  const engine = stack.use(
    createEngine({
      homeDirectory,
      backends,
      agents: agents.createAgents({ runner: context.runner, settings: settings.agents }),
      workspaces: workspaces.createWorkspaces({
        homeDirectory,
        instanceId: context.instanceId,
        runner: context.runner,
        branchPrefix: settings.workspace.branchPrefix,
        refs: settings.workspace.refs,
        syncLimits: settings.workspace.sync,
      }),
      store,
      settings: {
        defaultBackend: settings.general.defaultBackend,
        defaultBackendOrigin: settings.values.find((value) => value.key === "general.default_backend")?.origin.place,
        defaultAgent: settings.general.defaultAgent,
        branchPrefix: settings.workspace.branchPrefix,
        access: settings.session,
        undoKeepMs: settings.undo.keepMs,
        undoIgnoredLimitBytes: settings.undo.ignoredLimitBytes,
        include: settings.workspace.include,
        setup: settings.workspace.setup,
        setupTimeoutMs: settings.workspace.setupTimeoutMs,
      },
      logger: logger.child({ part: "engine" }),
      environment: ownEnvironment,
      proxy: createSessionProxy({ homeDirectory, supervisor, logger: proxyLogger }),
      guest: guestProgram,
      crashPoints: options.crashPoints,
    }),
  );
  const storing = { engine, store, logger: proxyLogger };
  supervisor.attend(async (client, signal) => storeModelEvents(client, storing, signal));
  const owned = stack.move();
  return { engine, store, backends, proxy: supervisor, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The mark of all that this home creates: made once, kept in the store. */
async function instanceIdOf(store: SessionStore): Promise<string> {
  const known = await store.getFact("instanceId");
  if (known !== undefined) return known;
  const made = randomUUID();
  await store.setFact("instanceId", made);
  return made;
}

function backendContext(context: BackendContext, backendId: string): BackendContext {
  return { ...context, logger: context.logger.child({ backend: backendId }) };
}

interface BackendSource {
  readonly context: BackendContext;
  readonly settings: Settings;
  readonly backend: Settings["backends"][string];
}

/** A backend of `[backends.NAME] module = "…"`: a package, or a file by its absolute path or relative to the home. */
async function loadBackend(name: string, { context, settings, backend }: BackendSource): Promise<Backend> {
  const place = `[backends.${name}] in ${settings.path}`;
  if (backend.module === undefined) {
    throw new SettingsError({
      message: `${place} names no module`,
      fix: [`add module = "PACKAGE" to ${place}`, "or remove the table"],
    });
  }
  let loaded: Partial<BackendModule>;
  try {
    loaded = (await import(resolveModule(backend.module, settings.homeDirectory))) as Partial<BackendModule>;
  } catch (error) {
    throw new SettingsError({
      message: `The module ${backend.module} of ${place} cannot be loaded`,
      why: error instanceof Error ? error.message : String(error),
      fix: [
        `install it: npm install --prefix ${settings.homeDirectory} ${backend.module}`,
        "or give the absolute path of its file",
      ],
      cause: error,
    });
  }
  if (typeof loaded.createBackend !== "function") {
    throw new SettingsError({
      message: `The module ${backend.module} of ${place} is no backend`,
      why: "it exports no function createBackend",
      fix: ["name a module that exports createBackend(context, settings)"],
    });
  }
  const made = loaded.createBackend(backendContext(context, name), backend.settings);
  if (made.backendId === name) return made;
  throw new SettingsError({
    message: `${place} gives a backend called ${made.backendId}`,
    why: "sessions remember their backend by its own name",
    fix: [`rename the table to [backends.${made.backendId}]`],
  });
}

function resolveModule(module: string, homeDirectory: string): string {
  if (module.startsWith("file:")) return module;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (module.startsWith(".")) return pathToFileURL(join(homeDirectory, module)).href;
  return pathToFileURL(createRequire(join(homeDirectory, "package.json")).resolve(module)).href;
}
