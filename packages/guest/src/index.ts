export { createGuestProgram, type GuestProgramOptions } from "./create-guest-program.ts";
