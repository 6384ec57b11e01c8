export {
  endMarkedProcesses,
  markedProcesses,
  type EndedProcesses,
  type EndMarkedOptions,
} from "./end-marked-processes.ts";
export { keeperVariable, markerVariable } from "./process-marks.ts";
export { isProcessRunning, processStartTime } from "./process-table.ts";
