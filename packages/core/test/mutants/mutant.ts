import type { Backend, BackendContext, ExecOptions, ProcessHandle, Sandbox } from "../../src/contract/index.ts";

/** A backend broken on purpose, and the cases that must notice. */
export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  /** Cases that fail: these and no others. */
  readonly fails: readonly string[];
  /** Cases that may fail as well, as the timing falls. */
  readonly mayFail?: readonly string[] | undefined;
  /** Called once per run of the kit, so that what it remembers is shared by the Backend objects of that run. */
  readonly breaks: () => (good: Backend, context: BackendContext) => Backend;
}

/** The same object but for some members. */
export function overlay<Target extends object>(target: Target, changes: Partial<Target>): Target {
  return new Proxy(target, {
    get: (object, key) => {
      if (Object.hasOwn(changes, key)) return Reflect.get(changes, key) as unknown;
      const value = Reflect.get(object, key, object) as unknown;
      return typeof value === "function" ? (value.bind(object) as unknown) : value;
    },
  });
}

/** A change of every sandbox that the backend hands out. */
export type SandboxChange = (sandbox: Sandbox, context: BackendContext) => Partial<Sandbox>;

/** The backend with every sandbox changed. */
export function withSandboxes(change: SandboxChange): (good: Backend, context: BackendContext) => Backend {
  return (good, context) =>
    overlay(good, {
      create: async (spec, options) => {
        const sandbox = await good.create(spec, options);
        return overlay(sandbox, change(sandbox, context));
      },
      open: async (sandboxId, options) => {
        const sandbox = await good.open(sandboxId, options);
        return sandbox === undefined ? undefined : overlay(sandbox, change(sandbox, context));
      },
    });
}

/** A mutant whose sandboxes are broken. */
export function sandboxMutant(mutant: Omit<Mutant, "breaks"> & { readonly change: SandboxChange }): Mutant {
  const { change, ...rest } = mutant;
  return { ...rest, breaks: () => withSandboxes(change) };
}

/** A mutant whose process handles are broken. */
export function handleMutant(
  mutant: Omit<Mutant, "breaks"> & {
    readonly change: (handle: ProcessHandle, argv: readonly string[]) => Partial<ProcessHandle>;
    readonly isFor?: ((argv: readonly string[], options: ExecOptions) => boolean) | undefined;
  },
): Mutant {
  const { change, isFor = () => true, ...rest } = mutant;
  return sandboxMutant({
    ...rest,
    change: (sandbox) => ({
      exec: async (argv, options = {}) => {
        const handle = await sandbox.exec(argv, options);
        return isFor(argv, options) ? overlay(handle, change(handle, argv)) : handle;
      },
    }),
  });
}

/** A mutant whose exec is given something else than was asked. */
export function execMutant(
  mutant: Omit<Mutant, "breaks"> & {
    readonly change: (
      argv: Parameters<Sandbox["exec"]>[0],
      options: NonNullable<Parameters<Sandbox["exec"]>[1]>,
    ) => Parameters<Sandbox["exec"]>;
  },
): Mutant {
  const { change, ...rest } = mutant;
  return sandboxMutant({
    ...rest,
    change: (sandbox) => ({ exec: (argv, options = {}) => sandbox.exec(...change(argv, options)) }),
  });
}
