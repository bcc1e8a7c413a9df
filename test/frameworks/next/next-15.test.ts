import { suites } from "./next-suites.ts";

// In a file, and so a process, of its own: Next changes the globals of the process that it is loaded into.
suites("15.5.0");
