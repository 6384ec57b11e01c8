export {
  endMarkedProcesses,
  markedProcesses,
  type EndedProcesses,
  type EndMarkedOptions,
} from "./end-marked-processes.ts";
export { keeperVariable, markerVariable } from "./process-marks.ts";
export { processStartTime } from "./process-table.ts";
