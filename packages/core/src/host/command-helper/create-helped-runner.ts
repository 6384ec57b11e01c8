import type { CommandOptions, CommandRunner } from "../../contract/command-runner.ts";
import { createCommandRunner } from "../create-command-runner.ts";
import { CommandHelper } from "./command-helper.ts";

/** Input longer than this is not copied through the helper. */
const INPUT_BYTES = 256 * 1024;
const RESTART_MS = 1000;

/** A runner whose programs are started by a small process. Disposing it ends that process; programs that run go on. */
export interface HelpedRunner extends CommandRunner, AsyncDisposable {
  /** Resolves when the helper is ready, or cannot be had; until then programs are started by this process itself. */
  start(): Promise<void>;
}

/**
 * Starting a program copies the page tables of the process that does it: 1 ms in one of 50 MB, 5 ms at 115 MB, 10 ms at 180 MB (measured, Linux 6,
 * Node 24), and all else stands still meanwhile. A process that holds much and starts many has them started by a helper of 45 MB.
 */
export function createHelpedRunner(): HelpedRunner {
  const direct = createCommandRunner();
  let helper: CommandHelper | undefined;
  let starting: Promise<void> | undefined;
  let latest: CommandHelper | undefined;
  let isDisposed = false;
  let timer: NodeJS.Timeout | undefined;
  const launch = async (): Promise<void> => {
    const started = new CommandHelper();
    latest = started;
    // One that never gets ready is not tried again.
    if (!(await started.ready) || isDisposed) return;
    helper = started;
    void started.ended.then(() => {
      helper = undefined;
      starting = undefined;
      if (!isDisposed) timer = setTimeout(() => void start(), RESTART_MS).unref();
    });
  };
  const start = (): Promise<void> => (starting ??= isDisposed ? Promise.resolve() : launch());
  const helperFor = ({ input }: CommandOptions): CommandHelper | undefined =>
    input === undefined || input.length < INPUT_BYTES ? helper : undefined;
  return {
    start,
    run: (program, args, options = {}) => {
      const chosen = helperFor(options);
      return chosen === undefined ? direct.run(program, args, options) : chosen.run(program, args, options);
    },
    stream: (program, args, options = {}) => (helperFor(options) ?? direct).stream(program, args, options),
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      clearTimeout(timer);
      await latest?.end();
    },
  };
}
