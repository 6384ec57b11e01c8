export { collectBytes } from "./collect-bytes.ts";
export { createCommandRunner } from "./create-command-runner.ts";
export { createDirectoryFiles, type DirectoryFilesOptions } from "./create-directory-files.ts";
export { createHostContext } from "./create-host-context.ts";
export { endGroup, signalGroup } from "./process-group.ts";
export { systemClock } from "./system-clock.ts";
export { withoutSessionMarks } from "./without-session-marks.ts";
