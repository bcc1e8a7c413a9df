import { createRequire } from "node:module";
import { describe } from "vitest";
import holdfast from "../../../src/express-session.ts";
import type { SessionModule } from "./types.ts";

export const require = createRequire(import.meta.url);

// What is deprecated is not printed; who listens is told all the same.
process.env["NO_DEPRECATION"] = "express-session";

/** The package that is the measure: what it does is right, but for what `improvements.test.ts` lists. */
export const original = require("express-session") as SessionModule;

export const ours = holdfast as unknown as SessionModule;

/** Everything that each case is run against. */
export const SUBJECTS: Readonly<Record<string, SessionModule>> = {
  "express-session 1.19": original,
  "holdfast/express-session": ours,
};

/** Describes cases of a theme, each of which is run against every subject. */
export function cases(theme: string, define: (session: SessionModule, name: string) => void): void {
  describe.each(Object.entries(SUBJECTS))(`${theme}: %s`, { timeout: 10_000 }, (name, session) =>
    define(session, name),
  );
}
