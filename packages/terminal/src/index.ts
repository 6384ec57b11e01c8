export {
  createTerminalHub,
  type OpenedTerminal,
  type TerminalHub,
  type TerminalHubOptions,
  type Viewer,
  type ViewerCloseReason,
  type ViewerNotice,
  type ViewerRequest,
  type ViewerSink,
} from "./hub/terminal-hub.ts";
export { createTerminalMirror, type TerminalMirror, type TerminalSnapshot } from "./hub/terminal-mirror.ts";
