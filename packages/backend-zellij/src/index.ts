export { createBackend, createZellijBackend } from "./create-zellij-backend.ts";
export type { ZellijSettings } from "./zellij-settings.ts";
