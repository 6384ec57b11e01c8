export { abortable } from "../support/abortable.ts";
export { collectBytes } from "./collect-bytes.ts";
export { createHelpedRunner, type HelpedRunner } from "./command-helper/create-helped-runner.ts";
export { createCommandRunner } from "./create-command-runner.ts";
export { createDirectoryFiles, type DirectoryFilesOptions } from "./create-directory-files.ts";
export { findSetupScript, type SetupScript } from "./find-setup-script.ts";
export {
  describePortHolder,
  findPortHolder,
  portHolderHint,
  type FindPortHolderOptions,
  type PortHolder,
} from "./find-port-holder.ts";
export { findProgram, type FindProgramOptions } from "./find-program.ts";
export { createKeeperClient, KeeperGoneError, type KeeperClient } from "./keeper/keeper-client.ts";
export type { KeeperAddress } from "./keeper/keeper-protocol.ts";
export { startKeeper, type StartedKeeper, type StartKeeperOptions } from "./keeper/start-keeper.ts";
export { startKeeperHere } from "./keeper/start-keeper-here.ts";
export { makePrivateDirectory } from "./make-private-directory.ts";
export {
  endMarkedProcesses,
  isProcessRunning,
  markedProcesses,
  markerVariable,
  type EndedProcesses,
  type EndMarkedOptions,
} from "./processes/index.ts";
export { endGroup, isGroupAlive, signalGroup } from "./process-group.ts";
export { spawnProcess, type SpawnedProcess, type SpawnOptions } from "./spawn-process.ts";
export {
  createSetupTrust,
  maxSetupScriptBytes,
  setupHash,
  setupScriptPath,
  type SetupTrust,
  type TrustedSetup,
} from "./setup-trust.ts";
export { systemClock } from "./system-clock.ts";
export { createHostContext } from "./create-host-context.ts";
export { keeperEnvironment, proxyMark, withoutSessionMarks } from "./without-session-marks.ts";
export { refuseOldGit } from "./refuse-old-git.ts";
export { parseJson } from "../support/parse-json.ts";
export { limitForms, readCpuLimit, readMemoryLimit, readProcessLimit } from "../support/resource-limits.ts";
export { replaceFile } from "./replace-file.ts";
