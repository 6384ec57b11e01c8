import { execMutant, handleMutant, sandboxMutant, withSandboxes, overlay, type Mutant } from "./mutant.ts";

const LOST_BYTES = 4096;

/** Everything but the last 4 KiB of streams of at least 64 KiB. */
function withoutTail(): TransformStream<Uint8Array, Uint8Array> {
  let held = Buffer.alloc(0);
  let total = 0;
  return new TransformStream({
    transform: (chunk, controller) => {
      total += chunk.length;
      if (total < 65_536 && held.length === 0) {
        held = Buffer.alloc(0);
      }
      const all = Buffer.concat([held, chunk]);
      const keep = Math.min(LOST_BYTES, all.length);
      if (all.length > keep) controller.enqueue(all.subarray(0, all.length - keep));
      held = all.subarray(all.length - keep);
    },
    flush: (controller) => {
      if (total < 65_536) controller.enqueue(held);
    },
  });
}

const isText = (argv: readonly string[], text: string): boolean => argv.some((argument) => argument.includes(text));

export const execMutants: readonly Mutant[] = [
  handleMutant({
    name: "swaps stdout and stderr of commands that write to both",
    fails: ["exec:streams:apart", "exec:parallel:20"],
    isFor: (argv, { terminal }) => terminal === undefined && isText(argv, ">&2") && !isText(argv, "head -c"),
    change: (handle) => ({ stdout: handle.stderr, stderr: handle.stdout }),
  }),
  handleMutant({
    name: "loses the last 4 KiB of long output",
    fails: ["exec:output:complete", "exec:output:10-mebibytes"],
    isFor: ([program]) => program === "head" || program === "cat",
    change: (handle, [program]) =>
      program === "head" || program === "cat" ? { stdout: handle.stdout.pipeThrough(withoutTail()) } : {},
  }),
  handleMutant({
    name: "reads output as text",
    fails: ["exec:streams:binary", "exec:output:10-mebibytes"],
    isFor: ([program]) => program === "cat",
    change: (handle) => ({
      stdout: handle.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()),
    }),
  }),
  execMutant({
    name: "ignores cwd",
    fails: ["exec:cwd:relative", "exec:cwd:absolute", "exec:cwd:missing"],
    change: (argv, { cwd: _ignored, ...options }) => [argv, options],
  }),
  sandboxMutant({
    name: "kills the process on abort",
    fails: ["abort:exec:lives"],
    change: (sandbox) => ({
      exec: async (argv, options) => {
        const handle = await sandbox.exec(argv, options);
        options?.signal?.addEventListener("abort", () => void handle.kill("SIGKILL"));
        return handle;
      },
    }),
  }),
  handleMutant({
    name: "tells exit code 0 always",
    fails: [
      "exec:exit:1",
      "exec:exit:255",
      "exec:exit:126",
      "exec:exit:127",
      "exec:exit:127:path",
      "exec:exit:137",
      "exec:exit:143",
      "exec:cwd:missing",
      "exec:terminal:keyboard",
      "exec:terminal:interrupt",
      "exec:timeout:told",
      "exec:timeout:not-reached",
      "exec:parallel:20",
      "exec:kill:default",
      "exec:kill:signal",
      "exec:kill:group",
    ],
    change: (handle) => ({ exit: handle.exit.then((exit) => ({ ...exit, exitCode: 0 })) }),
  }),
  handleMutant({
    name: "does not tell that a timeout was reached",
    fails: ["exec:timeout:told", "exec:timeout:ends-group"],
    change: (handle) => ({ exit: handle.exit.then((exit) => ({ ...exit, isTimedOut: false })) }),
  }),
  execMutant({
    name: "ignores the timeout",
    fails: ["exec:timeout:told", "exec:timeout:ends-group"],
    change: (argv, { timeoutMs, ...options }) =>
      argv[0] === "cat" && timeoutMs !== undefined ? [argv, { ...options, timeoutMs }] : [argv, options],
  }),
  execMutant({
    name: "drops empty arguments",
    fails: ["exec:argv:empty"],
    change: ([program, ...rest], options) => [[program, ...rest.filter((argument) => argument !== "")], options],
  }),
  execMutant({
    name: "takes -- for its own",
    fails: ["exec:argv:double-dash"],
    change: ([program, ...rest], options) => {
      const index = rest.indexOf("--");
      return [[program, ...rest.filter((_, position) => position !== index)], options];
    },
  }),
  execMutant({
    name: "joins arguments with blanks for a shell",
    fails: [
      "exec:argv:spaces",
      "exec:argv:quotes",
      "exec:argv:newlines",
      "exec:argv:empty",
      "exec:argv:substitution",
      "exec:argv:backticks",
      "exec:argv:operators",
    ],
    change: (argv, options) => {
      const [program, format, ...values] = argv;
      if (program !== "printf" || values.length === 0) return [argv, options];
      return [["sh", "-c", ['exec printf "$0"', ...values].join(" "), format ?? ""], options];
    },
  }),
  {
    name: "lets the spec's environment win over the call's",
    fails: ["exec:environment:override"],
    breaks: () => {
      const names = new Map<string, readonly string[]>();
      return (good, context) => {
        const changed = withSandboxes((sandbox) => ({
          exec: (argv, options = {}) => {
            const taken = names.get(sandbox.sandboxId) ?? [];
            const environment = Object.fromEntries(
              Object.entries(options.environment ?? {}).filter(([name]) => !taken.includes(name)),
            );
            return sandbox.exec(argv, { ...options, environment });
          },
        }))(good, context);
        return overlay(changed, {
          create: (spec, options) => {
            names.set(spec.sandboxId, Object.keys(spec.environment));
            return changed.create(spec, options);
          },
        });
      };
    },
  },
  execMutant({
    name: "drops the call's environment",
    fails: ["exec:environment:call", "exec:environment:override", "exec:environment:values"],
    change: (argv, { environment: _ignored, ...options }) => [argv, options],
  }),
  {
    name: "keeps a call's environment for later calls",
    fails: ["exec:environment:once"],
    breaks: () => {
      const kept: Record<string, string> = {};
      return withSandboxes((sandbox) => ({
        exec: (argv, options = {}) => {
          const { CONTRACT_SPEC: _apart, ...added } = options.environment ?? {};
          Object.assign(kept, added);
          return sandbox.exec(argv, { ...options, environment: { ...kept, ...options.environment } });
        },
      }));
    },
  },
  execMutant({
    name: "gives commands the caller's environment",
    fails: ["exec:environment:nothing-of-the-caller"],
    change: (argv, options) => {
      const { PATH: _path, HOME: _home, ...rest } = process.env;
      const inherited = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, value ?? ""]));
      return [argv, { ...options, environment: { ...inherited, ...options.environment } }];
    },
  }),
  execMutant({
    name: "leaves standard input open",
    fails: ["exec:input:closed-by-default"],
    change: (argv, options) =>
      argv[0] === "cat" && options.timeoutMs !== undefined ? [argv, { ...options, stdin: "pipe" }] : [argv, options],
  }),
  handleMutant({
    name: "ignores a command's resize",
    fails: ["exec:terminal:resize"],
    change: () => ({ resize: async () => undefined }),
  }),
  execMutant({
    name: "gives every command's terminal 80 × 24",
    fails: ["exec:terminal:size"],
    change: (argv, options) =>
      options.terminal === undefined ? [argv, options] : [argv, { ...options, terminal: { columns: 80, rows: 24 } }],
  }),
  execMutant({
    name: "gives no command a terminal",
    fails: [
      "exec:terminal:is-one",
      "exec:terminal:size",
      "exec:terminal:resize",
      "exec:terminal:interrupt",
      "exec:terminal:one-stream",
    ],
    change: (argv, { terminal, ...options }) => [
      argv,
      terminal === undefined ? options : { ...options, stdin: "pipe", timeoutMs: 8000 },
    ],
  }),
  handleMutant({
    name: "kills with SIGKILL whatever was asked",
    fails: ["exec:kill:default", "exec:kill:signal"],
    change: (handle) => ({ kill: () => handle.kill("SIGKILL") }),
  }),
  handleMutant({
    name: "throws when what has ended is killed",
    fails: ["exec:kill:after-end"],
    isFor: ([program]) => program === "true",
    change: () => ({ kill: () => Promise.reject(new Error("no such process")) }),
  }),
];
