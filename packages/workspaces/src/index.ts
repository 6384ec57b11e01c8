export { createWorkspaces, type Workspaces, type WorkspacesOptions } from "./create-workspaces.ts";
export { nodeFileSystem, type EntryKind, type PathBytes, type WorkspaceFileSystem } from "./workspace-file-system.ts";
export type { BorrowedMirror, MirrorCallOptions, MirrorRequest, Mirrors } from "./mirrors.ts";
