export { createWorkspaces, type WorkspacesOptions } from "./create-workspaces.ts";
export { nodeFileSystem, type EntryKind, type PathBytes, type WorkspaceFileSystem } from "./workspace-file-system.ts";
